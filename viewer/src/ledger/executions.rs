//! All executions of a run as columns, for a page that has no viewer to ask.

use serde::Serialize;
use taskreel_model::{Outcome, PrefixId};

use super::Columns;

/// One entry per execution in each column but the first and the last, in the order in which they began.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Executions {
    /// Names of prefixes, by id.
    prefixes: Vec<String>,
    task: Vec<u32>,
    key: Vec<String>,
    prefix: Vec<u32>,
    worker: Vec<u32>,
    slot: Vec<u16>,
    start_ns: Vec<u64>,
    /// `None` while it goes on.
    stop_ns: Vec<Option<u64>>,
    failed: Vec<bool>,
    /// Of the result.
    bytes: Vec<u64>,
    /// Tasks that it needed.
    deps: Vec<Vec<u32>>,
    /// Slots of each worker, when it came and went, in ns.
    workers: Vec<(u16, u64, Option<u64>)>,
}

impl Columns {
    /// How many executions began.
    pub(crate) fn n_executions(&self) -> usize {
        self.attempts.rows().len()
    }

    /// See the module.
    pub(crate) fn executions(&self) -> Executions {
        let mut all = Executions::default();
        self.attempts.rows().each(|_, row, deps| {
            let found = self.attempts.found(row);
            all.task.push(found.task);
            all.key.push(found.key);
            all.prefix.push(row.key.prefix.0);
            all.worker.push(found.worker);
            all.slot.push(found.slot);
            all.start_ns.push(found.start_ns);
            all.stop_ns.push(found.stop_ns);
            all.failed.push(row.outcome == Some(Outcome::Failed));
            all.bytes.push(row.bytes);
            all.deps.push(deps.iter().map(|task| task.0).collect());
        });
        let n_prefixes = all.prefix.iter().max().map_or(0, |last| last + 1);
        let names = (0..n_prefixes).map(|id| self.attempts.prefix(PrefixId(id)).to_owned());
        all.prefixes = names.collect();
        let presence =
            self.workers.iter().map(|at| (at.slots, at.joined.0, at.lost.map(|at| at.0)));
        all.workers = presence.collect();
        all
    }
}
