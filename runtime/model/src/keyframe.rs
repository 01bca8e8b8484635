//! Keyframes: a whole state as plain columns, to be stored and restored.
//!
//! A keyframe holds what the events said and nothing that follows from it: queues, counts, positions
//! and sums are made again by [`Keyframe::restore`], which checks all it is given, since a keyframe
//! comes from a file that nobody vouches for. A state that was restored equals the one that was
//! stored, to the order of its lists.

mod before;
mod deps;
mod numbers;
mod restore;
mod store;

pub use before::{KeyframeBefore, KeyframeOfLists};
use deps::ExpectedDep;
use numbers::Numbers;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    Blame, ClientId, Flight, GraphId, Nanos, Nested, Prefix, StrId, TaskId, TaskOptions, WorkerId,
    WorkerInfo, WorkerStatus,
};

/// Number of the layout of [`Keyframe`]: one more whenever a field of it, or of what it is made of,
/// changes. A reader folds a trace from its begin if it does not know the layout.
pub const KEYFRAME_LAYOUT: u16 = 7;

/// A whole state as plain columns.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keyframe {
    next_seq: u64,
    now: Nanos,
    incarnation: u32,
    strings: Vec<Box<str>>,
    prefixes: Vec<Prefix>,
    options: Vec<TaskOptions>,
    n_clients: u32,
    clients: Vec<ClientRow>,
    n_graphs: u32,
    graphs: Vec<(GraphId, GraphRow)>,
    n_ended: u64,
    n_erred: u64,
    workers: Vec<WorkerRow>,
    flights: Vec<(WorkerId, TaskId, Flight)>,
    n_tasks: u32,
    tasks: TaskColumns,
    /// [`Graph::jumps`](crate::Graph::jumps), graph by graph.
    jumps: Vec<(GraphId, u32, TaskId)>,
    /// First task of what is being submitted: of the graph that has tasks to come yet.
    open_at: Option<TaskId>,
    /// [`Graph::nested`](crate::Graph::nested), graph by graph.
    nested: Vec<(GraphId, Nested)>,
}

/// A client without what follows from its graphs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct ClientRow {
    id: ClientId,
    name: StrId,
    next_local: u32,
}

/// A graph without what follows from its tasks.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct GraphRow {
    name: StrId,
    client: ClientId,
    first: TaskId,
    n_tasks: u32,
    n_ended: u32,
    n_erred: u32,
    local: u32,
}

/// A worker without what follows from its tasks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct WorkerRow {
    info: WorkerInfo,
    status: WorkerStatus,
    joined_at: Nanos,
    since: Nanos,
    /// Each as its place among the tasks that run here, in the order of their ids.
    assigned: Numbers,
    /// Each as its place among the tasks whose result is here.
    held: Numbers,
    n_finished: u64,
    n_failed: u64,
    busy: Nanos,
    clock_offset_ns: i64,
    clock_error_ns: u64,
    freed_seq: u64,
    reports_through: u64,
    lacks: Vec<Box<str>>,
}

/// The live tasks in the order of their ids, a column for each field; lists behind one another,
/// with their lengths in a column before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct TaskColumns {
    /// Ids between this task and the one before it.
    gaps: Numbers,
    /// Phase (bits 0–2), put off until a retry is due (3), ended (4), finished (5), `Again` (6–7).
    flags: Numbers,
    /// Kind of suffix (bits 0–1), whether there is an error (2), whether it waits or waited for tasks
    /// that it submitted while it executes (3).
    shapes: Numbers,
    prefixes: Numbers,
    /// Of keys with a suffix: its difference to the one expected, one more than the last.
    suffixes: Numbers,
    graphs: Numbers,
    options: Numbers,
    attempts: Numbers,
    n_failures: Numbers,
    n_deaths: Numbers,
    n_deps: Numbers,
    /// The dependency's id as its difference to the one [expected](ExpectedDep).
    deps: Numbers,
    n_dependents: Numbers,
    /// How far the dependent's id lies behind the task's; only of those that are gone.
    dependents: Numbers,
    n_wanted_by: Numbers,
    wanted_by: Numbers,
    n_replicas: Numbers,
    /// The worker's id times 2, and 1 more if the copy is on disk.
    replicas: Numbers,
    bytes: Numbers,
    /// `since_seq` as its difference to that of the last task in the same phase.
    since: Numbers,
    /// Of tasks with an error.
    errors: Vec<Blame>,
    /// Of tasks in `Processing`.
    runs: Vec<RunRow>,
    /// Of tasks that are put off: how long after `now` they are due.
    due: Vec<i64>,
    /// Of tasks that wait or waited for tasks that they submitted.
    stretches: Vec<StretchRow>,
}

/// An assignment without what the worker's lists say.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct RunRow {
    worker: WorkerId,
    /// The slot, and how long before `now` it began there.
    executing: Option<(u16, i64)>,
    estimate: Nanos,
    thief: Option<WorkerId>,
}

/// What an execution consists of that did not compute without a break.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct StretchRow {
    /// Whether it waits.
    seceded: bool,
    /// How long before `now` it began to wait, or to compute again.
    since: i64,
    /// How long it had computed by then.
    computed: Nanos,
}

/// Why a keyframe is no state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BadKeyframe {
    /// It contradicts itself: a damaged or forged file.
    #[error("a keyframe contradicts itself ({0})")]
    Contradiction(&'static str),
    /// The state would take more memory than allowed.
    #[error("a keyframe needs {needed} bytes of memory, more than the {allowed} allowed")]
    TooLarge {
        /// About what the state would take.
        needed: u64,
        /// What it may take.
        allowed: u64,
    },
}

impl Keyframe {
    /// `seq` of the first event after it.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// When the last event before it was logged.
    pub fn now(&self) -> Nanos {
        self.now
    }
}
