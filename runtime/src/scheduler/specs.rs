//! What to run for each task, as opaque bytes: beside the state, since replay has no use for it.

use std::collections::BTreeMap;

use bytes::Bytes;
use taskreel_model::TaskId;
use taskreel_recorder::SpecBatch;

/// The specs of all graphs that still have live tasks.
#[derive(Debug, Default)]
pub(super) struct SpecStore {
    /// By first task, ascending: ids only grow.
    graphs: Vec<GraphSpecs>,
}

#[derive(Debug)]
struct GraphSpecs {
    first: TaskId,
    specs: Vec<Bytes>,
    n_live: usize,
}

impl SpecStore {
    /// Keeps the specs of a graph whose first task is `first`.
    pub(super) fn add(&mut self, first: TaskId, specs: Vec<Bytes>) {
        let n_live = specs.len();
        self.graphs.push(GraphSpecs { first, specs, n_live });
    }

    /// The specs of a log, for the scheduler that starts again on it. `is_needed`: the task is live,
    /// or is to come yet.
    pub(super) fn restore(
        batches: Vec<SpecBatch>,
        mut is_needed: impl FnMut(TaskId) -> bool,
    ) -> Self {
        // Ids only grow: what was recorded before for later tasks is the same and comes again, or
        // belongs to a submission that never got into the log.
        let mut by_first: BTreeMap<TaskId, GraphSpecs> = BTreeMap::new();
        for batch in batches {
            let mut specs = Vec::with_capacity(batch.len());
            let (mut first, mut n_live) = (None, 0);
            for (task, spec) in batch.iter() {
                first.get_or_insert(task);
                n_live += usize::from(is_needed(task));
                specs.push(Bytes::copy_from_slice(spec));
            }
            let Some(first) = first else { continue };
            by_first.split_off(&first);
            if n_live > 0 {
                by_first.insert(first, GraphSpecs { first, specs, n_live });
            }
        }
        Self { graphs: by_first.into_values().collect() }
    }

    /// The spec of a live task.
    pub(super) fn get(&self, task: TaskId) -> Option<Bytes> {
        let graph = &self.graphs[self.position(task)?];
        graph.specs.get((task.0 - graph.first.0) as usize).cloned()
    }

    /// A task is forgotten. The last one of a graph frees its specs, which share one buffer.
    pub(super) fn forget(&mut self, task: TaskId) {
        let Some(position) = self.position(task) else { return };
        let graph = &mut self.graphs[position];
        graph.n_live = graph.n_live.saturating_sub(1);
        if graph.n_live == 0 {
            self.graphs.remove(position);
        }
    }

    fn position(&self, task: TaskId) -> Option<usize> {
        self.graphs.partition_point(|graph| graph.first <= task).checked_sub(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_specs_until_the_last_task_of_their_graph_is_forgotten() {
        let mut store = SpecStore::default();
        store.add(TaskId(0), vec![Bytes::from_static(b"a"), Bytes::from_static(b"b")]);
        store.add(TaskId(2), vec![Bytes::from_static(b"c")]);
        assert_eq!(store.get(TaskId(1)).as_deref(), Some(&b"b"[..]));
        store.forget(TaskId(0));
        assert_eq!(store.get(TaskId(1)).as_deref(), Some(&b"b"[..]));
        store.forget(TaskId(1));
        assert_eq!(store.get(TaskId(1)), None);
        assert_eq!(store.get(TaskId(2)).as_deref(), Some(&b"c"[..]));
        assert_eq!(store.get(TaskId(3)), None);
    }
}
