//! What the state knows of one task.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{
    ClientId, FailureKind, GraphId, Key, Nanos, OptionsId, Phase, Stage, StrId, TaskId, WorkerId,
};

/// A live task. Its fields agree with the indexes of `State`; `State::validate` checks how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// The user's name for it.
    pub key: Key,
    /// The graph it came with.
    pub graph: GraphId,
    /// How it wants to be run.
    pub options: OptionsId,
    /// Where it is in its life.
    pub phase: Phase,
    /// When the delay before its retry is over, if it waits for that (only in `Waiting`).
    pub due_at: Option<Nanos>,
    /// Why it runs (again): the reason of its next assignment, if it is not placement's choice.
    pub again: Again,
    /// How often it was assigned.
    pub attempt: u32,
    /// How often it failed.
    pub n_failures: u32,
    /// How many workers were lost that it executed on, or was next to (see `State::suspects`).
    pub n_deaths: u32,
    /// What it depends on, in the order of their ids; each is live as long as this task is.
    pub deps: Box<[TaskId]>,
    /// Who depends on it; may list tasks that are forgotten by now.
    pub dependents: SmallVec<[TaskId; 2]>,
    /// How many of `dependents` are live.
    pub n_dependents: u32,
    /// How many of `dependents` are active (see `Phase::is_active`): they need the result.
    pub n_waiters: u32,
    /// How many of `deps` are not in memory (only in `Waiting`, else 0).
    pub n_missing: u32,
    /// Clients that hold on to the result.
    pub wanted_by: SmallVec<[ClientId; 2]>,
    /// Whether it is counted in its graph's `n_ended`: it finished, erred or was cancelled once.
    pub ended: bool,
    /// Whether it is counted in its prefix's `n_finished`: its result was there once.
    pub finished: bool,
    /// Where it is processing, with its place in that worker's lists.
    pub run: Option<Run>,
    /// Who holds its result; not empty exactly in `Memory`.
    pub replicas: SmallVec<[Replica; 1]>,
    /// Size of the result, once it was finished.
    pub bytes: u64,
    /// Why it erred (only in `Erred`, or while it waits for a retry).
    pub error: Option<Blame>,
    /// The `seq` of the event that last changed its phase.
    pub since_seq: u64,
}

/// Whether, and why, a task runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum Again {
    /// It does not.
    No,
    /// It failed.
    Retry,
    /// Its worker or its result was lost.
    Recompute,
    /// It was given back to be run elsewhere.
    Rebalanced,
}

/// One assignment of a task.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Where.
    pub worker: WorkerId,
    /// Position in that worker's `assigned`.
    pub position: u32,
    /// Where and since when it executes.
    pub executing: Option<Executing>,
    /// Inputs on their way to the worker for this task.
    pub n_fetching: u32,
    /// How long it was thought to take when it was assigned; part of the worker's `occupancy`.
    pub estimate: Nanos,
    /// The worker that is to have it, once this one has given it back.
    pub thief: Option<WorkerId>,
}

impl Run {
    /// What it does on its worker.
    pub fn stage(&self) -> Stage {
        match (self.executing, self.n_fetching) {
            (Some(_), _) => Stage::Executing,
            (None, 0) => Stage::Ready,
            (None, _) => Stage::Fetching,
        }
    }
}

/// An execution that is going on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Executing {
    /// The slot.
    pub slot: u16,
    /// When it began.
    pub started_at: Nanos,
}

/// One worker's copy of a result.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replica {
    /// The holder.
    pub worker: WorkerId,
    /// Position in that worker's `held`.
    pub position: u32,
    /// Whether it is on disk rather than in memory.
    pub spilled: bool,
}

/// Why a task erred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blame {
    /// What made the culprit fail.
    pub kind: FailureKind,
    /// The message.
    pub error: StrId,
    /// The task that failed: itself, or one it depends on.
    pub culprit: TaskId,
}
