//! What really happened, as the workers and clients of the storm saw it: what the log is held against.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use taskreel_model::{ClientId, TaskId};

/// What happened in a storm, and how often.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    pub(super) tasks: u64,
    pub(super) crashes: u64,
    pub(super) torn: u64,
    pub(super) killed: u64,
    pub(super) left: u64,
    pub(super) cut: u64,
    pub(super) hung: u64,
    pub(super) executions: u64,
}

/// The facts.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) seen: Seen,
    /// How often each task was executed to its end by a worker that could report it.
    pub(super) executions: BTreeMap<TaskId, u32>,
    /// Tasks of which some client was told that they finished.
    pub(super) told_finished: BTreeSet<TaskId>,
    /// First tasks, by client, of graphs that the scheduler said it has.
    pub(super) accepted: BTreeSet<(ClientId, u32)>,
    /// Tasks of which a client asked that they be given up; it may have been too late.
    pub(super) cancelled: BTreeSet<(ClientId, u32)>,
    /// Whether anything but the scheduler ever failed: then results may have been lost.
    pub(super) results_may_be_lost: bool,
}

impl Truth {
    pub(super) fn seen(&self) -> Seen {
        Seen { executions: self.executions.values().map(|n| u64::from(*n)).sum(), ..self.seen }
    }
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.tasks += other.tasks;
        self.crashes += other.crashes;
        self.torn += other.torn;
        self.killed += other.killed;
        self.left += other.left;
        self.cut += other.cut;
        self.hung += other.hung;
        self.executions += other.executions;
    }
}
