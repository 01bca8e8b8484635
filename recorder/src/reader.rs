//! Reading a trace: finished or cut ([`TraceReader`]), or while it grows ([`Tailer`]).

use std::path::Path;

use taskreel_model::{Nanos, State};

use crate::cursor::{Step, Tail, TraceCursor, Wanted};
use crate::{Batch, OpenError, ReadError, RunInfo, SeekTo, Source, SpecBatch, Warning};

/// Reads a trace from its begin to its end, or to where it was cut.
///
/// Of a trace that is still being written it reads what there is now.
#[derive(Debug)]
pub struct TraceReader {
    cursor: TraceCursor,
    over: bool,
}

impl TraceReader {
    /// Opens a trace.
    ///
    /// # Errors
    /// There is no such file, it is empty, something else, damaged at its begin, or too new.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Self::with(path, Wanted::Records)
    }

    fn with(path: &Path, wanted: Wanted) -> Result<Self, OpenError> {
        Ok(Self { cursor: TraceCursor::open(path, wanted)?, over: false })
    }

    /// Format of the file: major and minor version.
    pub fn format(&self) -> (u8, u8) {
        self.cursor.scanner.format
    }

    pub(crate) fn cursor(&self) -> &TraceCursor {
        &self.cursor
    }

    /// The next batch from file or tail.
    fn step(&mut self) -> Result<Option<Batch>, ReadError> {
        let mut looked_again = false;
        while !self.over {
            match self.cursor.read_blocks()? {
                Step::Batch(batch) => return Ok(Some(batch)),
                Step::Over => self.over = true,
                Step::End { offset, torn } => match self.cursor.read_tail()? {
                    Tail::Batch(batch) => return Ok(Some(batch)),
                    // A recorder at work has put these events into a block just now.
                    Tail::Gap(_) if !looked_again => looked_again = true,
                    Tail::Gap(before) => self.cursor.give_up(offset, before),
                    Tail::End => self.end(offset, torn),
                },
            }
        }
        Ok(None)
    }

    /// The file ended without a footer, and the tail has no more.
    fn end(&mut self, offset: u64, torn: u64) {
        self.over = true;
        if torn > 0 {
            self.cursor.warn(Warning::TornTail { offset, bytes: torn });
        }
        self.cursor.warn(Warning::NotClosed);
    }
}

impl Source for TraceReader {
    fn run_info(&self) -> &RunInfo {
        &self.cursor.scanner.info
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        self.step()
    }

    fn opening_state(&mut self) -> Result<Option<State>, ReadError> {
        self.cursor.opening_state()
    }

    fn seek(&mut self, to: SeekTo, beyond: u64) -> Result<Option<State>, ReadError> {
        let found = self.cursor.seek(to, beyond)?;
        self.over &= found.is_none();
        Ok(found)
    }

    fn end(&mut self) -> Result<Option<Nanos>, ReadError> {
        Ok(self.cursor.footer()?.and_then(|footer| footer.last_at()))
    }

    fn is_finished(&self) -> bool {
        self.cursor.is_finished()
    }

    fn warnings(&self) -> &[Warning] {
        &self.cursor.warnings
    }
}

/// Follows a trace while it is written.
///
/// Events come as soon as they are acknowledged, samples and log lines a block at a time.
#[derive(Debug)]
pub struct Tailer {
    cursor: TraceCursor,
}

impl Tailer {
    /// Opens a trace that may still grow.
    ///
    /// # Errors
    /// As for [`TraceReader::open`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        Ok(Self { cursor: TraceCursor::open(path, Wanted::Records)? })
    }
}

impl Source for Tailer {
    fn run_info(&self) -> &RunInfo {
        &self.cursor.scanner.info
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        if let Step::Batch(batch) = self.cursor.read_blocks()? {
            return Ok(Some(batch));
        }
        match self.cursor.read_tail()? {
            Tail::Batch(batch) => Ok(Some(batch)),
            // Events that are missing in the tail are in a block by now: the next call reads it.
            Tail::Gap(_) | Tail::End => Ok(None),
        }
    }

    fn opening_state(&mut self) -> Result<Option<State>, ReadError> {
        self.cursor.opening_state()
    }

    fn seek(&mut self, to: SeekTo, beyond: u64) -> Result<Option<State>, ReadError> {
        self.cursor.seek(to, beyond)
    }

    fn is_finished(&self) -> bool {
        self.cursor.is_finished()
    }

    fn warnings(&self) -> &[Warning] {
        &self.cursor.warnings
    }
}

/// The task specs of a trace, for a scheduler that starts again on it, and what was skipped. A
/// task may occur twice, with the same spec.
///
/// # Errors
/// As for [`TraceReader::open`], and the file cannot be read on.
pub fn read_specs(path: &Path) -> Result<(Vec<SpecBatch>, Vec<Warning>), OpenError> {
    let mut reader = TraceReader::with(path, Wanted::Specs)?;
    let mut specs = Vec::new();
    while reader.step()?.is_some() {
        specs.append(&mut reader.cursor.specs);
    }
    Ok((specs, reader.cursor.warnings))
}
