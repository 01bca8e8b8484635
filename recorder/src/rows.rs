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

    /// Passes the events on, at most `n` at a time in a vector that is used again and again.
    pub(crate) fn each_batch<E>(
        &self,
        n: usize,
        batch: &mut Vec<Stamped<Event>>,
        mut pass: impl FnMut(&[Stamped<Event>]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut begin = 0;
        batch.clear();
        for frame in &self.frames {
            let mut rows = Cursor::new(&self.bytes[std::mem::replace(&mut begin, frame.end)..]);
            let mut last = 0;
            for seq in frame.first..frame.first + u64::from(frame.n) {
                let event = read_event(&mut rows, seq, last).expect("this process wrote the row");
                last = event.logged_at.0;
                batch.push(event);
                if batch.len() == n {
                    pass(batch)?;
                    batch.clear();
                }
            }
        }
        pass(batch)?;
        batch.clear();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::Sink;
    use crate::tail::put_event;

    #[test]
    fn events_come_back() {
        let mut turns = crate::run::turns(5, 40, 2, 2);
        turns.retain(|turn| !turn.is_empty());
        let mut rows = Rows::default();
        for n in [1, 7, 10_000] {
            rows.clear();
            for turn in &turns {
                let (mut bytes, mut last) = (Sink::default(), 0);
                for event in turn {
                    put_event(&mut bytes, event, last);
                    last = event.logged_at.0;
                }
                rows.push(turn[0].seq, turn.len() as u32, bytes.bytes());
            }
            let mut back = Vec::new();
            let passed = rows.each_batch(n, &mut Vec::new(), |events| {
                assert!(events.len() <= n, "{n} at a time");
                back.extend_from_slice(events);
                Ok::<_, ()>(())
            });
            assert_eq!((passed, &back), (Ok(()), &turns.concat()));
            assert_eq!(rows.len(), back.len());
        }
    }
}
