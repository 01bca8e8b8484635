//! **Events and markers**: a lane per kind of happening with how often it happened, and the user's
//! own markers and spans.
//! Question: what happened when, and what did the program itself mark?
//!
//! | column  | unit, shape                                                      | glyph            |
//! |---------|------------------------------------------------------------------|------------------|
//! | n       | happenings by kind and cell of time, at most 1,024 cells a kind  | areas            |
//! | markers | ns and name, the first 4,096                                     | triangles        |
//! | spans   | ns from and to, and name, the first 4,096                        | bars             |
//!
//! By when they happened (`at`), not by when they were logged.

use std::fmt::Write as _;

use taskreel_model::{Activity, Change, Nanos, Outcome, Phase, Sample, State, Storage};

use super::marks::{Marks, marker_text, span_text};
use super::{About, Page, Plot};
use crate::chart::{self, LaneChart, LaneName, Measure, means};
use crate::figure::{Color, Figure, Shape, View, Window, count_text};
use crate::series::{Series, Spread};

const ABOUT: About = About {
    id: "events",
    title: "Events and markers",
    question: "What happened when, and what did the program itself mark?",
    page: Page::System,
};

const KINDS: [(&str, Color); 8] = [
    ("assigned", Color::BACKLOG),
    ("started", Color::LOAD),
    ("finished", Color::CPU),
    ("failed", Color::ERROR),
    ("put back", Color::NO_WORKER),
    ("transfers", Color::TRANSFER),
    ("spilled", Color::SPILLED),
    ("workers lost", Color::LOST),
];

/// The columns of the plot of events and markers.
#[derive(Debug)]
pub struct Events {
    kinds: [Spread; KINDS.len()],
    marks: Marks,
}

impl Default for Events {
    fn default() -> Self {
        let kinds = std::array::from_fn(|_| Spread::new(Series::N_EACH));
        Self { kinds, marks: Marks::default() }
    }
}

/// The place in `KINDS` of what is counted.
fn kind(change: &Change) -> Option<usize> {
    match *change {
        Change::Task { to: Phase::Processing, .. } => Some(0),
        Change::Started { .. } => Some(1),
        Change::Stopped { outcome: Outcome::Finished, .. } => Some(2),
        Change::Stopped { outcome: Outcome::Failed, .. } => Some(3),
        Change::Task { from: Phase::Processing, to: Phase::Waiting | Phase::Queued, .. } => Some(4),
        Change::Activity { activity: Activity::Transfer, .. } => Some(5),
        Change::Replica { from: Storage::Memory, to: Storage::Disk, .. } => Some(6),
        Change::Worker { to: taskreel_model::WorkerStatus::Lost, .. } => Some(7),
        // What follows from these needs no lane of its own.
        _ => None,
    }
}

impl Plot for Events {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        if let Some(kind) = kind(change) {
            self.kinds[kind].add(at, at, 1);
        }
        self.marks.update(at, change, state);
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn figure(&self, view: &View) -> Figure {
        let used: Vec<usize> = (0..KINDS.len()).filter(|i| self.kinds[*i].total() > 0).collect();
        if used.is_empty() && self.marks.is_empty() {
            return chart::nothing(&ABOUT, view, "Nothing has happened yet.");
        }
        let mut lanes: Vec<LaneName> = used.iter().map(|i| self.lane(*i)).collect();
        let mut measures = vec![Measure::PerSecond("events"); lanes.len()];
        let marked = (!self.marks.is_empty()).then_some(lanes.len());
        if marked.is_some() {
            let Marks { markers, spans, .. } = &self.marks;
            let hover = format!("{} markers, {} spans", markers.len(), spans.len());
            lanes.push(LaneName { name: "marked".to_owned(), peak: 0.0, hover });
            measures.push(Measure::Mark);
        }
        let meanings = match marked {
            Some(_) => vec![means(Color::HIGH, "markers and spans")],
            None => Vec::new(),
        };
        let mut chart = LaneChart::with_measures(&ABOUT, view, &lanes, &measures, meanings);
        for (lane, i) in used.iter().enumerate() {
            let rates = self.kinds[*i].columns(view.window, view.now, chart.width());
            chart.rates(lane, &rates, KINDS[*i].1);
        }
        if let Some(lane) = marked {
            self.marks(&mut chart, lane);
        }
        let notes = match self.marks.n_left_out {
            0 => Vec::new(),
            n => vec![format!("{} later markers are not shown", count_text(n))],
        };
        chart.finish(notes)
    }

    fn columns(&self) -> String {
        let mut table = String::from("kind\tn\n");
        for ((name, _), spread) in KINDS.iter().zip(&self.kinds) {
            let _ = writeln!(table, "{name}\t{}", spread.total());
        }
        table.push_str("mark\tfrom_ns\tto_ns\n");
        self.marks.columns(&mut table);
        table
    }
}

impl Events {
    fn lane(&self, kind: usize) -> LaneName {
        let (name, peak) = (KINDS[kind].0, self.kinds[kind].peak());
        let (n, most) = (count_text(self.kinds[kind].total()), Measure::PerSecond("").text(peak));
        LaneName { name: name.to_owned(), peak, hover: format!("{name}: {n}, at most {most}") }
    }

    fn marks(&self, chart: &mut LaneChart<'_>, lane: usize) {
        let named =
            |(window, name): &(Window, String)| (window.from, window.to, span_text(*window, name));
        let spans: Vec<(Nanos, Nanos, String)> = self.marks.spans.iter().map(named).collect();
        chart.spans(lane, &spans, Color::HIGH, 0.6);
        let markers = self.marks.rising();
        let instants: Vec<(Nanos, u64)> = markers.iter().map(|(at, _)| (*at, 1)).collect();
        chart.marks(lane, &instants, (Shape::Triangle, Color::HIGH), |at, n| {
            let first = markers.iter().find(|(marked, _)| *marked == at);
            marker_text(at, first.map_or("", |(_, name)| name), n)
        });
    }
}
