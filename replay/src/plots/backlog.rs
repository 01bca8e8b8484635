//! **Backlog**: a lane per worker with the tasks given to it and not yet ended, over time.
//! Question: who has more to do than it can run, and who runs dry?
//!
//! | column    | unit, shape                                                       | glyph           |
//! |-----------|-------------------------------------------------------------------|-----------------|
//! | assigned  | tasks by worker, at most 1,024 points of least, most and last     | area, pale blue |
//! | executing | tasks in slots, likewise                                          | area, blue      |
//! | slots     | one per worker                                                    | dashed line     |
//!
//! As the scheduler knew it: by the instants at which it logged.

use taskreel_model::{Change, Last, Nanos, Phase, Sample, State, WorkerId};

use super::gauges::Gauges;
use super::{About, Page, Plot};
use crate::chart::{Measure, means};
use crate::figure::{Color, Figure, View};

const ABOUT: About = About {
    id: "backlog",
    title: "Backlog",
    question: "Who has more to do than it can run, and who runs dry?",
    page: Page::Workers,
};

/// The columns of the backlog plot.
#[derive(Debug, Default)]
pub struct Backlog {
    gauges: Gauges<2>,
    /// Executing tasks by worker: counted here, since the state would have to count slots.
    executing: Vec<u64>,
    slots: Vec<u16>,
}

impl Backlog {
    fn executes(&mut self, worker: WorkerId, begins: bool) {
        if self.executing.len() <= worker.index() {
            self.executing.resize(worker.index() + 1, 0);
        }
        let count = &mut self.executing[worker.index()];
        *count = if begins { *count + 1 } else { count.saturating_sub(1) };
    }
}

impl Plot for Backlog {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        let worker = match *change {
            Change::Task { from: Phase::Processing, worker: Some(worker), .. }
            | Change::Task { to: Phase::Processing, worker: Some(worker), .. } => worker,
            Change::Started { worker, .. } | Change::Rejoined { worker, .. } => {
                self.executes(worker, true);
                worker
            }
            Change::Seceded { worker, .. }
            | Change::Stopped { worker, last: Last { seceded: false, .. }, .. } => {
                self.executes(worker, false);
                worker
            }
            Change::Worker { .. } => return self.gauges.update(at, change),
            // What else changes is no worker's backlog.
            _ => return,
        };
        let assigned = state.worker(worker).map_or(0, |found| found.demand() as u64);
        let executing = self.executing.get(worker.index()).copied().unwrap_or(0);
        self.gauges.hold(state.now(), worker, [assigned, executing]);
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        self.gauges.settle(state);
        let slots = state.workers().iter().skip(self.slots.len()).map(|worker| worker.info.slots);
        self.slots.extend(slots);
    }

    fn figure(&self, view: &View) -> Figure {
        let meanings = vec![
            means(Color::BACKLOG, "assigned"),
            means(Color::LOAD, "executing"),
            means(Color::MUTED, "slots"),
        ];
        let scale = (Measure::Count("tasks"), 0.0);
        self.gauges.figure(&ABOUT, view, scale, (meanings, Vec::new()), |chart, lane, worker| {
            chart.gauge(lane, &worker.series[0], Color::BACKLOG, 1.0);
            chart.gauge(lane, &worker.series[1], Color::LOAD, 1.0);
            let slots = self.slots.get(lane).copied().unwrap_or(1);
            chart.level(lane, f64::from(slots), Color::MUTED);
        })
    }

    fn columns(&self) -> String {
        self.gauges.columns(["assigned", "executing"])
    }
}
