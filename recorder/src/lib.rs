//! The trace file: write, read, tail.
//!
//! A trace (`run.reel`) is the log of one run: every event, samples and log lines, in checksummed
//! blocks that need nothing from each other. `docs/trace-format.md` describes every byte.
//!
//! - [`Recorder`] writes one while the run goes on. What it acknowledged survives a kill of the
//!   process; blocks are made on a thread of its own.
//! - [`TraceReader`] reads one, whole, cut or damaged; [`Tailer`] follows one that grows. Both are a
//!   [`Source`], as is [`VecSource`] over what is in memory.
//! - [`read_info`] tells what is in one, [`read_specs`] what a restarted scheduler must know.
//!
//! It knows what events are and nothing of what they mean: states and plots are folded elsewhere.
//! Files are taken for hostile: whatever their bytes, there is an error or a warning, and never a
//! panic or more memory than a block may have.
//!
//! ```
//! use taskreel_model::{Event, Nanos, Stamped};
//! use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, Source, TraceReader};
//!
//! let folder = tempfile::tempdir()?;
//! let path = folder.path().join("run.reel");
//! let mut recorder = Recorder::create(&path, &RunInfo::default(), RecorderOptions::default())?;
//! let what = Event::SchedulerStarted { incarnation: 0 };
//! let begin = Stamped { seq: 0, logged_at: Nanos(0), at: Nanos(0), cause: None, what };
//! recorder.append(&[begin.clone()])?;
//! recorder.finish()?;
//!
//! let mut reader = TraceReader::open(&path)?;
//! let batch = reader.next_batch()?.expect("the trace has one block of events");
//! assert_eq!(batch.events, [begin]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod budget;
mod bytes;
mod check;
mod codec;
mod cursor;
mod disk;
mod error;
mod events;
mod format;
#[cfg(test)]
mod format_doc;
mod info;
mod keyframe;
pub mod library;
#[cfg(test)]
mod newer;
pub mod pack;
mod queue;
mod reader;
mod recorder;
mod records;
#[cfg(test)]
#[path = "../tests/trace/run.rs"]
mod run;
mod run_info;
mod scan;
mod seek;
mod source;
mod spec_batch;
mod summary;
mod tail;
mod trace_file;
mod vec_source;
mod writer;

pub use check::{CheckReport, Finding, RepairError, Repaired, check_trace, repair_trace};
pub use disk::{Conditions, Disk};
pub use error::{CreateError, OpenError, ReadError, RecordError, Warning};
pub use info::{TraceInfo, read_info};
pub use reader::{Tailer, TraceReader, read_specs};
pub use recorder::{
    Hand, OnRecordError, RecordSummary, Recorder, RecorderOptions, RecorderStats, ReopenError,
    Reopened,
};
pub use run_info::RunInfo;
pub use source::{Batch, SeekTo, Source};
pub use spec_batch::SpecBatch;
pub use summary::{Summary, Totals};
pub use vec_source::VecSource;
