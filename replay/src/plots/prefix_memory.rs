//! **Memory by prefix**: a bar per prefix with the bytes of its results that are held now.
//! Question: whose results fill the memory?
//!
//! | column | unit, shape                                                        | glyph                |
//! |--------|--------------------------------------------------------------------|----------------------|
//! | memory | bytes by prefix in memory, each copy counted                       | bar, prefix's colour |
//! | disk   | bytes by prefix on disk, likewise                                  | bar, ochre           |
//! | peak   | the most that `memory` ever was                                    | mark                 |
//! | copies | copies held, in memory or on disk                                  | value, hover         |

use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, Sample, State, Storage};

use super::prefixes::{PrefixNames, TaskPrefixes, at_index};
use super::{About, Page, Plot};
use crate::chart::{BarRow, BarRows, Measure, means};
use crate::figure::{Color, Figure, View, count_text};

const ABOUT: About = About {
    id: "prefix-memory",
    title: "Memory by prefix",
    question: "Whose results fill the memory?",
    page: Page::Prefixes,
};

/// The columns of the plot of memory by prefix.
#[derive(Debug, Default)]
pub struct PrefixMemory {
    names: PrefixNames,
    tasks: TaskPrefixes,
    rows: Vec<Row>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Row {
    memory: u64,
    disk: u64,
    peak: u64,
    n_copies: u64,
}

impl Row {
    fn place(&mut self, storage: Storage) -> Option<&mut u64> {
        match storage {
            Storage::None => None,
            Storage::Memory => Some(&mut self.memory),
            Storage::Disk => Some(&mut self.disk),
        }
    }
}

impl Plot for PrefixMemory {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, change: &Change, state: &State) {
        self.tasks.update(change, state);
        let Change::Replica { task, bytes, from, to, .. } = *change else { return };
        let Some(prefix) = self.tasks.get(task) else { return };
        let row = at_index(&mut self.rows, prefix);
        match row.place(from) {
            Some(held) => *held = held.saturating_sub(bytes),
            None => row.n_copies += 1,
        }
        match row.place(to) {
            Some(held) => *held = held.saturating_add(bytes),
            None => row.n_copies = row.n_copies.saturating_sub(1),
        }
        row.peak = row.peak.max(row.memory);
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        self.names.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let mut order: Vec<usize> =
            (0..self.rows.len()).filter(|i| self.rows[*i].peak > 0).collect();
        order.sort_by_key(|i| std::cmp::Reverse((self.rows[*i].memory, self.rows[*i].peak, *i)));
        let rows = order.iter().map(|i| self.rows[*i].bar(self.names.get(*i))).collect();
        let mut meanings = vec![means(Color::OTHER, "in memory"), means(Color::AXIS, "peak")];
        if self.rows.iter().any(|row| row.disk > 0) {
            meanings.push(means(Color::SPILLED, "on disk"));
        }
        let held: u64 = self.rows.iter().map(|row| row.memory).sum();
        let notes = vec![format!("{} in memory now", Measure::Bytes.text(held as f64))];
        let (measure, of, empty) = (Measure::Bytes, "prefixes", "No result was held yet.");
        BarRows { rows, measure, to: 0.0, meanings, notes, of, empty }.figure(&ABOUT, view)
    }

    fn columns(&self) -> String {
        let mut table = String::from("prefix\tmemory\tdisk\tpeak\tcopies\n");
        for (i, name, _) in self.names.iter() {
            let r = self.rows.get(i).copied().unwrap_or_default();
            let _ = writeln!(table, "{name}\t{}\t{}\t{}\t{}", r.memory, r.disk, r.peak, r.n_copies);
        }
        table
    }
}

impl Row {
    fn bar(&self, (name, color): (&str, Color)) -> BarRow {
        let text = |bytes: u64| Measure::Bytes.text(bytes as f64);
        let copies = count_text(self.n_copies);
        let (memory, disk, peak) = (text(self.memory), text(self.disk), text(self.peak));
        BarRow {
            name: name.to_owned(),
            value: format!("{memory}, peak {peak}"),
            hover: format!(
                "{name}: {copies} copies, {memory} in memory, {disk} on disk, at most {peak}"
            ),
            parts: vec![(self.memory as f64, color, 1.0), (self.disk as f64, Color::SPILLED, 1.0)],
            thin: Vec::new(),
            mark: Some(self.peak as f64),
        }
    }
}
