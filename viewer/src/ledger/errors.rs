//! Attempts that failed: some bytes each, and their texts once.

use std::collections::BTreeMap;

use taskreel_model::{FailureKind, Key, Nanos, Phase, State, StrId, TaskId, WorkerId};

use super::attempts::Attempts;
use crate::text::visible_message;

/// Most that are kept: later ones are counted nowhere here.
const ERRORS_MAX: usize = 100_000;

/// In the order of time.
#[derive(Debug, Default)]
pub(super) struct Errors {
    rows: Vec<Row>,
    /// Why, as far as it occurs.
    messages: BTreeMap<StrId, Box<str>>,
    /// Names of the workers on which something failed.
    workers: BTreeMap<WorkerId, Box<str>>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub at: Nanos,
    key: Key,
    task: TaskId,
    worker: WorkerId,
    attempt: u32,
    message: StrId,
    kind: FailureKind,
    retried: bool,
}

/// An attempt that failed, for the page.
#[derive(Clone, Debug)]
pub(crate) struct ErrorRow {
    pub at: Nanos,
    pub task: TaskId,
    pub key: String,
    pub worker: String,
    pub attempt: u32,
    pub kind: FailureKind,
    pub message: String,
    /// Whether it runs again.
    pub retried: bool,
}

impl Errors {
    /// Takes in the failure that a task was just told of.
    pub(super) fn failed(&mut self, at: Nanos, task: TaskId, worker: WorkerId, state: &State) {
        let Some((found, blame)) = state.task(task).and_then(|task| Some((task, task.error()?)))
        else {
            return;
        };
        if self.rows.len() >= ERRORS_MAX {
            return;
        }
        let text = || visible_message(state.text(blame.error)).into();
        self.messages.entry(blame.error).or_insert_with(text);
        let name = || super::name(worker, state).into();
        self.workers.entry(worker).or_insert_with(name);
        let row = Row {
            at,
            key: found.key,
            task,
            worker,
            attempt: found.attempt,
            message: blame.error,
            kind: blame.kind,
            retried: found.phase != Phase::Erred,
        };
        let index = self.rows.partition_point(|row| row.at <= at);
        self.rows.insert(index, row);
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// One of them in words; `attempts` know its key.
    pub(super) fn told(&self, row: &Row, attempts: &Attempts) -> ErrorRow {
        let Row { at, key, task, worker, attempt, message, kind, retried } = *row;
        ErrorRow {
            at,
            task,
            key: attempts.key(key),
            worker: self.workers.get(&worker).map_or_else(String::new, |name| name.to_string()),
            attempt,
            kind,
            message: self.message(message).to_owned(),
            retried,
        }
    }

    /// What a mark of one of them says.
    pub(super) fn label(&self, row: &Row, attempts: &Attempts) -> String {
        format!("{} failed: {}", attempts.key(row.key), self.message(row.message))
    }

    fn message(&self, id: StrId) -> &str {
        self.messages.get(&id).map_or("", |text| text)
    }
}
