//! The trace file: write, read, tail.

mod bytes;
mod codec;
mod error;
mod events;
mod format;
mod queue;
mod reader;
mod recorder;
mod records;
mod run_info;
mod source;
mod spec_batch;
mod summary;
mod tail;
mod vec_source;
mod writer;

pub use error::{CreateError, OpenError, ReadError, RecordError, Warning};
pub use reader::{Tailer, TraceInfo, TraceReader, read_info, read_specs};
pub use recorder::{OnRecordError, RecordSummary, Recorder, RecorderOptions, RecorderStats};
pub use run_info::RunInfo;
pub use source::{Batch, Source};
pub use spec_batch::SpecBatch;
pub use summary::Summary;
pub use vec_source::VecSource;
