//! Efficiency against granularity, and METG: the smallest granularity at which half of the peak is reached.

use serde::{Deserialize, Serialize};

/// One run of a graph with a certain kernel.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    /// `taskreel, embedded`
    pub(crate) system: String,
    pub(crate) pattern: String,
    /// Wall time × cores / tasks, in µs: the paper's measure of a task's size, its overhead included.
    pub(crate) granularity_us: f64,
    /// Iterations a second over the peak's.
    pub(crate) efficiency: f64,
}

/// METG(50 %) in µs: where the efficiency, from large tasks to small ones, falls below one half for the
/// first time, on a straight line over the logarithm of the granularity between the two runs around it.
/// `None` if no run reaches it, or all do.
pub(crate) fn metg(runs: &[&Measured]) -> Option<f64> {
    let mut runs = runs.to_vec();
    runs.sort_by(|a, b| b.granularity_us.total_cmp(&a.granularity_us));
    let below = runs.iter().position(|run| run.efficiency < 0.5)?;
    let (above, below) = (runs[below.checked_sub(1)?], runs[below]);
    let share = (above.efficiency - 0.5) / (above.efficiency - below.efficiency);
    let (from, to) = (above.granularity_us.ln(), below.granularity_us.ln());
    Some((from + share * (to - from)).exp())
}
