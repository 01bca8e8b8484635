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
    pub(super) power: u64,
    pub(super) full: u64,
    pub(super) ended_full: u64,
    pub(super) killed: u64,
    pub(super) left: u64,
    pub(super) cut: u64,
    pub(super) hung: u64,
    pub(super) parted: u64,
    pub(super) jumped: u64,
    pub(super) paused: u64,
    pub(super) disk_lost: u64,
    /// Results that went to the disk, or came back from there.
    pub(super) moved: u64,
    /// Times that what a worker did not get to tell was told by who it is now.
    pub(super) late: u64,
    /// Messages with reports that arrived a second time.
    pub(super) again: u64,
    /// Results that came with a task that takes them.
    pub(super) came_along: u64,
    pub(super) executions: u64,
}

/// The facts.
#[derive(Debug, Default)]
pub(super) struct Truth {
    pub(super) seen: Seen,
    /// How often each task was executed to its end by a worker that could report it.
    pub(super) executions: BTreeMap<TaskId, u32>,
    /// How many marks workers made: each of a name of its own.
    n_marks: u64,
    /// What clients were told.
    pub(super) told: Known,
    /// Tasks of which a client asked that they be given up; it may have been too late.
    pub(super) cancelled: BTreeSet<(ClientId, u32)>,
    /// Whether anything but the scheduler ever failed: then results may have been lost.
    pub(super) results_may_be_lost: bool,
    /// What clients knew when the disk of a run that may go on without a trace was still in order; `None`:
    /// all must be in the log.
    pub(super) recorded: Option<Known>,
}

/// What clients were told.
#[derive(Clone, Debug, Default)]
pub(super) struct Known {
    /// Tasks that finished.
    pub(super) finished: BTreeSet<TaskId>,
    /// First tasks, by client, of graphs that the scheduler said it has.
    pub(super) accepted: BTreeSet<(ClientId, u32)>,
}

impl Truth {
    /// From now on the log may lack what happens.
    pub(super) fn note_recorded(&mut self) {
        if self.recorded.is_none() {
            self.recorded = Some(self.told.clone());
        }
    }

    /// The name of the next mark.
    pub(super) fn next_mark(&mut self) -> String {
        self.n_marks += 1;
        format!("mark-{}", self.n_marks)
    }

    /// What must be in the log.
    pub(super) fn recorded(&self) -> &Known {
        self.recorded.as_ref().unwrap_or(&self.told)
    }

    pub(super) fn seen(&self) -> Seen {
        Seen { executions: self.executions.values().map(|n| u64::from(*n)).sum(), ..self.seen }
    }
}

impl AddAssign for Seen {
    fn add_assign(&mut self, other: Self) {
        self.tasks += other.tasks;
        self.crashes += other.crashes;
        self.torn += other.torn;
        self.power += other.power;
        self.full += other.full;
        self.ended_full += other.ended_full;
        self.killed += other.killed;
        self.left += other.left;
        self.cut += other.cut;
        self.hung += other.hung;
        self.parted += other.parted;
        self.jumped += other.jumped;
        self.paused += other.paused;
        self.disk_lost += other.disk_lost;
        self.moved += other.moved;
        self.late += other.late;
        self.again += other.again;
        self.came_along += other.came_along;
        self.executions += other.executions;
    }
}
