//! Changes: the transitions that follow from an event. Not recorded: `State::apply` derives them
//! again, the same each time, and all that is drawn or sent follows from them.

use crate::{Activity, ClientId, GraphId, Nanos, Phase, StrId, TaskId, WorkerId, WorkerStatus};

/// One transition. `at` of the event that caused it is passed beside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// A task went from one phase to another; a new one comes from `Released`.
    Task {
        /// Which.
        task: TaskId,
        /// The phase it left.
        from: Phase,
        /// The phase it is in.
        to: Phase,
        /// The worker concerned: where it runs (to `Processing`), ran (from `Processing`).
        worker: Option<WorkerId>,
        /// How often it was assigned so far: the number of the assignment that begins or ends.
        attempt: u32,
    },
    /// The last input of an attempt that was chained is there: it waits for a slot only.
    Unchained {
        /// Which task.
        task: TaskId,
        /// Where.
        worker: WorkerId,
    },
    /// An attempt began to execute in a slot.
    Started {
        /// Which task.
        task: TaskId,
        /// Where.
        worker: WorkerId,
        /// In which slot of the worker.
        slot: u16,
    },
    /// An attempt waits for tasks that it submitted, from the event's `at` on, and gave its slot back.
    Seceded {
        /// Which task.
        task: TaskId,
        /// Where.
        worker: WorkerId,
        /// The slot that is free now.
        slot: u16,
        /// Since when it had computed there.
        since: Nanos,
    },
    /// An attempt that waited for tasks that it submitted goes on, from the event's `at` on.
    Rejoined {
        /// Which task.
        task: TaskId,
        /// Where.
        worker: WorkerId,
        /// In which slot of the worker.
        slot: u16,
        /// The slot it had before it waited.
        left: u16,
        /// Since when it had waited.
        since: Nanos,
    },
    /// An attempt that had begun to execute ended at the event's `at`.
    Stopped {
        /// Which task.
        task: TaskId,
        /// Where.
        worker: WorkerId,
        /// In which slot of the worker; the one it had left, if it waited.
        slot: u16,
        /// When it had begun.
        started_at: Nanos,
        /// The stretch of it that ended with it.
        last: Last,
        /// How it ended.
        outcome: Outcome,
    },
    /// Worker `to` began to fetch a result.
    TransferStarted {
        /// Whose result.
        task: TaskId,
        /// From where.
        from: WorkerId,
        /// To where.
        to: WorkerId,
    },
    /// Work around a task ended at the event's `at`.
    Activity {
        /// Which task: of a transfer, the one whose result moved.
        task: TaskId,
        /// The task it was done for: of a transfer the dependent, else the task itself.
        dependent: TaskId,
        /// Where: of a transfer, the receiver.
        worker: WorkerId,
        /// Of a transfer, the sender.
        peer: Option<WorkerId>,
        /// What was done.
        activity: Activity,
        /// When it had begun.
        started_at: Nanos,
        /// How much was moved, read or written; 0 when it failed.
        bytes: u64,
        /// Whether it ended well.
        ok: bool,
    },
    /// A worker's copy of a result appeared, moved between memory and disk, or went.
    Replica {
        /// Whose result.
        task: TaskId,
        /// The holder.
        worker: WorkerId,
        /// Its size.
        bytes: u64,
        /// Where it was.
        from: Storage,
        /// Where it is.
        to: Storage,
    },
    /// A worker's status changed; one that joins comes from `None`.
    Worker {
        /// Which.
        worker: WorkerId,
        /// The status it left.
        from: Option<WorkerStatus>,
        /// The status it has.
        to: WorkerStatus,
    },
    /// A client began (`wanted`) or ceased to want a task's result.
    Interest {
        /// Whose result.
        task: TaskId,
        /// Which client.
        client: ClientId,
        /// Whether it wants it now.
        wanted: bool,
    },
    /// A task that a client wanted was given up.
    Cancelled {
        /// Which task.
        task: TaskId,
        /// Which client.
        client: ClientId,
        /// The client's own number of the task, which may be gone by now.
        local: u32,
    },
    /// A retry was put off until the instant given.
    RetryScheduled {
        /// Which task.
        task: TaskId,
        /// When it is due.
        due_at: Nanos,
    },
    /// A worker is asked to give a task back.
    StealRequested {
        /// Which task.
        task: TaskId,
        /// The worker that has it.
        from: WorkerId,
        /// The worker that is to run it.
        to: WorkerId,
    },
    /// A client came (`true`) or went.
    Client {
        /// Which.
        client: ClientId,
        /// Whether it is connected now.
        connected: bool,
    },
    /// A graph was submitted, or its last task ended (`done`).
    Graph {
        /// Which.
        graph: GraphId,
        /// Whether all its tasks have ended.
        done: bool,
    },
    /// A marker of the user's, or with `started_at` a span that ended at the event's `at`.
    Mark {
        /// Its name.
        name: StrId,
        /// The task it was set in.
        task: Option<TaskId>,
        /// The span's begin.
        started_at: Option<Nanos>,
    },
}

/// The last stretch of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Last {
    /// Since when it had computed without a break, or waited for tasks that it submitted.
    pub since: Nanos,
    /// Whether it waited.
    pub seceded: bool,
    /// How long the attempt had computed in all.
    pub computed: Nanos,
}

/// A part of an execution: it computed in a slot, or waited for tasks that it submitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Which task.
    pub task: TaskId,
    /// Where.
    pub worker: WorkerId,
    /// The slot it computed in; if it waited, the one it had left.
    pub slot: u16,
    /// When the stretch began.
    pub since: Nanos,
    /// Whether it waited.
    pub seceded: bool,
    /// How the attempt ended with it; `None`: it went on.
    pub outcome: Option<Outcome>,
}

impl Change {
    /// The stretch of an execution that ends with this change, at the event's `at`.
    pub fn stretch_ended(&self) -> Option<Stretch> {
        match *self {
            Self::Seceded { task, worker, slot, since } => {
                Some(Stretch { task, worker, slot, since, seceded: false, outcome: None })
            }
            Self::Rejoined { task, worker, left: slot, since, .. } => {
                Some(Stretch { task, worker, slot, since, seceded: true, outcome: None })
            }
            Self::Stopped {
                task,
                worker,
                slot,
                last: Last { since, seceded, .. },
                outcome,
                ..
            } => Some(Stretch { task, worker, slot, since, seceded, outcome: Some(outcome) }),
            _ => None,
        }
    }

    /// Which task takes which slot of which worker with this change: it begins to compute, or goes on.
    pub fn slot_taken(&self) -> Option<(TaskId, WorkerId, u16)> {
        match *self {
            Self::Started { task, worker, slot } | Self::Rejoined { task, worker, slot, .. } => {
                Some((task, worker, slot))
            }
            _ => None,
        }
    }
}

/// Where a worker's copy of a result is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Storage {
    /// Nowhere: not yet, or no longer.
    None,
    /// In memory.
    Memory,
    /// On disk.
    Disk,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Outcome {
    /// Its result is held.
    Finished,
    /// It failed.
    Failed,
    /// Its worker was lost.
    Lost,
    /// It was cancelled, or its result was no longer needed.
    Cancelled,
}
