//! Recording a run: the scheduler's side.

use std::path::{Path, PathBuf};

use taskreel_model::{Event, LogLine, Sample, Stamped, TaskId};

use crate::{CreateError, RecordError, RunInfo};

/// How to record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderOptions {
    /// What a failed write does to the run.
    pub on_error: OnRecordError,
    /// Whether a file of that name may be replaced.
    pub overwrite: bool,
}

/// What a failed write does to the run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnRecordError {
    /// `append` returns the error, and the run is to end with it.
    #[default]
    Stop,
    /// One warning is logged, and the run goes on without a trace.
    Continue,
}

/// What has been recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordSummary {
    /// The trace.
    pub path: PathBuf,
    /// Events in it.
    pub events: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Whether something is missing: a write failed and the run went on (`OnRecordError::Continue`).
    pub incomplete: bool,
}

/// How far the recording is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderStats {
    /// Events appended.
    pub events: u64,
    /// Bytes in the trace file by now.
    pub bytes_written: u64,
}

/// What to run for consecutive tasks, as opaque bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpecBatch {
    /// The task of the first spec; the others follow it.
    pub first: TaskId,
    /// Length of each task's spec.
    pub lens: Vec<u32>,
    /// The specs, one after the other.
    pub bytes: Vec<u8>,
}

/// Writes the trace of a run.
#[derive(Debug)]
pub struct Recorder {}

impl Recorder {
    /// Begins a trace.
    ///
    /// # Errors
    /// The file exists (unless `overwrite`) or cannot be made.
    pub fn create(
        path: &Path,
        info: &RunInfo,
        options: RecorderOptions,
    ) -> Result<Self, CreateError> {
        let _ = (path, info, options);
        unimplemented!()
    }

    /// Records events; `seq` must go on where the last ones ended. When it returns `Ok` they
    /// survive a kill of the process.
    ///
    /// # Errors
    /// A write failed, now or earlier on the recorder's own thread.
    pub fn append(&mut self, events: &[Stamped<Event>]) -> Result<(), RecordError> {
        let _ = events;
        unimplemented!()
    }

    /// Records what to run for tasks; as durable as events. Call it before the events that submit
    /// the tasks.
    ///
    /// # Errors
    /// As for `append`.
    pub fn specs(&mut self, batch: SpecBatch) -> Result<(), RecordError> {
        let _ = batch;
        unimplemented!()
    }

    /// Records a sample; dropped when the disk does not keep up.
    pub fn sample(&mut self, sample: Sample) {
        let _ = sample;
        unimplemented!()
    }

    /// Records a log line; dropped when the disk does not keep up.
    pub fn log(&mut self, line: LogLine) {
        let _ = line;
        unimplemented!()
    }

    /// How far the recording is.
    pub fn stats(&self) -> RecorderStats {
        unimplemented!()
    }

    /// Writes what is pending and the footer, and closes the file.
    ///
    /// # Errors
    /// A write failed, now or earlier.
    pub fn finish(self) -> Result<RecordSummary, RecordError> {
        unimplemented!()
    }
}
