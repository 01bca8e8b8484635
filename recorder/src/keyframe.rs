//! Keyframes: whole states between the blocks of events, so that any instant is near one.
//!
//! The recorder's own thread folds what it has written through the same reducer as everybody, and
//! stores the state now and then, within a share of the file. A trace is complete without its keyframes.

use std::path::Path;

use taskreel_model::{
    Change, KEYFRAME_LAYOUT, Keyframe, KeyframeBefore, KeyframeOfLists, Nanos, State,
};

use crate::budget::keyframe_fits;
use crate::bytes::{Cursor, Malformed};
use crate::codec::{put_row, read_large};
use crate::events::OpenBlock;
use crate::format::{Kind, Unsealer};
use crate::scan::{Found, Scanner};
use crate::writer::BlockWriter;
use crate::{RecordError, Totals};

/// Fewer events than this are folded as fast as a keyframe is read.
const MIN_EVENTS: u64 = 100_000;
/// So many events for each live task are folded as fast as the task is read, and cost the recorder as much as it
/// costs to store the task.
const EVENTS_PER_TASK: u64 = 2;
/// A run of fewer events needs none.
const SHORT: u64 = 250_000;
/// So many events may wait to be folded until the run is over: a quarter of a second's work.
const MAX_LAG: u64 = 2_000_000;
/// Keyframes take at most one part in so many of the file.
const SHARE: u64 = 10;
/// Events are folded so many at a time, which a near cache holds.
const FOLDED_AT_ONCE: usize = 512;
/// After so many there may be a keyframe, also within a block: were they between blocks alone, some
/// would be a sixth farther apart than their share of the file asks for.
const STEP: u64 = 8_192;
/// A larger state is not kept for keyframes: it takes a gigabyte beside the scheduler's own.
const MAX_TASKS: usize = 1 << 22;
/// Bytes that a live task is thought to take in a keyframe before one was made: low, since only a
/// try shows more.
const FIRST_GUESS: f64 = 0.5;
/// By this the guess falls whenever it kept a keyframe from being made: what is to be stored changes.
const HOPE: f64 = 0.9;

/// Layout 6 had lists where there are columns now.
const LISTS: u16 = 6;
/// Layout 5 lacks the last two, of graphs that were submitted in parts.
const NO_PARTS: u16 = 5;
/// Layout 4 kept graphs of which no task is alive.
const ALL_GRAPHS: u16 = 4;
/// Layout 3 lacks the last column, too, of what executions consist of that waited for others: there it
/// is empty.
const NO_STRETCHES: u16 = 3;
/// Layout 2 lacks the one before, too, of when tasks are due that are put off.
const NO_DUE: u16 = 2;

/// The payload of a keyframe: the number of its layout, then the columns.
pub(crate) fn encode_keyframe(state: &State) -> Vec<u8> {
    let mut out = KEYFRAME_LAYOUT.to_le_bytes().to_vec();
    put_row(&mut out, &state.keyframe());
    out
}

/// The state in a keyframe's payload. It takes about `max_bytes` of memory at the most; whether that much may
/// be spent on it is asked before.
pub(crate) fn decode_keyframe(
    first: u64,
    now: u64,
    raw: &[u8],
    max_bytes: u64,
    may_spend: impl FnOnce(u64) -> bool,
) -> Result<State, Malformed> {
    if !keyframe_fits(raw.len(), max_bytes) {
        return Err(Malformed("a keyframe needs far more memory than one of a run of its size"));
    }
    let mut cursor = Cursor::new(raw);
    let keyframe: Keyframe = match cursor.u16()? {
        KEYFRAME_LAYOUT => read_large(cursor.rest())?,
        LISTS => of_lists(read_large(cursor.rest())?),
        NO_PARTS => of_lists(read_large(&[cursor.rest(), &[0, 0]].concat())?),
        ALL_GRAPHS => of_graphs(read_large(cursor.rest())?),
        NO_STRETCHES => of_graphs(read_large(&[cursor.rest(), &[0]].concat())?),
        NO_DUE => of_graphs(read_large(&[cursor.rest(), &[0, 0]].concat())?),
        _ => return Err(Malformed("a keyframe has a layout that this version does not know")),
    };
    if keyframe.next_seq() != first || keyframe.now() != Nanos(now) {
        return Err(Malformed("a keyframe is not of the instant it claims"));
    }
    if !may_spend(keyframe.memory_needed(max_bytes)) {
        return Err(Malformed(
            "the stored states need far more memory than those of a run of its size",
        ));
    }
    keyframe.restore(max_bytes).map_err(|_why| Malformed("a keyframe contradicts itself"))
}

fn of_lists(before: KeyframeOfLists) -> Keyframe {
    before.into()
}

fn of_graphs(before: KeyframeBefore) -> Keyframe {
    of_lists(before.into())
}

/// Folds the blocks of a trace being written, behind the writer, and adds keyframes.
///
/// While a run is short nothing is folded: its end is soon enough, and the cores belong to the
/// run. It reads the blocks back from the file, so that it holds no events meanwhile.
#[derive(Debug)]
pub(crate) struct Keyframer {
    /// `None`: the file cannot be read back, the events do not fold, or the state is too large.
    fold: Option<Fold>,
    /// Events in blocks after which the last keyframe is.
    last: u64,
    /// Those after which the last one was made that proved too large.
    tried: u64,
    /// Bytes of the keyframes so far.
    spent: u64,
    /// Stored bytes of a keyframe for each thing in the state, as the last one had them.
    bytes_each: f64,
}

#[derive(Debug)]
struct Fold {
    scanner: Scanner,
    unsealer: Unsealer,
    /// The block of events that is being folded.
    open: Option<OpenBlock>,
    state: State,
    changes: Vec<Change>,
}

impl Keyframer {
    /// For a trace whose blocks before `offset` amount to `state`.
    pub(crate) fn new(path: &Path, offset: u64, state: State) -> Self {
        let fold = Scanner::open(path).ok().zip(Unsealer::new().ok()).map(|(scanner, unsealer)| {
            let (open, changes) = (None, Vec::new());
            let mut fold = Fold { scanner, unsealer, open, state, changes };
            fold.scanner.go_to(offset);
            fold
        });
        Self { fold, last: 0, tried: 0, spent: 0, bytes_each: FIRST_GUESS }
    }

    /// The same for a file with keyframes of so many bytes, the last of them after `last` events.
    pub(crate) fn after(self, last: u64, spent: u64) -> Self {
        Self { last, spent, ..self }
    }

    /// Keeps the fold from falling too far behind the writer, by a step. Returns whether it still is.
    pub(crate) fn follow(&mut self, writer: &mut BlockWriter) -> Result<bool, RecordError> {
        self.step(writer, MAX_LAG)?;
        Ok(self.is_behind(writer, MAX_LAG))
    }

    /// Folds the rest, unless the run was so short that it is folded at once.
    pub(crate) fn finish(&mut self, writer: &mut BlockWriter) -> Result<(), RecordError> {
        if writer.summary().events < SHORT { Ok(()) } else { self.catch_up(writer, 0) }
    }

    /// What the state after the last event in a block says, if all is folded.
    pub(crate) fn totals(&self, writer: &BlockWriter) -> Option<Totals> {
        let state = &self.fold.as_ref()?.state;
        (state.next_seq() == writer.next_seq()).then(|| Totals::of(state))
    }

    /// Folds until at most `lag` events are not.
    fn catch_up(&mut self, writer: &mut BlockWriter, lag: u64) -> Result<(), RecordError> {
        while self.is_behind(writer, lag) {
            self.step(writer, lag)?;
        }
        Ok(())
    }

    fn is_behind(&self, writer: &BlockWriter, lag: u64) -> bool {
        self.fold.as_ref().is_some_and(|fold| fold.state.next_seq() + lag < writer.next_seq())
    }

    /// Folds some events if more than `lag` are not folded.
    fn step(&mut self, writer: &mut BlockWriter, lag: u64) -> Result<(), RecordError> {
        if let Some(fold) = &mut self.fold
            && fold.state.next_seq() + lag < writer.next_seq()
        {
            if fold.step().is_none() || fold.state.tasks().len() > MAX_TASKS {
                self.fold = None;
            } else {
                self.store(writer)?;
            }
        }
        Ok(())
    }

    /// Writes a keyframe if enough was folded since the last one, and it fits into its share.
    fn store(&mut self, writer: &mut BlockWriter) -> Result<(), RecordError> {
        let Some(Fold { state, scanner, .. }) = &self.fold else { return Ok(()) };
        let cost = EVENTS_PER_TASK * state.tasks().len() as u64;
        let is_due = state.next_seq() - self.last >= MIN_EVENTS.max(cost);
        if !is_due || state.next_seq() - self.tried < cost {
            return Ok(());
        }
        // Of what is folded, not of what is written: else the begin of a run takes the end's share.
        let room = (scanner.offset() / SHARE).saturating_sub(self.spent);
        if self.bytes_each * things(state) > room as f64 {
            self.bytes_each *= HOPE;
            return Ok(());
        }
        let (bytes, written) = writer.keyframe(state, room)?;
        self.bytes_each = bytes as f64 / things(state);
        if written {
            self.last = state.next_seq();
            self.spent += bytes;
        } else {
            self.tried = state.next_seq();
        }
        Ok(())
    }
}

impl Fold {
    /// Folds the next [`STEP`] events, or those that are left of a block; `None`: there are none, or they
    /// do not fold.
    fn step(&mut self) -> Option<()> {
        let Some(block) = &mut self.open else { return self.next_block() };
        let until = self.state.next_seq() + STEP;
        while block.has_more() && self.state.next_seq() < until {
            for event in block.take(FOLDED_AT_ONCE).ok()?.events {
                self.state.apply(&event, &mut self.changes).ok()?;
                self.changes.clear();
            }
        }
        if !block.has_more() {
            self.open = None;
        }
        Some(())
    }

    /// Opens the next block, if it is one of events; `None`: there is none.
    fn next_block(&mut self) -> Option<()> {
        let Found::Block { offset, header } = self.scanner.next().ok()? else { return None };
        if header.kind != Kind::Events as u8 {
            return Some(());
        }
        let payload = self.scanner.payload(offset, &header).ok()?;
        let raw = self.unsealer.unseal(&header, &payload).ok()?.into_owned();
        let tick = self.scanner.info.tick();
        self.open = Some(OpenBlock::new(&header, raw, tick, u64::MAX).ok()?);
        Some(())
    }
}

/// What a keyframe's size follows from.
fn things(state: &State) -> f64 {
    (state.tasks().len() + state.workers().len() + state.n_strings() + state.graphs().len()) as f64
        + 64.0
}

#[cfg(test)]
mod tests;
