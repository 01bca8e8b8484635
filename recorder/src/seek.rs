//! Jumping to a keyframe.

use std::borrow::Cow;

use taskreel_model::State;

use crate::budget::state_bytes;
use crate::bytes::Malformed;
use crate::cursor::TraceCursor;
use crate::format::{BlockHeader, Footer, Kind};
use crate::keyframe::decode_keyframe;
use crate::scan::Found;
use crate::{ReadError, SeekTo, Warning};

/// Where keyframes are, as far as that was looked up.
#[derive(Debug, Default)]
pub(crate) struct Keyframes {
    /// In the order of the file, which is that of the log.
    found: Vec<Place>,
    /// First event and offset of each block of events.
    events: Vec<(u64, u64)>,
    /// Blocks before this offset were looked at; 0: none were.
    end: u64,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    /// `seq` of the first event after it.
    first: u64,
    /// When the last event before it was logged, in nanoseconds.
    at: u64,
}

impl Place {
    fn is_by(&self, to: SeekTo) -> bool {
        match to {
            SeekTo::Event(seq) => self.first <= seq.saturating_add(1),
            SeekTo::At(at) => self.at <= at.0,
            SeekTo::End => true,
        }
    }
}

impl TraceCursor {
    /// Goes to the last keyframe by a place and after so many events. `None`: there is none, and
    /// nothing has changed.
    pub(crate) fn seek(&mut self, to: SeekTo, beyond: u64) -> Result<Option<State>, ReadError> {
        self.look_up()?;
        let n = self.keyframes.found.partition_point(|place| place.is_by(to));
        for i in (0..n).rev() {
            let place = self.keyframes.found[i];
            if place.first <= beyond {
                break;
            }
            let before = self.keyframes.events.partition_point(|&(first, _)| first <= place.first);
            let Some(&(_, offset)) = self.keyframes.events[..before].last() else { break };
            if let Some(state) = self.keyframe(place)? {
                self.resume(offset, state.next_seq());
                return Ok(Some(state));
            }
        }
        Ok(None)
    }

    /// The state of a keyframe that the file begins with: the file is a window of a run.
    pub(crate) fn opening_state(&mut self) -> Result<Option<State>, ReadError> {
        let offset = self.scanner.begin();
        let Some(header) = self.scanner.block_at(offset)? else {
            return Ok(None);
        };
        let place = Place { offset, first: header.first, at: header.first_at };
        let state = self.keyframe(place)?;
        // Of one that claims to be from before the first event, nothing is missed.
        if state.is_none() && header.kind == Kind::Keyframe as u8 && header.first > 0 {
            // What follows can be folded into nothing.
            self.warn(Warning::EventsLost { offset, from: 0, before: header.first });
            self.stopped = true;
        }
        Ok(state)
    }

    /// The footer the trailer points to, if both are whole.
    pub(crate) fn footer(&mut self) -> Result<Option<Footer>, ReadError> {
        let Some(trailer) = self.scanner.trailer()? else {
            return Ok(None);
        };
        let Some(header) = self.scanner.block_at(trailer.footer_offset)? else {
            return Ok(None);
        };
        if header.kind != Kind::Footer as u8 || header.block_len() != u64::from(trailer.footer_len)
        {
            return Ok(None);
        }
        let payload = self.scanner.payload(trailer.footer_offset, &header)?;
        let file_bytes = self.scanner.len()?;
        let raw = self.unsealer.unseal(&header, &payload).ok();
        Ok(raw.and_then(|raw| Footer::parse(&raw, file_bytes).ok()))
    }

    /// Finds the keyframes: from the index, else block header by block header. Later calls look at
    /// what has been added since.
    fn look_up(&mut self) -> Result<(), ReadError> {
        let here = self.scanner.offset();
        if self.keyframes.end == 0 {
            if let Some(footer) = self.footer()? {
                let of_keyframes =
                    footer.index.iter().filter(|entry| entry.kind == Kind::Keyframe as u8);
                let place = of_keyframes.map(|entry| Place {
                    offset: entry.offset,
                    first: entry.first,
                    at: entry.first_at,
                });
                let found = place.collect();
                let of_events =
                    footer.index.iter().filter(|entry| entry.kind == Kind::Events as u8);
                let events = of_events.map(|entry| (entry.first, entry.offset)).collect();
                self.keyframes = Keyframes { found, events, end: u64::MAX };
                return Ok(());
            }
            self.keyframes.end = self.scanner.begin();
        }
        if self.keyframes.end == u64::MAX {
            return Ok(());
        }
        self.scanner.go_to(self.keyframes.end);
        loop {
            match self.scanner.next()? {
                Found::Block { offset, header } if header.kind == Kind::Keyframe as u8 => {
                    let (first, at) = (header.first, header.first_at);
                    self.keyframes.found.push(Place { offset, first, at });
                }
                Found::Block { offset, header } if header.kind == Kind::Events as u8 => {
                    self.keyframes.events.push((header.first, offset));
                }
                Found::Block { .. } | Found::Damage { .. } => {}
                Found::End { .. } => break,
            }
        }
        self.keyframes.end = self.scanner.offset();
        self.scanner.go_to(here);
        Ok(())
    }

    /// The state of a keyframe; `None`: it is damaged or unknown.
    fn keyframe(&mut self, place: Place) -> Result<Option<State>, ReadError> {
        let Some(header) = self.scanner.block_at(place.offset)? else {
            return Ok(None);
        };
        if header.kind != Kind::Keyframe as u8 || header.first != place.first {
            return Ok(None);
        }
        // A forged file has a thousand of them, none of which is a state.
        self.spent.block(header.raw_len, header.n_records);
        self.check_budget(place.offset)?;
        let payload = self.scanner.payload(place.offset, &header)?;
        match self.state(&header, &payload) {
            Ok(state) => Ok(Some(state)),
            Err(why) => {
                let (offset, bytes) = (place.offset, header.block_len());
                self.warn(Warning::Damaged { offset, bytes, reason: why.0 });
                Ok(None)
            }
        }
    }

    fn state(&mut self, header: &BlockHeader, payload: &[u8]) -> Result<State, Malformed> {
        let raw: Cow<'_, [u8]> = self.unsealer.unseal(header, payload)?;
        let file_bytes = self.scanner.len().unwrap_or(0);
        let may_spend = |bytes| self.spent.stored(bytes, file_bytes);
        let (first, now, allowed) = (header.first, header.first_at, state_bytes(file_bytes));
        decode_keyframe(first, now, &raw, allowed, may_spend)
    }
}
