//! **Queues**: tasks by what they wait for, stacked over time, until all are done.
//! Question: how much is still to do, and is it held up by inputs, by placement or by workers?
//!
//! | column | unit, shape                                                          | glyph          |
//! |--------|----------------------------------------------------------------------|----------------|
//! | erred, processing, queued, no-worker, waiting | tasks in that phase, at most 4,096 points of least, most and last | stacked areas |
//! | together | the sum of these, likewise                                         | line           |
//!
//! The counts are the state's own (`State::totals`), by the instants at which the scheduler logged.

use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, Phase, Sample, State};

use super::{About, Page, Plot};
use crate::chart::{self, Layered, Measure};
use crate::figure::{Color, Figure, View, count_text};
use crate::series::Series;

const ABOUT: About = About {
    id: "queue",
    title: "Queues",
    question: "How much is still to do, and is it held up by inputs, by placement or by workers?",
    page: Page::Tasks,
};

/// What is stacked, from the bottom.
const SHOWN: [(Phase, Color); 5] = [
    (Phase::Erred, Color::ERROR),
    (Phase::Processing, Color::CPU),
    (Phase::NoWorker, Color::NO_WORKER),
    (Phase::Queued, Color::BACKLOG),
    (Phase::Waiting, Color::TRACK),
];

/// The columns of the queues plot.
#[derive(Debug)]
pub struct Queue {
    phases: [Series; 5],
    together: Series,
    last: [u64; 5],
}

impl Default for Queue {
    fn default() -> Self {
        let series = || Series::new(Series::N_WHOLE);
        Self { phases: std::array::from_fn(|_| series()), together: series(), last: [0; 5] }
    }
}

impl Plot for Queue {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, change: &Change, state: &State) {
        let Change::Task { .. } = *change else { return };
        let (now, totals) = (state.now(), state.totals());
        let counts = SHOWN.map(|(phase, _)| totals.get(phase));
        if counts == self.last {
            return;
        }
        for ((series, count), last) in self.phases.iter_mut().zip(counts).zip(self.last) {
            if count != last {
                series.hold(now, count);
            }
        }
        self.together.hold(now, counts.iter().sum());
        self.last = counts;
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn figure(&self, view: &View) -> Figure {
        if self.together.is_empty() {
            return chart::nothing(&ABOUT, view, "No tasks yet.");
        }
        let layers: Vec<Layered<'_>> = SHOWN
            .iter()
            .zip(&self.phases)
            .map(|((phase, color), series)| Layered { series, color: *color, label: phase.name() })
            .collect();
        let measure = Measure::Count("tasks");
        let mut figure = chart::stack(&ABOUT, view, measure, &layers, &self.together);
        let now = SHOWN.iter().zip(self.last).filter(|(_, count)| *count > 0);
        let parts: Vec<String> = now
            .map(|((phase, _), count)| format!("{} {}", count_text(count), phase.name()))
            .collect();
        figure.note = parts.join(" · ");
        figure
    }

    fn columns(&self) -> String {
        let mut table = String::from("phase\tat_ns\tleast\tmost\tlast\n");
        let named = SHOWN.iter().map(|(phase, _)| phase.name()).zip(&self.phases);
        for (name, series) in named.chain([("together", &self.together)]) {
            for (at, extent) in series.points() {
                let (least, most, last) = (extent.least, extent.most, extent.last);
                let _ = writeln!(table, "{name}\t{}\t{least}\t{most}\t{last}", at.0);
            }
        }
        table
    }
}
