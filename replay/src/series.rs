//! Values over time in bounded columns.
//!
//! [`Series`] is a gauge: it holds its value until the next one. [`Spread`] is an amount that
//! arrives over spans of time: bytes per second. Both begin fine and grow coarser by doubling their
//! cells when the run outgrows them: a cell keeps the least, the most and the last value that it
//! saw, and the whole of its amount, so that no extreme is ever dropped.

mod rest;
mod spread;

use std::borrow::Cow;

use taskreel_model::Nanos;

use crate::attic::Attic;
use crate::figure::Window;
use rest::Rested;
pub(crate) use spread::Spread;

/// A gauge over time in at most `n_max` points of 32 bytes, or of some bytes once it is at rest.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    n_max: usize,
    /// A cell is `1 << shift` nanoseconds; at first one.
    shift: u32,
    /// Rising by cell; cells in which nothing changed have no point.
    points: Vec<Point>,
    /// The points of one at rest, which has no others.
    rested: Option<Rested>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Point {
    cell: u64,
    least: u64,
    most: u64,
    last: u64,
}

/// What a gauge was within one pixel column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) least: u64,
    pub(crate) most: u64,
    pub(crate) last: u64,
}

impl Series {
    /// Points kept of a gauge that the run has once.
    pub(crate) const N_WHOLE: usize = 4_096;
    /// Points kept of a gauge that each worker or prefix has.
    pub(crate) const N_EACH: usize = 1_024;

    pub(crate) fn new(n_max: usize) -> Self {
        Self { n_max, shift: 0, points: Vec::new(), rested: None }
    }

    /// The gauge has that value from `at` on. Readings nearly always come in the order of time.
    pub(crate) fn push(&mut self, at: Nanos, value: u64) {
        if let Some(rested) = self.rested.take() {
            self.points = rested.unpack();
        }
        let cell = at.0 >> self.shift;
        let fresh = Point { cell, least: value, most: value, last: value };
        match self.points.last_mut() {
            Some(point) if point.cell == cell => point.take(value),
            Some(point) if point.cell > cell => self.insert(fresh),
            Some(_) | None => self.points.push(fresh),
        }
        if self.points.len() > self.n_max {
            self.coarsen();
        }
    }

    /// As [`Series::push`] for values that never come late: one that is held already adds nothing.
    pub(crate) fn hold(&mut self, at: Nanos, value: u64) {
        let here = self.points.last().map(|point| point.last);
        if here.or_else(|| self.rested.as_ref().map(Rested::last)) != Some(value) {
            self.push(at, value);
        }
    }

    /// Few values will come any more: its points take little room, and mostly in an attic.
    pub(crate) fn come_to_rest(&mut self, attic: &Attic) {
        if self.rested.is_none() {
            let points = std::mem::take(&mut self.points);
            self.rested = Rested::pack(&points, attic);
        }
    }

    /// All points, unpacked if it is at rest.
    fn all(&self) -> Cow<'_, [Point]> {
        match &self.rested {
            Some(rested) => Cow::Owned(rested.unpack()),
            None => Cow::Borrowed(&self.points),
        }
    }

    fn insert(&mut self, fresh: Point) {
        let index = self.points.partition_point(|point| point.cell < fresh.cell);
        match self.points.get_mut(index) {
            Some(point) if point.cell == fresh.cell => {
                // What came late was not the last of its cell.
                point.least = point.least.min(fresh.least);
                point.most = point.most.max(fresh.most);
            }
            Some(_) | None => self.points.insert(index, fresh),
        }
    }

    fn coarsen(&mut self) {
        while self.points.len() > self.n_max * 3 / 4 {
            self.shift += 1;
            for point in &mut self.points {
                point.cell >>= 1;
            }
            self.points.dedup_by(|later, kept| {
                let same = later.cell == kept.cell;
                if same {
                    kept.least = kept.least.min(later.least);
                    kept.most = kept.most.max(later.most);
                    kept.last = later.last;
                }
                same
            });
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.points.is_empty() && self.rested.is_none()
    }

    /// The latest value; 0 before any.
    pub(crate) fn last(&self) -> u64 {
        let here = || self.points.last().map_or(0, |point| point.last);
        self.rested.as_ref().map_or_else(here, Rested::last)
    }

    /// The most it ever was.
    pub(crate) fn most(&self) -> u64 {
        let here = || self.points.iter().map(|point| point.most).max().unwrap_or(0);
        self.rested.as_ref().map_or_else(here, Rested::most)
    }

    /// The most it was, and about when.
    pub(crate) fn peak(&self) -> Option<(u64, Nanos)> {
        let most = self.most();
        let points = self.all();
        let point = points.iter().find(|point| point.most == most)?;
        Some((most, self.at(point)))
    }

    /// When each point begins, with its least, most and last value.
    pub(crate) fn points(&self) -> impl Iterator<Item = (Nanos, Extent)> + '_ {
        let point = |point: &Point| (self.at(point), point.extent());
        self.all().iter().map(point).collect::<Vec<_>>().into_iter()
    }

    /// Of a count that only grows: by how much, and when.
    pub(crate) fn increments(&self) -> Vec<(Nanos, u64)> {
        let mut before = 0;
        self.points()
            .map(|(at, extent)| (at, extent.last - std::mem::replace(&mut before, extent.last)))
            .filter(|(_, more)| *more > 0)
            .collect()
    }

    fn at(&self, point: &Point) -> Nanos {
        Nanos(point.cell << self.shift)
    }

    /// What it was in each pixel column of a window up to `now`; fewer than `n_columns` when `now`
    /// is earlier than the window's end, `None` before its first value.
    pub(crate) fn columns(
        &self,
        window: Window,
        now: Nanos,
        n_columns: u32,
    ) -> Vec<Option<Extent>> {
        let n_columns = n_columns as usize;
        let n_shown = column(now.min(window.to), window, n_columns) + 1;
        let all = self.all();
        let first = all.partition_point(|point| self.at(point) < window.from);
        let mut held = first.checked_sub(1).map(|before| all[before].last);
        let mut points = all[first..].iter().peekable();
        let mut columns = Vec::with_capacity(n_columns);
        for x in 0..n_shown.min(n_columns) {
            let mut extent = held.map(|value| Extent { least: value, most: value, last: value });
            while let Some(point) = points.next_if(|point| {
                let at = self.at(point);
                at <= window.to.min(now) && column(at, window, n_columns) <= x
            }) {
                let seen = point.extent();
                extent = Some(extent.map_or(seen, |extent| extent.and(seen)));
                held = Some(point.last);
            }
            columns.push(extent);
        }
        columns
    }
}

impl Point {
    fn take(&mut self, value: u64) {
        self.least = self.least.min(value);
        self.most = self.most.max(value);
        self.last = value;
    }

    fn extent(&self) -> Extent {
        Extent { least: self.least, most: self.most, last: self.last }
    }
}

impl Extent {
    fn and(self, later: Self) -> Self {
        Self {
            least: self.least.min(later.least),
            most: self.most.max(later.most),
            last: later.last,
        }
    }
}

/// The pixel column of an instant that is not before the window.
fn column(at: Nanos, window: Window, n_columns: usize) -> usize {
    let since = at.since(window.from).0 as f64 / window.length().0 as f64;
    ((since * n_columns as f64) as usize).min(n_columns.saturating_sub(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_series_keeps_its_extremes() {
        let mut series = Series::new(64);
        for i in 0..100_000_u64 {
            let value = if i == 31_337 { 999 } else { 100 + i % 7 };
            series.push(Nanos(i * 1_003), value);
        }
        assert!(series.points.len() <= 64);
        let (most, at) = series.peak().unwrap();
        assert_eq!(most, 999);
        assert!(at.0.abs_diff(31_337 * 1_003) <= 1 << series.shift);
        let window = Window::until(Nanos(100_000 * 1_003));
        let columns = series.columns(window, window.to, 10);
        assert_eq!(columns.iter().flatten().map(|c| c.most).max(), Some(999));
        assert_eq!(columns[5].unwrap().least, 100);
    }

    #[test]
    fn a_gauge_holds_its_value() {
        let mut series = Series::new(8);
        series.push(Nanos(10), 5);
        series.push(Nanos(80), 7);
        series.push(Nanos(40), 1);
        let window = Window { from: Nanos(0), to: Nanos(100) };
        let lasts: Vec<Option<u64>> =
            series.columns(window, Nanos(89), 10).iter().map(|c| c.map(|c| c.last)).collect();
        let (none, five, one) = (None, Some(5), Some(1));
        assert_eq!(lasts, [none, five, five, five, one, one, one, one, Some(7)]);
    }

    #[test]
    fn one_at_rest_is_as_it_was() {
        let (mut rested, attic) = (Series::new(64), Attic::with_budget(0));
        for i in 0..10_000_u64 {
            rested.push(Nanos(i * 999), if i % 400 == 7 { u64::MAX - i } else { i * i % 1_000 });
        }
        let series = rested.clone();
        rested.come_to_rest(&attic);
        assert_eq!((rested.points.capacity(), attic.in_memory()), (0, 0));
        let told = |series: &Series| {
            let window = Window::until(Nanos(12_000_000));
            let columns = series.columns(window, window.to, 300);
            let points: Vec<_> = series.points().collect();
            (points, columns, series.last(), series.most(), series.peak(), series.is_empty())
        };
        assert_eq!(told(&rested), told(&series));
        // It may go on all the same.
        let mut both = [rested, series];
        for series in &mut both {
            series.hold(Nanos(10_000 * 999), 5);
            series.push(Nanos(700), 1);
        }
        assert_eq!(told(&both[0]), told(&both[1]));
    }

    #[test]
    fn one_without_values_rests_too() {
        let mut series = Series::new(64);
        series.come_to_rest(&Attic::default());
        assert!(series.is_empty());
        series.hold(Nanos(3), 0);
        assert_eq!(series.points().count(), 1);
    }
}
