//! The phases of a task and the statuses of a worker.

use serde::{Deserialize, Serialize};

/// Where a task is in its life. The names are those of Dask's scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Phase {
    /// Known, its result neither held nor computed: kept as lineage of what depends on it.
    Released,
    /// Waits for dependencies, or for the delay before a retry.
    Waiting,
    /// Ready, but no worker that is here may run it.
    NoWorker,
    /// Ready, waits to be placed: listed in `State::ready`.
    Queued,
    /// Assigned to a worker, which fetches its inputs, keeps it ready or executes it.
    Processing,
    /// Its result is held by at least one worker.
    Memory,
    /// Failed for good, or blamed on a dependency that did.
    Erred,
    /// No longer in the state.
    Forgotten,
}

impl Phase {
    /// All phases, in the order of a task's life.
    pub const ALL: [Self; 8] = [
        Self::Released,
        Self::Waiting,
        Self::NoWorker,
        Self::Queued,
        Self::Processing,
        Self::Memory,
        Self::Erred,
        Self::Forgotten,
    ];

    /// The name users of Dask know.
    pub fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Waiting => "waiting",
            Self::NoWorker => "no-worker",
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Memory => "memory",
            Self::Erred => "erred",
            Self::Forgotten => "forgotten",
        }
    }

    /// On its way to a result: such a task needs the results of its dependencies.
    pub fn is_active(self) -> bool {
        match self {
            Self::Waiting | Self::NoWorker | Self::Queued | Self::Processing => true,
            Self::Released | Self::Memory | Self::Erred | Self::Forgotten => false,
        }
    }
}

/// What a task that is processing does on its worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum Stage {
    /// Waits for the last of its inputs, which a task that the same worker has is to make.
    Chained,
    /// Has its inputs as far as the scheduler knows, and waits for a slot.
    Ready,
    /// Inputs are on their way from other workers.
    Fetching,
    /// Runs in a slot.
    Executing,
    /// Has begun, and waits for tasks that it submitted, without a slot.
    Seceded,
}

impl Stage {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chained => "chained",
            Self::Ready => "ready",
            Self::Fetching => "fetching",
            Self::Executing => "executing",
            Self::Seceded => "seceded",
        }
    }
}

/// Whether a worker takes tasks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum WorkerStatus {
    /// Takes tasks.
    Running,
    /// Starts nothing new for now.
    Paused,
    /// Gets no more tasks and will leave.
    Retiring,
    /// Gone.
    Lost,
}

impl WorkerStatus {
    /// The name for people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Retiring => "retiring",
            Self::Lost => "lost",
        }
    }
}
