//! Every execution of the run: who ran what, where, when, and how it ended.

use std::collections::BTreeMap;

use serde::Serialize;
use taskreel_model::{Key, Nanos, Outcome, PrefixId, State, StrId, Suffix, TaskId, WorkerId};
use taskreel_replay::figure::Window;

use super::rows::Rows;
use crate::text::visible;

/// Most matches of a search that are listed.
const MATCHES_MAX: usize = 1_000;

/// Executions in the order in which they began.
#[derive(Debug, Default)]
pub(super) struct Attempts {
    rows: Rows,
    /// Executions that have not ended.
    open: BTreeMap<TaskId, Open>,
    /// Names of prefixes, by id.
    prefixes: Vec<Box<str>>,
    /// Names that keys end in.
    names: BTreeMap<StrId, Box<str>>,
}

/// One execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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
}

/// An execution that goes on.
#[derive(Clone, Copy, Debug)]
struct Open {
    row: usize,
    /// Since when it computes; `None`: it waits for tasks that it submitted.
    since: Option<Nanos>,
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
        while self.prefixes.len() <= key.prefix.index() {
            let prefix = state.prefix(PrefixId(self.prefixes.len() as u32));
            self.prefixes.push(visible(&prefix.name).into());
        }
        if let Suffix::Name(name) = key.suffix {
            self.names.entry(name).or_insert_with(|| visible(state.text(name)).into());
        }
        let ((worker, slot), start) = (place, at);
        let (stop, outcome, bytes) = (Nanos::MAX, None, 0);
        let row = Attempt { task, key, worker, slot, start, stop, outcome, bytes };
        let row = self.rows.push(row, &found.deps);
        self.open.insert(task, Open { row, since: Some(at) });
    }

    pub(super) fn stopped(&mut self, at: Nanos, task: TaskId, outcome: Outcome, state: &State) {
        let Some(Open { row, .. }) = self.open.remove(&task) else { return };
        let Some(row) = self.rows.open_mut(row) else { return };
        (row.stop, row.outcome) = (at.max(row.start), Some(outcome));
        row.bytes = state.task(row.task).map_or(0, |task| task.bytes);
    }

    /// An execution computes again, or not until it rejoins.
    pub(super) fn computes(&mut self, task: TaskId, since: Option<Nanos>) {
        if let Some(open) = self.open.get_mut(&task) {
            open.since = since;
        }
    }

    /// All, in the order in which they began.
    pub(super) fn rows(&self) -> &Rows {
        &self.rows
    }

    /// Since when each of those computes that do, the first one first.
    pub(super) fn open_since(&self) -> Vec<Nanos> {
        let mut since: Vec<Nanos> = self.open.values().filter_map(|open| open.since).collect();
        since.sort_unstable();
        since
    }

    /// Calls `take` for those that a stretch of time holds a part of.
    pub(super) fn each_within(&self, window: Window, mut take: impl FnMut(&Attempt)) {
        // They began in order but for what was reported late, so no end can be searched for.
        self.rows.each_within(window, |_, row, _| {
            if row.start < window.to && row.stop > window.from {
                take(row);
            }
        });
    }

    /// Executions of tasks whose keys contain a text.
    pub(super) fn search(&self, text: &str) -> Matches {
        let mut matches = Matches { total: 0, first: Vec::new() };
        let mut key = String::new();
        self.rows.each(|_, row, _| {
            key.clear();
            self.write_key(row.key, &mut key);
            if key.contains(text) {
                matches.total += 1;
                if matches.first.len() < MATCHES_MAX {
                    matches.first.push(self.found(row));
                }
            }
        });
        matches
    }

    /// The execution that a label of the task stream tells of: it begins with the task's key.
    pub(super) fn labelled(&self, label: &str, window: Window) -> Option<Found> {
        let (mut key, mut last) = (String::new(), None::<Attempt>);
        self.each_within(window, |row| {
            key.clear();
            self.write_key(row.key, &mut key);
            let rest = label.strip_prefix(key.as_str());
            let is_it = rest.is_some_and(|rest| !rest.starts_with('-'));
            if is_it && last.is_none_or(|last| row.stop >= last.stop) {
                last = Some(*row);
            }
        });
        last.map(|row| self.found(&row))
    }

    /// The last executions on a worker that began by an instant, the newest first.
    pub(super) fn on_worker(&self, worker: u32, at: Nanos, n_max: usize) -> Vec<Found> {
        let here = |row: &Attempt| row.worker.0 == worker && row.start <= at;
        let rows = self.rows.newest_first().filter(here);
        rows.take(n_max).map(|row| self.found(&row)).collect()
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

    /// A key of which something was executed, as text.
    pub(super) fn key(&self, key: Key) -> String {
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
