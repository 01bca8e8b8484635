//! Inputs: what arrives at the scheduler. Never recorded; `decide` says what each means.
//!
//! New ids come from the counters of `State` (`next_client`, `next_worker`, …): the shell reads
//! them just before the turn, and `decide` refuses an input that names any other.

use serde::{Deserialize, Serialize};

use crate::{
    Activity, CancelReason, ClientId, FailureKind, LossReason, Nanos, PauseReason, SuffixText,
    TaskId, TaskOptions, TransferFailure, WorkerId, WorkerInfo,
};

/// Something arrived.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// The scheduler begins, or begins again on its log.
    SchedulerStarted,
    /// A client connected.
    ClientConnected {
        /// `State::next_client`.
        client: ClientId,
        /// Its name.
        name: String,
    },
    /// A client said goodbye, or was away for too long.
    ClientLeft {
        /// Which.
        client: ClientId,
    },
    /// A client submitted a graph.
    GraphSubmitted {
        /// Which client.
        client: ClientId,
        /// The graph; its first task becomes `State::tasks().next_id()`.
        graph: NewGraph,
    },
    /// A client wants results of tasks it did not submit.
    ResultWanted {
        /// Which client.
        client: ClientId,
        /// Whose results.
        tasks: Vec<TaskId>,
    },
    /// A client no longer wants results. Tasks not ended that nothing else needs are cancelled.
    ResultReleased {
        /// Which client.
        client: ClientId,
        /// Whose results.
        tasks: Vec<TaskId>,
    },
    /// Tasks are to be given up, with all that depends on them.
    CancelRequested {
        /// Which.
        tasks: Vec<TaskId>,
        /// Why.
        reason: CancelReason,
    },
    /// A client's program set a marker, or with `took` ended a span that lasted so long.
    Marked {
        /// Which client.
        client: ClientId,
        /// Its name.
        name: String,
        /// How long it lasted.
        took: Option<Nanos>,
    },
    /// A worker joined.
    WorkerJoined {
        /// `State::next_worker`.
        worker: WorkerId,
        /// What it says of itself.
        info: WorkerInfo,
    },
    /// A worker left, broke off or was silent for too long.
    WorkerLost {
        /// Which.
        worker: WorkerId,
        /// How.
        reason: LossReason,
    },
    /// A worker told what happened on it, in order.
    WorkerReported {
        /// Which.
        worker: WorkerId,
        /// What, with instants already on the scheduler's clock.
        reports: Vec<Report>,
    },
    /// The worker's reports up to that number, counted from 1, are decided: of those that follow a
    /// lost connection to a restarted scheduler, these are to be left out.
    ReportsAccepted {
        /// Which worker.
        worker: WorkerId,
        /// The number of the last one.
        through: u64,
    },
    /// A worker told all that it has: it came back, and some of what was said in between was lost.
    WorkerResumed {
        /// Which.
        worker: WorkerId,
        /// The results that it holds, with their sizes.
        held: Vec<(TaskId, u64)>,
        /// Its assignments that have not ended: the task, and which assignment of it.
        assigned: Vec<(TaskId, u32)>,
    },
    /// The clock of a worker was compared with the scheduler's.
    ClockMeasured {
        /// Which worker.
        worker: WorkerId,
        /// Its clock plus this is the scheduler's.
        offset_ns: i64,
        /// How wrong that may be.
        error_ns: u64,
    },
    /// A worker is to be emptied and let go.
    RetireRequested {
        /// Which.
        worker: WorkerId,
    },
    /// The timer of a delayed retry fired.
    RetryDue {
        /// Which task.
        task: TaskId,
    },
}

/// A graph as a client submits it.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct NewGraph {
    /// Its name, for people.
    pub name: String,
    /// The client's own number of its first task; numbers of a client only grow.
    pub local: u32,
    /// Whether its tasks belong to the client's graph whose numbers end where its own begin, if there is
    /// one of which something is left: a long graph is submitted in parts.
    pub continues: bool,
    /// Prefixes that `NewTask::prefix` points into.
    pub prefixes: Vec<String>,
    /// Options that `NewTask::options` points into.
    pub options: Vec<TaskOptions>,
    /// The tasks, dependencies before dependents, in the order in which they should run.
    pub tasks: Vec<NewTask>,
    /// Those of the tasks that others submitted as they ran: they ascend, and no two overlap.
    pub nested: Vec<NewNested>,
}

/// Tasks of a [`NewGraph`] that one task submitted as it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewNested {
    /// The task that submitted them, as the scheduler numbers it.
    pub parent: TaskId,
    /// Position in `NewGraph::tasks` of the first of them.
    pub first: u32,
    /// How many they are; at least 1.
    pub n_tasks: u32,
}

/// A task as a client submits it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTask {
    /// Position in `NewGraph::prefixes`.
    pub prefix: u32,
    /// The rest of its key.
    pub suffix: SuffixText,
    /// Position in `NewGraph::options`.
    pub options: u32,
    /// Whether the client holds the result until it releases it.
    pub wanted: bool,
    /// The client's own numbers of its dependencies: strictly increasing, each smaller than the
    /// task's own number. Inputs reach the worker in this order.
    pub deps: Vec<u32>,
}

/// Something that happened on a worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// When. On the wire: the worker's clock; in an `Input`: the scheduler's.
    pub at: Nanos,
    /// What.
    pub what: Reported,
}

/// What happened on a worker. Fields are those of the events of the same names.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each field is that of the event of the same name")]
pub enum Reported {
    /// `Event::TaskStarted`
    Started { task: TaskId, attempt: u32, slot: u16 },
    /// `Event::TaskFinished`
    Finished { task: TaskId, attempt: u32, bytes: u64 },
    /// `Event::TaskFailed`
    Failed { task: TaskId, attempt: u32, kind: FailureKind, error: String },
    /// `Event::ActivityRecorded`
    Activity { task: TaskId, activity: Activity, took: Nanos, bytes: u64 },
    /// `Event::TransferStarted`
    TransferStarted { task: TaskId, from: WorkerId, dependent: TaskId },
    /// `Event::TransferFinished`
    TransferFinished { task: TaskId, bytes: u64 },
    /// `Event::TransferFailed`
    TransferFailed { task: TaskId, reason: TransferFailure },
    /// The worker could not get an input of an assigned task from anybody: the task goes back.
    InputsMissing { task: TaskId, attempt: u32 },
    /// `Event::ResultSpilled`
    Spilled { task: TaskId, bytes: u64, took: Nanos },
    /// `Event::ResultRestored`
    Restored { task: TaskId, bytes: u64, took: Nanos },
    /// `Event::ReplicaAdded`
    ReplicaAdded { task: TaskId, bytes: u64 },
    /// `Event::ReplicaDropped`
    ReplicaDropped { task: TaskId },
    /// `Event::StealConfirmed`
    GaveBack { task: TaskId, attempt: u32 },
    /// `Event::StealRefused`
    Kept { task: TaskId, attempt: u32 },
    /// `Event::WorkerPaused`
    Paused { reason: PauseReason },
    /// `Event::WorkerResumed`
    Resumed,
    /// `Event::Marked`
    Marked { name: String, task: Option<TaskId> },
    /// `Event::SpanRecorded`
    Span { name: String, task: Option<TaskId>, took: Nanos },
    /// `Event::TaskSeceded`
    Seceded { task: TaskId, attempt: u32 },
    /// `Event::TaskRejoined`
    Rejoined { task: TaskId, attempt: u32, slot: u16 },
}
