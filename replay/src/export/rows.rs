//! What is exported, as rows.

use taskreel_model::{
    Activity, FailureKind, GraphId, Key, Nanos, Outcome, Phase, Sample, State, StrId, TaskId,
    WorkerId,
};
use taskreel_recorder::RunInfo;

use crate::timeline::Places;

/// All rows of a run.
#[derive(Debug)]
pub struct Rows {
    /// What the run says of itself.
    pub run: RunInfo,
    /// The run at its end: the texts of keys, strings and workers.
    pub state: State,
    /// The last instant of the run.
    pub end: Nanos,
    /// One per task, by id; see [`Rows::task`].
    pub tasks: Vec<TaskRow>,
    /// Which row a task has.
    pub(super) places: Places,
    /// When it begins, if it is a part of a run.
    pub begins_at: Option<Nanos>,
    /// One per execution, in the order in which they were logged.
    pub attempts: Vec<Attempt>,
    /// What followed the first stretch of executions that waited for tasks that they had submitted.
    pub parts: Vec<Part>,
    /// Dependencies that were met: which attempt made the input of which, by their places.
    pub edges: Vec<(u32, u32)>,
    /// Data that moved, in the order in which that ended.
    pub moves: Vec<Move>,
    /// Readings of processes.
    pub samples: Vec<Sample>,
    /// The user's markers and spans.
    pub marks: Vec<Mark>,
    /// Workers that were lost, and when.
    pub losses: Vec<(Nanos, WorkerId)>,
    /// How many tasks were waiting, ready, processing and in memory, thinned.
    pub counts: Vec<(Nanos, [u64; 4])>,
    /// What cut the fold short: damage, or an event that contradicts those before it.
    pub cut: Option<String>,
}

/// A task, whether it ran or not.
#[derive(Clone, Copy, Debug)]
pub struct TaskRow {
    /// The user's name for it.
    pub key: Key,
    /// The graph it came with.
    pub graph: GraphId,
    /// When it was submitted.
    pub submitted_at: Nanos,
    /// When it was last ready to be placed; zero: never.
    pub ready_at: Nanos,
    /// When it was last assigned; zero: never.
    pub assigned_at: Nanos,
    /// The phase it was last in.
    pub phase: Phase,
    /// Whether it was given up.
    pub cancelled: bool,
    /// How often it began to run.
    pub n_runs: u32,
    /// The attempt that last made its result.
    pub(super) made_by: Option<u32>,
}

/// One execution of a task.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Which task.
    pub task: TaskId,
    /// The assignment's number, from 1.
    pub attempt: u32,
    /// Where.
    pub worker: WorkerId,
    /// In which slot.
    pub slot: u16,
    /// When it could have been placed.
    pub ready_at: Nanos,
    /// When it was assigned.
    pub assigned_at: Nanos,
    /// When it began.
    pub started_at: Nanos,
    /// When it first gave its slot back, to wait for tasks that it had submitted; see [`Rows::parts`].
    pub left_at: Option<Nanos>,
    /// How long it waited for these.
    pub waited: Nanos,
    /// When it ended; `None`: it runs at the end of the trace.
    pub stopped_at: Option<Nanos>,
    /// How it ended; `None`: it runs.
    pub outcome: Option<Outcome>,
    /// Size of the result.
    pub bytes: u64,
    /// Why it failed.
    pub error: Option<(FailureKind, StrId)>,
}

/// A stretch in which an execution waited for tasks that it had submitted, or went on after that.
#[derive(Clone, Copy, Debug)]
pub struct Part {
    /// Place of the execution in [`Rows::attempts`].
    pub attempt: u32,
    /// The slot it has; `None`: it waits.
    pub slot: Option<u16>,
    /// When it began.
    pub started_at: Nanos,
    /// When it ended; `None`: it goes on at the end of the trace.
    pub stopped_at: Option<Nanos>,
}

/// Data that moved: a transfer between workers, disk access, encoding or decoding.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// What was done.
    pub activity: Activity,
    /// Whose result.
    pub task: TaskId,
    /// For which task.
    pub dependent: TaskId,
    /// Where: of a transfer the receiver.
    pub worker: WorkerId,
    /// Of a transfer, the sender.
    pub from: Option<WorkerId>,
    /// When it began.
    pub started_at: Nanos,
    /// When it ended.
    pub stopped_at: Nanos,
    /// How much; 0 if it failed.
    pub bytes: u64,
    /// Whether it ended well.
    pub ok: bool,
}

/// A marker or span of the user's.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Its name.
    pub name: StrId,
    /// The task it was set in.
    pub task: Option<TaskId>,
    /// Where a span began.
    pub started_at: Option<Nanos>,
    /// When it was set, or the span ended.
    pub at: Nanos,
}

impl Rows {
    /// A task; of a part of a run, those that were gone at its begin have no row.
    pub fn task(&self, task: TaskId) -> Option<&TaskRow> {
        self.tasks.get(self.places.row(task)?)
    }

    /// The key of a task, or its id.
    pub fn task_name(&self, task: TaskId) -> String {
        match self.task(task) {
            Some(row) => self.state.key_text(row.key),
            None => task.to_string(),
        }
    }

    /// The prefix of a task's key.
    pub fn prefix_name(&self, task: TaskId) -> &str {
        match self.task(task) {
            Some(row) => &self.state.prefix(row.key.prefix).name,
            None => "",
        }
    }

    /// A worker's name, or its id.
    pub fn worker_name(&self, worker: WorkerId) -> String {
        match self.state.worker(worker) {
            Some(known) => known.info.name.clone(),
            None => worker.to_string(),
        }
    }
}

/// An outcome as a word; `None`: it runs.
pub(super) fn outcome_name(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "running",
        Some(Outcome::Finished) => "finished",
        Some(Outcome::Failed) => "failed",
        Some(Outcome::Lost) => "lost",
        Some(Outcome::Cancelled) => "cancelled",
    }
}

/// An activity as a word.
pub(super) fn activity_name(activity: Activity) -> &'static str {
    match activity {
        Activity::Deserialize => "deserialize",
        Activity::Serialize => "serialize",
        Activity::DiskRead => "disk-read",
        Activity::DiskWrite => "disk-write",
        Activity::Transfer => "transfer",
    }
}

/// What made a task fail, as a word.
pub(super) fn failure_name(kind: FailureKind) -> &'static str {
    match kind {
        FailureKind::Error => "error",
        FailureKind::Panic => "panic",
        FailureKind::Exit => "exit",
        FailureKind::Unavailable => "unavailable",
        FailureKind::Timeout => "timeout",
        FailureKind::Poison => "poison",
        FailureKind::Codec => "codec",
        FailureKind::Missing => "missing",
    }
}
