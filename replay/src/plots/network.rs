//! **Network**: a lane per worker with what it received from and sent to other workers.
//! Question: which worker's network is the bottleneck, and when?
//!
//! | column   | unit, shape                                                              | glyph     |
//! |----------|--------------------------------------------------------------------------|-----------|
//! | received | bytes per second by worker, at most 1,024 points of least, most and last | area, red |
//! | sent     | likewise                                                                 | line      |
//!
//! From samples, about two a second.

use taskreel_model::{Change, Nanos, Sample, State};

use super::gauges::Gauges;
use super::{About, Page, Plot};
use crate::chart::{Measure, means};
use crate::figure::{Color, Figure, View};

const ABOUT: About = About {
    id: "network",
    title: "Network",
    question: "Which worker's network is the bottleneck, and when?",
    page: Page::Transfers,
};

/// The columns of the network plot.
#[derive(Debug, Default)]
pub struct Network {
    gauges: Gauges<2>,
}

impl Plot for Network {
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
            self.gauges.push(sample.at, worker, [sample.received_per_s, sample.sent_per_s]);
        }
    }

    fn settle(&mut self, state: &State) {
        self.gauges.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let meanings = vec![means(Color::TRANSFER, "received"), means(Color::AXIS, "sent")];
        let scale = (Measure::BytesPerSecond, 0.0);
        self.gauges.figure(&ABOUT, view, scale, (meanings, Vec::new()), |chart, lane, worker| {
            chart.gauge(lane, &worker.series[0], Color::TRANSFER, 0.8);
            chart.line(lane, &worker.series[1], Color::AXIS);
        })
    }

    fn columns(&self) -> String {
        self.gauges.columns(["received_per_s", "sent_per_s"])
    }
}
