//! What plots by prefix have in common: names and colours of prefixes, which one runs in which
//! slot, and a row for each. Not a plot.

use std::fmt::Write as _;

use taskreel_model::{Change, Prefix, PrefixId, State, TaskId, WorkerId};

use crate::chart::{BarRow, NAME_CHARS};
use crate::figure::{Color, PrefixColors, clean};
use crate::live_tasks::LiveTasks;

/// Name and colour by prefix.
#[derive(Clone, Debug, Default)]
pub(super) struct PrefixNames {
    known: Vec<(String, Color)>,
    colors: PrefixColors,
}

impl PrefixNames {
    /// Takes over those that are new in the state.
    pub(super) fn settle(&mut self, state: &State) {
        let fresh = state.prefixes().iter().skip(self.known.len());
        let colors = &mut self.colors;
        self.known.extend(fresh.map(|p| (clean(&p.name, NAME_CHARS), colors.color(&p.name))));
    }

    /// In order of their ids.
    pub(super) fn iter(&self) -> impl Iterator<Item = (usize, &str, Color)> {
        self.known.iter().enumerate().map(|(i, (name, color))| (i, name.as_str(), *color))
    }

    pub(super) fn get(&self, index: usize) -> (&str, Color) {
        self.known.get(index).map_or(("?", Color::OTHER), |(name, color)| (name, *color))
    }
}

/// The prefix of what runs in each slot: when an attempt stops, its task may be forgotten already.
#[derive(Clone, Debug, Default)]
pub(super) struct Running {
    slots: Vec<Vec<Option<PrefixId>>>,
}

impl Running {
    /// Takes a start in.
    pub(super) fn update(&mut self, change: &Change, state: &State) {
        let Some((task, worker, slot)) = change.slot_taken() else { return };
        let Some(prefix) = state.task(task).map(|found| found.key.prefix) else { return };
        if self.slots.len() <= worker.index() {
            self.slots.resize_with(worker.index() + 1, Vec::new);
        }
        let slots = &mut self.slots[worker.index()];
        if slots.len() <= usize::from(slot) {
            slots.resize(usize::from(slot) + 1, None);
        }
        slots[usize::from(slot)] = Some(prefix);
    }

    /// Of the attempt that stopped with a change.
    pub(super) fn stopped(&self, change: &Change, state: &State) -> Option<PrefixId> {
        let stretch = change.stretch_ended()?;
        if stretch.seceded {
            // It had no slot at its end, and what it waits for does not let it be forgotten yet.
            return state.task(stretch.task).map(|found| found.key.prefix);
        }
        self.prefix(stretch.worker, stretch.slot)
    }

    /// What began there last.
    fn prefix(&self, worker: WorkerId, slot: u16) -> Option<PrefixId> {
        *self.slots.get(worker.index())?.get(usize::from(slot))?
    }
}

/// The prefix of every task that lives: results outlive their tasks' place in the state by a change or two.
#[derive(Clone, Debug, Default)]
pub(super) struct TaskPrefixes {
    by_task: LiveTasks<u32>,
}

impl TaskPrefixes {
    /// Takes a task's first change in. To be told of every change.
    pub(super) fn update(&mut self, change: &Change, state: &State) {
        self.by_task.update(change, state);
        let Change::Task { task, from: taskreel_model::Phase::Released, .. } = *change else {
            return;
        };
        if let Some(found) = state.task(task) {
            self.by_task.set(task, found.key.prefix.0);
        }
    }

    pub(super) fn get(&self, task: TaskId) -> Option<usize> {
        self.by_task.get(task).map(|prefix| prefix as usize)
    }
}

/// A row for each prefix, with its bar.
#[derive(Clone, Debug, Default)]
pub(super) struct PrefixRows<T> {
    names: PrefixNames,
    tasks: TaskPrefixes,
    rows: Vec<T>,
}

impl<T: Copy + Default> PrefixRows<T> {
    /// Learns prefixes of tasks.
    pub(super) fn update(&mut self, change: &Change, state: &State) {
        self.tasks.update(change, state);
    }

    /// The row of a task's prefix.
    pub(super) fn of_task(&mut self, task: TaskId) -> Option<&mut T> {
        Some(at_index(&mut self.rows, self.tasks.get(task)?))
    }

    /// Takes names over from the state, and into each row what the state counts of its prefix.
    pub(super) fn settle(&mut self, state: &State, mut take: impl FnMut(&mut T, &Prefix)) {
        self.names.settle(state);
        for (i, prefix) in state.prefixes().iter().enumerate() {
            take(at_index(&mut self.rows, i), prefix);
        }
    }

    /// The rows.
    pub(super) fn iter(&self) -> impl Iterator<Item = &T> {
        self.rows.iter()
    }

    /// Bars of the rows that have something to show, the largest first; a row without a rank has
    /// nothing.
    pub(super) fn bars<K: Ord>(
        &self,
        rank: impl Fn(&T) -> Option<K>,
        bar: impl Fn(&T, (&str, Color)) -> BarRow,
    ) -> Vec<BarRow> {
        let ranked = self.rows.iter().enumerate();
        let mut order: Vec<(K, usize)> =
            ranked.filter_map(|(i, row)| Some((rank(row)?, i))).collect();
        order.sort_by(|a, b| b.cmp(a));
        order.iter().map(|(_, i)| bar(&self.rows[*i], self.names.get(*i))).collect()
    }

    /// The rows as a text table below its head.
    pub(super) fn columns(&self, head: &str, cells: impl Fn(&T) -> Vec<u64>) -> String {
        let mut table = format!("{head}\n");
        for (i, name, _) in self.names.iter() {
            table.push_str(name);
            for cell in cells(&self.rows.get(i).copied().unwrap_or_default()) {
                let _ = write!(table, "\t{cell}");
            }
            table.push('\n');
        }
        table
    }
}

/// The value of an index, made when it is new.
pub(super) fn at_index<T: Default>(values: &mut Vec<T>, index: usize) -> &mut T {
    if values.len() <= index {
        values.resize_with(index + 1, T::default);
    }
    &mut values[index]
}
