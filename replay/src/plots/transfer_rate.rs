//! **Transfers**: a lane per pair of workers with the bytes that moved between them over time.
//! Question: when did results move, between whom, and what did not arrive?
//!
//! | column | unit, shape                                                                 | glyph     |
//! |--------|-----------------------------------------------------------------------------|-----------|
//! | moved  | bytes by pair, spread evenly over the time of each transfer, at most 1,024 cells | area, red |
//! | failed | failures so far by pair, at most 1,024 points                               | crosses, never left out |
//!
//! A run with more than 2,048 pairs counts the bytes of later ones in `the others`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use taskreel_model::{Activity, Change, Nanos, Sample, State, WorkerId};

use super::{About, Page, Plot};
use crate::chart::{self, LaneChart, LaneName, Measure, NAME_CHARS, means, time_text};
use crate::figure::{Color, Figure, LABEL_PX, Shape, View, count_text, elide_middle};
use crate::series::{Series, Spread};

const ABOUT: About = About {
    id: "transfers",
    title: "Transfers over time",
    question: "When did results move, between whom, and what did not arrive?",
    page: Page::Transfers,
};

/// Pairs that have columns of their own.
const N_PAIRS: usize = 2_048;
/// Width of each of the two names of a pair, at most.
const NAME_PX: f32 = 82.0;

/// The columns of the plot of transfers over time.
#[derive(Debug, Default)]
pub struct TransferRate {
    names: Vec<String>,
    /// Sender and receiver; `None`: all pairs beyond the bound.
    ids: BTreeMap<Option<(WorkerId, WorkerId)>, usize>,
    pairs: Vec<Pair>,
}

#[derive(Debug)]
struct Pair {
    who: Option<(WorkerId, WorkerId)>,
    n_arrived: u64,
    moved: Spread,
    failed: Series,
}

impl TransferRate {
    fn pair(&mut self, from: WorkerId, to: WorkerId) -> &mut Pair {
        let known = self.ids.contains_key(&Some((from, to)));
        let who = (known || self.pairs.len() < N_PAIRS).then_some((from, to));
        let index = *self.ids.entry(who).or_insert(self.pairs.len());
        if index == self.pairs.len() {
            let (moved, failed) = (Spread::new(Series::N_EACH), Series::new(Series::N_EACH));
            self.pairs.push(Pair { who, n_arrived: 0, moved, failed });
        }
        &mut self.pairs[index]
    }

    fn name(&self, pair: &Pair, room_px: f32) -> String {
        let name = |worker: WorkerId| {
            let name = self.names.get(worker.index()).map_or("?", String::as_str);
            elide_middle(name, room_px, LABEL_PX)
        };
        match pair.who {
            Some((from, to)) => format!("{} → {}", name(from), name(to)),
            None => "the others".to_owned(),
        }
    }
}

impl Plot for TransferRate {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, _state: &State) {
        let Change::Activity {
            activity: Activity::Transfer,
            worker,
            peer,
            started_at,
            bytes,
            ok,
            ..
        } = *change
        else {
            return;
        };
        let Some(from) = peer else { return };
        let pair = self.pair(from, worker);
        if ok {
            pair.n_arrived += 1;
            pair.moved.add(started_at, at, bytes);
        } else {
            let n_before = pair.failed.last();
            pair.failed.push(at, n_before + 1);
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        chart::take_names(&mut self.names, state, NAME_CHARS);
    }

    fn figure(&self, view: &View) -> Figure {
        if self.pairs.is_empty() {
            return chart::nothing(&ABOUT, view, "Nothing was moved between workers yet.");
        }
        let mut pairs: Vec<&Pair> = self.pairs.iter().collect();
        pairs.sort_by(|a, b| b.moved.total().cmp(&a.moved.total()).then(a.who.cmp(&b.who)));
        // Both names keep their ends, by which workers differ.
        let name_px = (view.width_px as f32 * 0.26 / 2.0 - 10.0).min(NAME_PX);
        let lanes: Vec<LaneName> = pairs.iter().map(|pair| self.lane(pair, name_px)).collect();
        let n_failed: u64 = pairs.iter().map(|pair| pair.failed.last()).sum();
        let mut meanings = vec![means(Color::TRANSFER, "bytes per second")];
        if n_failed > 0 {
            meanings.push(means(Color::ERROR, "did not arrive"));
        }
        let scale = (Measure::BytesPerSecond, 0.0);
        let mut chart = LaneChart::new(&ABOUT, view, &lanes, scale, meanings);
        for (i, pair) in pairs.iter().enumerate() {
            let rates = pair.moved.columns(view.window, view.now, chart.width());
            chart.rates(i, &rates, Color::TRANSFER);
            let failed = pair.failed.increments();
            chart.marks(i, &failed, (Shape::Cross, Color::ERROR), |at, n| {
                format!("{} did not arrive, at {}", count_text(n), time_text(at))
            });
        }
        chart.finish(self.notes(&pairs, n_failed))
    }

    fn columns(&self) -> String {
        let mut table = String::from("from\tto\ttransfers\tbytes\tfailed\n");
        let (mut n, mut bytes, mut failed) = (0, 0, 0);
        for pair in &self.pairs {
            (n, bytes) = (n + pair.n_arrived, bytes + pair.moved.total());
            failed += pair.failed.last();
            let who = pair.who.map_or_else(|| "-\t-".to_owned(), |(a, b)| format!("{a}\t{b}"));
            let (moved, lost) = (pair.moved.total(), pair.failed.last());
            let _ = writeln!(table, "{who}\t{}\t{moved}\t{lost}", pair.n_arrived);
        }
        let _ = writeln!(table, "all\tall\t{n}\t{bytes}\t{failed}");
        table
    }
}

impl TransferRate {
    fn lane(&self, pair: &Pair, name_px: f32) -> LaneName {
        let (name, peak) = (self.name(pair, name_px), pair.moved.peak());
        let hover = format!(
            "{name}: {} in {} transfers, at most {}, {} did not arrive",
            Measure::Bytes.text(pair.moved.total() as f64),
            count_text(pair.n_arrived),
            Measure::BytesPerSecond.text(peak),
            count_text(pair.failed.last())
        );
        LaneName { name, peak, hover }
    }

    fn notes(&self, pairs: &[&Pair], n_failed: u64) -> Vec<String> {
        let n: u64 = pairs.iter().map(|pair| pair.n_arrived).sum();
        let bytes: u64 = pairs.iter().map(|pair| pair.moved.total()).sum();
        let moved = Measure::Bytes.text(bytes as f64);
        let mut notes = vec![format!("{moved} in {} transfers", count_text(n))];
        if n_failed > 0 {
            notes.push(format!("{} did not arrive", count_text(n_failed)));
        }
        notes
    }
}
