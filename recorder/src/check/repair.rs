//! A sound trace of what is whole in a damaged one.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use taskreel_model::State;
use thiserror::Error;

use super::CheckReport;
use super::blocks::{Piece, Walk};
use crate::keyframe::Keyframer;
use crate::pack::keep_place;
use crate::writer::BlockWriter;
use crate::{CreateError, OpenError, ReadError, RecordError};

/// What was saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repaired {
    /// What was wrong.
    pub report: CheckReport,
    /// The first event of the sound trace; more than 0 if it begins with a stored state.
    pub first_event: u64,
    /// Events in it.
    pub events: u64,
    /// Size of the file in bytes.
    pub bytes: u64,
}

/// Why a trace could not be repaired.
#[derive(Debug, Error)]
pub enum RepairError {
    /// The trace cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The trace cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The sound trace cannot be begun.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The sound trace cannot be written.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// A stretch of the log that folds: from the begin, or from a stored state on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Stretch {
    first: u64,
    /// `seq` after the last event.
    end: u64,
    /// Where the state is stored that it begins with; `None`: it begins with the run.
    state_at: Option<u64>,
}

impl Stretch {
    /// An empty one.
    fn from(seq: u64) -> Self {
        Self { first: seq, end: seq, state_at: None }
    }
}

/// Writes a sound trace to `to`, which must not exist: all whole samples, log lines and specs, and
/// the longest stretch of events that folds from the begin or from a stored state.
///
/// # Errors
/// The trace cannot be read, or the other one not written.
pub fn repair_trace(from: &Path, to: &Path) -> Result<Repaired, RepairError> {
    let stretch = longest(from)?;
    let mut walk = Walk::open(from)?;
    let fault = |source: io::Error| CreateError::Io { path: to.to_owned(), source };
    let file = OpenOptions::new().write(true).create_new(true).open(to);
    let file = file.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => CreateError::Exists { path: PathBuf::from(to) },
        _ => fault(source),
    })?;
    let (writer, _) = BlockWriter::begin(to, file, &walk.scanner.info)?;
    let saved = save(&mut walk, writer, to, stretch);
    if saved.is_err() {
        // Half a trace would look like a whole one.
        let _ = fs::remove_file(to);
    }
    let (events, bytes) = saved?;
    Ok(Repaired { report: walk.report, first_event: stretch.first, events, bytes })
}

fn save(
    walk: &mut Walk,
    mut writer: BlockWriter,
    to: &Path,
    stretch: Stretch,
) -> Result<(u64, u64), RepairError> {
    let mut state = State::new();
    // It was whole when the stretch was found.
    if let Some(stored) = stretch.state_at.and_then(|offset| walk.state_at(offset)) {
        writer.keyframe(&stored, u64::MAX)?;
        state = stored;
    }
    let mut keyframer = Keyframer::new(to, writer.bytes(), state);
    while let Some(piece) = walk.step()? {
        match piece {
            Piece::Events(mut events) => {
                events.retain(|event| (stretch.first..stretch.end).contains(&event.seq));
                events.iter_mut().for_each(|event| keep_place(&mut event.what));
                writer.events(&events)?;
            }
            Piece::Samples(samples) => writer.samples(&samples)?,
            Piece::Logs(lines) => writer.logs(&lines)?,
            Piece::Specs(batch) => writer.specs(&batch)?,
            Piece::State(..) | Piece::Other => {}
        }
    }
    keyframer.finish(&mut writer)?;
    writer.set_totals(keyframer.totals(&writer));
    writer.finish()?;
    Ok((writer.summary().events, writer.bytes()))
}

/// The longest stretch of events without a gap that folds from the begin, or begins where a state
/// is stored.
fn longest(from: &Path) -> Result<Stretch, RepairError> {
    let mut walk = Walk::open(from)?;
    let mut runs: Vec<Stretch> = vec![Stretch::default()];
    let mut states = Vec::new();
    while let Some(piece) = walk.step()? {
        match piece {
            Piece::Events(events) => {
                for event in events {
                    let last = runs.last_mut().expect("it begins with one");
                    if walk.is_illegal(event.seq) {
                        runs.push(Stretch::from(event.seq + 1));
                    } else if event.seq == last.end {
                        last.end += 1;
                    } else {
                        runs.push(Stretch { end: event.seq + 1, ..Stretch::from(event.seq) });
                    }
                }
            }
            Piece::State(seq, offset) => states.push((seq, offset)),
            Piece::Samples(_) | Piece::Logs(_) | Piece::Specs(_) | Piece::Other => {}
        }
    }
    let begun = runs.into_iter().filter_map(|run| {
        if run.first == 0 {
            return Some(run);
        }
        let within = |(seq, _): &&(u64, u64)| (run.first..run.end).contains(seq);
        let (first, offset) = *states.iter().filter(within).min()?;
        Some(Stretch { first, state_at: Some(offset), ..run })
    });
    Ok(begun.max_by_key(|run| run.end - run.first).unwrap_or_default())
}
