//! Samples and logs: recorded beside the events, and never part of the state.

use serde::{Deserialize, Serialize};

use crate::{Nanos, TaskId, WorkerId};

/// A reading of one process, about twice a second. Samples may be thinned or dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// When it was read, on the scheduler's clock.
    pub at: Nanos,
    /// The worker it is of; `None`: the scheduler.
    pub worker: Option<WorkerId>,
    /// CPU time used since the last reading, in thousandths of one core (1000 = one core busy).
    pub cpu_permille: u32,
    /// Resident memory of the process. Embedded workers share one process, and so this figure.
    pub rss_bytes: u64,
    /// Results held in memory.
    pub managed_bytes: u64,
    /// Results held on disk.
    pub spilled_bytes: u64,
    /// Bytes per second received from other workers.
    pub received_per_s: u64,
    /// Bytes per second sent to other workers.
    pub sent_per_s: u64,
    /// Bytes per second read from disk by the process.
    pub read_per_s: u64,
    /// Bytes per second written to disk by the process.
    pub written_per_s: u64,
    /// Open files and sockets of the process.
    pub open_files: u32,
    /// Slots that run a task at this moment.
    pub slots_busy: u16,
    /// How late the process's own loop ran when the reading was due.
    pub lag: Nanos,
}

/// A line of text from a task, a worker or the scheduler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogLine {
    /// When it was written, on the scheduler's clock.
    pub at: Nanos,
    /// The worker it came from; `None`: the scheduler.
    pub worker: Option<WorkerId>,
    /// The task it came from, if any.
    pub task: Option<TaskId>,
    /// How grave it is.
    pub level: LogLevel,
    /// The text, without the line's end; at most 8 KiB.
    pub text: String,
}

/// How grave a log line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[repr(u8)]
pub enum LogLevel {
    /// Captured standard output.
    Output,
    /// Fine detail.
    Debug,
    /// Lifecycle.
    Info,
    /// Degraded; captured standard error.
    Warn,
    /// Data or work lost.
    Error,
}
