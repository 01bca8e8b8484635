//! Events that wait for their block, as the rows that the tail has of them: that takes a sixth of
//! the memory of the events themselves, and the thread that records gives its own back at once.

use taskreel_model::{Event, Stamped};

use crate::bytes::Cursor;
use crate::tail::read_event;

/// Events in the order of their `seq`, without gaps.
#[derive(Debug, Default)]
pub(crate) struct Rows {
    bytes: Vec<u8>,
    frames: Vec<FrameRows>,
    n_events: usize,
}

/// Rows that were written at once: instants are differences within them.
#[derive(Clone, Copy, Debug)]
struct FrameRows {
    /// `seq` of the first event.
    first: u64,
    n: u32,
    /// Where its bytes end.
    end: usize,
}

impl Rows {
    /// Adds the payload of a frame of `n` events.
    pub(crate) fn push(&mut self, first: u64, n: u32, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
        self.frames.push(FrameRows { first, n, end: self.bytes.len() });
        self.n_events += n as usize;
    }

    /// How many events these are.
    pub(crate) fn len(&self) -> usize {
        self.n_events
    }

    /// Bytes of memory.
    pub(crate) fn weight(&self) -> usize {
        self.bytes.len() + self.frames.len() * size_of::<FrameRows>()
    }

    /// Empties it and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.bytes.clear();
        self.frames.clear();
        self.n_events = 0;
    }

    /// The events again.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Stamped<Event>> {
        let mut begin = 0;
        self.frames.iter().flat_map(move |frame| {
            let mut rows = Cursor::new(&self.bytes[std::mem::replace(&mut begin, frame.end)..]);
            let mut last = 0;
            (frame.first..frame.first + u64::from(frame.n)).map(move |seq| {
                let event = read_event(&mut rows, seq, last).expect("this process wrote the row");
                last = event.logged_at.0;
                event
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tail::{Frame, put_event};

    #[test]
    fn events_come_back() {
        let mut turns = crate::run::turns(5, 40, 2, 2);
        turns.retain(|turn| !turn.is_empty());
        let (mut rows, mut frame) = (Rows::default(), Frame::default());
        for _ in 0..2 {
            rows.clear();
            for turn in &turns {
                frame.clear();
                let mut last = 0;
                for event in turn {
                    put_event(&mut frame, event, last);
                    last = event.logged_at.0;
                }
                rows.push(turn[0].seq, turn.len() as u32, frame.payload());
            }
            assert!(rows.iter().eq(turns.concat()), "as they went in");
            assert_eq!(rows.len(), turns.concat().len());
        }
    }
}
