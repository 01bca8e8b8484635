//! Why: the small enums that say how a decision or a failure came about.

use serde::{Deserialize, Serialize};

/// Why a task went to that worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum AssignReason {
    /// The worker holds the most bytes of its inputs.
    Locality,
    /// The worker had the least to do.
    Idle,
    /// Moved there from a busier worker.
    Rebalanced,
    /// It failed, and runs again.
    Retry,
    /// Its worker or its result was lost.
    Recompute,
    /// Its restrictions leave no other.
    Restricted,
    /// By lot.
    Random,
    /// Ahead of its last input, which a task that the worker has already is to make.
    Chained,
}

/// Why a task was given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum CancelReason {
    /// A client asked for it.
    Requested,
    /// Nobody wants its result any more.
    Unwanted,
    /// Something it depends on was cancelled.
    Dependency,
    /// The run was stopped.
    Stopped,
}

/// Why a worker is gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum LossReason {
    /// It said goodbye.
    Left,
    /// Its connection broke.
    Disconnected,
    /// It was silent for too long.
    Silent,
    /// It was retired.
    Retired,
    /// Its supervisor ended it for using too much memory.
    OutOfMemory,
    /// The scheduler restarted and it did not come back.
    NotBack,
}

impl LossReason {
    /// Whether nobody sent it away.
    pub fn is_unplanned(self) -> bool {
        match self {
            Self::Left | Self::Retired => false,
            Self::Disconnected | Self::Silent | Self::OutOfMemory | Self::NotBack => true,
        }
    }
}

/// Why a worker starts nothing new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum PauseReason {
    /// Its memory is nearly full.
    Memory,
    /// It cannot spill: its disk is full.
    DiskFull,
    /// A person asked for it.
    Requested,
}

/// What made a task fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum FailureKind {
    /// The function returned an error.
    Error,
    /// The function panicked.
    Panic,
    /// The command ended with a status other than 0, or by a signal.
    Exit,
    /// The command or function could not be started.
    Unavailable,
    /// It took longer than its timeout.
    Timeout,
    /// It was on too many workers when they died.
    Poison,
    /// An argument or result could not be decoded or encoded.
    Codec,
    /// The worker's program does not have the function.
    Missing,
}

/// Why a copy did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[repr(u8)]
pub enum TransferFailure {
    /// The peer could not be reached or broke off.
    Unreachable,
    /// The peer does not hold it.
    Missing,
    /// The peer has too much to do.
    Busy,
    /// No longer needed.
    Cancelled,
}

/// Work around a task that is not its execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Activity {
    /// Decoding its inputs.
    Deserialize,
    /// Encoding its result.
    Serialize,
    /// Reading a spilled result.
    DiskRead,
    /// Spilling a result.
    DiskWrite,
    /// Fetching an input from another worker.
    Transfer,
}
