//! How much was executed when, in a bounded number of buckets: a run that goes on longer gets
//! wider ones.

use taskreel_model::Nanos;

/// Most buckets; a screen has about as many pixel columns.
const BUCKETS_MAX: usize = 4_096;
/// Width of the first buckets.
const FIRST_NS: u64 = 100_000;

/// Time of execution by bucket.
#[derive(Debug)]
pub(super) struct Busy {
    width_ns: u64,
    ns: Vec<u64>,
}

impl Default for Busy {
    fn default() -> Self {
        Self { width_ns: FIRST_NS, ns: Vec::new() }
    }
}

impl Busy {
    /// Counts an execution in.
    pub(super) fn add(&mut self, from: Nanos, to: Nanos) {
        while to.0 / self.width_ns >= BUCKETS_MAX as u64 {
            self.widen();
        }
        let last = (to.0 / self.width_ns) as usize;
        if self.ns.len() <= last {
            self.ns.resize(last + 1, 0);
        }
        let first = (from.0.min(to.0) / self.width_ns) as usize;
        for (i, bucket) in self.ns[first..=last].iter_mut().enumerate() {
            let begin = (first + i) as u64 * self.width_ns;
            let end = begin.saturating_add(self.width_ns);
            *bucket += to.0.min(end).saturating_sub(from.0.max(begin));
        }
    }

    fn widen(&mut self) {
        self.ns = self.ns.chunks(2).map(|pair| pair.iter().sum()).collect();
        self.width_ns = self.width_ns.saturating_mul(2);
    }

    /// Stretches without any execution that are longer than `least`, up to where the last one ended.
    pub(super) fn idle(&self, least: Nanos) -> Vec<(Nanos, Nanos)> {
        let at = |bucket: usize| Nanos(bucket as u64 * self.width_ns);
        let mut gaps = Vec::new();
        let mut free_from = 0;
        for (i, _) in self.ns.iter().enumerate().filter(|(_, ns)| **ns > 0) {
            let (from, to) = (at(free_from), at(i));
            if to.since(from) > least {
                gaps.push((from, to));
            }
            free_from = i + 1;
        }
        gaps
    }

    /// When the last execution ended, as far as is known.
    pub(super) fn end(&self) -> Nanos {
        Nanos(self.ns.len() as u64 * self.width_ns)
    }

    /// Mean number of executions at a time between two instants.
    pub(super) fn mean(&self, from: Nanos, to: Nanos) -> f64 {
        let first = ((from.0 / self.width_ns) as usize).min(self.ns.len());
        let last = (to.0.div_ceil(self.width_ns) as usize).clamp(first, self.ns.len());
        let covered = (last - first).max(1) as u64 * self.width_ns;
        self.ns[first..last].iter().sum::<u64>() as f64 / covered as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_stretches_lie_between_executions() {
        let mut busy = Busy::default();
        for second in [2, 3, 9] {
            busy.add(Nanos::from_millis(second * 1_000), Nanos::from_millis(second * 1_000 + 900));
        }
        let ms = |(from, to): (Nanos, Nanos)| (from.0 / 1_000_000, to.0 / 1_000_000);
        let idle: Vec<_> = busy.idle(Nanos::from_millis(1_000)).into_iter().map(ms).collect();
        let close = |(a, b): (u64, u64), (c, d)| a.abs_diff(c) < 10 && b.abs_diff(d) < 10;
        assert_eq!(idle.len(), 2, "{idle:?}");
        assert!(close(idle[0], (0, 2_000)) && close(idle[1], (3_900, 9_000)), "{idle:?}");
    }

    #[test]
    fn buckets_are_bounded_and_lose_no_time() {
        let mut busy = Busy::default();
        for second in 0..10_000 {
            let from = Nanos::from_millis(second * 1_000 + 300);
            busy.add(from, from + Nanos::from_millis(500));
        }
        assert!(busy.ns.len() <= BUCKETS_MAX);
        assert_eq!(busy.ns.iter().sum::<u64>(), 10_000 * 500_000_000);
        let mean = busy.mean(Nanos::ZERO, Nanos::from_millis(10_000_000));
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
        assert_eq!(busy.mean(Nanos::MAX, Nanos::MAX), 0.0, "beyond the end");
    }
}
