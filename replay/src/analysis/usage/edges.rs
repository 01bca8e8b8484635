//! The moments at which the use of some slot may change.

use taskreel_model::{Activity, Nanos};

use super::Facts;
use crate::analysis::facts::NONE;
use crate::figure::Window;

/// One moment, in sixteen bytes: there are millions. Sorted by `at`; what happens at the same instant
/// has no length, so its order does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) at: Nanos,
    pub(super) worker: u32,
    pub(super) kind: Kind,
    /// Whether there is one more of the kind from here on, or one less; of `Slots`, all of the worker's.
    pub(super) is_begin: bool,
}

// All edges of a run are held at once: half of what explaining it takes.
const _: () = assert!(size_of::<Edge>() == 16);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The worker's slots are there.
    Slots,
    /// Its tasks that execute, without those that wait for tasks that they submitted.
    Executing,
    /// Its tasks that do not execute yet.
    Assigned,
    /// Results on their way to it.
    Transfer,
    /// Accesses to its disk.
    Disk,
    /// Whether it is paused.
    Pause,
    /// Ready tasks that any worker may run.
    Queued,
    /// Ready tasks that only some workers may run.
    Pinned,
    /// Whether nobody has asked for anything.
    Unasked,
}

/// All edges of a run, in the order of time.
pub(super) fn edges(facts: &Facts) -> Vec<Edge> {
    // As many as there can be: a list that grows by doubling needs three times the memory.
    let n = 6 * facts.attempts.len() + 2 * (facts.moves.len() + facts.pauses.len());
    let n = n + 2 * (facts.workers.len() + facts.unasked.len() + facts.waits.len());
    let mut out = Edges { now: facts.window.to, list: Vec::with_capacity(n) };
    for (id, worker) in (0..).zip(&facts.workers) {
        let to = worker.left.map(|(at, _)| at);
        out.add(Kind::Slots, id, (worker.joined_at, to));
    }
    for attempt in &facts.attempts {
        let worker = attempt.worker.0;
        let restricted = facts.task(attempt.task).is_some_and(|row| row.restricted);
        let queue = if restricted { Kind::Pinned } else { Kind::Queued };
        out.add(queue, NONE, (attempt.queued_at, Some(attempt.assigned_at)));
        if !attempt.chained {
            let until = attempt.started_at.or(attempt.ended_at);
            out.add(Kind::Assigned, worker, (attempt.assigned_at, until));
        }
        if let Some(started_at) = attempt.started_at {
            out.add(Kind::Executing, worker, (started_at, attempt.ended_at));
        }
    }
    for (worker, from, to) in &facts.waits {
        // Part of an execution, without a slot: not counted as one.
        out.take_out(Kind::Executing, worker.0, (*from, *to));
    }
    for of in &facts.moves {
        let kind = match of.activity {
            Activity::Transfer => Kind::Transfer,
            Activity::DiskRead | Activity::DiskWrite => Kind::Disk,
            Activity::Deserialize | Activity::Serialize => continue,
        };
        out.add(kind, of.worker.0, (of.window.from, Some(of.window.to)));
    }
    for pause in &facts.pauses {
        out.add(Kind::Pause, pause.worker.0, (pause.from, pause.to));
    }
    for Window { from, to } in &facts.unasked {
        out.add(Kind::Unasked, NONE, (*from, Some(*to)));
    }
    out.list.sort_unstable();
    out.list
}

struct Edges {
    now: Nanos,
    list: Vec<Edge>,
}

impl Edges {
    /// Something that lasts from one instant to another, or goes on.
    fn add(&mut self, kind: Kind, worker: u32, span: (Nanos, Option<Nanos>)) {
        self.put(kind, worker, span, true);
    }

    /// The part of such a thing in which it is not to be counted.
    fn take_out(&mut self, kind: Kind, worker: u32, span: (Nanos, Option<Nanos>)) {
        self.put(kind, worker, span, false);
    }

    fn put(&mut self, kind: Kind, worker: u32, (from, to): (Nanos, Option<Nanos>), is_begin: bool) {
        let to = to.unwrap_or(self.now);
        // Clocks of workers are known only so well: what seems to end before it began is nothing.
        if from < to {
            self.list.push(Edge { at: from, worker, kind, is_begin });
            self.list.push(Edge { at: to, worker, kind, is_begin: !is_begin });
        }
    }
}
