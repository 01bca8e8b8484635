//! Columns of spans of time on one lane, sorted by their begin, so that a window is found by
//! binary search; and sums of those that have ended, so that of a long run not each is looked at. Of a
//! long run the older ones are packed.

mod chunks;
mod sums;

use taskreel_model::{Nanos, Outcome};

use crate::attic::Attic;
use crate::figure::Window;
use crate::packed::Unpacker;
use chunks::{CHUNK, Chunks};
pub(crate) use sums::Sum;
use sums::Sums;

/// The end of a span that is still going on.
const OPEN: Nanos = Nanos::MAX;
/// So many of the newest spans are not summed up: one that comes late finds its place among them.
const UNSETTLED: usize = 64;
/// Sums made for each span that comes or ends: more than come, so that they catch up.
const SUMS_AT_ONCE: usize = 2;

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

/// Spans of a lane that are looked at together.
#[derive(Debug)]
pub(crate) enum Stretch<'a, T> {
    /// One, and its index.
    One(usize, Span<T>),
    /// Several that have ended.
    Many(Sum<'a>),
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

    /// Sums up some of those that have ended, and packs what is old.
    fn sum_up(&mut self) {
        let n_packed = self.packed.n_spans();
        for _ in 0..SUMS_AT_ONCE {
            if !self.sum_next(UNSETTLED) {
                break;
            }
        }
        let n_old = self.start.len().saturating_sub(self.n_kept) / CHUNK * CHUNK;
        if n_old >= self.n_kept && self.sums.n_spans() >= n_packed + n_old {
            self.pack(n_old);
        }
    }

    /// Makes the next sum, if those that it is of have ended and so many come after them.
    fn sum_next(&mut self, n_after: usize) -> bool {
        let (next, n_packed) = (self.sums.next(), self.packed.n_spans());
        if next.end + n_after > self.len() {
            return false;
        }
        let rows = next.start - n_packed..next.end - n_packed;
        if self.stop[rows.clone()].contains(&OPEN) {
            return false;
        }
        let of = |row: usize| (self.start[row], self.stop[row], self.what[row].class());
        self.sums.push(rows.map(of));
        true
    }

    /// Few will come any more: packs what can be packed, and gives back what it had for more.
    pub(crate) fn come_to_rest(&mut self) {
        let n_packed = self.packed.n_spans();
        while self.sum_next(0) {}
        self.pack((self.sums.n_spans() - n_packed) / CHUNK * CHUNK);
        self.start.shrink_to_fit();
        self.stop.shrink_to_fit();
        self.reach.shrink_to_fit();
        self.what.shrink_to_fit();
    }

    /// Packs the first rows: whole chunks of those that are summed up.
    fn pack(&mut self, n_rows: usize) {
        for first in (0..n_rows).step_by(CHUNK) {
            let Self { packed, start, stop, what, .. } = self;
            let row = |row: usize| Span { start: start[row], stop: stop[row], what: what[row] };
            packed.push((first..first + CHUNK).map(row));
        }
        self.start.drain(..n_rows);
        self.stop.drain(..n_rows);
        self.reach.drain(..n_rows);
        self.what.drain(..n_rows);
        self.sums.coarsen_before(self.packed.n_spans());
    }

    /// A span comes so late that it belongs among packed ones. From here on fewer are packed: where one
    /// comes so late, others do.
    fn unpack_down_to(&mut self, start: Nanos) {
        let mut chunks = Vec::new();
        // The last chunk that begins before it may have spans that begin after it.
        let n_left = self.packed.n_before(start).saturating_sub(1);
        while self.packed.n_spans() > n_left * CHUNK {
            let mut spans = Vec::new();
            self.packed.pop(&mut spans);
            chunks.push(spans);
        }
        let older = || chunks.iter().rev().flatten();
        self.n_kept = (2 * self.n_kept).max(older().count().next_multiple_of(CHUNK));
        self.start.splice(0..0, older().map(|span| span.start));
        self.stop.splice(0..0, older().map(|span| span.stop));
        self.reach.splice(0..0, older().map(|span| span.stop));
        self.what.splice(0..0, older().map(|span| span.what));
        let mut reach = self.packed.reach();
        for (at, stop) in self.reach.iter_mut().zip(&self.stop) {
            reach = reach.max(*stop);
            *at = reach;
        }
        self.sums.refine_from(self.packed.n_spans());
    }

    /// Calls `take` for all spans that touch a window, in their order: for sums where one fits, else
    /// one by one.
    pub(crate) fn stretches<'a>(
        &'a self,
        window: Window,
        fits: impl Fn(&Sum<'_>) -> bool,
        mut take: impl FnMut(Stretch<'a, T>),
    ) {
        let range = self.range(window);
        let (mut unpacked, mut of_chunk) = (Vec::new(), usize::MAX);
        let is_before = |sum: &Sum<'_>| sum.reach < window.from;
        let mut i = range.start;
        while i < range.end {
            if let Some((sum, n)) = self.sums.largest(i, range.end, |s| is_before(s) || fits(s)) {
                if !is_before(&sum) {
                    take(Stretch::Many(sum));
                }
                i += n;
                continue;
            }
            let span = match i.checked_sub(self.packed.n_spans()) {
                Some(row) => self.row(row),
                None => {
                    if of_chunk != i / CHUNK {
                        of_chunk = i / CHUNK;
                        self.packed.unpack(of_chunk, &mut unpacked);
                    }
                    unpacked[i % CHUNK]
                }
            };
            if span.stop >= window.from && span.start < window.to {
                take(Stretch::One(i, span));
            }
            i += 1;
        }
    }

    /// The spans that may touch a window: all that do, and some that do not.
    fn range(&self, window: Window) -> std::ops::Range<usize> {
        let n_packed = self.packed.n_spans();
        let begin = match self.packed.first_from(window.from) * CHUNK {
            n if n == n_packed => n + self.reach.partition_point(|reach| *reach < window.from),
            n => n,
        };
        let end = match self.start.partition_point(|start| *start < window.to) {
            0 => self.packed.n_before(window.to) * CHUNK,
            n => n_packed + n,
        };
        begin.min(end)..end
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

#[cfg(test)]
impl Known for u8 {
    fn class(&self) -> u32 {
        (*self).into()
    }

    fn pack(&self, _before: Option<&Self>, out: &mut Vec<u8>) {
        out.push(*self & 0x7f);
    }

    fn unpack(_before: Option<&Self>, numbers: &mut Unpacker<'_>) -> Self {
        numbers.take() as Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Spans that touch a window, by what is known of them; of sums, how many they are of.
    fn within(spans: &Spans<u8>, from: u64, to: u64) -> Vec<u8> {
        let mut found = Vec::new();
        let window = Window { from: Nanos(from), to: Nanos(to) };
        spans.stretches(
            window,
            |_| false,
            |stretch| match stretch {
                Stretch::One(_, span) => found.push(span.what),
                Stretch::Many(_) => unreachable!("no sum fits"),
            },
        );
        found
    }

    #[test]
    fn finds_what_reaches_into_a_window() {
        let mut spans = Spans::new(&Attic::default());
        spans.push(Nanos(0), Nanos(100), b'a');
        spans.push(Nanos(10), Nanos(20), b'b');
        spans.push(Nanos(30), Nanos(40), b'c');
        spans.open(Nanos(50), b'd');
        assert_eq!(within(&spans, 60, 70), b"ad");
        assert_eq!(within(&spans, 0, 30), b"ab");
        let close =
            |spans: &mut Spans<u8>| spans.close(Nanos(50), Nanos(55), |_| true, |w| *w += 1);
        assert_eq!(close(&mut spans), Some(b'e'));
        assert_eq!(within(&spans, 101, 110), b"");
        assert_eq!(close(&mut spans), None);
    }

    #[test]
    fn late_spans_find_their_place() {
        let mut spans = Spans::new(&Attic::default());
        spans.push(Nanos(30), Nanos(40), b'b');
        spans.push(Nanos(10), Nanos(90), b'a');
        spans.push(Nanos(60), Nanos(70), b'c');
        assert_eq!(within(&spans, 0, 100), b"abc");
        assert_eq!(within(&spans, 80, 100), b"a");
        assert_eq!(within(&spans, 91, 100), b"");
    }

    /// Busy time by class within a window, and how many stretches it took to know it.
    fn busy(spans: &Spans<u8>, window: Window) -> ([u64; 3], usize) {
        let (mut busy, mut n) = ([0; 3], 0);
        let is_inside = |sum: &Sum<'_>| sum.start >= window.from && sum.reach <= window.to;
        spans.stretches(window, is_inside, |stretch| {
            n += 1;
            match stretch {
                Stretch::One(i, span) => {
                    assert_eq!(spans.get(i).start, span.start);
                    let inside = span.stop(window.to).min(window.to);
                    busy[usize::from(span.what)] += inside.since(span.start.max(window.from)).0;
                }
                Stretch::Many(sum) => {
                    sum.parts().for_each(|part| busy[part.class as usize] += part.busy.0);
                }
            }
        });
        (busy, n)
    }

    /// A long lane of which some spans turn out to be of another class, and some come late: by some
    /// spans or by many. What was put in comes beside it.
    fn long_lane() -> (Spans<u8>, Vec<(u64, u64, u8)>) {
        let mut spans = Spans::new(&Attic::default());
        let mut known: Vec<(u64, u64, u8)> = Vec::new();
        for i in 0..100_000_u64 {
            let (start, class) = (i * 10, (i * i % 3) as u8);
            spans.open(Nanos(start), class);
            let stop = start + 1 + i % 9;
            let class = if i % 301 == 0 { 2 } else { class };
            spans.close(Nanos(start), Nanos(stop), |_| true, |what| *what = class);
            known.push((start, stop, class));
            if i % 7_777 == 7_000 {
                let start = start - if i > 60_000 { 45_003 } else { 5_003 };
                spans.push(Nanos(start), Nanos(start + 3), 1);
                known.push((start, start + 3, 1));
            }
        }
        (spans, known)
    }

    #[test]
    fn sums_say_the_same_as_the_spans_and_are_few() {
        let (spans, known) = long_lane();
        assert_eq!(spans.len(), known.len());
        assert!(spans.packed.n_spans() > 80_000, "{} are packed", spans.packed.n_spans());
        for (from, to, n_max) in
            [(0, 1_000_000, 300), (333_333, 777_777, 900), (500_000, 500_100, 20)]
        {
            let mut expected = [0; 3];
            for (start, stop, class) in &known {
                expected[usize::from(*class)] += (*stop).min(to).saturating_sub((*start).max(from));
            }
            let (found, n) = busy(&spans, Window { from: Nanos(from), to: Nanos(to) });
            assert_eq!(found, expected, "{from} to {to}");
            assert!(n <= n_max, "{n} stretches from {from} to {to}");
        }
    }

    #[test]
    fn packed_spans_come_back_as_they_were() {
        let (spans, mut known) = long_lane();
        known.sort_by_key(|(start, ..)| *start);
        for (i, (start, stop, class)) in known.iter().enumerate() {
            let span = spans.get(i);
            assert_eq!((span.start.0, span.stop(Nanos::MAX).0, span.what), (*start, *stop, *class));
        }
    }

    #[test]
    fn a_span_that_goes_on_is_never_packed() {
        let mut spans = Spans::new(&Attic::default());
        spans.open(Nanos(0), 1);
        for i in 1..50_000 {
            spans.push(Nanos(i * 10), Nanos(i * 10 + 5), 0);
        }
        assert_eq!(within(&spans, 400_000, 400_010), [1, 0]);
        assert_eq!(spans.close(Nanos(0), Nanos(7), |_| true, |_| ()), Some(1));
        spans.push(Nanos(600_000), Nanos(600_001), 0);
        assert_eq!(within(&spans, 400_000, 400_010), [0]);
    }
}
