//! What a task asks for, and what a worker offers.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Nanos;

/// How a task wants to be run. Most tasks of a graph share one set, so it is declared once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TaskOptions {
    /// What runs: the name of a `#[task]` function, or the program of a command.
    pub function: String,
    /// Higher runs first; the default is 0.
    pub priority: i32,
    /// How often it runs again after a failure.
    pub retries: u32,
    /// How long to wait before each retry.
    pub retry_delay: Nanos,
    /// It fails when one attempt takes longer.
    pub timeout: Option<Nanos>,
    /// What it needs of a worker while it runs, in thousandths of a unit: `gpu` → 1000.
    pub resources: BTreeMap<String, u64>,
    /// Names or addresses of the only workers that may run it; empty: any.
    pub workers: Vec<String>,
}

impl TaskOptions {
    /// The defaults for a function or program: no retries, no timeout, any worker.
    pub fn new(function: impl Into<String>) -> Self {
        Self {
            function: function.into(),
            priority: 0,
            retries: 0,
            retry_delay: Nanos::ZERO,
            timeout: None,
            resources: BTreeMap::new(),
            workers: Vec::new(),
        }
    }

    /// Whether a worker may run it at all, however busy it is.
    pub fn allows(&self, worker: &WorkerInfo) -> bool {
        let named = self.workers.is_empty()
            || self.workers.iter().any(|w| *w == worker.name || *w == worker.address);
        named
            && self
                .resources
                .iter()
                .all(|(name, need)| worker.resources.get(name).is_some_and(|have| have >= need))
    }

    /// Whether every worker may run it.
    pub fn is_unrestricted(&self) -> bool {
        self.workers.is_empty() && self.resources.is_empty()
    }
}

/// What a worker says of itself when it joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerInfo {
    /// For people: `worker-0`.
    pub name: String,
    /// Where peers fetch results from it: `tcp://host:port`, or `local://0` within one process.
    pub address: String,
    /// The machine.
    pub host: String,
    /// Process id on that machine.
    pub pid: u32,
    /// How many tasks it runs at once; at least 1.
    pub slots: u16,
    /// Bytes it may use for results and tasks; 0: no limit.
    pub memory_limit: u64,
    /// What tasks may ask for beyond a slot, in thousandths of a unit.
    pub resources: BTreeMap<String, u64>,
    /// Version of the software.
    pub version: String,
}
