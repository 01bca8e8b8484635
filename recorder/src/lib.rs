//! The trace file: write, read, tail.

mod bytes;
mod codec;
mod error;
mod events;
mod format;
mod reader;
mod recorder;
mod records;
mod run_info;
mod source;
mod vec_source;

pub use error::{CreateError, OpenError, ReadError, RecordError, Warning};
pub use reader::{Summary, Tailer, TraceInfo, TraceReader, read_info, read_specs};
pub use recorder::{
    OnRecordError, RecordSummary, Recorder, RecorderOptions, RecorderStats, SpecBatch,
};
pub use run_info::RunInfo;
pub use source::{Batch, Source};
pub use vec_source::VecSource;
