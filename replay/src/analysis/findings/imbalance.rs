//! **Imbalance**: some workers have tasks waiting for a slot while others have nothing to do.

use taskreel_model::{Nanos, WorkerId};

use super::{Finding, Run, percent, quoted, short};
use crate::analysis::Use;

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let idle = run.usage.total(Use::Imbalance);
    let window = run.usage.worst(&[Use::Imbalance]);
    let mut finding = run.finding("imbalance", run.usage.cost(idle), window)?;
    let shares = busy_shares(run);
    let (least, most) = (shares.first()?, shares.last()?);
    finding.title = format!(
        "Work was spread unevenly: slots idled {} in all while tasks waited for other workers",
        short(idle),
    );
    finding.evidence.push(format!(
        "{} executed {} of its time, {} only {}.",
        quoted(&most.1),
        percent(most.0),
        quoted(&least.1),
        percent(least.0),
    ));
    let pinned = run.facts.tasks.iter().filter(|task| task.restricted).count();
    if pinned > 0 {
        finding.evidence.push(format!("{pinned} tasks may run on some workers only."));
    }
    finding.workers =
        shares.iter().rev().take(super::LISTED).map(|(_, name)| name.clone()).collect();
    let in_window = run.executions().filter(|attempt| {
        let executed = attempt.executed(run.now()).unwrap_or_default();
        executed.from < window.to && executed.to > window.from
    });
    let rows = in_window.map(|attempt| (attempt.prefix, attempt.duration(run.now()).0));
    finding.prefixes = super::names(&run.by_prefix(rows));
    finding.advice = if pinned > 0 {
        "Loosen the restrictions of tasks (`workers`, `resources`), or give more workers what they \
         ask for."
    } else {
        "Make tasks smaller, so that they can be spread; scatter shared inputs to several workers, \
         so that locality does not draw all tasks to one."
    }
    .to_owned();
    Some(finding)
}

/// The share of its time that each worker executed, least first.
fn busy_shares(run: &Run<'_>) -> Vec<(f64, String)> {
    let mut busy = vec![0_u64; run.facts.workers.len()];
    for attempt in run.executions() {
        busy[attempt.worker.index()] += attempt.duration(run.now()).0;
    }
    let mut shares: Vec<(f64, String)> = Vec::new();
    for (id, row) in run.facts.workers.iter().enumerate() {
        let to = row.left.map_or_else(|| run.now(), |(at, _)| at);
        let there = to.since(row.joined_at.max(run.facts.window.from));
        if there > Nanos::ZERO {
            let capacity = there.0 as f64 * f64::from(row.slots.max(1));
            let name = run.facts.worker(WorkerId(id as u32)).to_owned();
            shares.push((busy[id] as f64 / capacity, name));
        }
    }
    shares.sort_by(|a, b| a.0.total_cmp(&b.0));
    shares
}
