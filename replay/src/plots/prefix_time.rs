//! **Time by prefix**: a bar per prefix with the time its attempts took in slots, and a thin bar
//! with the time that data around them took.
//! Question: which kind of task took the time, and how much of it was lost or spent on moving data?
//!
//! | column   | unit, shape                                                   | glyph                  |
//! |----------|---------------------------------------------------------------|------------------------|
//! | finished | ns in slots by prefix, of attempts that ended well            | bar, prefix's colour   |
//! | wasted   | ns of attempts that failed, were lost or cancelled, by outcome | bar: black, purple, paler |
//! | moved    | ns of transfers (of its results), disk access and (de)serialization | thin bar: red, orange, grey |
//!
//! Transfers overlap with execution, so the thin bar is no part of the bar above it.

use std::fmt::Write as _;

use taskreel_model::{Activity, Change, Nanos, Outcome, Sample, State};

use super::activity::add;
use super::prefixes::{PrefixNames, Running, TaskPrefixes, at_index};
use super::{About, Page, Plot};
use crate::chart::{BarRow, BarRows, Meaning, Measure, means, time_text};
use crate::figure::{Color, Figure, View, count_text};

const ABOUT: About = About {
    id: "prefix-time",
    title: "Time by prefix",
    question: "Which kind of task took the time, and how much was lost or spent on moving data?",
    page: Page::Prefixes,
};

/// The columns of the plot of time by prefix.
#[derive(Debug, Default)]
pub struct PrefixTime {
    names: PrefixNames,
    running: Running,
    tasks: TaskPrefixes,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    n: u64,
    /// ns, by outcome: finished, failed, lost, cancelled.
    ran: [u64; 4],
    /// ns: transfer, disk, (de)serialization.
    moved: [u64; 3],
}

impl Plot for PrefixTime {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        self.running.update(change, state);
        self.tasks.update(change, state);
        match *change {
            Change::Stopped { last, outcome, .. } => {
                let Some(prefix) = self.running.stopped(change, state) else { return };
                let row = at_index(&mut self.rows, prefix.index());
                row.n += 1;
                add(&mut row.ran[outcome as usize], last.computed.0);
            }
            Change::Activity { task, activity, started_at, .. } => {
                let Some(prefix) = self.tasks.get(task) else { return };
                let row = at_index(&mut self.rows, prefix);
                add(&mut row.moved[place(activity)], at.since(started_at).0);
            }
            // Nothing else takes time.
            _ => {}
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        self.names.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let mut order: Vec<usize> =
            (0..self.rows.len()).filter(|i| self.rows[*i].total() > 0).collect();
        order.sort_by_key(|i| std::cmp::Reverse((self.rows[*i].ran(), *i)));
        let rows = order.iter().map(|i| self.rows[*i].bar(self.names.get(*i))).collect();
        let all = self.rows.iter().map(Row::ran).fold(0, u64::saturating_add);
        BarRows {
            rows,
            measure: Measure::Time,
            to: 0.0,
            meanings: self.meanings(),
            notes: vec![format!("{} in slots altogether", time_text(Nanos(all)))],
            of: "prefixes",
            empty: "No task has ended yet.",
        }
        .figure(&ABOUT, view)
    }

    fn columns(&self) -> String {
        let mut table = String::from(
            "prefix\tattempts\tfinished_ns\tfailed_ns\tlost_ns\tcancelled_ns\ttransfer_ns\tdisk_ns\tserialize_ns\n",
        );
        for (i, name, _) in self.names.iter() {
            let row = self.rows.get(i).copied().unwrap_or_default();
            let _ = write!(table, "{name}\t{}", row.n);
            for ns in row.ran.iter().chain(&row.moved) {
                let _ = write!(table, "\t{ns}");
            }
            table.push('\n');
        }
        table
    }
}

fn place(activity: Activity) -> usize {
    match activity {
        Activity::Transfer => 0,
        Activity::DiskRead | Activity::DiskWrite => 1,
        Activity::Serialize | Activity::Deserialize => 2,
    }
}

const MOVED: [(Color, &str); 3] =
    [(Color::TRANSFER, "transfer"), (Color::DISK, "disk"), (Color::SERIALIZE, "(de)serialize")];

impl PrefixTime {
    fn meanings(&self) -> Vec<Meaning> {
        let has = |of: &dyn Fn(&Row) -> u64| self.rows.iter().any(|row| of(row) > 0);
        let mut meanings = vec![means(Color::OTHER, "finished")];
        for (i, (color, opacity, label)) in WASTED.into_iter().enumerate() {
            if has(&|row| row.ran[i + 1]) {
                meanings.push((color, opacity, label.to_owned()));
            }
        }
        for (i, (color, label)) in MOVED.into_iter().enumerate() {
            if has(&|row| row.moved[i]) {
                meanings.push(means(color, label));
            }
        }
        meanings
    }
}

const WASTED: [(Color, f32, &str); 3] =
    [(Color::ERROR, 1.0, "failed"), (Color::LOST, 1.0, "lost"), (Color::OTHER, 0.4, "cancelled")];

impl Row {
    fn total(&self) -> u64 {
        self.moved.iter().fold(self.ran(), |sum, ns| sum.saturating_add(*ns))
    }

    fn ran(&self) -> u64 {
        self.ran.iter().fold(0, |sum, ns| sum.saturating_add(*ns))
    }

    fn bar(&self, (name, color): (&str, Color)) -> BarRow {
        let ran = self.ran();
        let mean = time_text(Nanos(ran.checked_div(self.n).unwrap_or(0)));
        let mut parts = vec![(self.ran[Outcome::Finished as usize] as f64, color, 1.0)];
        for ((color, opacity, _), ns) in WASTED.into_iter().zip(&self.ran[1..]) {
            parts.push((*ns as f64, color, opacity));
        }
        let moved = self.moved.iter().zip(MOVED).map(|(ns, (color, _))| (*ns as f64, color, 1.0));
        let names =
            ["finished", "failed", "lost", "cancelled", "transfer", "disk", "(de)serialize"];
        let mut hover = format!("{name}: {} attempts, {mean} each", count_text(self.n));
        for (ns, what) in self.ran.iter().chain(&self.moved).zip(names) {
            if *ns > 0 {
                let _ = write!(hover, ", {what} {}", time_text(Nanos(*ns)));
            }
        }
        BarRow {
            name: name.to_owned(),
            value: format!("{} ({} × {mean})", time_text(Nanos(ran)), count_text(self.n)),
            hover,
            parts,
            thin: moved.collect(),
            mark: None,
        }
    }
}
