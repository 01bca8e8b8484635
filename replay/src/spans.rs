//! Columns of spans of time on one lane, sorted by their begin, so that a window is found by
//! binary search.

use std::ops::Range;

use taskreel_model::{Nanos, Outcome};

use crate::figure::Window;

/// The end of a span that is still going on.
const OPEN: Nanos = Nanos::MAX;

/// Equal-length columns; `T` is what is known of each span beyond its times.
#[derive(Clone, Debug)]
pub(crate) struct Spans<T> {
    /// Rising.
    start: Vec<Nanos>,
    /// Never before `start`; `OPEN` while it goes on.
    stop: Vec<Nanos>,
    /// The latest `stop` so far: rising, so what reaches into a window is found by bisection even
    /// where spans overlap.
    reach: Vec<Nanos>,
    what: Vec<T>,
}

impl<T> Default for Spans<T> {
    fn default() -> Self {
        Self { start: Vec::new(), stop: Vec::new(), reach: Vec::new(), what: Vec::new() }
    }
}

impl<T> Spans<T> {
    pub(crate) fn len(&self) -> usize {
        self.start.len()
    }

    /// Adds a span that goes on.
    pub(crate) fn open(&mut self, start: Nanos, what: T) {
        self.insert(start, OPEN, what);
    }

    /// Adds a span that has ended.
    pub(crate) fn push(&mut self, start: Nanos, stop: Nanos, what: T) {
        self.insert(start, stop.max(start), what);
    }

    fn insert(&mut self, start: Nanos, stop: Nanos, what: T) {
        // Nearly always the end: spans of a lane come in the order of time.
        let index = self.start.partition_point(|s| *s <= start);
        self.start.insert(index, start);
        self.stop.insert(index, stop);
        self.reach.insert(index, stop);
        self.what.insert(index, what);
        self.mend_reach(index);
    }

    /// Ends the span that goes on, began at `start` and is the one meant; gives what is known of it.
    pub(crate) fn close(
        &mut self,
        start: Nanos,
        stop: Nanos,
        is_meant: impl Fn(&T) -> bool,
    ) -> Option<&mut T> {
        let after = self.start.partition_point(|s| *s <= start);
        let index = (0..after)
            .rev()
            .take_while(|i| self.start[*i] == start)
            .find(|i| self.stop[*i] == OPEN && is_meant(&self.what[*i]))?;
        self.stop[index] = stop.max(start).min(Nanos(OPEN.0 - 1));
        self.mend_reach(index);
        self.what.get_mut(index)
    }

    /// Ends all spans that go on.
    pub(crate) fn close_all(&mut self, stop: Nanos) {
        for index in 0..self.len() {
            if self.is_open(index) {
                self.stop[index] = stop.max(self.start[index]).min(Nanos(OPEN.0 - 1));
                self.mend_reach(index);
            }
        }
    }

    fn mend_reach(&mut self, from: usize) {
        let mut reach = from.checked_sub(1).map_or(Nanos::ZERO, |i| self.reach[i]);
        for i in from..self.len() {
            reach = reach.max(self.stop[i]);
            if i > from && self.reach[i] == reach {
                break;
            }
            self.reach[i] = reach;
        }
    }

    /// The spans that may touch a window: all that do, and few that do not.
    pub(crate) fn range(&self, window: Window) -> Range<usize> {
        let begin = self.reach.partition_point(|reach| *reach < window.from);
        let end = self.start.partition_point(|start| *start < window.to);
        begin.min(end)..end
    }

    pub(crate) fn start(&self, index: usize) -> Nanos {
        self.start[index]
    }

    /// When it ended; `now` while it goes on.
    pub(crate) fn stop(&self, index: usize, now: Nanos) -> Nanos {
        if self.is_open(index) { now.max(self.start[index]) } else { self.stop[index] }
    }

    pub(crate) fn is_open(&self, index: usize) -> bool {
        self.stop[index] == OPEN
    }

    pub(crate) fn what(&self, index: usize) -> &T {
        &self.what[index]
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
mod tests {
    use super::*;

    fn window(from: u64, to: u64) -> Window {
        Window { from: Nanos(from), to: Nanos(to) }
    }

    #[test]
    fn finds_what_reaches_into_a_window() {
        let mut spans = Spans::default();
        spans.push(Nanos(0), Nanos(100), 'a');
        spans.push(Nanos(10), Nanos(20), 'b');
        spans.push(Nanos(30), Nanos(40), 'c');
        spans.open(Nanos(50), 'd');
        assert_eq!(spans.range(window(60, 70)), 0..4);
        assert_eq!(spans.range(window(0, 30)), 0..2);
        assert_eq!(spans.close(Nanos(50), Nanos(55), |_| true), Some(&mut 'd'));
        assert_eq!(spans.range(window(101, 110)), 4..4);
        assert_eq!(spans.close(Nanos(50), Nanos(55), |_| true), None);
    }

    #[test]
    fn late_spans_find_their_place() {
        let mut spans = Spans::default();
        spans.push(Nanos(30), Nanos(40), 'b');
        spans.push(Nanos(10), Nanos(90), 'a');
        spans.push(Nanos(60), Nanos(70), 'c');
        let order: Vec<char> = (0..spans.len()).map(|i| *spans.what(i)).collect();
        assert_eq!(order, ['a', 'b', 'c']);
        assert_eq!(spans.range(window(80, 100)), 0..3);
        assert_eq!(spans.range(window(91, 100)), 3..3);
    }
}
