//! Why an event cannot be true after those before it.

use std::fmt;

use thiserror::Error;

use crate::{GraphId, Nanos, Phase, TaskId, WorkerId};

/// An event that contradicts those before it. In the live process a bug; in replay a damaged or
/// forged trace.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("event {seq} at {at}: {event}: {why}")]
pub struct IllegalEvent {
    /// Its place in the log.
    pub seq: u64,
    /// When it is said to have happened.
    pub at: Nanos,
    /// Its kind.
    pub event: &'static str,
    /// What is wrong.
    pub why: Why,
}

/// What is wrong with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its place in the log is not the next one.
    Sequence {
        /// The next one.
        expected: u64,
    },
    /// It was logged before the event before it, or happened after it was logged.
    Time,
    /// An id that should be the next of its kind is not.
    IdOutOfOrder,
    /// It names an id that was never declared, or is gone.
    Unknown,
    /// A task that is not live.
    UnknownTask(TaskId),
    /// A worker that is not here.
    UnknownWorker(WorkerId),
    /// A graph that was not submitted, or has all its tasks already.
    UnknownGraph(GraphId),
    /// A task in a phase in which this cannot happen to it.
    Phase(TaskId, Phase),
    /// A task assigned elsewhere, or not for the time given.
    Assignment(TaskId),
    /// A slot that does not exist or is taken.
    Slot(WorkerId, u16),
    /// A worker whose status does not allow it.
    Status(WorkerId),
    /// A transfer that was not begun, or is going on already.
    Transfer(TaskId, WorkerId),
    /// A copy that is not there, or is there already.
    Replica(TaskId, WorkerId),
    /// A task that something active still needs.
    Needed(TaskId),
    /// A count or size beyond what the state can hold.
    Overflow,
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sequence { expected } => write!(f, "expected event {expected} here"),
            Self::Time => write!(f, "time runs backwards"),
            Self::IdOutOfOrder => write!(f, "its id is not the next one"),
            Self::Unknown => write!(f, "it names something that was never declared"),
            Self::UnknownTask(task) => write!(f, "{task} is not a live task"),
            Self::UnknownWorker(worker) => write!(f, "{worker} is not here"),
            Self::UnknownGraph(graph) => write!(f, "{graph} takes no more tasks"),
            Self::Phase(task, phase) => write!(f, "{task} is {}", phase.name()),
            Self::Assignment(task) => write!(f, "{task} is not assigned like that"),
            Self::Slot(worker, slot) => write!(f, "slot {slot} of {worker} is not free"),
            Self::Status(worker) => write!(f, "the status of {worker} does not allow it"),
            Self::Transfer(task, worker) => write!(f, "no such transfer of {task} to {worker}"),
            Self::Replica(task, worker) => write!(f, "no such copy of {task} on {worker}"),
            Self::Needed(task) => write!(f, "{task} is still needed"),
            Self::Overflow => write!(f, "a number is too large"),
        }
    }
}
