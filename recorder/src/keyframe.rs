//! Keyframes: whole states between the blocks of events, so that any instant is near one.
//!
//! The recorder's own thread folds what it writes through the same reducer as everybody, and stores
//! the state now and then, within a share of the file. A trace is complete without its keyframes.

use taskreel_model::{Change, Event, KEYFRAME_LAYOUT, Keyframe, Nanos, Stamped, State};

use crate::bytes::{Cursor, Malformed};
use crate::codec::{put_row, read_large};

/// Fewer events than this are folded as fast as a keyframe is read.
const MIN_EVENTS: u64 = 100_000;
/// Keyframes take at most one part in so many of the file.
const SHARE: u64 = 10;
/// A larger state is not kept for keyframes: they would not fit into a block.
const MAX_TASKS: usize = 1 << 20;
/// Bytes that a live task is thought to take in a keyframe before one was made: low, since only a
/// try shows more.
const FIRST_GUESS: f64 = 0.5;
/// By this the guess falls whenever it kept a keyframe from being made: what is to be stored changes.
const HOPE: f64 = 0.9;

/// The payload of a keyframe: the number of its layout, then the columns.
pub(crate) fn encode_keyframe(state: &State) -> Vec<u8> {
    let mut out = KEYFRAME_LAYOUT.to_le_bytes().to_vec();
    put_row(&mut out, &state.keyframe());
    out
}

/// The state in a keyframe's payload. It takes about `max_bytes` of memory at the most.
pub(crate) fn decode_keyframe(
    first: u64,
    now: u64,
    raw: &[u8],
    max_bytes: u64,
) -> Result<State, Malformed> {
    let mut cursor = Cursor::new(raw);
    if cursor.u16()? != KEYFRAME_LAYOUT {
        return Err(Malformed("a keyframe has a layout that this version does not know"));
    }
    let keyframe: Keyframe = read_large(cursor.rest())?;
    if keyframe.next_seq() != first || keyframe.now() != Nanos(now) {
        return Err(Malformed("a keyframe is not of the instant it claims"));
    }
    keyframe.restore(max_bytes).map_err(|_why| Malformed("a keyframe contradicts itself"))
}

/// Folds what is written, and says when a keyframe is due.
#[derive(Debug)]
pub(crate) struct Keyframer {
    /// `None`: the events do not fold, or the state is too large.
    state: Option<State>,
    changes: Vec<Change>,
    /// `seq` after the last keyframe.
    last: u64,
    /// Bytes of the keyframes so far.
    spent: u64,
    /// Stored bytes of a keyframe for each live task and worker, as the last one had them.
    bytes_each: f64,
}

impl Keyframer {
    /// Goes on from a state.
    pub(crate) fn new(state: State) -> Self {
        Self::after(state, 0, 0)
    }

    /// Goes on from a state in a file with keyframes of so many bytes, the last of them after
    /// `last` events.
    pub(crate) fn after(state: State, last: u64, spent: u64) -> Self {
        let bytes_each = FIRST_GUESS;
        Self { state: Some(state), changes: Vec::new(), last, spent, bytes_each }
    }

    /// Folds events that were written.
    pub(crate) fn fold(&mut self, events: &[Stamped<Event>], round: impl Fn(Nanos) -> Nanos) {
        let Some(state) = &mut self.state else { return };
        for event in events {
            let folded = if round(event.logged_at) == event.logged_at && round(event.at) == event.at
            {
                state.apply(event, &mut self.changes)
            } else {
                let (logged_at, at) = (round(event.logged_at), round(event.at));
                state.apply(&Stamped { logged_at, at, ..event.clone() }, &mut self.changes)
            };
            self.changes.clear();
            if folded.is_err() || state.tasks().len() > MAX_TASKS {
                self.state = None;
                return;
            }
        }
    }

    /// The state, if it should be stored now: enough was folded since the last time, and it is
    /// thought to fit into its share of a file of so many bytes.
    pub(crate) fn due(&mut self, file_bytes: u64) -> Option<&State> {
        let state = self.state.as_ref()?;
        let is_far = state.next_seq() - self.last >= MIN_EVENTS;
        let expected = (self.bytes_each * things(state)) as u64;
        if is_far && expected > self.room(file_bytes) {
            self.bytes_each *= HOPE;
            return None;
        }
        is_far.then_some(self.state.as_ref()?)
    }

    /// The most bytes a keyframe may have within the share.
    pub(crate) fn room(&self, file_bytes: u64) -> u64 {
        (file_bytes / SHARE).saturating_sub(self.spent)
    }

    /// Says how many bytes the keyframe that was due has, and whether it was written.
    pub(crate) fn done(&mut self, bytes: u64, written: bool) {
        if let Some(state) = &self.state {
            self.bytes_each = bytes as f64 / things(state);
            if written {
                self.last = state.next_seq();
                self.spent += bytes;
            }
        }
    }
}

/// What a keyframe's size follows from.
fn things(state: &State) -> f64 {
    (state.tasks().len() + state.workers().len() + state.n_strings() + state.graphs().len()) as f64
        + 64.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comes_back_and_cut_anywhere_is_refused() {
        let mut state = State::new();
        for turn in crate::run::turns(3, 300, 2, 2).iter().take(6) {
            for event in turn {
                state.apply(event, &mut Vec::new()).unwrap();
            }
        }
        let raw = encode_keyframe(&state);
        let (first, now) = (state.next_seq(), state.now().0);
        assert_eq!(decode_keyframe(first, now, &raw, 1 << 30), Ok(state));
        for len in 0..raw.len() {
            assert!(decode_keyframe(first, now, &raw[..len], 1 << 30).is_err(), "cut at {len}");
        }
        assert!(decode_keyframe(first + 1, now, &raw, 1 << 30).is_err());
        assert!(decode_keyframe(first, now, &raw, 1 << 10).is_err(), "too large");
    }

    #[test]
    fn the_layout_is_numbered() {
        let mut state = State::new();
        for event in &crate::run::turns(3, 20, 1, 1)[..3].concat() {
            state.apply(event, &mut Vec::new()).unwrap();
        }
        // Another number here: the layout changed, so change `KEYFRAME_LAYOUT` too.
        assert_eq!((KEYFRAME_LAYOUT, crc32fast::hash(&encode_keyframe(&state))), (1, 547522394));
    }
}
