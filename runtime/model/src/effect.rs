//! Effects: what the world must do because something changed. Live only; replay has none.

use crate::{ClientId, Nanos, TaskId, WorkerId};

/// Something to do outside. Safe to repeat: messages carry task and attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Send the task to the worker, with its spec and where its inputs are.
    Run {
        /// Whom.
        worker: WorkerId,
        /// What.
        task: TaskId,
        /// Which assignment of it.
        attempt: u32,
    },
    /// Tell the worker to drop the assignment, whatever its stage.
    Revoke {
        /// Whom.
        worker: WorkerId,
        /// What.
        task: TaskId,
        /// Which assignment of it.
        attempt: u32,
    },
    /// Ask the worker to give the task back unless it has begun.
    AskBack {
        /// Whom.
        worker: WorkerId,
        /// What.
        task: TaskId,
        /// Which assignment of it.
        attempt: u32,
    },
    /// Tell the worker to free its copy of a result.
    Free {
        /// Whom.
        worker: WorkerId,
        /// What.
        task: TaskId,
    },
    /// Tell a client that a task it wants has ended.
    Notify {
        /// Whom.
        client: ClientId,
        /// What.
        task: TaskId,
        /// Its own number of that.
        local: u32,
        /// How.
        ended: Ended,
    },
    /// Turn `Input::RetryDue` in at the instant given.
    SetRetryTimer {
        /// Which task.
        task: TaskId,
        /// When.
        due_at: Nanos,
    },
    /// Close the worker's connection.
    Disconnect {
        /// Whose.
        worker: WorkerId,
    },
}

/// How a task ended, for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Its result is held.
    Finished,
    /// It erred.
    Erred,
    /// It was given up.
    Cancelled,
}
