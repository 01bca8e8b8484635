//! **Memory pressure**: workers spill results, read them back, or stop taking tasks.

use std::collections::BTreeMap;

use taskreel_model::{Activity, HumanBytes, Nanos, PauseReason};

use super::{Finding, Run, names, short};
use crate::analysis::{Move, Use};
use crate::figure::count_text;

pub(super) fn find(run: &Run<'_>) -> Option<Finding> {
    let idle = run.usage.total(Use::Paused) + run.usage.total(Use::Disk);
    let is_disk = |of: &&Move| matches!(of.activity, Activity::DiskRead | Activity::DiskWrite);
    let disk = || run.facts.moves.iter().filter(is_disk);
    // Disks work while other slots execute, too: the cost is whichever is plain to see.
    let spilling = Nanos(disk().map(|of| of.window.length().0).sum());
    let pauses = || run.facts.pauses.iter().filter(|p| p.reason != PauseReason::Requested);
    if disk().next().is_none() && pauses().next().is_none() {
        return None;
    }
    let cost = run.usage.cost(idle).max(run.usage.cost(spilling));
    let window = run.usage.worst(&[Use::Paused, Use::Disk]);
    let mut finding = run.finding("memory-pressure", cost, window)?;
    let written: u64 = bytes(disk(), Activity::DiskWrite);
    let read: u64 = bytes(disk(), Activity::DiskRead);
    finding.title = format!(
        "Memory was short: slots idled {} in all for disks and paused workers",
        short(idle)
    );
    if written + read > 0 {
        finding.evidence.push(format!(
            "{} went to disk and {} came back, which took {} in all.",
            HumanBytes(written),
            HumanBytes(read),
            short(spilling),
        ));
    }
    let mut spills: BTreeMap<_, u64> = BTreeMap::new();
    for of in disk().filter(|of| of.activity == Activity::DiskWrite) {
        *spills.entry((of.task, of.worker)).or_default() += 1;
    }
    let thrashed = spills.values().filter(|n| **n > 1).count() as u64;
    if thrashed > 0 {
        let n = count_text(thrashed);
        finding.evidence.push(format!("{n} results were spilled again after they had come back."));
    }
    let n_paused = pauses().count() as u64;
    if n_paused > 0 {
        let to = |p: &crate::analysis::Pause| p.to.unwrap_or_else(|| run.now()).since(p.from).0;
        let long = Nanos(pauses().map(to).sum());
        let n = count_text(n_paused);
        finding.evidence.push(format!("Workers paused {n} times, {} in all.", short(long)));
    }
    let of_moves = disk().map(|of| (of.worker, of.window.length().0));
    let of_pauses = pauses().map(|p| (p.worker, p.to.unwrap_or_else(|| run.now()).since(p.from).0));
    finding.workers = names(&run.by_worker(of_moves.chain(of_pauses)));
    let prefix_of = |task: taskreel_model::TaskId| run.facts.prefix_of(task);
    finding.prefixes = names(&run.by_prefix(disk().map(|of| (prefix_of(of.task), of.bytes))));
    finding.plot = "worker-memory";
    finding.advice = "Give workers more memory, run fewer tasks at once on each, make results \
        smaller, or release results as soon as they are combined."
        .to_owned();
    Some(finding)
}

fn bytes<'a>(moves: impl Iterator<Item = &'a Move>, activity: Activity) -> u64 {
    moves.filter(|of| of.activity == activity).map(|of| of.bytes).sum()
}
