//! **Communication**: slots with work wait for results that come from other workers.

use taskreel_model::{Activity, HumanBytes};

use super::{Finding, Run, listed, names, quoted, short};
use crate::analysis::Use;
use crate::figure::count_text;

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let idle = run.usage.total(Use::Transfer);
    let window = run.usage.worst(&[Use::Transfer]);
    let mut finding = run.finding("communication", run.usage.cost(idle), window)?;
    let transfers =
        || run.facts.moves.iter().filter(|of| of.activity == Activity::Transfer && of.ok);
    let bytes: u64 = transfers().map(|of| of.bytes).sum();
    let prefix_of = |task: taskreel_model::TaskId| run.facts.prefix_of(task);
    let by_prefix = run.by_prefix(transfers().map(|of| (prefix_of(of.task), of.bytes)));
    let receivers = run.by_worker(transfers().map(|of| (of.worker, of.window.length().0)));
    finding.title = format!("Slots waited {} in all for results from other workers", short(idle));
    finding.evidence.push(format!(
        "{} transfers moved {}, mostly results of {}.",
        count_text(transfers().count() as u64),
        HumanBytes(bytes),
        listed(&names(&by_prefix)),
    ));
    if let Some((receiver, _)) = receivers.first() {
        finding.evidence.push(format!("{} spent the most time receiving.", quoted(receiver)));
    }
    finding.prefixes = names(&by_prefix);
    finding.workers = names(&receivers);
    finding.advice = "Move less: let one task do what passes large results on to the next, reduce \
        before results are combined, make results smaller, or use fewer, larger workers so that \
        more inputs are where they are needed."
        .to_owned();
    Some(finding)
}
