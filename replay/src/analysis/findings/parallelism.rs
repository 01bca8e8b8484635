//! **Too little parallelism**: slots are idle since nothing is ready that they could run.

use super::{Finding, Run, listed, names, short, stragglers};
use crate::analysis::Use;

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    // What stragglers cost at the end is theirs.
    let of_stragglers = stragglers::idle(run, &stragglers::of(run));
    let idle = run.usage.total(Use::NoWork).since(of_stragglers);
    let window = run.usage.worst(&[Use::NoWork]);
    let cost = run.usage.cost(idle);
    // Every graph begins and ends with a few tasks: a little of it is no fault.
    let mut finding = run.finding("parallelism", cost, window).filter(|f| f.share >= 0.15)?;
    let capacity = run.usage.capacity().0 as f64;
    let n_slots = capacity / run.facts.makespan().0.max(1) as f64;
    let busy = run.usage.total(Use::Executing).0 as f64 / run.facts.makespan().0.max(1) as f64;
    let overlap = |attempt: &super::Attempt| {
        let executed = attempt.executed(run.now()).unwrap_or_default();
        executed.to.min(window.to).since(executed.from.max(window.from)).0
    };
    let by_prefix = run.by_prefix(run.executions().map(|a| (a.prefix, overlap(a))));
    finding.title = format!(
        "Too little could run at once: {busy:.1} of {n_slots:.0} slots were busy on the whole",
    );
    finding
        .evidence
        .push(format!("Slots idled {} in all with nothing ready anywhere.", short(idle)));
    if !by_prefix.is_empty() {
        let names = listed(&names(&by_prefix));
        finding.evidence.push(format!("Where it was at its worst, the run waited for {names}."));
    }
    finding.prefixes = names(&by_prefix);
    finding.advice = "Split those tasks into independent parts, combine results in a tree instead \
        of one after the other, or run on fewer slots: more would not help."
        .to_owned();
    Some(finding)
}
