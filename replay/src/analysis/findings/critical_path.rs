//! **Critical path**: a chain of tasks that wait for each other takes most of the run, whatever
//! the number of workers.

use taskreel_model::Nanos;

use super::{Finding, Run, listed, percent, quoted, short};
use crate::figure::count_text;

/// The chain takes at least this share of the makespan.
const SHARE: f64 = 0.6;

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let chain = run.path.executed();
    if run.share(chain) < SHARE || run.path.n_tasks < 2 {
        return None;
    }
    // With all work spread evenly over the slots the run would take this long; only what the chain
    // takes beyond that is the chain's fault.
    let work: u64 = run.executions().map(|attempt| attempt.duration(run.now()).0).sum();
    let n_slots = run.usage.capacity().0 as f64 / run.facts.makespan().0.max(1) as f64;
    let spread = Nanos((work as f64 / n_slots.max(1.0)) as u64);
    let mut finding = run.finding("critical-path", chain.since(spread), run.path.window())?;
    let by_prefix = run.path.by_prefix();
    finding.title = format!(
        "A chain of {} tasks took {} of the makespan: {}",
        count_text(run.path.n_tasks as u64),
        percent(run.share(chain)),
        short(chain),
    );
    for (prefix, sum) in by_prefix.iter().take(3) {
        finding.evidence.push(format!(
            "{} makes up {} of it, {}.",
            quoted(run.facts.prefix(*prefix)),
            percent(sum.0 as f64 / chain.0.max(1) as f64),
            short(*sum),
        ));
    }
    finding.evidence.push(format!(
        "Spread evenly over the slots, all work of the run would take {}.",
        short(spread)
    ));
    finding.prefixes = by_prefix
        .iter()
        .take(super::LISTED)
        .map(|(prefix, _)| run.facts.prefix(*prefix).to_owned())
        .collect();
    finding.advice = format!(
        "Shorten the chain: make {} faster or cut it into parts that do not wait for each other. \
         More workers will not help.",
        listed(&finding.prefixes[..finding.prefixes.len().min(2)])
    );
    Some(finding)
}
