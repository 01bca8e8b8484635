//! **Scheduler**: what the scheduler had to do over time, and how late it was.
//! Question: is the scheduler itself what everybody waits for?
//!
//! | column | unit, shape                                                        | glyph        |
//! |--------|--------------------------------------------------------------------|--------------|
//! | cpu    | thousandths of a core of its process, at most 4,096 points         | area, green  |
//! | events | events logged, by cell of time, at most 4,096 cells                | area, blue   |
//! | lag    | ns by which its loop ran late, at most 4,096 points                | area, orange |
//!
//! CPU and lag are from samples, about two a second. An embedded scheduler shares its process, and
//! its CPU time, with the workers.

use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, Sample, State};

use super::{About, Page, Plot};
use crate::chart::{self, LaneChart, LaneName, Measure, means};
use crate::figure::{Color, Figure, View, count_text};
use crate::series::{Series, Spread};

const ABOUT: About = About {
    id: "scheduler",
    title: "Scheduler",
    question: "Is the scheduler itself what everybody waits for?",
    page: Page::System,
};

/// The columns of the scheduler plot.
#[derive(Debug)]
pub struct Scheduler {
    cpu: Series,
    lag: Series,
    events: Spread,
    n_events: u64,
}

impl Default for Scheduler {
    fn default() -> Self {
        let series = || Series::new(Series::N_WHOLE);
        Self { cpu: series(), lag: series(), events: Spread::new(Series::N_WHOLE), n_events: 0 }
    }
}

impl Plot for Scheduler {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, _change: &Change, state: &State) {
        // Events without a change are counted with the next that has one.
        let n_events = state.next_seq();
        if n_events > self.n_events {
            let now = state.now();
            self.events.add(now, now, n_events - self.n_events);
            self.n_events = n_events;
        }
    }

    fn sample(&mut self, sample: &Sample, _state: &State) {
        if sample.worker.is_none() {
            self.cpu.push(sample.at, u64::from(sample.cpu_permille));
            self.lag.push(sample.at, sample.lag.0);
        }
    }

    fn figure(&self, view: &View) -> Figure {
        if self.n_events == 0 && self.lag.is_empty() {
            return chart::nothing(&ABOUT, view, "No events yet.");
        }
        let measures = [Measure::CorePermille, Measure::PerSecond("events"), Measure::Time];
        let peaks = [self.cpu.most() as f64, self.events.peak(), self.lag.most() as f64];
        let lane = |(i, name): (usize, &str)| LaneName {
            name: name.to_owned(),
            peak: peaks[i],
            hover: format!("{name}: at most {}", measures[i].text(peaks[i])),
        };
        let lanes: Vec<LaneName> =
            ["CPU", "events", "lag"].into_iter().enumerate().map(lane).collect();
        let meanings = vec![
            means(Color::CPU, "CPU of its process"),
            means(Color::LOAD, "events logged"),
            means(Color::HIGH, "how late its loop ran"),
        ];
        let mut chart = LaneChart::with_measures(&ABOUT, view, &lanes, &measures, meanings);
        chart.gauge(0, &self.cpu, Color::CPU, 1.0);
        let rates = self.events.columns(view.window, view.now, chart.width());
        chart.rates(1, &rates, Color::LOAD);
        chart.gauge(2, &self.lag, Color::HIGH, 1.0);
        let mut notes = vec![format!("{} events", count_text(self.n_events))];
        if self.lag.is_empty() {
            notes.push("no samples of the scheduler".to_owned());
        }
        chart.finish(notes)
    }

    fn columns(&self) -> String {
        let mut table = format!("gauge\tat_ns\tmost\nevents\tall\t{}\n", self.n_events);
        for (name, series) in [("cpu_permille", &self.cpu), ("lag_ns", &self.lag)] {
            for (at, extent) in series.points() {
                let _ = writeln!(table, "{name}\t{}\t{}", at.0, extent.most);
            }
        }
        table
    }
}
