//! Whom an event is about.

use super::Event;
use crate::{TaskId, WorkerId};

impl Event {
    /// The task the event is about, if it is about one.
    pub fn task(&self) -> Option<TaskId> {
        match *self {
            Self::TaskSubmitted { task, .. }
            | Self::ResultWanted { task, .. }
            | Self::ResultReleased { task, .. }
            | Self::TaskCancelled { task, .. }
            | Self::TaskAssigned { task, .. }
            | Self::TaskUnplaceable { task }
            | Self::StealRequested { task, .. }
            | Self::StealConfirmed { task, .. }
            | Self::StealRefused { task, .. }
            | Self::RetryDue { task }
            | Self::TransferStarted { task, .. }
            | Self::TransferFinished { task, .. }
            | Self::TransferFailed { task, .. }
            | Self::TaskStarted { task, .. }
            | Self::TaskFinished { task, .. }
            | Self::TaskFailed { task, .. }
            | Self::ActivityRecorded { task, .. }
            | Self::ResultSpilled { task, .. }
            | Self::ResultRestored { task, .. }
            | Self::ReplicaAdded { task, .. }
            | Self::ReplicaDropped { task, .. }
            | Self::TaskSeceded { task, .. }
            | Self::TaskRejoined { task, .. }
            | Self::TasksNested { parent: task, .. } => Some(task),
            Self::Marked { task, .. } | Self::SpanRecorded { task, .. } => task,
            Self::SchedulerStarted { .. }
            | Self::Interned { .. }
            | Self::PrefixDeclared { .. }
            | Self::OptionsDeclared { .. }
            | Self::ClientConnected { .. }
            | Self::ClientLeft { .. }
            | Self::GraphSubmitted { .. }
            | Self::GraphExtended { .. }
            | Self::WorkerJoined { .. }
            | Self::WorkerLost { .. }
            | Self::WorkerPaused { .. }
            | Self::WorkerResumed { .. }
            | Self::WorkerRetiring { .. }
            | Self::ClockEstimated { .. }
            | Self::ReportsAccepted { .. }
            | Self::Unknown { .. } => None,
        }
    }

    /// The worker the event is about, if it is about one; of a transfer the receiving one.
    pub fn worker(&self) -> Option<WorkerId> {
        match *self {
            Self::WorkerJoined { worker, .. }
            | Self::WorkerLost { worker, .. }
            | Self::WorkerPaused { worker, .. }
            | Self::WorkerResumed { worker }
            | Self::WorkerRetiring { worker }
            | Self::ClockEstimated { worker, .. }
            | Self::ReportsAccepted { worker, .. }
            | Self::TaskAssigned { worker, .. }
            | Self::TaskStarted { worker, .. }
            | Self::TaskFinished { worker, .. }
            | Self::TaskFailed { worker, .. }
            | Self::ActivityRecorded { worker, .. }
            | Self::ResultSpilled { worker, .. }
            | Self::ResultRestored { worker, .. }
            | Self::ReplicaAdded { worker, .. }
            | Self::ReplicaDropped { worker, .. }
            | Self::TaskSeceded { worker, .. }
            | Self::TaskRejoined { worker, .. } => Some(worker),
            Self::TransferStarted { to, .. }
            | Self::TransferFinished { to, .. }
            | Self::TransferFailed { to, .. } => Some(to),
            Self::StealRequested { from, .. }
            | Self::StealConfirmed { from, .. }
            | Self::StealRefused { from, .. } => Some(from),
            Self::SchedulerStarted { .. }
            | Self::Interned { .. }
            | Self::PrefixDeclared { .. }
            | Self::OptionsDeclared { .. }
            | Self::ClientConnected { .. }
            | Self::ClientLeft { .. }
            | Self::GraphSubmitted { .. }
            | Self::GraphExtended { .. }
            | Self::TasksNested { .. }
            | Self::TaskSubmitted { .. }
            | Self::ResultWanted { .. }
            | Self::ResultReleased { .. }
            | Self::TaskCancelled { .. }
            | Self::TaskUnplaceable { .. }
            | Self::RetryDue { .. }
            | Self::Marked { .. }
            | Self::SpanRecorded { .. }
            | Self::Unknown { .. } => None,
        }
    }
}
