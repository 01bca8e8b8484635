//! An amount that arrives over spans of time: bytes per second.

use taskreel_model::Nanos;

use super::column;
use crate::figure::Window;

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
