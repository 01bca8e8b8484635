//! Every execution of the run: who ran what, where, when, and how it ended.

use std::collections::BTreeMap;

use serde::Serialize;
use taskreel_model::{Key, Nanos, Outcome, PrefixId, State, StrId, Suffix, TaskId, WorkerId};
use taskreel_replay::figure::Window;

use crate::text::visible;

/// Most matches of a search that are listed.
const MATCHES_MAX: usize = 1_000;

/// Executions in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    rows: Vec<Attempt>,
    /// Dependencies of what was executed, execution after execution.
    deps: Vec<TaskId>,
    /// Rows of executions that have not ended, by where they are.
    open: BTreeMap<(WorkerId, u16), usize>,
    /// Names of prefixes, by id.
    prefixes: Vec<Box<str>>,
    /// Names that keys end in.
    names: BTreeMap<StrId, Box<str>>,
}

/// One execution.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attempt {
    pub task: TaskId,
    pub key: Key,
    pub worker: WorkerId,
    pub slot: u16,
    pub start: Nanos,
    /// `Nanos::MAX` while it goes on.
    pub stop: Nanos,
    /// `None` while it goes on.
    pub outcome: Option<Outcome>,
    /// Size of the result, if it has one.
    pub bytes: u64,
    /// Where its dependencies begin, and how many there are.
    deps: (usize, u32),
}

/// An execution for the page.
#[derive(Debug, Serialize)]
pub(crate) struct Found {
    /// The task's number, for the address of its story.
    pub task: u32,
    pub key: String,
    pub worker: u32,
    pub slot: u16,
    pub start_ns: u64,
    /// `None` while it goes on.
    pub stop_ns: Option<u64>,
}

/// What a search found.
#[derive(Debug, Serialize)]
pub(crate) struct Matches {
    /// How many there are.
    pub total: usize,
    /// The first of them, in the order in which they began.
    pub first: Vec<Found>,
}

impl Attempts {
    pub(super) fn started(
        &mut self,
        at: Nanos,
        task: TaskId,
        place: (WorkerId, u16),
        state: &State,
    ) {
        let Some(found) = state.task(task) else { return };
        let key = found.key;
        let deps = (self.deps.len(), found.deps.len() as u32);
        self.deps.extend(&found.deps[..]);
        while self.prefixes.len() <= key.prefix.index() {
            let prefix = state.prefix(PrefixId(self.prefixes.len() as u32));
            self.prefixes.push(visible(&prefix.name).into());
        }
        if let Suffix::Name(name) = key.suffix {
            self.names.entry(name).or_insert_with(|| visible(state.text(name)).into());
        }
        self.open.insert(place, self.rows.len());
        let (worker, slot) = place;
        let (stop, outcome) = (Nanos::MAX, None);
        self.rows.push(Attempt {
            task,
            key,
            worker,
            slot,
            start: at,
            stop,
            outcome,
            bytes: 0,
            deps,
        });
    }

    pub(super) fn stopped(
        &mut self,
        at: Nanos,
        place: (WorkerId, u16),
        outcome: Outcome,
        state: &State,
    ) {
        let Some(row) = self.open.remove(&place) else { return };
        let row = &mut self.rows[row];
        (row.stop, row.outcome) = (at.max(row.start), Some(outcome));
        row.bytes = state.task(row.task).map_or(0, |task| task.bytes);
    }

    /// All, in the order in which they began.
    pub(super) fn rows(&self) -> &[Attempt] {
        &self.rows
    }

    /// What it needed.
    pub(super) fn deps(&self, row: &Attempt) -> &[TaskId] {
        let (begin, n) = row.deps;
        &self.deps[begin..begin + n as usize]
    }

    /// Since when something goes on.
    pub(super) fn open_since(&self) -> Option<Nanos> {
        self.open.values().map(|row| self.rows[*row].start).min()
    }

    /// How many go on, of those that began before `to`.
    pub(super) fn n_open(&self, to: Nanos) -> usize {
        self.open.values().filter(|row| self.rows[**row].start < to).count()
    }

    /// Those that a stretch of time holds a part of.
    pub(super) fn within(&self, window: Window) -> impl Iterator<Item = &Attempt> {
        // They began in order but for what was reported late, so no end can be searched for.
        self.rows.iter().filter(move |row| row.start < window.to && row.stop > window.from)
    }

    /// Executions of tasks whose keys contain a text.
    pub(super) fn search(&self, text: &str) -> Matches {
        let mut matches = Matches { total: 0, first: Vec::new() };
        let mut key = String::new();
        for row in &self.rows {
            key.clear();
            self.write_key(row.key, &mut key);
            if key.contains(text) {
                matches.total += 1;
                if matches.first.len() < MATCHES_MAX {
                    matches.first.push(self.found(row));
                }
            }
        }
        matches
    }

    /// The execution that a label of the task stream tells of: it begins with the task's key.
    pub(super) fn labelled(&self, label: &str, window: Window) -> Option<Found> {
        let mut key = String::new();
        let fits = |row: &&Attempt| {
            key.clear();
            self.write_key(row.key, &mut key);
            label.strip_prefix(key.as_str()).is_some_and(|rest| !rest.starts_with('-'))
        };
        self.within(window).filter(fits).max_by_key(|row| row.stop).map(|row| self.found(row))
    }

    /// The last executions on a worker that began by an instant, the newest first.
    pub(super) fn on_worker(&self, worker: u32, at: Nanos, n_max: usize) -> Vec<Found> {
        let here = |row: &&Attempt| row.worker.0 == worker && row.start <= at;
        self.rows.iter().rev().filter(here).take(n_max).map(|row| self.found(row)).collect()
    }

    pub(super) fn prefix(&self, prefix: PrefixId) -> &str {
        self.prefixes.get(prefix.index()).map_or("", |name| name)
    }

    pub(super) fn found(&self, row: &Attempt) -> Found {
        Found {
            task: row.task.0,
            key: self.key(row.key),
            worker: row.worker.0,
            slot: row.slot,
            start_ns: row.start.0,
            stop_ns: row.outcome.map(|_| row.stop.0),
        }
    }

    fn key(&self, key: Key) -> String {
        let mut text = String::new();
        self.write_key(key, &mut text);
        text
    }

    fn write_key(&self, key: Key, out: &mut String) {
        out.push_str(self.prefix(key.prefix));
        match key.suffix {
            Suffix::None => {}
            Suffix::Index(index) => {
                out.push('-');
                out.push_str(&index.to_string());
            }
            Suffix::Name(name) => {
                out.push('-');
                out.push_str(self.names.get(&name).map_or("", |name| name));
            }
        }
    }
}
