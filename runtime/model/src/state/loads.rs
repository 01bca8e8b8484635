//! The workers that take tasks, by their load.
//!
//! Only placement asks for this order, and a replay, which places nothing, would keep it up in vain. So
//! a worker whose load or status changed is noted, and gets its place when placement looks next.

use super::State;
use super::ranked::Ranked;
use crate::{WorkerId, WorkerStatus};

/// The order as it was when placement last looked, and what changed since.
#[derive(Clone, Debug, Default)]
pub(crate) struct Loads {
    /// Workers by their load.
    order: Ranked<u32>,
    /// What `order` says of each worker.
    listed: Vec<Listed>,
    /// The workers that changed, each once.
    changed: Vec<WorkerId>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Listed {
    load: u32,
    /// It is in the order, by that load.
    is_there: bool,
    is_changed: bool,
}

/// Equal in any case: it says nothing that the workers do not.
impl PartialEq for Loads {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Loads {
    /// One more worker, with the next id.
    pub(crate) fn join(&mut self) {
        let worker = WorkerId(self.listed.len() as u32);
        self.listed.push(Listed::default());
        self.note(worker);
    }

    /// A worker's load or status changes.
    pub(crate) fn note(&mut self, worker: WorkerId) {
        let listed = &mut self.listed[worker.index()];
        if !std::mem::replace(&mut listed.is_changed, true) {
            self.changed.push(worker);
        }
    }

    /// Gives a worker the place of its load, or takes it out.
    fn list(&mut self, worker: WorkerId, load: Option<u32>) {
        let listed = &mut self.listed[worker.index()];
        let before = listed.is_there.then_some(listed.load);
        *listed = Listed { load: load.unwrap_or(0), is_there: load.is_some(), is_changed: false };
        if before == load {
            return;
        }
        if let Some(before) = before {
            self.order.remove(before, worker.0);
        }
        if let Some(load) = load {
            self.order.insert(load, worker.0);
        }
    }
}

impl State {
    /// The load of a worker that takes tasks.
    fn load_of(&self, worker: WorkerId) -> Option<u32> {
        let found = &self.workers[worker.index()];
        (found.status == WorkerStatus::Running).then(|| found.load())
    }

    /// Brings the order of the workers up to date. What the state says stays the same:
    /// [`State::by_load`] only need not sort.
    pub(crate) fn settle(&mut self) {
        while let Some(worker) = self.loads.changed.pop() {
            let load = self.load_of(worker);
            self.loads.list(worker, load);
        }
    }

    /// Workers that take tasks, least loaded first, with their load in 1/256 tasks per slot.
    /// While a policy is asked this costs what is taken of it, else all are sorted.
    pub fn by_load(&self) -> impl DoubleEndedIterator<Item = (u32, WorkerId)> {
        let is_settled = self.loads.changed.is_empty();
        let settled = is_settled.then(|| self.loads.order.iter());
        let settled = settled.into_iter().flatten().map(|(load, id)| (load, WorkerId(id)));
        let mut sorted = Vec::new();
        if !is_settled {
            let all = (0..self.workers.len() as u32).map(WorkerId);
            sorted.extend(all.filter_map(|id| Some((self.load_of(id)?, id))));
            sorted.sort_unstable();
        }
        settled.chain(sorted)
    }

    /// Checks what is listed against the workers.
    pub(super) fn validate_loads(&self) {
        let Loads { order, listed, changed } = &self.loads;
        assert_eq!(listed.len(), self.workers.len(), "workers in the order");
        for (id, found) in (0..).map(WorkerId).zip(listed) {
            let Listed { load, is_there, is_changed } = *found;
            assert_eq!(order.contains(load, id.0), is_there, "{id} in the order");
            let is_right = is_there.then_some(load) == self.load_of(id);
            assert!(is_changed || is_right, "the load of {id}");
            assert_eq!(changed.contains(&id), is_changed, "{id} changed");
        }
        assert_eq!(order.len(), listed.iter().filter(|found| found.is_there).count(), "once each");
    }
}
