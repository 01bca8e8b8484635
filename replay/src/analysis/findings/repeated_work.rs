//! **Repeated work**: workers were lost, and what they ran and held was computed again.

use taskreel_model::{Nanos, Outcome};

use super::{Finding, Run, listed, names, short};
use crate::figure::{Window, count_text};

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let lost: Vec<_> = run.facts.workers.iter().filter_map(|w| Some((w, w.lost_at()?))).collect();
    let (_, first_at) = *lost.iter().min_by_key(|(_, at)| *at)?;
    // Cut off in the middle, or run again since the result was gone.
    let wasted = || {
        run.executions().filter(|attempt| attempt.outcome == Some(Outcome::Lost) || attempt.again)
    };
    let spent = Nanos(wasted().map(|attempt| attempt.duration(run.now()).0).sum());
    let end = wasted().filter_map(|a| a.executed(run.now())).map(|w| w.to).max();
    let window = Window::new(first_at, end.unwrap_or_else(|| run.now()));
    let mut finding = run.finding("repeated-work", run.usage.cost(spent), window)?;
    let cut = wasted().filter(|attempt| attempt.outcome == Some(Outcome::Lost)).count() as u64;
    let again = wasted().filter(|attempt| attempt.again).count() as u64;
    finding.workers = lost.iter().take(super::LISTED).map(|(w, _)| w.name.clone()).collect();
    finding.title = format!("{} of work was lost with workers and done again", short(spent));
    let when: Vec<String> = lost.iter().take(super::LISTED).map(|(_, at)| short(*at)).collect();
    finding.evidence.push(format!("{} went at {}.", listed(&finding.workers), when.join(", ")));
    finding.evidence.push(format!(
        "{} executions were cut off, {} had finished before and ran again.",
        count_text(cut),
        count_text(again),
    ));
    let rows = wasted().map(|attempt| (attempt.prefix, attempt.duration(run.now()).0));
    finding.prefixes = names(&run.by_prefix(rows));
    finding.advice = "Look at the log of those workers for why they went (memory, machine, \
        network); make long tasks shorter, so that less is lost at once."
        .to_owned();
    Some(finding)
}
