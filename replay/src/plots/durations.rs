//! **Durations**: a histogram per prefix of how long its tasks executed, on a logarithmic axis.
//! Question: how long do tasks of a kind take, and which of them are stragglers?
//!
//! | column | unit, shape                                                          | glyph             |
//! |--------|----------------------------------------------------------------------|-------------------|
//! | n      | attempts that finished, by prefix and quarter of a doubling of ns    | bars              |
//! | least, most | ns by prefix, exact                                             | dot at the most   |
//! | sum    | ns by prefix                                                         | hover (mean)      |
//!
//! Median and 95th percentile are read from the bins: right within a tenth.

use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, Outcome, Sample, State};

use super::prefixes::{PrefixNames, Running, at_index};
use super::{About, Page, Plot};
use crate::chart::{self, Measure, blank, frame, legend, means, time_text, widest};
use crate::figure::{
    Anchor, Axis, Color, Edges, Figure, Frame, Glyphs, LABEL_PX, Layer, Points, Rects, Shape, Text,
    Tick, View, count_text, elide, elide_middle, text_width,
};

const ABOUT: About = About {
    id: "durations",
    title: "Durations",
    question: "How long do tasks of a kind take, and which of them are stragglers?",
    page: Page::Prefixes,
};

/// Bins for each doubling.
const PER_OCTAVE: f64 = 4.0;
const N_BINS: usize = 64 * 4;
const ROW_MIN_PX: f32 = 22.0;
const ROW_MAX_PX: f32 = 64.0;
const VALUE_SIZE: f32 = 10.0;

/// The columns of the durations plot.
#[derive(Debug, Default)]
pub struct Durations {
    names: PrefixNames,
    running: Running,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, Default)]
struct Row {
    /// By bin, as far as used.
    bins: Vec<u64>,
    n: u64,
    least: Nanos,
    most: Nanos,
    sum: u64,
}

/// The bin of a duration.
fn bin(took: Nanos) -> usize {
    let octaves = (took.0.max(1) as f64).log2();
    ((octaves * PER_OCTAVE) as usize).min(N_BINS - 1)
}

/// Where a bin begins, in ns.
fn bin_start(bin: usize) -> f64 {
    (bin as f64 / PER_OCTAVE).exp2()
}

impl Row {
    fn add(&mut self, took: Nanos) {
        *at_index(&mut self.bins, bin(took)) += 1;
        self.least = if self.n == 0 { took } else { self.least.min(took) };
        self.most = self.most.max(took);
        self.n += 1;
        self.sum = self.sum.saturating_add(took.0);
    }

    /// The duration that a share of all does not exceed, about.
    fn quantile(&self, share: f64) -> Nanos {
        let rank = ((self.n as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (i, n) in self.bins.iter().enumerate() {
            seen += n;
            if seen >= rank {
                let middle = (bin_start(i) * bin_start(i + 1)).sqrt();
                return Nanos(middle as u64).clamp(self.least, self.most);
            }
        }
        self.most
    }

    fn hover(&self, name: &str) -> String {
        let mean = Nanos(self.sum.checked_div(self.n).unwrap_or(0));
        format!(
            "{name}: {} finished, mean {}, median {}, p95 {}, least {}, most {}",
            count_text(self.n),
            time_text(mean),
            time_text(self.quantile(0.5)),
            time_text(self.quantile(0.95)),
            time_text(self.least),
            time_text(self.most)
        )
    }

    fn value(&self) -> String {
        let (median, most) = (time_text(self.quantile(0.5)), time_text(self.most));
        format!("{}, median {median}, most {most}", count_text(self.n))
    }
}

impl Plot for Durations {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, change: &Change, state: &State) {
        self.running.update(change, state);
        let Change::Stopped { last, outcome: Outcome::Finished, .. } = *change else { return };
        if let Some(prefix) = self.running.stopped(change, state) {
            at_index(&mut self.rows, prefix.index()).add(last.computed);
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        self.names.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let mut order: Vec<usize> = (0..self.rows.len()).filter(|i| self.rows[*i].n > 0).collect();
        if order.is_empty() {
            return chart::nothing(&ABOUT, view, "No task has finished yet.");
        }
        order.sort_by_key(|i| std::cmp::Reverse((self.rows[*i].sum, *i)));
        let meanings = [
            means(Color::OTHER, "tasks"),
            means(Color::TEXT, "median and p95"),
            means(Color::HIGH, "longest"),
        ];
        let values = order.iter().map(|i| text_width(&self.rows[*i].value(), VALUE_SIZE));
        let value_px = values.fold(0.0, f32::max).min(view.width_px as f32 * 0.35);
        let names_px = widest(order.iter().map(|i| self.names.get(*i).0));
        let room = frame(view, names_px, (value_px + 20.0) as u32, &meanings);
        let n_fit = ((room.height as f32 / ROW_MIN_PX) as usize).max(1);
        let (n_all, n_hidden) = (order.len(), order.len().saturating_sub(n_fit));
        order.truncate(n_fit);
        let row_px = (room.height as f32 / order.len() as f32).min(ROW_MAX_PX).floor();
        let frame = Frame { height: (row_px * order.len() as f32) as u32, ..room };
        let mut figure = blank(&ABOUT, view, frame);
        let (from, to) = self.range(&order);
        figure.x = Axis::log("s", (from, to), frame.width, |ns| Measure::Time.text(ns));
        figure.y = self.tick_names(&order, row_px, frame.left as f32 - 10.0);
        figure.legend = legend(view, frame, &meanings);
        if n_hidden > 0 {
            figure.note =
                format!("{n_hidden} of {n_all} prefixes, which took least, are not shown");
        }
        self.draw(&mut figure, &order, row_px, (from, to));
        figure
    }

    fn columns(&self) -> String {
        let mut table = String::from("prefix\tfinished\tleast_ns\tmost_ns\tsum_ns\tbins\n");
        for (i, name, _) in self.names.iter() {
            let row = self.rows.get(i).cloned().unwrap_or_default();
            let _ =
                write!(table, "{name}\t{}\t{}\t{}\t{}\t", row.n, row.least.0, row.most.0, row.sum);
            for (bin, n) in row.bins.iter().enumerate().filter(|(_, n)| **n > 0) {
                let _ = write!(table, "{bin}:{n} ");
            }
            table.push('\n');
        }
        table
    }
}

impl Durations {
    /// The shortest and the longest duration of some prefixes, a bin wider on both sides, in ns.
    fn range(&self, order: &[usize]) -> (f64, f64) {
        let rows = || order.iter().map(|i| &self.rows[*i]);
        let least = rows().map(|row| bin(row.least)).min().unwrap_or(0);
        let most = rows().map(|row| bin(row.most)).max().unwrap_or(0);
        (bin_start(least.saturating_sub(2)), bin_start(most + 3))
    }

    fn tick_names(&self, order: &[usize], row_px: f32, names_px: f32) -> Axis {
        let tick = |(row, i): (usize, &usize)| Tick {
            px: (row as f32 + 0.5) * row_px,
            label: elide_middle(self.names.get(*i).0, names_px, LABEL_PX),
        };
        Axis::lanes("prefix", order.len(), order.iter().enumerate().map(tick).collect(), Vec::new())
    }

    fn draw(&self, figure: &mut Figure, order: &[usize], row_px: f32, (from, to): (f64, f64)) {
        let width = figure.frame.width as f32;
        let px = |ns: f64| ((ns.max(1.0) / from).ln() / (to / from).ln()) as f32 * width;
        let (mut grounds, mut rects) = (Rects::default(), Rects::default());
        let mut marks = Edges::new(1.5, false);
        let mut longest = Points::new(Shape::Dot, 6.0);
        let mut values = Text::new(Anchor::Start, VALUE_SIZE);
        for (line, i) in order.iter().enumerate() {
            let (row, (name, color)) = (&self.rows[*i], self.names.get(*i));
            let (top, height) = ((line as f32 * row_px) as i32, row_px as i32 - 3);
            let hover = figure.string(row.hover(name));
            grounds.push((0, top), (width as i32, height), Color::LANE, hover);
            let highest = row.bins.iter().copied().max().unwrap_or(1).max(1);
            for (bin, n) in row.bins.iter().enumerate().filter(|(_, n)| **n > 0) {
                let (a, b) =
                    (px(bin_start(bin)).round() as i32, px(bin_start(bin + 1)).round() as i32);
                let (a, b) = (a.clamp(0, width as i32 - 1), b.min(width as i32));
                let tall = ((*n as f64 / highest as f64) * f64::from(height - 3)).ceil() as i32;
                // A lone straggler is still to be seen.
                let tall = tall.clamp(2, height);
                rects.push((a, top + height - tall), ((b - a).max(1), tall), color, hover);
            }
            let (y0, y1) = (top as f32 + 1.0, (top + height) as f32);
            for share in [0.5, 0.95] {
                let x = px(row.quantile(share).0 as f64);
                marks.push((x, y0), (x, y1), Color::TEXT);
            }
            longest.push((px(row.most.0 as f64), y1 - 4.0), Color::HIGH, hover);
            let room = figure.width_px as f32 - figure.frame.left as f32 - width - 8.0;
            let value = figure.string(elide(&row.value(), room, VALUE_SIZE));
            values.push((width + 6.0, (y0 + y1) / 2.0), value, Color::TEXT);
        }
        figure.push(Layer::new(Glyphs::Rects(grounds)));
        figure.push(Layer::new(Glyphs::Rects(rects)));
        figure.push(Layer::pale(0.75, Glyphs::Edges(marks)));
        figure.push(Layer::new(Glyphs::Points(longest)));
        figure.push(Layer::new(Glyphs::Text(values)));
    }
}
