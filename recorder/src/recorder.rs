//! Recording a run: the scheduler's side.

mod maker;
mod reopen;

use std::fs::{self, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use taskreel_model::{Event, LogLine, Sample, Stamped, State};

use crate::disk::Conditions;
use crate::keyframe::Keyframer;
use crate::queue::{Closing, Queue};
use crate::tail::{TailReader, TailWriter};
use crate::writer::BlockWriter;
use crate::{CreateError, RecordError, RunInfo, SpecBatch, Totals};

pub use maker::Hand;
use maker::{Closed, Maker, SharedMaker};
pub use reopen::{ReopenError, Reopened};

/// How to record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderOptions {
    /// What a failed write does to the run.
    pub on_error: OnRecordError,
    /// Whether what `append` acknowledges is on the disk, and survives a loss of power: each call
    /// waits for it.
    pub durable: bool,
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
    /// Samples and log lines that were dropped because the disk did not keep up.
    pub dropped: u64,
    /// Whether events are missing: a write failed and the run went on
    /// ([`OnRecordError::Continue`]).
    pub incomplete: bool,
}

/// How far the recording is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecorderStats {
    /// Events appended.
    pub events: u64,
    /// Bytes in the trace file by now, without the tail.
    pub bytes_written: u64,
}

/// Writes the trace of a run.
///
/// What [`append`](Self::append) and [`specs`](Self::specs) returned `Ok` for survives a kill of
/// the process (a loss of power only with [`RecorderOptions::durable`]; else the last second may be
/// lost). Dropped without [`finish`](Self::finish), it writes what is
/// pending, and the trace counts as not closed.
#[derive(Debug)]
pub struct Recorder {
    path: PathBuf,
    options: RecorderOptions,
    tail: TailWriter,
    queue: Arc<Queue>,
    maker: SharedMaker,
    next_seq: Option<u64>,
    stats: RecorderStats,
    /// Set by the first error: from then on nothing is written.
    stopped: bool,
}

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
        Self::create_under(path, info, options, Conditions::default())
    }

    /// As [`create`](Self::create), under these conditions.
    ///
    /// # Errors
    /// As for [`create`](Self::create).
    pub fn create_under(
        path: &Path,
        info: &RunInfo,
        options: RecorderOptions,
        conditions: Conditions,
    ) -> Result<Self, CreateError> {
        let fault = |source| CreateError::Io { path: path.to_owned(), source };
        let mut how = OpenOptions::new();
        how.write(true);
        let how =
            if options.overwrite { how.create(true).truncate(false) } else { how.create_new(true) };
        let file = how.open(path).map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => CreateError::Exists { path: path.to_owned() },
            _ => fault(source),
        })?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(CreateError::InUse { path: path.to_owned() });
        }
        if file.metadata().map_err(fault)?.len() > 0 {
            file.set_len(0).map_err(fault)?;
        }
        let begun = BlockWriter::begin_under(path, file, info, &conditions);
        let begun = begun.and_then(|(mut writer, run_check)| {
            if options.durable {
                // The tails are of no use without the header that they belong to.
                writer.sync().map_err(|why| fault(io::Error::other(why)))?;
            }
            Ok((writer, run_check))
        });
        let (writer, run_check) = begun.inspect_err(|_why| {
            if !options.overwrite {
                // A file without a header is of no use, and would be in the way of the next try.
                let _ = fs::remove_file(path);
            }
        })?;
        let tail = (TailWriter::new(path, run_check), TailReader::new(path, run_check));
        let keyframer = Keyframer::new(path, writer.bytes(), State::new());
        Self::start(path, options, (writer, keyframer), tail, conditions).map_err(fault)
    }

    /// Starts the writing thread, if there is to be one.
    fn start(
        path: &Path,
        options: RecorderOptions,
        (writer, keyframer): (BlockWriter, Keyframer),
        (tail, tail_reader): (TailWriter, TailReader),
        conditions: Conditions,
    ) -> io::Result<Self> {
        let bytes_written = writer.bytes();
        let queue = Arc::new(Queue::new(bytes_written));
        let by_hand = conditions.by_hand;
        let tail = tail.durable(options.durable).under(conditions.clone());
        let made = Maker::new(writer, keyframer, tail_reader).under(conditions, options.durable);
        let maker = Arc::new(Mutex::new(Some(made)));
        let theirs = (Arc::clone(&maker), Arc::clone(&queue));
        if !by_hand {
            // It ends by itself once the maker is taken: nobody waits for a thread that gives way to all.
            std::thread::Builder::new()
                .name("recorder".to_owned())
                .spawn(move || maker::run(&theirs.0, &theirs.1))?;
        }
        Ok(Self {
            path: path.to_owned(),
            options,
            tail,
            queue,
            maker,
            next_seq: None,
            stats: RecorderStats { events: 0, bytes_written },
            stopped: false,
        })
    }

    /// What makes blocks in place of the recorder's thread ([`Conditions::by_hand`]).
    pub fn hand(&self) -> Hand {
        Hand::new(&self.maker, &self.queue)
    }

    /// The file it writes.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Records events; `seq` goes on where the last ones ended. When it returns `Ok` they survive
    /// a kill of the process.
    ///
    /// # Errors
    /// A write failed, now or earlier on the recorder's own thread.
    ///
    /// # Panics
    /// A `seq` is not one more than the one before.
    pub fn append(&mut self, events: &[Stamped<Event>]) -> Result<(), RecordError> {
        self.check_order(events);
        self.record(|recorder, folded| {
            recorder.tail.events(events, folded)?;
            recorder.stats.events += events.len() as u64;
            recorder.grown()
        })
    }

    /// Records events as [`append`](Self::append) does, and drops them. Leaves them in place if it
    /// fails.
    ///
    /// # Errors
    /// As for [`append`](Self::append).
    ///
    /// # Panics
    /// As for [`append`](Self::append).
    pub fn take(&mut self, events: &mut Vec<Stamped<Event>>) -> Result<(), RecordError> {
        self.append(events)?;
        events.clear();
        Ok(())
    }

    fn check_order(&mut self, events: &[Stamped<Event>]) {
        let Some(first) = events.first() else { return };
        let begin = *self.next_seq.get_or_insert(first.seq);
        assert_eq!(first.seq, begin, "events are recorded in the order of their seq");
        self.next_seq = Some(begin + events.len() as u64);
    }

    /// Records what to run for tasks; as durable as events. Call it before the events that submit
    /// the tasks.
    ///
    /// # Errors
    /// A write failed, now or earlier; or one spec has more than 32 MiB.
    pub fn specs(&mut self, batch: SpecBatch) -> Result<(), RecordError> {
        self.record(|recorder, folded| {
            for part in recorder.tail.split_specs(batch)? {
                recorder.tail.specs(&part, folded)?;
            }
            recorder.grown()
        })
    }

    /// The tail has grown: makes blocks of it if nobody else gets round to it.
    fn grown(&self) -> Result<(), RecordError> {
        let too_much = self.queue.grown(self.tail.written());
        if too_much { maker::help(&self.maker, &self.queue) } else { Ok(()) }
    }

    /// Records a sample; it is dropped when the disk does not keep up.
    pub fn sample(&mut self, sample: Sample) {
        if !self.stopped {
            self.queue.push_sample(sample);
        }
    }

    /// Records a log line, cut to 8 KiB; it is dropped when the disk does not keep up.
    pub fn log(&mut self, mut line: LogLine) {
        const MAX_TEXT: usize = 8 << 10;
        if !self.stopped {
            line.text.truncate(line.text.floor_char_boundary(MAX_TEXT));
            self.queue.push_log(line);
        }
    }

    /// How far the recording is.
    pub fn stats(&self) -> RecorderStats {
        self.stats
    }

    /// Writes what is pending and the footer, and closes the file.
    ///
    /// # Errors
    /// A write failed, now or earlier (with [`OnRecordError::Continue`] that is in the summary).
    pub fn finish(self) -> Result<RecordSummary, RecordError> {
        self.finish_with(None)
    }

    /// Finishes as [`finish`](Self::finish) does, and notes what the state after the last event says:
    /// then nobody needs to fold the trace to know how the run ended.
    ///
    /// # Errors
    /// As for [`finish`](Self::finish).
    pub fn finish_at(self, state: &State) -> Result<RecordSummary, RecordError> {
        let is_last = self.next_seq.is_none_or(|next_seq| next_seq == state.next_seq());
        self.finish_with(is_last.then(|| Totals::of(state)))
    }

    fn finish_with(mut self, totals: Option<Totals>) -> Result<RecordSummary, RecordError> {
        let closing = if self.stopped { Closing::Abandon } else { Closing::Finish(totals) };
        let closed = self.close(closing);
        let failure = match self.queue.progress() {
            Err(Some(failure)) => Some(failure),
            _ if self.stopped => Some(RecordError::Stopped { path: self.path.clone() }),
            _ => None,
        };
        if let Some(failure) = failure {
            self.settle(failure)?;
        }
        Ok(RecordSummary {
            path: self.path.clone(),
            events: closed.summary.events,
            bytes: closed.bytes,
            dropped: closed.summary.dropped,
            incomplete: self.stopped,
        })
    }

    /// Runs one write, unless an earlier one failed.
    fn record(
        &mut self,
        write: impl FnOnce(&mut Self, u64) -> Result<(), RecordError>,
    ) -> Result<(), RecordError> {
        if self.stopped {
            return self.settle(RecordError::Stopped { path: self.path.clone() });
        }
        let written = match self.queue.progress() {
            Ok((folded, bytes)) => {
                self.stats.bytes_written = bytes;
                write(self, folded)
            }
            Err(failure) => {
                Err(failure.unwrap_or_else(|| RecordError::Stopped { path: self.path.clone() }))
            }
        };
        written.or_else(|failure| self.settle(failure))
    }

    /// Makes of a failure what the options say.
    fn settle(&mut self, failure: RecordError) -> Result<(), RecordError> {
        let first = !self.stopped;
        self.stopped = true;
        match self.options.on_error {
            OnRecordError::Stop => Err(failure),
            OnRecordError::Continue => {
                if first {
                    tracing::warn!(error = %failure, "the run goes on without a trace");
                }
                Ok(())
            }
        }
    }

    /// Ends the writing. The tail is removed if all that it holds is in the file.
    fn close(&mut self, closing: Closing) -> Closed {
        let closed = maker::close(&self.maker, &self.queue, closing);
        if closed.complete {
            self.tail.remove();
        }
        closed
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // The process is about to end with a panic: what is pending is in the tail.
            self.queue.close();
        } else {
            self.close(Closing::Abandon);
        }
    }
}
