//! **CPU**: a lane per worker with the CPU time of its process over time.
//! Question: which worker computes, and which one waits or starves?
//!
//! | column | unit, shape                                                     | glyph          |
//! |--------|-----------------------------------------------------------------|----------------|
//! | cpu    | thousandths of a core by worker, at most 1,024 points of least, most and last | area, green: solid up to the least, pale up to the most |
//!
//! From samples, about two a second. Workers within one process share its CPU time.

use taskreel_model::{Change, Nanos, Sample, State};

use super::gauges::Gauges;
use super::{About, Page, Plot};
use crate::chart::{Measure, means};
use crate::figure::{Color, Figure, View};

const ABOUT: About = About {
    id: "cpu",
    title: "CPU",
    question: "Which worker computes, and which one waits or starves?",
    page: Page::Workers,
};

/// The columns of the CPU plot.
#[derive(Debug, Default)]
pub struct WorkerCpu {
    gauges: Gauges<1>,
}

impl Plot for WorkerCpu {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, _state: &State) {
        self.gauges.update(at, change);
    }

    fn sample(&mut self, sample: &Sample, _state: &State) {
        if let Some(worker) = sample.worker {
            self.gauges.push(sample.at, worker, [u64::from(sample.cpu_permille)]);
        }
    }

    fn settle(&mut self, state: &State) {
        self.gauges.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let meanings = vec![means(Color::CPU, "CPU time")];
        let is_shared = self.gauges.workers().iter().any(|worker| worker.is_embedded);
        let notes = match is_shared {
            true => vec!["workers of one process share its CPU time".to_owned()],
            false => Vec::new(),
        };
        let scale = (Measure::CorePermille, 0.0);
        self.gauges.figure(&ABOUT, view, scale, (meanings, notes), |chart, lane, worker| {
            chart.gauge(lane, &worker.series[0], Color::CPU, 1.0);
        })
    }

    fn columns(&self) -> String {
        self.gauges.columns(["cpu_permille"])
    }
}
