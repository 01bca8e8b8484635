//! What a task waited for and what waited for it, and the chain of such waits that made the run as
//! long as it was: the critical path.

use std::collections::BTreeMap;

use serde::Serialize;
use taskreel_model::TaskId;
use taskreel_replay::chain::{Chain, Link};

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
        let (mut runs, mut waited_for) = (Vec::new(), Vec::new());
        let mut needed_by = BTreeMap::new();
        self.rows().each(|_, row, deps| {
            if row.task == task {
                runs.push(*row);
                waited_for = deps.to_vec();
            }
            if deps.contains(&task) {
                needed_by.insert(row.task, *row);
            }
        });
        let Found { task, key, .. } = self.found(runs.last()?);
        let mut needs = BTreeMap::new();
        waited_for.sort_unstable();
        self.rows().each(|_, row, _| {
            if waited_for.binary_search(&row.task).is_ok() {
                needs.insert(row.task, *row);
            }
        });
        let n_more = [&needs, &needed_by].map(|list| list.len().saturating_sub(RELATIVES_MAX));
        let found = |list: BTreeMap<TaskId, Attempt>| {
            list.into_values().take(RELATIVES_MAX).map(|row| self.found(&row)).collect()
        };
        Some(Relatives {
            task,
            key,
            runs: runs.iter().map(|row| self.found(row)).collect(),
            needs: found(needs),
            needed_by: found(needed_by),
            n_more: n_more.iter().sum(),
        })
    }

    /// The chain of what executions waited for, of which the last links are listed.
    pub(super) fn critical_path(&self, chain: &Chain) -> Path {
        let links = chain.links();
        let n_more = links.len().saturating_sub(LINKS_MAX);
        let found = |link: &Link| Found {
            task: link.task.0,
            key: self.key(link.key),
            worker: link.place.0.0,
            slot: link.place.1,
            start_ns: link.window.from.0,
            stop_ns: Some(link.window.to.0),
        };
        let executed_ns = links.iter().map(|link| link.window.length().0).sum();
        Path { links: links[n_more..].iter().map(found).collect(), executed_ns, n_more }
    }
}
