//! Columns of spans of time on one lane, sorted by their begin, so that a window is found by
//! binary search; and sums of those that have ended, so that of a long run not each is looked at. Of a
//! long run the older ones are packed.

mod chunks;
mod look;
mod settle;
mod sums;
#[cfg(test)]
mod tests;

use taskreel_model::{Nanos, Outcome};

use crate::attic::Attic;
use crate::packed::Unpacker;
use chunks::{CHUNK, Chunks};
pub(crate) use look::Stretch;
pub(crate) use sums::Sum;
use sums::Sums;

/// The end of a span that is still going on.
const OPEN: Nanos = Nanos::MAX;

/// What is known of a span beyond its times.
pub(crate) trait Known: Copy {
    /// What it is drawn and filtered by: spans of one class look alike.
    fn class(&self) -> u32;

    /// Appends it to `out`, as it differs from what is known of the span before.
    fn pack(&self, before: Option<&Self>, out: &mut Vec<u8>);

    /// Takes out what `pack` put in.
    fn unpack(before: Option<&Self>, numbers: &mut Unpacker<'_>) -> Self;
}

/// One of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Span<T> {
    pub(crate) start: Nanos,
    stop: Nanos,
    pub(crate) what: T,
}

impl<T> Span<T> {
    /// When it ended; `now` while it goes on.
    pub(crate) fn stop(&self, now: Nanos) -> Nanos {
        if self.is_open() { now.max(self.start) } else { self.stop }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.stop == OPEN
    }
}

/// The spans of a lane; `T` is what is known of each beyond its times. Columns of equal length, of those
/// that are not packed.
#[derive(Debug)]
pub(crate) struct Spans<T> {
    /// Those before the columns.
    packed: Chunks<T>,
    /// So many are left when others are packed: whole chunks.
    n_kept: usize,
    /// Rising.
    start: Vec<Nanos>,
    /// Never before `start`; `OPEN` while it goes on.
    stop: Vec<Nanos>,
    /// The latest `stop` so far: rising, so what reaches into a window is found by bisection even
    /// where spans overlap.
    reach: Vec<Nanos>,
    what: Vec<T>,
    /// Of packed ones, too.
    sums: Sums,
}

impl<T> Spans<T> {
    /// None yet; those of long ago are to lie in an attic, which other lanes may share.
    pub(crate) fn new(attic: &Attic) -> Self {
        Self {
            packed: Chunks::new(attic.clone()),
            n_kept: CHUNK,
            start: Vec::new(),
            stop: Vec::new(),
            reach: Vec::new(),
            what: Vec::new(),
            sums: Sums::default(),
        }
    }
}

impl<T: Known> Spans<T> {
    pub(crate) fn len(&self) -> usize {
        self.packed.n_spans() + self.start.len()
    }

    /// The one of an index.
    pub(crate) fn get(&self, index: usize) -> Span<T> {
        match index.checked_sub(self.packed.n_spans()) {
            Some(row) => self.row(row),
            None => self.packed.get(index),
        }
    }

    fn row(&self, row: usize) -> Span<T> {
        Span { start: self.start[row], stop: self.stop[row], what: self.what[row] }
    }

    /// Adds a span that goes on.
    pub(crate) fn open(&mut self, start: Nanos, what: T) {
        self.insert(start, OPEN, what);
    }

    /// Adds a span that has ended.
    pub(crate) fn push(&mut self, start: Nanos, stop: Nanos, what: T) {
        self.insert(start, stop.max(start).min(Nanos(OPEN.0 - 1)), what);
        self.sum_up();
    }

    fn insert(&mut self, start: Nanos, stop: Nanos, what: T) {
        // Where all are packed it may belong among those whose ends come after.
        let is_late = start < self.start.first().copied().unwrap_or_else(|| self.packed.reach());
        if is_late && self.packed.n_spans() > 0 {
            self.unpack_down_to(start);
        }
        let row = self.n_begun(start);
        self.start.insert(row, start);
        self.stop.insert(row, stop);
        self.reach.insert(row, stop);
        self.what.insert(row, what);
        self.mend(row);
    }

    /// How many rows begin by then. Nearly always all: spans of a lane come in the order of time.
    fn n_begun(&self, at: Nanos) -> usize {
        match self.start.last() {
            Some(last) if *last > at => self.start.partition_point(|start| *start <= at),
            _ => self.start.len(),
        }
    }

    /// Ends the span that goes on, began at `start` and is the one meant, amends what is known of it, and
    /// gives that.
    pub(crate) fn close(
        &mut self,
        start: Nanos,
        stop: Nanos,
        is_meant: impl Fn(&T) -> bool,
        amend: impl FnOnce(&mut T),
    ) -> Option<T> {
        let row = (0..self.n_begun(start))
            .rev()
            .take_while(|row| self.start[*row] == start)
            .find(|row| self.stop[*row] == OPEN && is_meant(&self.what[*row]))?;
        self.end(row, stop);
        amend(&mut self.what[row]);
        let what = self.what[row];
        self.sum_up();
        Some(what)
    }

    /// Ends all spans that go on.
    pub(crate) fn close_all(&mut self, stop: Nanos) {
        for row in 0..self.stop.len() {
            if self.stop[row] == OPEN {
                self.end(row, stop);
            }
        }
    }

    fn end(&mut self, row: usize, stop: Nanos) {
        self.stop[row] = stop.max(self.start[row]).min(Nanos(OPEN.0 - 1));
        self.mend(row);
    }

    /// Makes good what is derived of a row that came or changed, and of those after it.
    fn mend(&mut self, from: usize) {
        self.sums.forget_from(self.packed.n_spans() + from);
        let before = from.checked_sub(1).map(|row| self.reach[row]);
        let mut reach = before.unwrap_or_else(|| self.packed.reach());
        for row in from..self.stop.len() {
            reach = reach.max(self.stop[row]);
            if row > from && self.reach[row] == reach {
                break;
            }
            self.reach[row] = reach;
        }
    }
}

/// How an outcome is written in column tables.
pub(crate) fn outcome_name(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        None => "running",
        Some(Outcome::Finished) => "finished",
        Some(Outcome::Failed) => "failed",
        Some(Outcome::Lost) => "lost",
        Some(Outcome::Cancelled) => "cancelled",
    }
}
