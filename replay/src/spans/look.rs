//! Looking at a window of a lane: at sums of spans where they do, else at one span after the other.

use super::chunks::CHUNK;
use super::sums::Sum;
use super::{Known, Span, Spans};
use crate::figure::Window;

/// Spans of a lane that are looked at together.
#[derive(Debug)]
pub(crate) enum Stretch<'a, T> {
    /// One, and its index.
    One(usize, Span<T>),
    /// Several that have ended.
    Many(Sum<'a>),
}

impl<T: Known> Spans<T> {
    /// Calls `take` for all spans that touch a window, in their order: for sums where one fits, else
    /// one by one.
    pub(crate) fn stretches(
        &self,
        window: Window,
        fits: impl Fn(&Sum<'_>) -> bool,
        mut take: impl FnMut(Stretch<'_, T>),
    ) {
        let range = self.range(window);
        let mut sums = self.sums.looker();
        let (mut unpacked, mut of_chunk) = (Vec::new(), usize::MAX);
        let is_before = |sum: &Sum<'_>| sum.reach < window.from;
        let mut i = range.start;
        while i < range.end {
            if let Some((sum, n)) = sums.largest(i, range.end, |s| is_before(s) || fits(s)) {
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
