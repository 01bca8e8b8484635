//! A copy of a trace for somebody else: without what tasks run, as small as asked, redacted if asked.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use taskreel_model::{EVENT_NAMES, Event, IllegalEvent, Nanos, Stamped, State};
use thiserror::Error;

use super::redact::Redactor;
use crate::keyframe::Keyframer;
use crate::writer::BlockWriter;
use crate::{
    Batch, CreateError, OpenError, ReadError, RecordError, SeekTo, Source, TraceReader, Warning,
    read_info,
};

/// Events are gathered to blocks of this many: small ones take more room.
const GATHERED: usize = 64 << 10;
/// Below this a rest of events is not halved further to fit.
const FEW: usize = 32;
/// The tag of events that this version did not understand, in a copy. No event will have it.
const LOST_TAG: u8 = 127;

/// What a copy is to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyOptions {
    /// The most bytes it may have: first samples are left out, then log lines, then the end.
    pub max_bytes: Option<u64>,
    /// Whether texts become pseudonyms.
    pub redact: bool,
    /// Where the copy begins: with the state after all events logged by then. `None`: at the begin.
    pub from: Option<Nanos>,
    /// Where it ends: with the last event logged by then. `None`: at the end.
    pub to: Option<Nanos>,
}

/// What a copy became.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Copied {
    /// Size of the file in bytes.
    pub bytes: u64,
    /// Events in it.
    pub events: u64,
    /// Samples in it.
    pub samples: u64,
    /// Log lines in it.
    pub logs: u64,
    /// What the original has and the copy has not.
    pub left_out: LeftOut,
    /// Different texts that became pseudonyms.
    pub n_replaced: u64,
    /// Whether the original was closed properly.
    pub closed: bool,
    /// What was found wrong with the original.
    pub warnings: Vec<Warning>,
}

/// What a copy has not for want of room. What lies outside its window is not counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Specs: what tasks run, with arguments and environment. Always left out.
    pub specs: u64,
    /// Samples.
    pub samples: u64,
    /// Log lines.
    pub logs: u64,
    /// Events at the end.
    pub events: u64,
    /// The instant of the first of them.
    pub cut_at: Option<Nanos>,
}

/// Why there is no copy.
#[derive(Debug, Error)]
pub enum CopyError {
    /// The original could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The original could not be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The copy could not be written.
    #[error("cannot write {}: {source}; make room, or choose another folder with -o", path.display())]
    Write {
        /// The copy.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The copy could not be written, for another reason.
    #[error(transparent)]
    Record(RecordError),
    /// The run cannot be folded up to the copy's begin.
    #[error("the run cannot be followed to where the copy is to begin: event {seq}: {source}")]
    Illegal {
        /// The event's place in the log.
        seq: u64,
        /// What is wrong with it.
        source: IllegalEvent,
    },
    /// The state at the copy's begin cannot be stored.
    #[error("the state at {at} is too large to begin a copy with: choose another --from")]
    StateTooLarge {
        /// The copy's begin.
        at: Nanos,
    },
    /// The original begins with a state, whose texts cannot be replaced.
    #[error("a part of a run cannot be redacted: redact when you cut it out of the whole run")]
    RedactedWindow,
    /// Not even the run's begin fits.
    #[error(
        "not even the begin of the run fits into {max_bytes} bytes: allow more with --max-bytes"
    )]
    TooSmall {
        /// What was asked for.
        max_bytes: u64,
    },
}

/// What one attempt takes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Take {
    All,
    NoSamples,
    EventsOnly,
    /// As many events as fit.
    Begin,
}

impl Take {
    fn less(self) -> Option<Self> {
        match self {
            Self::All => Some(Self::NoSamples),
            Self::NoSamples => Some(Self::EventsOnly),
            Self::EventsOnly => Some(Self::Begin),
            Self::Begin => None,
        }
    }
}

/// Copies a trace to a new file; one that is there is replaced. A trace that was not closed gives a
/// copy that says so.
///
/// # Errors
/// The original cannot be read, the copy cannot be written, or the limit is too tight.
pub fn copy_trace(from: &Path, to: &Path, options: CopyOptions) -> Result<Copied, CopyError> {
    let info = read_info(from)?;
    let mut take = Take::All;
    loop {
        if let Some(mut copied) = Copier::begin(from, to, options, take)?.run()? {
            copied.left_out.specs = info.summary.specs;
            return Ok(copied);
        }
        let too_small = CopyError::TooSmall { max_bytes: options.max_bytes.unwrap_or(0) };
        take = take.less().ok_or(too_small)?;
    }
}

/// One attempt.
struct Copier {
    reader: TraceReader,
    writer: BlockWriter,
    redactor: Option<Redactor>,
    options: CopyOptions,
    take: Take,
    gathered: Batch,
    /// Before the window: the run so far.
    opening: Option<State>,
    /// Adds states to a long copy, once it is written.
    keyframer: Option<Keyframer>,
    copied: Copied,
}

impl Copier {
    fn begin(from: &Path, to: &Path, options: CopyOptions, take: Take) -> Result<Self, CopyError> {
        let mut reader = TraceReader::open(from)?;
        let opening = opening(&mut reader, options)?;
        let mut redactor = options.redact.then(Redactor::default);
        let info = match &mut redactor {
            Some(redactor) => redactor.run_info(reader.run_info()),
            None => reader.run_info().clone(),
        };
        let fault = |source| CopyError::Write { path: to.to_owned(), source };
        let file = File::create(to).map_err(fault)?;
        let (writer, _) = BlockWriter::begin(to, file, &info).map_err(|why| match why {
            CreateError::Io { source, .. } => fault(source),
            // Of the original, the header was no longer than that of a copy may be.
            other => fault(io::Error::other(other)),
        })?;
        let whole = opening.is_none();
        Ok(Self {
            keyframer: whole.then(|| Keyframer::new(to, writer.bytes(), State::new())),
            reader,
            writer,
            redactor,
            options,
            take,
            gathered: Batch::default(),
            opening,
            copied: Copied::default(),
        })
    }

    /// Copies all that is to be taken along; `None`: it does not fit.
    fn run(mut self) -> Result<Option<Copied>, CopyError> {
        while let Some(batch) = self.reader.next_batch()? {
            self.gather(batch);
            if self.gathered.events.len() >= GATHERED && !self.flush()? {
                return Ok(None);
            }
        }
        // The begin of a window that lies at the end of the run is written, too.
        if !self.flush()? || !self.open_window()? {
            return Ok(None);
        }
        if self.copied.left_out.events > 0 && self.copied.events == 0 {
            return Ok(None);
        }
        self.copied.closed = self.reader.is_finished();
        // Without a footer the copy of a run that was not closed says so, too.
        if self.copied.closed {
            self.add_keyframes()?;
            self.writer.finish().map_err(write_error)?;
        }
        self.copied.bytes = self.writer.bytes();
        self.copied.warnings = self.reader.warnings().to_vec();
        self.copied.n_replaced = self.redactor.as_ref().map_or(0, Redactor::n_replaced);
        Ok(Some(self.copied))
    }

    /// Keeps what is in the window and is to be taken along.
    fn gather(&mut self, mut batch: Batch) {
        let from = self.options.from.unwrap_or(Nanos::ZERO);
        let to = self.options.to.unwrap_or(Nanos::MAX);
        batch.events.retain(|event| event.logged_at <= to);
        batch.samples.retain(|sample| (from..=to).contains(&sample.at));
        batch.logs.retain(|line| (from..=to).contains(&line.at));
        self.gathered.events.append(&mut batch.events);
        if self.take == Take::All {
            self.gathered.samples.append(&mut batch.samples);
        }
        if matches!(self.take, Take::All | Take::NoSamples) {
            self.gathered.logs.append(&mut batch.logs);
        }
        self.copied.left_out.samples += batch.samples.len() as u64;
        self.copied.left_out.logs += batch.logs.len() as u64;
    }

    /// Writes what was gathered; `false`: it does not fit.
    fn flush(&mut self) -> Result<bool, CopyError> {
        let mut batch = std::mem::take(&mut self.gathered);
        for event in &mut batch.events {
            keep_place(&mut event.what);
        }
        if let Some(redactor) = &mut self.redactor {
            batch.events.iter_mut().for_each(|event| redactor.event(&mut event.what));
            batch.logs.iter_mut().for_each(|line| redactor.log(line));
        }
        self.fold_before_window(&mut batch.events)?;
        if !batch.events.is_empty() && !self.open_window()? {
            return Ok(false);
        }
        if self.take == Take::Begin {
            self.write_begin(&batch.events)?;
            return Ok(true);
        }
        self.writer.events(&batch.events).map_err(write_error)?;
        self.writer.samples(&batch.samples).map_err(write_error)?;
        self.writer.logs(&batch.logs).map_err(write_error)?;
        self.copied.events += batch.events.len() as u64;
        self.copied.samples += batch.samples.len() as u64;
        self.copied.logs += batch.logs.len() as u64;
        Ok(self.fits())
    }

    /// Takes out the events before the window: they are in the state that it begins with.
    fn fold_before_window(&mut self, events: &mut Vec<Stamped<Event>>) -> Result<(), CopyError> {
        let (Some(state), Some(from)) = (&mut self.opening, self.options.from) else {
            return Ok(());
        };
        let n_before = events.partition_point(|event| event.logged_at <= from);
        let mut changes = Vec::new();
        for event in events.drain(..n_before) {
            let folded = state.apply(&event, &mut changes);
            folded.map_err(|source| CopyError::Illegal { seq: event.seq, source })?;
            changes.clear();
        }
        Ok(())
    }

    /// Writes the state that the window begins with, once; `false`: it does not fit.
    fn open_window(&mut self) -> Result<bool, CopyError> {
        let Some(state) = self.opening.take() else {
            return Ok(true);
        };
        let (_, written) = self.writer.keyframe(&state, u64::MAX).map_err(write_error)?;
        if !written {
            return Err(CopyError::StateTooLarge { at: state.now() });
        }
        let (path, begin) = (self.writer.path(), self.writer.bytes());
        self.keyframer = Some(Keyframer::new(path, begin, state));
        Ok(self.fits())
    }

    /// Adds states to a long copy, if there is room for them.
    fn add_keyframes(&mut self) -> Result<(), CopyError> {
        let Some(mut keyframer) = self.keyframer.take() else { return Ok(()) };
        let mark = self.writer.mark();
        keyframer.finish(&mut self.writer).map_err(write_error)?;
        if !self.fits() {
            self.writer.rewind(mark).map_err(write_error)?;
        }
        self.writer.set_totals(keyframer.totals(&self.writer));
        Ok(())
    }

    fn fits(&self) -> bool {
        let bytes = self.writer.bytes() + self.writer.footer_bytes_max();
        self.options.max_bytes.is_none_or(|max_bytes| bytes <= max_bytes)
    }

    /// Writes as many of these events as fit, and counts the rest.
    fn write_begin(&mut self, mut rest: &[Stamped<Event>]) -> Result<(), CopyError> {
        let mut n = rest.len();
        while !rest.is_empty() && self.copied.left_out.events == 0 {
            let (these, others) = rest.split_at(n.min(rest.len()));
            let mark = self.writer.mark();
            self.writer.events(these).map_err(write_error)?;
            if self.fits() {
                self.copied.events += these.len() as u64;
                rest = others;
                continue;
            }
            self.writer.rewind(mark).map_err(write_error)?;
            if these.len() <= FEW {
                break;
            }
            n = these.len() / 2;
        }
        if let Some(first) = rest.first() {
            self.copied.left_out.cut_at.get_or_insert(first.logged_at);
            self.copied.left_out.events += rest.len() as u64;
        }
        Ok(())
    }
}

/// The state with which the fold up to the copy's begin begins; `None`: the copy begins with the
/// run. What is not to be redacted is folded from the nearest keyframe.
fn opening(reader: &mut TraceReader, options: CopyOptions) -> Result<Option<State>, CopyError> {
    let opening = reader.opening_state()?;
    match (options.from, opening) {
        (_, Some(_)) if options.redact => Err(CopyError::RedactedWindow),
        (None, opening) => Ok(opening),
        (Some(_), None) if options.redact => Ok(Some(State::new())),
        (Some(from), opening) => {
            let near = reader.seek(SeekTo::At(from), 0)?;
            Ok(near.or(opening).or_else(|| Some(State::new())))
        }
    }
}

/// What this version does not understand has a place in a copy, and no content. Its tag may be
/// that of a known event with an unknown reason, whose columns it could not fill.
pub(crate) fn keep_place(event: &mut Event) {
    if let Event::Unknown { tag } = event
        && usize::from(*tag) < EVENT_NAMES.len()
    {
        *tag = LOST_TAG;
    }
}

fn write_error(error: RecordError) -> CopyError {
    match error {
        RecordError::Io { path, source } => CopyError::Write { path, source },
        other => CopyError::Record(other),
    }
}

#[cfg(test)]
mod tests;
