//! What becomes of spans that have ended: they are summed up, and of a long run the older ones packed.

use taskreel_model::Nanos;

use super::chunks::CHUNK;
use super::{Known, OPEN, Span, Spans};

/// So many of the newest spans are not summed up: one that comes late finds its place among them.
const UNSETTLED: usize = 64;
/// Sums made for each span that comes or ends: more than come, so that they catch up.
const SUMS_AT_ONCE: usize = 2;

impl<T: Known> Spans<T> {
    /// Sums up some of those that have ended, and packs what is old.
    pub(super) fn sum_up(&mut self) {
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
        self.sums.come_to_rest();
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
        self.sums.coarsen_before(self.packed.n_spans(), self.packed.attic());
    }

    /// A span comes so late that it belongs among packed ones. From here on fewer are packed: where one
    /// comes so late, others do.
    pub(super) fn unpack_down_to(&mut self, start: Nanos) {
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
}
