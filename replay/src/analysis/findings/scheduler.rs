//! **Scheduler saturation**: ready tasks wait to be handed out while slots are idle.

use taskreel_model::Nanos;

use super::{Finding, Run, names, short, small_tasks};
use crate::analysis::{Use, quantile};
use crate::figure::count_text;

/// A loop that is so late keeps everyone waiting.
const LATE: Nanos = Nanos::from_millis(20);

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let mut lags: Vec<Nanos> = run.facts.lags.iter().map(|(_, lag)| *lag).collect();
    let lag = quantile(&mut lags, 0.95);
    // Tiny tasks saturate any scheduler: then they are the cause, unless its loop is plainly late.
    if small_tasks::are_small(run) && lag < LATE {
        return None;
    }
    let idle = run.usage.total(Use::Scheduler);
    let window = run.usage.worst(&[Use::Scheduler]);
    let mut finding = run.finding("scheduler", run.usage.cost(idle), window)?;
    let mut waits: Vec<Nanos> =
        run.facts.attempts.iter().map(|a| a.assigned_at.since(a.queued_at)).collect();
    finding.title = format!(
        "The scheduler did not keep up: slots idled {} in all while ready tasks waited for it",
        short(idle)
    );
    finding.evidence.push(format!(
        "Half of the tasks were handed out within {} of being ready, 95 % within {}.",
        short(quantile(&mut waits, 0.5)),
        short(quantile(&mut waits, 0.95)),
    ));
    if !lags.is_empty() && lag >= Nanos::from_millis(1) {
        let n = count_text(lags.len() as u64);
        let late = short(lag);
        finding.evidence.push(format!("Its loop was up to {late} late in 95 % of {n} readings."));
    }
    let rows = run.facts.attempts.iter().map(|a| (a.prefix, a.assigned_at.since(a.queued_at).0));
    finding.prefixes = names(&run.by_prefix(rows));
    finding.plot = "queue";
    finding.advice =
        "Give each task more to do, submit fewer tasks at once, and look at what else \
        runs on the scheduler's machine."
            .to_owned();
    Some(finding)
}
