//! Events: the facts and decisions that make up a trace. Replay applies them and decides nothing.
//!
//! Variants are only ever appended and fields only added: the tag of [`Event::tag`] is the public
//! format. Large payloads sit behind a box or an interned id, so that an event stays small.
//!
//! `event/reasons.rs` has the small enums of reasons, `event/about.rs` whom an event is about,
//! `event/texts.rs` what it says in words.

mod about;
mod reasons;
mod texts;

use serde::{Deserialize, Serialize};

pub use reasons::{
    Activity, AssignReason, CancelReason, FailureKind, LossReason, PauseReason, TransferFailure,
};
pub use texts::{Text, TextKind};

use crate::{
    ClientId, GraphId, Key, Nanos, OptionsId, PrefixId, StrId, TaskId, TaskOptions, WorkerId,
    WorkerInfo,
};

/// An event with its place in the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Stamped<T> {
    /// Position in the log: the first event of a run has 0, each next one more.
    pub seq: u64,
    /// When the scheduler logged it; never decreases along `seq`.
    pub logged_at: Nanos,
    /// When it happened, on the scheduler's clock; never later than `logged_at`.
    pub at: Nanos,
    /// The `seq` of the event that caused it, where that is not the task's own previous one.
    pub cause: Option<u64>,
    /// What happened.
    pub what: T,
}

/// What can happen in a run. The table in ARCHITECTURE.md says who emits each.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "fields are named by the glossary; the text above each says the rest"
)]
pub enum Event {
    /// A scheduler began to write this log; `incarnation` counts restarts from 0.
    SchedulerStarted { incarnation: u32 },
    /// A string gets an id. Ids are dense and in order.
    Interned { id: StrId, text: Box<str> },
    /// A prefix gets an id. Ids are dense and in order.
    PrefixDeclared { id: PrefixId, name: Box<str> },
    /// A set of task options gets an id. Ids are dense and in order.
    OptionsDeclared { id: OptionsId, options: Box<TaskOptions> },

    /// A client connected.
    ClientConnected { client: ClientId, name: StrId },
    /// A client left; what it wanted was released before.
    ClientLeft { client: ClientId },
    /// A client submitted a graph of `n_tasks` tasks, whose ids begin at `first`; `local` is the
    /// client's own number of its first task.
    GraphSubmitted {
        graph: GraphId,
        client: ClientId,
        name: StrId,
        first: TaskId,
        n_tasks: u32,
        local: u32,
    },
    /// One task of the graph. `wanted`: its graph's client holds its result until it releases it.
    /// `deps` come before it in the log.
    TaskSubmitted {
        task: TaskId,
        graph: GraphId,
        key: Key,
        options: OptionsId,
        wanted: bool,
        deps: Box<[TaskId]>,
    },
    /// A client asks for a task's result, beyond the graph it came with.
    ResultWanted { client: ClientId, task: TaskId },
    /// A client no longer wants a task's result.
    ResultReleased { client: ClientId, task: TaskId },
    /// A task is given up; its dependents were cancelled before.
    TaskCancelled { task: TaskId, reason: CancelReason },

    /// A worker joined.
    WorkerJoined { worker: WorkerId, info: Box<WorkerInfo> },
    /// A worker is gone, with all that it ran and held.
    WorkerLost { worker: WorkerId, reason: LossReason },
    /// A worker starts nothing new for now.
    WorkerPaused { worker: WorkerId, reason: PauseReason },
    /// A paused worker goes on.
    WorkerResumed { worker: WorkerId },
    /// A worker gets no more tasks and will leave once its results have moved.
    WorkerRetiring { worker: WorkerId },
    /// The worker's clock: its instant plus `offset_ns` is the scheduler's, give or take `error_ns`.
    ClockEstimated { worker: WorkerId, offset_ns: i64, error_ns: u64 },

    /// The scheduler gave a task to a worker, when its inputs were there or (chained) all but one, which
    /// a task that the worker has already is to make. `attempt` counts assignments of the task from 1.
    TaskAssigned { task: TaskId, worker: WorkerId, attempt: u32, reason: AssignReason },
    /// No worker that is here may run the task.
    TaskUnplaceable { task: TaskId },
    /// The scheduler asks a worker to give a task back, to run it elsewhere.
    StealRequested { task: TaskId, from: WorkerId, to: WorkerId },
    /// The worker gave it back.
    StealConfirmed { task: TaskId, from: WorkerId },
    /// The worker kept it: it had begun.
    StealRefused { task: TaskId, from: WorkerId },
    /// The delay before a retry is over.
    RetryDue { task: TaskId },

    /// Worker `to` began to fetch the result of `task` from `from`, for the sake of `dependent`.
    TransferStarted { task: TaskId, from: WorkerId, to: WorkerId, dependent: TaskId },
    /// The copy arrived: `to` holds a replica.
    TransferFinished { task: TaskId, to: WorkerId, bytes: u64 },
    /// The copy did not arrive.
    TransferFailed { task: TaskId, to: WorkerId, reason: TransferFailure },
    /// The task's function or command began to run in a slot of its worker.
    TaskStarted { task: TaskId, worker: WorkerId, attempt: u32, slot: u16 },
    /// It ended well; its result is held by the worker.
    TaskFinished { task: TaskId, worker: WorkerId, attempt: u32, bytes: u64 },
    /// It failed. `retry`: it runs again after that delay; `None`: it has erred for good.
    TaskFailed {
        task: TaskId,
        worker: WorkerId,
        attempt: u32,
        kind: FailureKind,
        error: StrId,
        retry: Option<Nanos>,
    },
    /// Work around a task that took `took` and ended at the event's `at`.
    ActivityRecorded { task: TaskId, worker: WorkerId, activity: Activity, took: Nanos, bytes: u64 },
    /// A result went from a worker's memory to its disk.
    ResultSpilled { task: TaskId, worker: WorkerId, bytes: u64, took: Nanos },
    /// A spilled result came back into memory.
    ResultRestored { task: TaskId, worker: WorkerId, bytes: u64, took: Nanos },
    /// A worker holds a copy that no transfer brought: scattered by a client, or reported when the
    /// worker came back to a restarted scheduler.
    ReplicaAdded { task: TaskId, worker: WorkerId, bytes: u64 },
    /// A worker no longer holds a copy: it was damaged, or dropped as superfluous.
    ReplicaDropped { task: TaskId, worker: WorkerId },

    /// A marker of the user's, for the plots; `task` is where it was set, if in a task.
    Marked { name: StrId, task: Option<TaskId> },
    /// A span of the user's that took `took` and ended at the event's `at`.
    SpanRecorded { name: StrId, task: Option<TaskId>, took: Nanos },

    /// What a worker reported up to its report number `through` is in the log: what it sends again
    /// to a restarted scheduler is not taken twice.
    ReportsAccepted { worker: WorkerId, through: u64 },

    /// The task waits for tasks that it submitted: it gave its slot back meanwhile.
    TaskSeceded { task: TaskId, worker: WorkerId, attempt: u32 },
    /// What it waited for is over: it goes on, in a slot that was free.
    TaskRejoined { task: TaskId, worker: WorkerId, attempt: u32, slot: u16 },

    /// A client submitted `n_tasks` more tasks of a graph, whose ids begin at `first`; the client's own numbers of them go on
    /// from those before. `first` need not follow the graph's last task: others' may have come between.
    GraphExtended { graph: GraphId, first: TaskId, n_tasks: u32 },

    /// The next `n_tasks` tasks, whose ids begin at `first`, are submitted by the task `parent`, as it runs.
    TasksNested { parent: TaskId, first: TaskId, n_tasks: u32 },

    /// An event that this version does not know, read from a newer trace: it keeps its place in
    /// the log and changes nothing. Never emitted and never written; stays the last variant.
    #[serde(skip)]
    Unknown { tag: u8 },
}

impl Event {
    /// The numeric tag of the format: the position in the enum, never reused.
    pub fn tag(&self) -> u8 {
        match self {
            Self::SchedulerStarted { .. } => 0,
            Self::Interned { .. } => 1,
            Self::PrefixDeclared { .. } => 2,
            Self::OptionsDeclared { .. } => 3,
            Self::ClientConnected { .. } => 4,
            Self::ClientLeft { .. } => 5,
            Self::GraphSubmitted { .. } => 6,
            Self::TaskSubmitted { .. } => 7,
            Self::ResultWanted { .. } => 8,
            Self::ResultReleased { .. } => 9,
            Self::TaskCancelled { .. } => 10,
            Self::WorkerJoined { .. } => 11,
            Self::WorkerLost { .. } => 12,
            Self::WorkerPaused { .. } => 13,
            Self::WorkerResumed { .. } => 14,
            Self::WorkerRetiring { .. } => 15,
            Self::ClockEstimated { .. } => 16,
            Self::TaskAssigned { .. } => 17,
            Self::TaskUnplaceable { .. } => 18,
            Self::StealRequested { .. } => 19,
            Self::StealConfirmed { .. } => 20,
            Self::StealRefused { .. } => 21,
            Self::RetryDue { .. } => 22,
            Self::TransferStarted { .. } => 23,
            Self::TransferFinished { .. } => 24,
            Self::TransferFailed { .. } => 25,
            Self::TaskStarted { .. } => 26,
            Self::TaskFinished { .. } => 27,
            Self::TaskFailed { .. } => 28,
            Self::ActivityRecorded { .. } => 29,
            Self::ResultSpilled { .. } => 30,
            Self::ResultRestored { .. } => 31,
            Self::ReplicaAdded { .. } => 32,
            Self::ReplicaDropped { .. } => 33,
            Self::Marked { .. } => 34,
            Self::SpanRecorded { .. } => 35,
            Self::ReportsAccepted { .. } => 36,
            Self::TaskSeceded { .. } => 37,
            Self::TaskRejoined { .. } => 38,
            Self::GraphExtended { .. } => 39,
            Self::TasksNested { .. } => 40,
            Self::Unknown { tag } => *tag,
        }
    }

    /// The variant's name, as messages and exports print it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Unknown { .. } => "Unknown",
            known => EVENT_NAMES[known.tag() as usize],
        }
    }
}

/// Names of the events by tag.
pub const EVENT_NAMES: [&str; 41] = [
    "SchedulerStarted",
    "Interned",
    "PrefixDeclared",
    "OptionsDeclared",
    "ClientConnected",
    "ClientLeft",
    "GraphSubmitted",
    "TaskSubmitted",
    "ResultWanted",
    "ResultReleased",
    "TaskCancelled",
    "WorkerJoined",
    "WorkerLost",
    "WorkerPaused",
    "WorkerResumed",
    "WorkerRetiring",
    "ClockEstimated",
    "TaskAssigned",
    "TaskUnplaceable",
    "StealRequested",
    "StealConfirmed",
    "StealRefused",
    "RetryDue",
    "TransferStarted",
    "TransferFinished",
    "TransferFailed",
    "TaskStarted",
    "TaskFinished",
    "TaskFailed",
    "ActivityRecorded",
    "ResultSpilled",
    "ResultRestored",
    "ReplicaAdded",
    "ReplicaDropped",
    "Marked",
    "SpanRecorded",
    "ReportsAccepted",
    "TaskSeceded",
    "TaskRejoined",
    "GraphExtended",
    "TasksNested",
];

const _: () = assert!(size_of::<Event>() <= 48);
