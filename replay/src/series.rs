//! Values over time in bounded columns.
//!
//! [`Series`] is a gauge: it holds its value until the next one. [`Spread`] is an amount that
//! arrives over spans of time: bytes per second. Both begin fine and grow coarser by doubling their
//! cells when the run outgrows them: a cell keeps the least, the most and the last value that it
//! saw, and the whole of its amount, so that no extreme is ever dropped.

use taskreel_model::Nanos;

use crate::figure::Window;

/// A gauge over time in at most `n_max` points of 32 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    n_max: usize,
    /// A cell is `1 << shift` nanoseconds; at first one.
    shift: u32,
    /// Rising by cell; cells in which nothing changed have no point.
    points: Vec<Point>,
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
        Self { n_max, shift: 0, points: Vec::new() }
    }

    /// The gauge has that value from `at` on. Readings nearly always come in the order of time.
    pub(crate) fn push(&mut self, at: Nanos, value: u64) {
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
        if self.points.last().is_none_or(|point| point.last != value) {
            self.push(at, value);
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
        self.points.is_empty()
    }

    /// The latest value; 0 before any.
    pub(crate) fn last(&self) -> u64 {
        self.points.last().map_or(0, |point| point.last)
    }

    /// The most it ever was.
    pub(crate) fn most(&self) -> u64 {
        self.points.iter().map(|point| point.most).max().unwrap_or(0)
    }

    /// The most it was, and about when.
    pub(crate) fn peak(&self) -> Option<(u64, Nanos)> {
        let most = self.most();
        let point = self.points.iter().find(|point| point.most == most)?;
        Some((most, self.at(point)))
    }

    /// When each point begins, with its least, most and last value.
    pub(crate) fn points(&self) -> impl Iterator<Item = (Nanos, Extent)> + '_ {
        self.points.iter().map(|point| (self.at(point), point.extent()))
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
        let first = self.points.partition_point(|point| self.at(point) < window.from);
        let mut held = first.checked_sub(1).map(|before| self.points[before].last);
        let mut points = self.points[first..].iter().peekable();
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

/// An amount that arrives over spans of time, in at most `n_max` cells of 16 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    n_max: usize,
    shift: u32,
    /// What arrived in a cell beyond what `slope` says.
    part: Vec<f64>,
    /// By how much the amount per nanosecond grows with the begin of a cell.
    slope: Vec<f64>,
    total: u64,
}

/// Cells begin at about a millisecond: finer is no one's question of a rate.
const FIRST_SHIFT: u32 = 20;

impl Spread {
    pub(crate) fn new(n_max: usize) -> Self {
        Self { n_max, shift: FIRST_SHIFT, part: Vec::new(), slope: Vec::new(), total: 0 }
    }

    /// `amount` arrives evenly from `start` to `stop`.
    pub(crate) fn add(&mut self, start: Nanos, stop: Nanos, amount: u64) {
        let (start, stop) = (start.0.min(stop.0), stop.0);
        while (stop >> self.shift) as usize >= self.n_max {
            self.coarsen();
        }
        let (first, last) = ((start >> self.shift) as usize, (stop >> self.shift) as usize);
        if self.part.len() <= last {
            self.part.resize(last + 1, 0.0);
            self.slope.resize(last + 1, 0.0);
        }
        self.total = self.total.saturating_add(amount);
        if first == last {
            self.part[first] += amount as f64;
            return;
        }
        let rate = amount as f64 / (stop - start) as f64;
        let next_cell = (first as u64 + 1) << self.shift;
        self.part[first] += rate * (next_cell - start) as f64;
        self.part[last] += rate * (stop - ((last as u64) << self.shift)) as f64;
        self.slope[first + 1] += rate;
        self.slope[last] -= rate;
    }

    /// Joins each two cells. A slope that begins in the second of two counts in full from the next
    /// pair on, and until then as what it brought within that cell.
    fn coarsen(&mut self) {
        let width = (1_u64 << self.shift) as f64;
        let n = self.part.len().div_ceil(2) + 1;
        let (mut part, mut slope) = (vec![0.0; n], vec![0.0; n]);
        for (i, (amount, grows)) in self.part.iter().zip(&self.slope).enumerate() {
            part[i / 2] += amount;
            if i % 2 == 0 {
                slope[i / 2] += grows;
            } else {
                part[i / 2] += grows * width;
                slope[i / 2 + 1] += grows;
            }
        }
        (self.part, self.slope) = (part, slope);
        self.shift += 1;
    }

    /// All that ever arrived.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// What arrived per second, by cell.
    fn rates(&self) -> impl Iterator<Item = f64> + '_ {
        let width = (1_u64 << self.shift) as f64;
        self.part.iter().zip(&self.slope).scan(0.0, move |rate, (part, grows)| {
            *rate += grows;
            Some(((part / width + *rate) * 1e9).max(0.0))
        })
    }

    /// The most that arrived per second in any cell.
    pub(crate) fn peak(&self) -> f64 {
        self.rates().fold(0.0, f64::max)
    }

    /// The highest rate per second in each pixel column of a window up to `now`.
    pub(crate) fn columns(&self, window: Window, now: Nanos, n_columns: u32) -> Vec<f64> {
        let rates: Vec<f64> = self.rates().collect();
        let n_shown = column(now.min(window.to), window, n_columns as usize) + 1;
        let column_ns = window.length().0 as f64 / f64::from(n_columns.max(1));
        let cell = |x: usize| {
            let at = window.from.0 as f64 + x as f64 * column_ns;
            (at as u64 >> self.shift) as usize
        };
        (0..n_shown.min(n_columns as usize))
            .map(|x| {
                let (first, last) = (cell(x), cell(x + 1).max(cell(x) + 1));
                let seen = rates.get(first.min(rates.len())..last.min(rates.len()));
                seen.into_iter().flatten().copied().fold(0.0, f64::max)
            })
            .collect()
    }
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
    fn an_amount_stays_whole_when_cells_double() {
        let mut spread = Spread::new(16);
        spread.add(Nanos(500_000), Nanos(9_700_000), 1_000);
        spread.add(Nanos(3_000_000), Nanos(3_000_000), 77);
        for i in 0..50 {
            spread.add(Nanos(i * 1_500_000), Nanos(i * 2_300_000), 10_000);
        }
        let width = (1_u64 << spread.shift) as f64 / 1e9;
        let sum: f64 = spread.rates().map(|rate| rate * width).sum();
        assert!((sum - spread.total() as f64).abs() < 1e-3, "{sum} {}", spread.total());
    }
}
