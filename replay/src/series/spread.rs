//! An amount that arrives over spans of time: bytes per second.

use taskreel_model::Nanos;

use super::column;
use crate::figure::Window;

/// An amount that arrives over spans of time, in at most `n_max` cells of 16 bytes.
#[derive(Clone, Debug)]
pub(crate) struct Spread {
    n_max: usize,
    shift: u32,
    /// Number of the first cell that there is: before it nothing arrived.
    begin: usize,
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
        Self { n_max, shift: FIRST_SHIFT, begin: 0, part: Vec::new(), slope: Vec::new(), total: 0 }
    }

    /// `amount` arrives evenly from `start` to `stop`.
    pub(crate) fn add(&mut self, start: Nanos, stop: Nanos, amount: u64) {
        let (start, stop) = (start.0.min(stop.0), stop.0);
        while (stop >> self.shift) as usize >= self.n_max {
            self.coarsen();
        }
        let (first, last) = ((start >> self.shift) as usize, (stop >> self.shift) as usize);
        self.reach(first, last);
        let (first_cell, first, last) = (first as u64, first - self.begin, last - self.begin);
        self.total = self.total.saturating_add(amount);
        if first == last {
            self.part[first] += amount as f64;
            return;
        }
        let rate = amount as f64 / (stop - start) as f64;
        let next_cell = (first_cell + 1) << self.shift;
        self.part[first] += rate * (next_cell - start) as f64;
        self.part[last] += rate * (stop - (((self.begin + last) as u64) << self.shift)) as f64;
        self.slope[first + 1] += rate;
        self.slope[last] -= rate;
    }

    /// Sees to it that there are the cells of some numbers, and those between them.
    #[inline]
    fn reach(&mut self, first: usize, last: usize) {
        let is_there = first >= self.begin && last < self.begin + self.part.len();
        if !is_there {
            self.grow(first, last);
        }
    }

    #[cold]
    fn grow(&mut self, first: usize, last: usize) {
        if self.part.is_empty() {
            self.begin = first;
        }
        let n_before = self.begin.saturating_sub(first);
        self.begin -= n_before;
        let n_cells = (last + 1 - self.begin).max(self.part.len() + n_before);
        for column in [&mut self.part, &mut self.slope] {
            column.splice(0..0, std::iter::repeat_n(0.0, n_before));
            column.resize(n_cells, 0.0);
        }
    }

    /// Joins each two cells. A slope that begins in the second of two counts in full from the next
    /// pair on, and until then as what it brought within that cell.
    fn coarsen(&mut self) {
        let width = (1_u64 << self.shift) as f64;
        self.shift += 1;
        if self.part.is_empty() {
            return;
        }
        let begin = self.begin / 2;
        let n = (self.begin + self.part.len()).div_ceil(2) + 1 - begin;
        let (mut part, mut slope) = (vec![0.0; n], vec![0.0; n]);
        for (i, (amount, grows)) in (self.begin..).zip(self.part.iter().zip(&self.slope)) {
            let to = i / 2 - begin;
            part[to] += amount;
            if i % 2 == 0 {
                slope[to] += grows;
            } else {
                part[to] += grows * width;
                slope[to + 1] += grows;
            }
        }
        (self.begin, self.part, self.slope) = (begin, part, slope);
    }

    /// All that ever arrived.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// What arrived per second, by cell from `begin` on.
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
                let [first, last] =
                    [first, last].map(|cell| cell.saturating_sub(self.begin).min(rates.len()));
                let seen = rates.get(first..last);
                seen.into_iter().flatten().copied().fold(0.0, f64::max)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    /// What arrives late in a run takes no more room than early on, and is drawn the same as with all cells there.
    #[test]
    fn nothing_is_kept_of_before() {
        let (mut late, mut all) = (Spread::new(1_024), Spread::new(1_024));
        all.add(Nanos::ZERO, Nanos::ZERO, 0);
        let ms = Nanos::from_millis;
        let draws = |i: u64| (900_000 + i * i % 7_919, i * 31 % 97, i % 1_000);
        for (at, took, bytes) in (0..500).map(draws) {
            for spread in [&mut late, &mut all] {
                spread.add(ms(at - took), ms(at), bytes);
            }
        }
        assert!(late.part.len() < 20 && all.part.len() > 500);
        for (from, to) in [(0, 1_000_000), (899_000, 910_000), (905_000, 905_100)] {
            let window = Window::new(ms(from), ms(to));
            let [late, all] = [&late, &all].map(|spread| spread.columns(window, window.to, 400));
            assert!(late.iter().zip(&all).all(|(a, b)| (a - b).abs() < 1e-6 * b.max(1.0)));
        }
        assert!((late.peak() - all.peak()).abs() < 1e-6 * all.peak());
    }
}
