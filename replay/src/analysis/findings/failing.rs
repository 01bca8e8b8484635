//! **Failures**: attempts that failed, and were tried again or gave up.

use taskreel_model::Nanos;

use super::{Finding, Run, listed, names, quoted, short};
use crate::figure::{Window, count_text};

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let failures = &run.facts.failures;
    let (first, last) = (failures.first()?, failures.last()?);
    let failed = run.executions().filter(|a| a.outcome == Some(taskreel_model::Outcome::Failed));
    let spent = Nanos(failed.map(|attempt| attempt.duration(run.now()).0).sum());
    let delays = Nanos(failures.iter().filter_map(|f| f.retry).map(|delay| delay.0).sum());
    let n_final = failures.iter().filter(|failure| failure.retry.is_none()).count() as u64;
    let window = Window::new(first.at, last.at);
    let cost = run.usage.cost(spent);
    // Attempts that cost nothing and were made good are no news; errors that stayed are.
    let mut finding = match n_final {
        0 => run.finding("failures", cost, window)?,
        _ => run.always("failures", cost, window),
    };
    let by_prefix = run.by_prefix(failures.iter().map(|failure| (failure.prefix, 1)));
    finding.prefixes = names(&by_prefix);
    finding.workers = names(&run.by_worker(failures.iter().map(|failure| (failure.worker, 1))));
    let n = failures.len() as u64;
    finding.title = format!(
        "{} failed, {} for good: {} of work for nothing",
        if n == 1 { "1 attempt".to_owned() } else { format!("{} attempts", count_text(n)) },
        count_text(n_final),
        short(spent),
    );
    finding.evidence.push(format!("They were of {}.", listed(&finding.prefixes)));
    let message = last.error.lines().next().unwrap_or_default();
    finding.evidence.push(format!("The last one said {}.", quoted(message)));
    if delays > Nanos::ZERO {
        let delays = short(delays);
        finding
            .evidence
            .push(format!("Tasks waited {delays} in all before they were tried again."));
    }
    finding.advice =
        "Read the first error (`reel events FILE --kind TaskFailed`); if it comes and \
        goes, find out what the failing tasks share, and keep the retries."
            .to_owned();
    Some(finding)
}
