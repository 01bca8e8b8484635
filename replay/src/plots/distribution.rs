//! **Distribution**: a bar per worker with the tasks that ended on it, divided by prefix.
//! Question: is the work spread evenly, and did one worker get all tasks of a kind?
//!
//! | column   | unit, shape                                                | glyph                 |
//! |----------|------------------------------------------------------------|-----------------------|
//! | finished | attempts that ended well, by worker and prefix             | bar, prefix's colours |
//! | failed   | attempts that failed, by worker                            | bar, black            |
//! | lost     | attempts lost or cancelled, by worker                      | bar, purple           |

use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, Outcome, Sample, State};

use super::prefixes::{PrefixNames, Running, at_index};
use super::{About, Page, Plot};
use crate::chart::{self, BarRow, BarRows, Meaning, Measure, NAME_CHARS, means};
use crate::figure::{Color, Figure, View, count_text};

const ABOUT: About = About {
    id: "distribution",
    title: "Distribution of tasks",
    question: "Is the work spread evenly, and did one worker get all tasks of a kind?",
    page: Page::Workers,
};

/// Prefixes with a part of their own in a bar; the rest share one.
const N_PARTS: usize = 12;

/// The columns of the distribution plot.
#[derive(Debug, Default)]
pub struct Distribution {
    names: Vec<String>,
    prefixes: PrefixNames,
    running: Running,
    rows: Vec<Row>,
}

#[derive(Clone, Debug, Default)]
struct Row {
    finished: Vec<u64>,
    failed: u64,
    lost: u64,
}

impl Plot for Distribution {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, change: &Change, state: &State) {
        self.running.update(change, state);
        match *change {
            Change::Stopped { worker, outcome, .. } => {
                let Some(prefix) = self.running.stopped(change, state) else { return };
                let row = at_index(&mut self.rows, worker.index());
                match outcome {
                    Outcome::Finished => *at_index(&mut row.finished, prefix.index()) += 1,
                    Outcome::Failed => row.failed += 1,
                    Outcome::Lost | Outcome::Cancelled => row.lost += 1,
                }
            }
            Change::Worker { worker, .. } => {
                at_index(&mut self.rows, worker.index());
            }
            // Only what ends on a worker counts.
            _ => {}
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        chart::take_names(&mut self.names, state, NAME_CHARS);
        self.prefixes.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let largest = self.largest();
        let named = self.rows.iter().zip(&self.names);
        let rows = named.map(|(row, name)| self.bar(row, name, &largest)).collect();
        let total = |row: &Row| row.finished.iter().sum::<u64>();
        let most = self.rows.iter().map(total).max().unwrap_or(0);
        let least = self.rows.iter().map(total).min().unwrap_or(0);
        let notes =
            vec![format!("{} to {} tasks finished a worker", count_text(least), count_text(most))];
        let meanings = self.meanings(&largest);
        let (measure, of) = (Measure::Count("tasks"), "workers");
        let empty = "No worker has joined yet.";
        BarRows { rows, measure, to: 0.0, meanings, notes, of, empty }.figure(&ABOUT, view)
    }

    fn columns(&self) -> String {
        let mut table = String::from("worker\tprefix\tfinished\n");
        for (row, name) in self.rows.iter().zip(&self.names) {
            for (i, n) in row.finished.iter().enumerate().filter(|(_, n)| **n > 0) {
                let _ = writeln!(table, "{name}\t{}\t{n}", self.prefixes.get(i).0);
            }
            let _ = writeln!(table, "{name}\tfailed\t{}\tlost\t{}", row.failed, row.lost);
        }
        table
    }
}

impl Distribution {
    /// The prefixes with most tasks, in the order of their ids.
    fn largest(&self) -> Vec<usize> {
        let mut totals: Vec<(u64, usize)> = Vec::new();
        for (i, ..) in self.prefixes.iter() {
            let n = self.rows.iter().filter_map(|row| row.finished.get(i)).sum();
            totals.push((n, i));
        }
        totals.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        totals.retain(|(n, _)| *n > 0);
        let mut largest: Vec<usize> = totals.iter().take(N_PARTS).map(|(_, i)| *i).collect();
        largest.sort_unstable();
        largest
    }

    fn meanings(&self, largest: &[usize]) -> Vec<Meaning> {
        let named = largest.iter().map(|i| self.prefixes.get(*i));
        let mut meanings: Vec<Meaning> = named.map(|(name, color)| means(color, name)).collect();
        let is_other = |i: usize| !largest.contains(&i);
        let has_other = self.rows.iter().any(|row| (0..row.finished.len()).any(is_other));
        if has_other && largest.len() == N_PARTS {
            meanings.push(means(Color::OTHER, "other prefixes"));
        }
        if self.rows.iter().any(|row| row.failed > 0) {
            meanings.push(means(Color::ERROR, "failed"));
        }
        if self.rows.iter().any(|row| row.lost > 0) {
            meanings.push(means(Color::LOST, "lost or cancelled"));
        }
        meanings
    }

    fn bar(&self, row: &Row, name: &str, largest: &[usize]) -> BarRow {
        let of = |i: usize| row.finished.get(i).copied().unwrap_or(0);
        let total: u64 = row.finished.iter().sum();
        let named: u64 = largest.iter().map(|i| of(*i)).sum();
        let mut parts: Vec<(f64, Color, f32)> =
            largest.iter().map(|i| (of(*i) as f64, self.prefixes.get(*i).1, 1.0)).collect();
        parts.push(((total - named) as f64, Color::OTHER, 1.0));
        parts.push((row.failed as f64, Color::ERROR, 1.0));
        parts.push((row.lost as f64, Color::LOST, 1.0));
        let mut hover = format!("{name}: {} finished", count_text(total));
        for i in largest.iter().filter(|i| of(**i) > 0) {
            let _ = write!(hover, ", {} {}", self.prefixes.get(*i).0, count_text(of(*i)));
        }
        let _ = write!(hover, ", failed {}, lost or cancelled {}", row.failed, row.lost);
        let value = count_text(total);
        BarRow { name: name.to_owned(), value, hover, parts, ..BarRow::default() }
    }
}
