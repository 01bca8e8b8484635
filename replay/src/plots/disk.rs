//! **Disk**: a lane per worker with what its process read from and wrote to disk.
//! Question: which worker's disk is the bottleneck, and when?
//!
//! | column   | unit, shape                                                              | glyph     |
//! |----------|--------------------------------------------------------------------------|-----------|
//! | read     | bytes per second by worker, at most 1,024 points of least, most and last | area, orange |
//! | written  | likewise                                                                 | line      |
//!
//! From samples, about two a second. Workers within one process share its disk.

use taskreel_model::{Change, Nanos, Sample, State};

use super::gauges::Gauges;
use super::{About, Page, Plot};
use crate::chart::{Measure, means};
use crate::figure::{Color, Figure, View};

const ABOUT: About = About {
    id: "disk",
    title: "Disk",
    question: "Which worker's disk is the bottleneck, and when?",
    page: Page::Transfers,
};

/// The columns of the disk plot.
#[derive(Debug, Default)]
pub struct Disk {
    gauges: Gauges<2>,
}

impl Plot for Disk {
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
            self.gauges.push(sample.at, worker, [sample.read_per_s, sample.written_per_s]);
        }
    }

    fn settle(&mut self, state: &State) {
        self.gauges.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let meanings = vec![means(Color::DISK, "read"), means(Color::AXIS, "written")];
        let scale = (Measure::BytesPerSecond, 0.0);
        self.gauges.figure(&ABOUT, view, scale, (meanings, Vec::new()), |chart, lane, worker| {
            chart.gauge(lane, &worker.series[0], Color::DISK, 0.8);
            chart.line(lane, &worker.series[1], Color::AXIS);
        })
    }

    fn columns(&self) -> String {
        self.gauges.columns(["read_per_s", "written_per_s"])
    }
}
