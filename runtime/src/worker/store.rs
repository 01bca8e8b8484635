//! The store: the results that a worker holds.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use taskreel_model::TaskId;

/// The results a worker holds, in memory. Each stays until the scheduler frees it.
#[derive(Debug, Default)]
pub struct Store {
    held: RwLock<Held>,
}

#[derive(Debug, Default)]
struct Held {
    results: HashMap<TaskId, Bytes>,
    n_bytes: u64,
}

impl Store {
    /// Keeps a result; one of the same task is replaced.
    pub fn insert(&self, task: TaskId, result: Bytes) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        held.n_bytes += result.len() as u64;
        if let Some(old) = held.results.insert(task, result) {
            held.n_bytes -= old.len() as u64;
        }
    }

    /// A result, if it is here.
    pub fn get(&self, task: TaskId) -> Option<Bytes> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).results.get(&task).cloned()
    }

    /// Whether a result is here.
    pub fn contains(&self, task: TaskId) -> bool {
        self.held.read().unwrap_or_else(PoisonError::into_inner).results.contains_key(&task)
    }

    /// Frees results; unknown ones are passed over.
    pub fn free(&self, tasks: &[TaskId]) {
        let mut held = self.held.write().unwrap_or_else(PoisonError::into_inner);
        for task in tasks {
            if let Some(old) = held.results.remove(task) {
                held.n_bytes -= old.len() as u64;
            }
        }
    }

    /// Bytes of all results together.
    pub fn n_bytes(&self) -> u64 {
        self.held.read().unwrap_or_else(PoisonError::into_inner).n_bytes
    }
}
