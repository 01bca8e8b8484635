//! Going on with a trace whose recorder ended, properly or by a kill.

use std::fs::{OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use taskreel_model::{Event, IllegalEvent, Stamped, State};
use thiserror::Error;

use super::{Recorder, RecorderOptions};
use crate::disk::{Conditions, Output};
use crate::format::{Footer, IndexEntry, Kind};
use crate::keyframe::Keyframer;
use crate::reader::TraceReader;
use crate::scan::{Found, Scanner};
use crate::tail::{TailReader, TailWriter};
use crate::writer::BlockWriter;
use crate::{OpenError, ReadError, RecordError, RunInfo, Source, SpecBatch, Summary, read_specs};

/// What a trace held when it was opened again.
#[derive(Debug)]
pub struct Reopened {
    /// What the run says of itself.
    pub info: RunInfo,
    /// The state after its last event; the next event has its `next_seq`.
    pub state: State,
    /// What tasks run; a task may occur twice, with the same spec.
    pub specs: Vec<SpecBatch>,
}

/// Why a trace cannot be gone on with.
#[derive(Debug, Error)]
pub enum ReopenError {
    /// It cannot be opened or read.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was pending cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// It cannot be written to.
    #[error("cannot go on with {}: {source}; check its permissions", path.display())]
    Io {
        /// The trace.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// Another process is recording into it.
    #[error("another process is recording into {}: stop it first", path.display())]
    InUse {
        /// The trace.
        path: PathBuf,
    },
    /// Events are missing, so that the state is not known.
    #[error("cannot go on with {}: events are lost; see what with `reel check`, record elsewhere with --record", path.display())]
    Damaged {
        /// The trace.
        path: PathBuf,
    },
    /// The events contradict each other.
    #[error("cannot go on with {}: {why}; record elsewhere with --record", path.display())]
    Illegal {
        /// The trace.
        path: PathBuf,
        /// The first that does.
        why: IllegalEvent,
    },
}

/// What the file holds, block by block.
struct Blocks {
    footer: Footer,
    /// Where the last whole block ends; the footer is not one of them.
    end: u64,
    keyframe_bytes: u64,
}

impl Recorder {
    /// Goes on with a trace: a torn end is cut off, what was acknowledged and in no block becomes
    /// one, and the footer of a closed trace is taken back. The next event to record has the
    /// `next_seq` of the state that is returned.
    ///
    /// # Errors
    /// The trace cannot be read or written, another process records into it, or its events are
    /// not whole.
    pub fn reopen(path: &Path, options: RecorderOptions) -> Result<(Self, Reopened), ReopenError> {
        Self::reopen_under(path, options, Conditions::default())
    }

    /// As [`reopen`](Self::reopen), under these conditions.
    ///
    /// # Errors
    /// As for [`reopen`](Self::reopen).
    pub fn reopen_under(
        path: &Path,
        options: RecorderOptions,
        conditions: Conditions,
    ) -> Result<(Self, Reopened), ReopenError> {
        let fault = |source| ReopenError::Io { path: path.to_owned(), source };
        let mut reader = TraceReader::open(path)?;
        let file = OpenOptions::new().write(true).open(path).map_err(fault)?;
        if let Err(TryLockError::WouldBlock) = file.try_lock() {
            return Err(ReopenError::InUse { path: path.to_owned() });
        }
        let mut blocks = Blocks::of(Scanner::open(path)?)?;
        let (state, pending) = fold(path, &mut reader, &mut blocks.footer)?;
        let (specs, _) = read_specs(path)?;
        let info = reader.run_info().clone();

        let last = blocks.footer.index.iter().rfind(|entry| entry.kind == Kind::Keyframe as u8);
        let last = last.map_or(0, |entry| entry.first);
        let at = (blocks.end, blocks.footer);
        let file = Output::new(path, file, &conditions);
        let mut writer = BlockWriter::resume(path, file, &info, at).map_err(fault)?;
        // The tails go only when all that they hold is in blocks, on the disk.
        let in_blocks = writer.summary().specs;
        for batch in unwritten(&specs, in_blocks) {
            writer.specs(batch)?;
        }
        writer.events(&pending)?;
        writer.sync()?;
        let cursor = reader.cursor();
        let generation = cursor.tail.generation();
        let run_check = cursor.scanner.run_check;
        let tail = (
            TailWriter::after(path, run_check, generation),
            TailReader::new(path, run_check).after(generation),
        );
        let keyframer =
            Keyframer::new(path, writer.bytes(), state.clone()).after(last, blocks.keyframe_bytes);
        let mut recorder =
            Self::start(path, options, (writer, keyframer), tail, conditions).map_err(fault)?;
        recorder.next_seq = Some(state.next_seq());
        Ok((recorder, Reopened { info, state, specs }))
    }
}

impl Blocks {
    fn of(mut scanner: Scanner) -> Result<Self, ReadError> {
        let mut index = Vec::new();
        let mut keyframe_bytes = 0;
        let end = loop {
            match scanner.next()? {
                Found::Block { offset, header } if header.kind == Kind::Footer as u8 => {
                    break offset;
                }
                Found::Block { offset, header } => {
                    index.push(IndexEntry {
                        offset,
                        kind: header.kind,
                        n_records: header.n_records,
                        first: header.first,
                        first_at: header.first_at,
                        last_at: header.last_at,
                    });
                    if header.kind == Kind::Keyframe as u8 {
                        keyframe_bytes += header.block_len();
                    }
                }
                Found::Damage { .. } => {}
                Found::End { offset, .. } => break offset,
            }
        };
        Ok(Self { footer: Footer { summary: Summary::default(), index }, end, keyframe_bytes })
    }
}

/// Folds all events, and counts those in blocks into the footer's summary. Returns the others too.
fn fold(
    path: &Path,
    reader: &mut TraceReader,
    footer: &mut Footer,
) -> Result<(State, Vec<Stamped<Event>>), ReopenError> {
    let in_blocks = footer.events_end();
    let (mut state, mut changes, mut pending) = (State::new(), Vec::new(), Vec::new());
    let summary = &mut footer.summary;
    while let Some(batch) = reader.next_batch()? {
        for event in &batch.events {
            state
                .apply(event, &mut changes)
                .map_err(|why| ReopenError::Illegal { path: path.to_owned(), why })?;
            changes.clear();
        }
        let n_in_blocks = batch.events.partition_point(|event| event.seq < in_blocks);
        let (written, others) = batch.events.split_at(n_in_blocks);
        summary.count_events(written);
        pending.extend_from_slice(others);
        summary.samples += batch.samples.len() as u64;
        summary.logs += batch.logs.len() as u64;
    }
    let of_specs = footer.index.iter().filter(|entry| entry.kind == Kind::Specs as u8);
    footer.summary.specs = of_specs.map(|entry| u64::from(entry.n_records)).sum();
    if reader.cursor().stopped || state.next_seq() < in_blocks {
        return Err(ReopenError::Damaged { path: path.to_owned() });
    }
    Ok((state, pending))
}

/// The batches beyond the first `n` specs: those that only a tail holds.
fn unwritten(specs: &[SpecBatch], n: u64) -> impl Iterator<Item = &SpecBatch> {
    let mut before = 0;
    specs.iter().skip_while(move |batch| {
        before += batch.len() as u64;
        before <= n
    })
}
