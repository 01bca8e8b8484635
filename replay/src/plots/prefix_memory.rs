//! **Memory by prefix**: a bar per prefix with the bytes of its results that are held now.
//! Question: whose results fill the memory?
//!
//! | column | unit, shape                                                        | glyph                |
//! |--------|--------------------------------------------------------------------|----------------------|
//! | memory | bytes by prefix in memory, each copy counted                       | bar, prefix's colour |
//! | disk   | bytes by prefix on disk, likewise                                  | bar, ochre           |
//! | peak   | the most that `memory` ever was                                    | mark                 |
//! | copies | copies held, in memory or on disk                                  | value, hover         |

use taskreel_model::{Change, Nanos, Sample, State, Storage};

use super::prefixes::PrefixRows;
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
    prefixes: PrefixRows<Row>,
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
        self.prefixes.update(change, state);
        let Change::Replica { task, bytes, from, to, .. } = *change else { return };
        let Some(row) = self.prefixes.of_task(task) else { return };
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
        self.prefixes.settle(state, |_, _| {});
    }

    fn figure(&self, view: &View) -> Figure {
        let rank = |row: &Row| (row.peak > 0).then_some((row.memory, row.peak));
        let rows = self.prefixes.bars(rank, Row::bar);
        let mut meanings = vec![means(Color::OTHER, "in memory"), means(Color::AXIS, "peak")];
        if self.prefixes.iter().any(|row| row.disk > 0) {
            meanings.push(means(Color::SPILLED, "on disk"));
        }
        let held: u64 = self.prefixes.iter().map(|row| row.memory).sum();
        let notes = vec![format!("{} in memory now", Measure::Bytes.text(held as f64))];
        let (measure, of, empty) = (Measure::Bytes, "prefixes", "No result was held yet.");
        BarRows { rows, measure, to: 0.0, meanings, notes, of, empty }.figure(&ABOUT, view)
    }

    fn columns(&self) -> String {
        let head = "prefix\tmemory\tdisk\tpeak\tcopies";
        self.prefixes.columns(head, |row| vec![row.memory, row.disk, row.peak, row.n_copies])
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
