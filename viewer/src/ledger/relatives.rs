//! What a task waited for and what waited for it, and the chain of such waits that made the run as
//! long as it was: the critical path.

use std::collections::BTreeMap;

use serde::Serialize;
use taskreel_model::{Outcome, TaskId};

use super::attempts::{Attempt, Attempts, Found};

/// Most tasks named on each side, and most executions of a path.
const RELATIVES_MAX: usize = 300;
const LINKS_MAX: usize = 5_000;

/// The executions around a task.
#[derive(Debug, Serialize)]
pub(crate) struct Relatives {
    pub task: u32,
    pub key: String,
    /// Its own, in the order in which they began.
    pub runs: Vec<Found>,
    /// Of each task that it waited for, the last.
    pub needs: Vec<Found>,
    /// Of each task that waited for it, the last.
    pub needed_by: Vec<Found>,
    /// Tasks on both sides that are not named.
    pub n_more: usize,
}

/// The chain of executions, each of which had to wait for the one before it, that led to the last end.
#[derive(Debug, Serialize)]
pub(crate) struct Path {
    /// From the first to the last.
    pub links: Vec<Found>,
    /// Time that they took together.
    pub executed_ns: u64,
    /// Earlier ones that are not listed.
    pub n_more: usize,
}

impl Attempts {
    /// `None`: the task never ran.
    pub(super) fn relatives(&self, task: TaskId) -> Option<Relatives> {
        let runs: Vec<&Attempt> = self.rows().iter().filter(|row| row.task == task).collect();
        let last = *runs.last()?;
        let needs = self.last_of(|row| self.deps(last).contains(&row.task));
        let needed_by = self.last_of(|row| self.deps(row).contains(&task));
        let n_more = [&needs, &needed_by].map(|list| list.len().saturating_sub(RELATIVES_MAX));
        let found = |list: BTreeMap<TaskId, &Attempt>| {
            list.into_values().take(RELATIVES_MAX).map(|row| self.found(row)).collect()
        };
        let Found { task, key, .. } = self.found(last);
        Some(Relatives {
            task,
            key,
            runs: runs.iter().map(|row| self.found(row)).collect(),
            needs: found(needs),
            needed_by: found(needed_by),
            n_more: n_more.iter().sum(),
        })
    }

    /// The last execution of each task of which one fits.
    fn last_of(&self, fits: impl Fn(&Attempt) -> bool) -> BTreeMap<TaskId, &Attempt> {
        let rows = self.rows().iter().filter(|row| fits(row));
        rows.map(|row| (row.task, row)).collect()
    }

    /// Walks back from the execution that ended last, each time to the dependency that ended last.
    pub(super) fn critical_path(&self) -> Path {
        let rows = self.rows();
        let finished: Vec<(TaskId, usize)> = (0..rows.len())
            .filter(|i| rows[*i].outcome == Some(Outcome::Finished))
            .map(|i| (rows[i].task, i))
            .collect();
        // Of several executions of a task the last one made its result.
        let finished: BTreeMap<TaskId, usize> = finished.into_iter().collect();
        let ended = (0..rows.len()).filter(|i| rows[*i].outcome.is_some());
        let mut next = ended.max_by_key(|i| rows[*i].stop);
        let (mut path, mut executed_ns) = (Vec::new(), 0);
        // Dependencies have smaller ids than what depends on them, so this ends.
        while let Some(row) = next.map(|i| &rows[i]) {
            path.push(row);
            executed_ns += row.stop.since(row.start).0;
            let deps = self.deps(row).iter().filter_map(|dep| finished.get(dep).copied());
            next = deps.max_by_key(|i| rows[*i].stop);
        }
        let n_more = path.len().saturating_sub(LINKS_MAX);
        path.truncate(LINKS_MAX);
        let links = path.iter().rev().map(|row| self.found(row)).collect();
        Path { links, executed_ns, n_more }
    }
}
