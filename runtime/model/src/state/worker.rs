//! Workers: they join, pause, resume, retire and are lost.

use serde::{Deserialize, Serialize};

use crate::{Nanos, TaskId, WorkerInfo, WorkerStatus};

/// What the state knows of one worker.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Worker {
    /// What it said of itself.
    pub info: WorkerInfo,
    /// Whether it takes tasks.
    pub status: WorkerStatus,
    /// When it joined.
    pub joined_at: Nanos,
    /// When its status last changed.
    pub since: Nanos,
    /// The tasks assigned to it, in no order; each knows its position (`Run::position`).
    pub assigned: Vec<TaskId>,
    /// What runs in each slot; its length is `info.slots`.
    pub slots: Vec<Option<TaskId>>,
    /// The results it holds, in no order; each knows its position (`Replica::position`).
    pub held: Vec<TaskId>,
    /// Bytes of the results it holds in memory.
    pub memory_bytes: u64,
    /// Bytes of the results it holds on disk.
    pub disk_bytes: u64,
    /// Time that the tasks assigned to it are thought to take together.
    pub occupancy: Nanos,
    /// Tasks that finished on it.
    pub n_finished: u64,
    /// Tasks that failed on it.
    pub n_failed: u64,
    /// Time its slots spent executing.
    pub busy: Nanos,
    /// Its clock plus this is the scheduler's.
    pub clock_offset_ns: i64,
    /// How wrong that may be.
    pub clock_error_ns: u64,
    /// The `seq` of the last event that gave it room for another task.
    pub freed_seq: u64,
}

impl Worker {
    /// Slots that execute a task.
    pub fn n_executing(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Assigned tasks per slot, in 1/256: the key of `State::by_load`.
    pub(crate) fn load(&self) -> u32 {
        (self.assigned.len() as u32).saturating_mul(256) / u32::from(self.info.slots).max(1)
    }
}
