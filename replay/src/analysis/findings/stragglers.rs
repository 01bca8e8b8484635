//! **Stragglers**: at the end, a few tasks much longer than others of their kind keep everyone
//! waiting.

use taskreel_model::Nanos;

use super::{Finding, Run, listed, quoted, short};
use crate::analysis::Attempt;

/// A straggler takes at least so many times the median of its prefix.
const TIMES_MEDIAN: u64 = 2;

/// How many tasks of its prefix there must be to know what is usual.
const USUAL_OF: usize = 5;

/// The straggling executions of the run's tail, the last to end first; empty: none.
pub(super) fn of<'a>(run: &Run<'a>) -> Vec<&'a Attempt> {
    let tail = run.usage.tail();
    let mut found: Vec<&Attempt> = run
        .executions()
        .filter(|attempt| {
            let to = attempt.executed(run.now()).map_or(Nanos::ZERO, |window| window.to);
            let median = run.medians[attempt.prefix as usize];
            to > tail.from
                && n_finished(run, attempt.prefix) >= USUAL_OF
                && attempt.duration(run.now()).0 >= median.0.saturating_mul(TIMES_MEDIAN)
        })
        .collect();
    found.sort_by_key(|attempt| std::cmp::Reverse(attempt.ended_at.unwrap_or_else(|| run.now())));
    // They must be what the end waited for.
    let end = found.first().map(|attempt| attempt.ended_at.unwrap_or_else(|| run.now()));
    let waited_for = end.is_some_and(|end| end.since(tail.from).0 * 2 > tail.length().0);
    if waited_for { found } else { Vec::new() }
}

fn n_finished(run: &Run<'_>, prefix: u32) -> usize {
    run.facts.attempts.iter().filter(|a| a.prefix == prefix && a.finished()).take(USUAL_OF).count()
}

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let idle = run.usage.tail_idle();
    let mut finding = run.finding("stragglers", run.usage.cost(idle), run.usage.tail())?;
    let late = of(run);
    let last = late.first()?;
    finding.title = format!(
        "{} kept everyone waiting at the end: slots idled {} in all",
        if late.len() == 1 { "One task".to_owned() } else { format!("{} tasks", late.len()) },
        short(idle),
    );
    for attempt in late.iter().take(3) {
        let median = run.medians[attempt.prefix as usize];
        let took = attempt.duration(run.now());
        finding.evidence.push(format!(
            "{} of {} ran {} on {}: {:.1} times the median of its prefix, {}.",
            attempt.task,
            quoted(run.facts.prefix(attempt.prefix)),
            short(took),
            quoted(run.facts.worker(attempt.worker)),
            took.0 as f64 / median.0.max(1) as f64,
            short(median),
        ));
    }
    finding.prefixes = distinct(late.iter().map(|a| run.facts.prefix(a.prefix)));
    finding.workers = distinct(late.iter().map(|a| run.facts.worker(a.worker)));
    finding.window.from = last.started_at.unwrap_or(finding.window.from).min(finding.window.from);
    finding.advice = format!(
        "Split the largest inputs of {}, or submit the longest tasks first (a higher priority), so \
         that short ones fill the end.",
        listed(&finding.prefixes)
    );
    Some(finding)
}

fn distinct<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    for name in names {
        if !out.iter().any(|known| known == name) && out.len() < super::LISTED {
            out.push(name.to_owned());
        }
    }
    out
}
