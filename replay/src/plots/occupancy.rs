//! **Occupancy**: a lane per worker with how long it would take to do all that it was given.
//! Question: how far ahead is each worker planned, and is the plan even?
//!
//! | column    | unit, shape                                                          | glyph |
//! |-----------|----------------------------------------------------------------------|-------|
//! | occupancy | ns of execution expected of the tasks assigned, by worker, at most 1,024 points of least, most and last | area, blue |
//!
//! What a task is expected to take is the mean of its prefix so far, as the scheduler reckons.

use taskreel_model::{Change, Nanos, Phase, Sample, State};

use super::gauges::Gauges;
use super::{About, Page, Plot};
use crate::chart::{Measure, means};
use crate::figure::{Color, Figure, View};

const ABOUT: About = About {
    id: "occupancy",
    title: "Occupancy",
    question: "How far ahead is each worker planned, and is the plan even?",
    page: Page::Workers,
};

/// The columns of the occupancy plot.
#[derive(Debug, Default)]
pub struct Occupancy {
    gauges: Gauges<1>,
}

impl Plot for Occupancy {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        match *change {
            Change::Task { from: Phase::Processing, worker: Some(worker), .. }
            | Change::Task { to: Phase::Processing, worker: Some(worker), .. } => {
                let occupancy = state.worker(worker).map_or(0, |found| found.occupancy.0);
                self.gauges.hold(state.now(), worker, [occupancy]);
            }
            Change::Worker { .. } => self.gauges.update(at, change),
            // Only what is assigned counts.
            _ => {}
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        self.gauges.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let meanings = vec![means(Color::LOAD, "expected work")];
        let scale = (Measure::Time, 0.0);
        self.gauges.figure(&ABOUT, view, scale, (meanings, Vec::new()), |chart, lane, worker| {
            chart.gauge(lane, &worker.series[0], Color::LOAD, 1.0);
        })
    }

    fn columns(&self) -> String {
        self.gauges.columns(["occupancy_ns"])
    }
}
