//! What can make a run slow: one small file per kind, one line in [`ALL`].
//!
//! A finding's cost is how much sooner the run would have ended, had the slot time that it wasted
//! been put to use. That is an estimate, and costs of several findings overlap: they are for
//! ranking, not for adding up. What costs less than [`SHARE_MIN`] of the makespan, or less than
//! [`COST_MIN`], is not worth a finding; failures always are.

mod communication;
mod critical_path;
mod failing;
mod imbalance;
mod memory_pressure;
mod parallelism;
mod repeated_work;
mod scheduler;
mod slow_start;
mod slow_workers;
mod small_tasks;
mod stragglers;

use serde::Serialize;
use taskreel_model::{Nanos, WorkerId};

use super::{Attempt, CriticalPath, Facts, Usage, quantile};
use crate::figure::{Window, clean};

/// The least share of the makespan that a finding costs.
pub const SHARE_MIN: f64 = 0.05;

/// The least time that a finding costs.
pub const COST_MIN: Nanos = Nanos::from_millis(5);

/// Looks for one kind of finding.
type Find = fn(&Run<'_>) -> Option<Finding>;

/// All kinds there are.
const ALL: &[Find] = &[
    communication::find,
    stragglers::find,
    imbalance::find,
    small_tasks::find,
    parallelism::find,
    critical_path::find,
    memory_pressure::find,
    repeated_work::find,
    failing::find,
    slow_workers::find,
    slow_start::find,
    scheduler::find,
];

/// Something that made a run slow.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// Its kind, for programs: `stragglers`.
    pub kind: &'static str,
    /// What happened, in a line. Names of the run stand in backquotes.
    pub title: String,
    /// How much sooner the run would have ended without it, in nanoseconds.
    #[serde(rename = "cost_ns")]
    pub cost: Nanos,
    /// The same as a share of the makespan, from 0 to 1.
    pub share: f64,
    /// What shows it, a sentence each.
    pub evidence: Vec<String>,
    /// Names of the workers concerned; empty: all alike.
    pub workers: Vec<String>,
    /// Names of the prefixes concerned, most first.
    pub prefixes: Vec<String>,
    /// Where it was at its worst, in nanoseconds since the run began.
    pub window: Window,
    /// The plot that shows it.
    pub plot: &'static str,
    /// What to try.
    pub advice: String,
}

impl Finding {
    /// The part of the run to draw: its window, with some of what is around it.
    pub fn picture_window(&self) -> Window {
        let margin = Nanos(self.window.length().0 / 12);
        Window::new(self.window.from.since(margin), self.window.to + margin)
    }
}

/// A run with what several kinds of findings ask for.
#[derive(Debug)]
pub struct Run<'a> {
    /// The rows.
    pub facts: &'a Facts,
    /// What the slots did.
    pub usage: Usage,
    /// The longest chain.
    pub path: CriticalPath,
    /// Median duration by prefix, of executions that ended well.
    pub medians: Vec<Nanos>,
    /// Median duration of all executions that ended well.
    pub median: Nanos,
}

impl<'a> Run<'a> {
    /// Prepares a run.
    pub fn new(facts: &'a Facts) -> Self {
        let mut durations = facts.durations();
        let medians = durations.iter_mut().map(|of| quantile(of, 0.5)).collect();
        let median = quantile(&mut durations.concat(), 0.5);
        Self { facts, usage: Usage::new(facts), path: CriticalPath::of(facts), medians, median }
    }

    /// A finding that cost this much, if that is worth one.
    fn finding(&self, kind: &'static str, cost: Nanos, window: Window) -> Option<Finding> {
        let share = self.share(cost);
        (share >= SHARE_MIN && cost >= COST_MIN).then(|| self.always(kind, cost, window))
    }

    /// A finding whatever it cost.
    fn always(&self, kind: &'static str, cost: Nanos, window: Window) -> Finding {
        let cost = cost.min(self.facts.makespan());
        Finding {
            kind,
            title: String::new(),
            cost,
            share: self.share(cost),
            evidence: Vec::new(),
            workers: Vec::new(),
            prefixes: Vec::new(),
            window,
            plot: "task-stream",
            advice: String::new(),
        }
    }

    /// A time as a share of the makespan.
    fn share(&self, time: Nanos) -> f64 {
        (time.0 as f64 / self.facts.makespan().0.max(1) as f64).min(1.0)
    }

    /// When the run is at its end.
    fn now(&self) -> Nanos {
        self.facts.window.to
    }

    /// Executions of a kind that began.
    fn executions(&self) -> impl Iterator<Item = &'a Attempt> {
        self.facts.attempts.iter().filter(|attempt| attempt.started_at.is_some())
    }

    /// Sums by prefix, most first, those that make up most of it.
    fn by_prefix(&self, rows: impl Iterator<Item = (u32, u64)>) -> Vec<(String, u64)> {
        let names = |prefix: usize| self.facts.prefix(prefix as u32).to_owned();
        top(rows.map(|(prefix, n)| (prefix as usize, n)), self.facts.prefixes.len(), names)
    }

    /// Sums by worker, most first, those that make up most of it.
    fn by_worker(&self, rows: impl Iterator<Item = (WorkerId, u64)>) -> Vec<(String, u64)> {
        let names = |worker: usize| self.facts.worker(WorkerId(worker as u32)).to_owned();
        top(rows.map(|(worker, n)| (worker.index(), n)), self.facts.workers.len(), names)
    }
}

/// What all kinds of findings have to say, most costly first.
pub(super) fn of(run: &Run<'_>) -> Vec<Finding> {
    let mut found: Vec<Finding> = ALL.iter().filter_map(|find| find(run)).collect();
    // Equal costs stay in the order of the list.
    found.sort_by_key(|finding| std::cmp::Reverse(finding.cost));
    found
}

/// How many names a finding lists.
const LISTED: usize = 5;

/// Sums per name, most first: as many as make up nine tenths, and at most [`LISTED`].
fn top(
    rows: impl Iterator<Item = (usize, u64)>,
    n_names: usize,
    name: impl Fn(usize) -> String,
) -> Vec<(String, u64)> {
    let mut sums = vec![0_u64; n_names];
    for (row, n) in rows {
        sums[row] = sums[row].saturating_add(n);
    }
    let mut sums: Vec<(usize, u64)> =
        sums.into_iter().enumerate().filter(|(_, sum)| *sum > 0).collect();
    sums.sort_by_key(|(row, sum)| (std::cmp::Reverse(*sum), *row));
    let all: u64 = sums.iter().map(|(_, sum)| sum).sum();
    let mut listed = 0_u64;
    sums.into_iter()
        .take(LISTED)
        .take_while(|(_, sum)| {
            let goes_on = listed * 10 < all.saturating_mul(9);
            listed += sum;
            goes_on
        })
        .map(|(row, sum)| (name(row), sum))
        .collect()
}

/// The first parts of a list of pairs.
fn names(of: &[(String, u64)]) -> Vec<String> {
    of.iter().map(|(name, _)| name.clone()).collect()
}

/// A name of the run within a sentence: cleaned, short, in backquotes.
pub(super) fn quoted(name: &str) -> String {
    format!("`{}`", clean(name, 40).replace('`', "'"))
}

/// Several names within a sentence.
fn listed<T: AsRef<str>>(names: &[T]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| quoted(name.as_ref())).collect();
    match quoted.split_last() {
        None => "none".to_owned(),
        Some((last, [])) => last.clone(),
        Some((last, before)) => format!("{} and {last}", before.join(", ")),
    }
}

/// A share in percent: `31 %`, `4.2 %`.
pub(super) fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent >= 9.95 { format!("{percent:.0} %") } else { format!("{percent:.1} %") }
}

/// A duration with as many digits as anybody reads: `1.24 s`, `31 ms`.
pub(super) fn short(time: Nanos) -> String {
    match time.0 {
        ns @ 0..1_000_000 => format!("{:.0} µs", ns as f64 / 1e3),
        ns @ 1_000_000..10_000_000 => format!("{:.1} ms", ns as f64 / 1e6),
        ns @ 10_000_000..1_000_000_000 => format!("{:.0} ms", ns as f64 / 1e6),
        ns @ 1_000_000_000..100_000_000_000 => format!("{:.2} s", ns as f64 / 1e9),
        ns => format!("{:.0} s", ns as f64 / 1e9),
    }
}
