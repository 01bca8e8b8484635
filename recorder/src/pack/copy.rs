//! A copy of a trace for somebody else: without what tasks run, as small as asked, redacted if asked.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use taskreel_model::{EVENT_NAMES, Event, Nanos, Stamped};
use thiserror::Error;

use super::redact::Redactor;
use crate::writer::BlockWriter;
use crate::{
    Batch, CreateError, OpenError, ReadError, RecordError, Source, TraceReader, Warning, read_info,
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

/// What a copy has not.
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
            let whole = &info.summary;
            copied.left_out.specs = whole.specs;
            copied.left_out.samples = whole.samples.saturating_sub(copied.samples);
            copied.left_out.logs = whole.logs.saturating_sub(copied.logs);
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
    max_bytes: u64,
    take: Take,
    gathered: Batch,
    copied: Copied,
}

impl Copier {
    fn begin(from: &Path, to: &Path, options: CopyOptions, take: Take) -> Result<Self, CopyError> {
        let reader = TraceReader::open(from)?;
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
        Ok(Self {
            reader,
            writer,
            redactor,
            max_bytes: options.max_bytes.unwrap_or(u64::MAX),
            take,
            gathered: Batch::default(),
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
        if !self.flush()? {
            return Ok(None);
        }
        if self.copied.left_out.events > 0 && self.copied.events == 0 {
            return Ok(None);
        }
        self.copied.closed = self.reader.is_finished();
        // Without a footer the copy of a run that was not closed says so, too.
        if self.copied.closed {
            self.writer.finish().map_err(write_error)?;
        }
        self.copied.bytes = self.writer.bytes();
        self.copied.warnings = self.reader.warnings().to_vec();
        self.copied.n_replaced = self.redactor.as_ref().map_or(0, Redactor::n_replaced);
        Ok(Some(self.copied))
    }

    fn gather(&mut self, batch: Batch) {
        self.gathered.events.extend(batch.events);
        if self.take == Take::All {
            self.gathered.samples.extend(batch.samples);
        }
        if matches!(self.take, Take::All | Take::NoSamples) {
            self.gathered.logs.extend(batch.logs);
        }
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

    fn fits(&self) -> bool {
        self.writer.bytes() + self.writer.footer_bytes_max() <= self.max_bytes
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

/// What this version does not understand has a place in a copy, and no content. Its tag may be
/// that of a known event with an unknown reason, whose columns it could not fill.
fn keep_place(event: &mut Event) {
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
