//! Gauges that each worker has: their columns, and their lanes. Not a plot; several are made of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, State, WorkerId, WorkerStatus};

use crate::attic::Attic;
use crate::chart::{LaneName, Measure, NAME_CHARS, time_text};
use crate::figure::{Figure, View, clean};
use crate::series::Series;

use super::About;
use crate::chart::{self, LaneChart, Meaning};

/// Bytes of workers that are gone that stay in memory: there are several such plots.
const ATTIC_BYTES: u64 = 128 << 10;

/// `N` gauges of each worker, by worker.
#[derive(Clone, Debug)]
pub(super) struct Gauges<const N: usize> {
    workers: Vec<WorkerGauges<N>>,
    /// What is known of workers that are gone.
    attic: Attic,
    /// Those of them of which something was told since: samples come late.
    restless: BTreeSet<WorkerId>,
}

#[derive(Clone, Debug)]
pub(super) struct WorkerGauges<const N: usize> {
    /// Empty until the state knows the worker.
    pub(super) name: String,
    /// Bytes it may use; 0: no limit.
    pub(super) limit_bytes: u64,
    /// Whether it is a thread of a process that it shares with others.
    pub(super) is_embedded: bool,
    is_gone: bool,
    pub(super) series: [Series; N],
}

impl<const N: usize> Default for Gauges<N> {
    fn default() -> Self {
        Self {
            workers: Vec::new(),
            attic: Attic::with_budget(ATTIC_BYTES),
            restless: BTreeSet::new(),
        }
    }
}

impl<const N: usize> Gauges<N> {
    /// Notes values of a worker, sampled at `at`; they may come late.
    pub(super) fn push(&mut self, at: Nanos, worker: WorkerId, values: [u64; N]) {
        let Some(found) = self.worker(worker) else { return };
        for (series, value) in found.series.iter_mut().zip(values) {
            series.push(at, value);
        }
        if found.is_gone {
            self.restless.insert(worker);
        }
    }

    /// Notes values of a worker that the state has from `now` on.
    pub(super) fn hold(&mut self, now: Nanos, worker: WorkerId, values: [u64; N]) {
        let Some(found) = self.worker(worker) else { return };
        for (series, value) in found.series.iter_mut().zip(values) {
            series.hold(now, value);
        }
    }

    fn worker(&mut self, worker: WorkerId) -> Option<&mut WorkerGauges<N>> {
        // Ids are dense; a sample may come before its worker, but not long before.
        const AHEAD: usize = 4_096;
        if worker.index() >= self.workers.len() + AHEAD {
            return None;
        }
        while self.workers.len() <= worker.index() {
            self.workers.push(WorkerGauges {
                name: String::new(),
                limit_bytes: 0,
                is_embedded: false,
                is_gone: false,
                series: std::array::from_fn(|_| Series::new(Series::N_EACH)),
            });
        }
        self.workers.get_mut(worker.index())
    }

    /// A worker that joins or is lost has nothing.
    pub(super) fn update(&mut self, at: Nanos, change: &Change) {
        let Change::Worker { worker, from, to } = *change else { return };
        let is_lost = to == WorkerStatus::Lost;
        if from.is_none() || is_lost {
            self.push(at, worker, [0; N]);
        }
        if is_lost && let Some(found) = self.worker(worker) {
            found.is_gone = true;
            self.restless.insert(worker);
        }
    }

    /// Takes names over from the state, and puts away what is of workers that are gone.
    pub(super) fn settle(&mut self, state: &State) {
        for worker in std::mem::take(&mut self.restless) {
            let gone = self.workers.get_mut(worker.index());
            let series = gone.into_iter().flat_map(|gone| &mut gone.series);
            series.for_each(|series| series.come_to_rest(&self.attic));
        }
        for (found, worker) in self.workers.iter_mut().zip(state.workers()) {
            if found.name.is_empty() {
                found.name = clean(&worker.info.name, NAME_CHARS);
                found.limit_bytes = worker.info.memory_limit;
                found.is_embedded = worker.info.address.starts_with("local:");
            }
        }
    }

    pub(super) fn workers(&self) -> &[WorkerGauges<N>] {
        &self.workers
    }

    /// All points as a table; `names` are those of the gauges.
    pub(super) fn columns(&self, names: [&str; N]) -> String {
        let mut table = String::from("worker\tgauge\tat_ns\tleast\tmost\tlast\n");
        for worker in &self.workers {
            for (series, name) in worker.series.iter().zip(names) {
                for (at, extent) in series.points() {
                    let _ = writeln!(
                        table,
                        "{}\t{name}\t{}\t{}\t{}\t{}",
                        worker.name, at.0, extent.least, extent.most, extent.last
                    );
                }
            }
        }
        table
    }

    /// A lane per worker, drawn by `draw`. The scale reaches to the highest value, and to `least_to`.
    pub(super) fn figure(
        &self,
        about: &About,
        view: &View,
        (measure, least_to): (Measure, f64),
        (meanings, notes): (Vec<Meaning>, Vec<String>),
        draw: impl Fn(&mut LaneChart<'_>, usize, &WorkerGauges<N>),
    ) -> Figure {
        if self.workers.is_empty() {
            return chart::nothing(about, view, "No worker has joined yet.");
        }
        let labels: Vec<&str> = meanings.iter().map(|(_, _, label)| label.as_str()).collect();
        let lane = |worker: &WorkerGauges<N>| LaneName {
            name: worker.name.clone(),
            peak: worker.most() as f64,
            hover: worker.hover(measure, &labels),
        };
        let lanes: Vec<LaneName> = self.workers.iter().map(lane).collect();
        let scale = (measure, least_to);
        let mut chart = LaneChart::new(about, view, &lanes, scale, meanings.clone());
        for (i, worker) in self.workers.iter().enumerate() {
            draw(&mut chart, i, worker);
        }
        chart.finish(notes)
    }
}

impl<const N: usize> WorkerGauges<N> {
    /// The most that any of its gauges ever was.
    pub(super) fn most(&self) -> u64 {
        self.series.iter().map(Series::most).max().unwrap_or(0)
    }

    fn hover(&self, measure: Measure, labels: &[&str]) -> String {
        let mut text = self.name.clone();
        for (series, label) in self.series.iter().zip(labels) {
            let last = measure.text(series.last() as f64);
            let _ = write!(text, "{} {label} {last}", if text == self.name { ":" } else { "," });
            if let Some((most, at)) = series.peak() {
                let most = measure.text(most as f64);
                let _ = write!(text, " (at most {most}, at {})", time_text(at));
            }
        }
        text
    }
}
