//! **Slow start**: tasks were there, but no worker, or none that began.

use taskreel_model::Nanos;

use super::{Finding, Run, percent, short};
use crate::analysis::WorkerRow;
use crate::figure::{Window, count_text};

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let begin = run.facts.window.from;
    let first = run.executions().filter_map(|attempt| attempt.started_at).min()?;
    let lost_at = run.facts.workers.iter().filter_map(WorkerRow::lost_at).min();
    // Workers that came while the run waited for its first ones; later ones replace lost ones, or
    // were added on purpose.
    let late = || {
        let is_late =
            |w: &&WorkerRow| w.joined_at > begin && lost_at.is_none_or(|l| w.joined_at < l);
        run.facts.workers.iter().filter(is_late)
    };
    let n_slots = run.facts.n_slots().max(1) as f64;
    let missing: f64 = late()
        .map(|worker| {
            let waited = worker.joined_at.min(run.now()).since(begin).0 as f64;
            waited * f64::from(worker.slots)
        })
        .sum();
    let cost = first.since(begin).max(Nanos((missing / n_slots) as u64));
    let ready = late().map(|worker| worker.joined_at).max().unwrap_or(first).max(first);
    let mut finding = run.finding("slow-start", cost, Window::new(begin, ready))?;
    finding.title =
        format!("The first task began {} after it was submitted", short(first.since(begin)));
    if late().count() > 0 {
        let last = late().map(|worker| worker.joined_at).max().unwrap_or(begin);
        finding.evidence.push(format!(
            "{} of {} workers joined only after the submission, the last {} after it.",
            count_text(late().count() as u64),
            count_text(run.facts.workers.len() as u64),
            short(last.since(begin)),
        ));
        finding.workers = late().take(super::LISTED).map(|worker| worker.name.clone()).collect();
        finding.advice = "Start workers before submitting, keep them between runs, or wait for \
            them to join first."
            .to_owned();
    } else {
        let share = percent(run.share(first.since(begin)));
        finding.evidence.push(format!("All workers were there, and waited {share} of the run."));
        finding.advice = "Submit large graphs in parts, so that the first tasks can begin while \
            the rest is on its way."
            .to_owned();
    }
    Some(finding)
}
