//! The moments at which the use of some slot may change.

use taskreel_model::{Activity, Nanos};

use super::Facts;
use crate::analysis::facts::NONE;
use crate::figure::Window;

/// One moment. Sorted by `at`; what happens at the same instant has no length, so its order
/// does not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) at: Nanos,
    pub(super) kind: Kind,
    pub(super) worker: u32,
    /// What is added to the count of the kind.
    pub(super) up: i32,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Slots of the worker.
    Slots,
    /// Its tasks that execute.
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
    let n = n + 2 * (facts.workers.len() + facts.unasked.len());
    let mut out = Edges { now: facts.window.to, list: Vec::with_capacity(n) };
    for (id, worker) in (0..).zip(&facts.workers) {
        let to = worker.left.map(|(at, _)| at);
        out.add(Kind::Slots, id, (worker.joined_at, to), i32::from(worker.slots));
    }
    for attempt in &facts.attempts {
        let worker = attempt.worker.0;
        let restricted = facts.task(attempt.task).is_some_and(|row| row.restricted);
        let queue = if restricted { Kind::Pinned } else { Kind::Queued };
        out.add(queue, NONE, (attempt.queued_at, Some(attempt.assigned_at)), 1);
        let until = attempt.started_at.or(attempt.ended_at);
        out.add(Kind::Assigned, worker, (attempt.assigned_at, until), 1);
        if let Some(started_at) = attempt.started_at {
            out.add(Kind::Executing, worker, (started_at, attempt.ended_at), 1);
        }
    }
    for of in &facts.moves {
        let kind = match of.activity {
            Activity::Transfer => Kind::Transfer,
            Activity::DiskRead | Activity::DiskWrite => Kind::Disk,
            Activity::Deserialize | Activity::Serialize => continue,
        };
        out.add(kind, of.worker.0, (of.window.from, Some(of.window.to)), 1);
    }
    for pause in &facts.pauses {
        out.add(Kind::Pause, pause.worker.0, (pause.from, pause.to), 1);
    }
    for Window { from, to } in &facts.unasked {
        out.add(Kind::Unasked, NONE, (*from, Some(*to)), 1);
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
    fn add(&mut self, kind: Kind, worker: u32, (from, to): (Nanos, Option<Nanos>), up: i32) {
        let to = to.unwrap_or(self.now);
        // Clocks of workers are known only so well: what seems to end before it began is nothing.
        if from < to {
            self.list.push(Edge { at: from, kind, worker, up });
            self.list.push(Edge { at: to, kind, worker, up: -up });
        }
    }
}
