//! Level of detail: spans become pieces, at most two per pixel column of a lane.
//!
//! A span at least two pixels wide is a piece of its own, its edges rounded to whole pixels: where
//! one span begins as another ends, so do their pieces, and no false gap opens; nor does one where
//! less than half a pixel lies between them. Shorter spans are gathered in pixel columns. Of such a column the category that covers most wins, and **its
//! height is the share of the column that was busy**: 40 % busy looks 40 % full, not idle and not
//! busy. The least share still is a sliver, so work in an otherwise idle stretch never vanishes.
//! Equal neighbours merge into one piece.
//!
//! Where many spans fall into one column, their sums ([`Sum`]) are gathered instead, so that a picture
//! costs what it shows, however long the run.

use taskreel_model::Nanos;

use crate::figure::Window;
use crate::spans::{Known, Span, Spans, Stretch, Sum};

/// The level of a piece that fills its lane.
pub(crate) const FULL: u8 = 4;

/// A span narrower than this many pixels is gathered with others.
const WIDE_PX: f64 = 2.0;
/// Spans that lie so near one another are taken as evenly spread, though a column may end among them.
const NARROW_PX: f64 = 0.25;
/// What a span without duration covers of a column: it still is there.
const LEAST_SHARE: f64 = 1e-6;

/// A rectangle on a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    /// First pixel column.
    pub(crate) x: i32,
    /// Number of pixel columns, at least 1.
    pub(crate) width: i32,
    /// Height in quarters of the lane; 0: a sliver.
    pub(crate) level: u8,
    /// The category that covers most.
    pub(crate) category: u8,
    /// A span of that category that it shows.
    pub(crate) span: usize,
    /// The class of that span.
    pub(crate) class: u32,
    /// Whether it shows that span and no other.
    pub(crate) is_single: bool,
}

/// How spans become pieces.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lod {
    /// What is shown.
    pub(crate) window: Window,
    /// What is still going on ends here.
    pub(crate) now: Nanos,
    /// Pixel columns of the window.
    pub(crate) width_px: u32,
    /// Categories are below this.
    pub(crate) n_categories: u8,
}

impl Lod {
    /// Pieces of a lane whose spans do not overlap but for errors of clocks.
    /// Spans of a class without a category are left out.
    pub(crate) fn lane<T: Known, C: Into<Option<u8>>>(
        &self,
        spans: &Spans<T>,
        category: impl Fn(u32) -> C,
    ) -> Vec<Piece> {
        let mut bins = Bins::new(self);
        let mut pieces = Vec::new();
        let (mut free_from, mut ended) = (0, f64::MIN);
        let take = |stretch: Stretch<'_, T>| {
            let (i, span) = match stretch {
                Stretch::One(i, span) => (i, span),
                Stretch::Many(sum) => return self.gather(&mut bins, &sum, &category),
            };
            let class = span.what.class();
            let Some(category) = category(class).into() else { return };
            let (a, b) = self.px(&span);
            if b - a < WIDE_PX {
                return bins.add((a, b), category, (i as u32, class));
            }
            bins.cover_edges(a, b);
            // Clipping overlaps keeps the number of pieces below the number of columns.
            let (mut x0, x1) = ((a.round() as i32).max(free_from), b.round() as i32);
            // Rounding would make a whole pixel of it, here and there.
            if x0 == free_from + 1 && a - ended < 0.5 && bins.is_free(free_from) {
                x0 = free_from;
            }
            ended = b;
            if x1 <= x0 {
                return;
            }
            bins.occupy(x0, x1);
            free_from = x1;
            let (width, level, is_single) = (x1 - x0, FULL, true);
            pieces.push(Piece { x: x0, width, level, category, span: i, class, is_single });
        };
        spans.stretches(self.window, |sum| self.is_narrow(sum), take);
        bins.gather(1.0, &mut pieces);
        pieces.sort_unstable_by_key(|piece| piece.x);
        pieces
    }

    /// Pieces of several lanes seen as one, or of a lane whose spans overlap: `capacity` spans at
    /// once fill it.
    pub(crate) fn overlaid<'a, T: Known + 'a, C: Into<Option<u8>>>(
        &self,
        lanes: impl IntoIterator<Item = &'a Spans<T>>,
        capacity: f32,
        category: impl Fn(u32) -> C,
    ) -> Vec<Piece> {
        let mut bins = Bins::new(self);
        for spans in lanes {
            let take = |stretch: Stretch<'_, T>| {
                let (i, span) = match stretch {
                    Stretch::One(i, span) => (i, span),
                    Stretch::Many(sum) => return self.gather(&mut bins, &sum, &category),
                };
                let class = span.what.class();
                let Some(category) = category(class).into() else { return };
                let (a, b) = self.px(&span);
                let (a, b) = if b - a < WIDE_PX { (a, b) } else { (a.round(), b.round()) };
                bins.add((a, b), category, (i as u32, class));
            };
            spans.stretches(self.window, |sum| self.is_narrow(sum), take);
        }
        let mut pieces = Vec::new();
        bins.gather(capacity.max(1.0), &mut pieces);
        pieces
    }

    /// Whether spans can be gathered by their sum: they lie in one column, or so near one another that
    /// it makes no difference.
    fn is_narrow(&self, sum: &Sum<'_>) -> bool {
        let (a, b) = (self.px_from_ns(sum.start), self.px_from_ns(sum.reach));
        let is_inside = sum.start >= self.window.from && sum.reach <= self.window.to;
        is_inside && (b - a <= NARROW_PX || a.floor() == b.floor())
    }

    fn gather<C: Into<Option<u8>>>(
        &self,
        bins: &mut Bins,
        sum: &Sum<'_>,
        category: impl Fn(u32) -> C,
    ) {
        let (a, b) = (self.px_from_ns(sum.start), self.px_from_ns(sum.reach));
        for part in sum.parts() {
            let Some(category) = category(part.class).into() else { continue };
            let share = self.px_from_length(part.busy).max(LEAST_SHARE);
            bins.add_many((a, b), share, category, ((part.last, part.class), part.n));
        }
    }

    /// Begin and end of a span in pixels, cut to the window.
    fn px<T>(&self, span: &Span<T>) -> (f64, f64) {
        (self.px_from_ns(span.start), self.px_from_ns(span.stop(self.now)))
    }

    /// Where an instant is, cut to the window.
    pub(crate) fn px_from_ns(&self, at: Nanos) -> f64 {
        let since = at.clamp(self.window.from, self.window.to).since(self.window.from);
        self.px_from_length(since)
    }

    fn px_from_length(&self, length: Nanos) -> f64 {
        length.0 as f64 / self.window.length().0.max(1) as f64 * f64::from(self.width_px)
    }
}

/// Index and class of a span.
type Seen = (u32, u32);

/// Pixel columns of a lane.
struct Bins {
    n_categories: usize,
    width: usize,
    /// Share covered by category, column after column.
    share: Vec<f32>,
    /// The same for whole columns: begins and ends, to be summed from the left.
    steps: Vec<f32>,
    /// Share covered by wide spans that were rounded away from the column.
    edge: Vec<f32>,
    /// Whether a wide span shows there.
    occupied: Vec<bool>,
    /// By column and category: the last span seen.
    last: Vec<Seen>,
    /// Spans in the column.
    n_spans: Vec<u32>,
}

impl Bins {
    fn new(lod: &Lod) -> Self {
        let (width, n_categories) = (lod.width_px as usize, lod.n_categories as usize);
        Self {
            n_categories,
            width,
            share: vec![0.0; width * n_categories],
            steps: Vec::new(),
            edge: vec![0.0; width],
            occupied: vec![false; width],
            last: vec![(0, 0); width * n_categories],
            n_spans: vec![0; width],
        }
    }

    fn column(&self, px: f64) -> usize {
        (px as usize).min(self.width - 1)
    }

    fn add(&mut self, (a, b): (f64, f64), category: u8, seen: Seen) {
        let (first, last) = (self.column(a), self.column(b));
        if last - first > 4 {
            return self.add_long((first, last), (a, b), category, seen);
        }
        for column in first..=last {
            let share = b.min((column + 1) as f64) - a.max(column as f64);
            if share > 0.0 || first == last {
                self.add_share(column, share.max(LEAST_SHARE), category, (seen, 1));
            }
        }
    }

    /// Spans between two places, the last of them and how many, that cover so much together.
    fn add_many(&mut self, (a, b): (f64, f64), share: f64, category: u8, seen: (Seen, u32)) {
        let (first, last) = (self.column(a), self.column(b));
        if first == last {
            return self.add_share(first, share, category, seen);
        }
        let before = share * ((last as f64 - a) / (b - a));
        self.add_share(first, before, category, seen);
        self.add_share(last, share - before, category, seen);
    }

    fn add_share(&mut self, column: usize, share: f64, category: u8, (seen, n): (Seen, u32)) {
        let cell = column * self.n_categories + category as usize;
        self.share[cell] += share as f32;
        self.last[cell] = seen;
        self.n_spans[column] = self.n_spans[column].saturating_add(n);
    }

    /// Whole columns as two steps, so that a long span costs no more than a short one.
    fn add_long(
        &mut self,
        (first, last): (usize, usize),
        (a, b): (f64, f64),
        category: u8,
        seen: Seen,
    ) {
        self.add_share(first, (first + 1) as f64 - a, category, (seen, 1));
        if b > last as f64 {
            self.add_share(last, b - last as f64, category, (seen, 1));
        }
        if self.steps.is_empty() {
            self.steps = vec![0.0; (self.width + 1) * self.n_categories];
        }
        self.steps[(first + 1) * self.n_categories + category as usize] += 1.0;
        self.steps[last * self.n_categories + category as usize] -= 1.0;
    }

    fn cover_edges(&mut self, a: f64, b: f64) {
        let (first, last) = (self.column(a), self.column(b));
        self.edge[first] += ((first + 1) as f64 - a).clamp(0.0, 1.0) as f32;
        if last > first {
            self.edge[last] += (b - last as f64).clamp(0.0, 1.0) as f32;
        }
    }

    /// Whether no short span was gathered in a column.
    fn is_free(&self, column: i32) -> bool {
        self.n_spans[column as usize] == 0
    }

    fn occupy(&mut self, from: i32, to: i32) {
        self.occupied[from.max(0) as usize..(to as usize).min(self.width)].fill(true);
    }

    /// Turns columns into pieces, merging equal neighbours.
    fn gather(&mut self, capacity: f32, pieces: &mut Vec<Piece>) {
        self.sum_steps();
        let mut last: Option<Piece> = None;
        for column in 0..self.width {
            let Some(piece) = self.piece(column, capacity) else { continue };
            match &mut last {
                Some(run)
                    if run.x + run.width == piece.x
                        && (run.category, run.level) == (piece.category, piece.level) =>
                {
                    run.width += 1;
                    run.is_single &= piece.is_single && run.span == piece.span;
                }
                _ => pieces.extend(last.replace(piece)),
            }
        }
        pieces.extend(last);
    }

    fn sum_steps(&mut self) {
        if self.steps.is_empty() {
            return;
        }
        let mut open = vec![0.0; self.n_categories];
        for column in 0..self.width {
            for (category, sum) in open.iter_mut().enumerate() {
                let cell = column * self.n_categories + category;
                *sum += self.steps[cell];
                if *sum > 0.5 {
                    self.share[cell] += *sum;
                    self.n_spans[column] += *sum as u32;
                    if column > 0 && self.share[cell] > 0.0 && *sum < 1.5 {
                        self.last[cell] = self.last[cell - self.n_categories];
                    }
                }
            }
        }
    }

    fn piece(&self, column: usize, capacity: f32) -> Option<Piece> {
        if self.occupied[column] || self.n_spans[column] == 0 {
            return None;
        }
        let cells = column * self.n_categories..(column + 1) * self.n_categories;
        let shares = &self.share[cells.clone()];
        let mut category = 0;
        for (i, share) in shares.iter().enumerate() {
            if *share > shares[category] {
                category = i;
            }
        }
        let busy = ((shares.iter().sum::<f32>() + self.edge[column]) / capacity).min(1.0);
        let (span, class) = self.last[cells.start + category];
        Some(Piece {
            x: column as i32,
            width: 1,
            level: (busy * f32::from(FULL)).round() as u8,
            category: category as u8,
            span: span as usize,
            class,
            is_single: self.n_spans[column] == 1,
        })
    }
}

#[cfg(test)]
mod tests;
