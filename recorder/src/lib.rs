//! The trace file: write, read, tail.

mod bytes;
mod codec;
mod cursor;
mod error;
mod events;
mod format;
mod info;
mod queue;
mod reader;
mod recorder;
mod records;
#[cfg(test)]
#[path = "../tests/trace/run.rs"]
mod run;
mod run_info;
mod scan;
mod source;
mod spec_batch;
mod summary;
mod tail;
mod vec_source;
mod writer;

pub use error::{CreateError, OpenError, ReadError, RecordError, Warning};
pub use info::{TraceInfo, read_info};
pub use reader::{Tailer, TraceReader, read_specs};
pub use recorder::{OnRecordError, RecordSummary, Recorder, RecorderOptions, RecorderStats};
pub use run_info::RunInfo;
pub use source::{Batch, Source};
pub use spec_batch::SpecBatch;
pub use summary::Summary;
pub use vec_source::VecSource;
