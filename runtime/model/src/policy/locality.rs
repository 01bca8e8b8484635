//! The first policy: where the inputs are, else where there is least to do.
//!
//! Of the workers that hold inputs, and the least loaded one, the task goes to that on which it is
//! thought to begin first: waiting behind what is assigned there, plus fetching what is not.

use smallvec::SmallVec;

use super::{Placement, Policy, has_room};
use crate::{AssignReason, Nanos, Phase, State, Task, TaskId, WorkerId};

/// Bytes a second that a transfer is thought to move.
const BANDWIDTH: u64 = 1_000_000_000;

/// What each input that is not there is thought to take, beyond its bytes.
const LATENCY: Nanos = Nanos::from_micros(200);

/// How many of the least loaded workers are looked at, and how many holders of each input.
const N_CANDIDATES: usize = 8;

/// See the module.
#[derive(Clone, Copy, Debug, Default)]
pub struct LocalityThenIdle;

impl Policy for LocalityThenIdle {
    fn name(&self) -> &'static str {
        "locality"
    }

    fn place(&self, state: &State, id: TaskId) -> Placement {
        let Some(task) = state.task(id).filter(|task| task.phase == Phase::Queued) else {
            return Placement::Wait;
        };
        if !state.options(task.options).is_unrestricted() {
            return place_restricted(state, task);
        }
        let Some(idle) = least_loaded(state) else { return Placement::Wait };
        if task.deps.is_empty() {
            return Placement::On(idle, AssignReason::Idle);
        }
        let mut best = (start_delay(state, task, idle), idle);
        for worker in holders(state, task) {
            let delay = start_delay(state, task, worker);
            if delay < best.0 && state.is_open(worker) && has_room(state, worker) {
                best = (delay, worker);
            }
        }
        let holds_input = task.deps.iter().any(|dep| holds(state, *dep, best.1));
        let reason = if holds_input { AssignReason::Locality } else { AssignReason::Idle };
        Placement::On(best.1, reason)
    }
}

fn least_loaded(state: &State) -> Option<WorkerId> {
    state.by_load().take(N_CANDIDATES).map(|(_, worker)| worker).find(|w| has_room(state, *w))
}

fn place_restricted(state: &State, task: &Task) -> Placement {
    let options = state.options(task.options);
    let allowed =
        |worker: &WorkerId| state.worker(*worker).is_some_and(|found| options.allows(&found.info));
    let open = state.by_load().map(|(_, worker)| worker);
    if let Some(worker) = open.filter(allowed).find(|worker| has_room(state, *worker)) {
        return Placement::On(worker, AssignReason::Restricted);
    }
    let somewhere = state.present_workers().any(|(worker, _)| allowed(&worker));
    if somewhere { Placement::Wait } else { Placement::Nowhere }
}

/// Workers that hold inputs of the task, each once.
fn holders(state: &State, task: &Task) -> SmallVec<[WorkerId; N_CANDIDATES]> {
    let mut found: SmallVec<[WorkerId; N_CANDIDATES]> = SmallVec::new();
    for dep in task.deps.iter().filter_map(|dep| state.task(*dep)) {
        for replica in dep.replicas.iter().take(N_CANDIDATES) {
            if !found.contains(&replica.worker) {
                found.push(replica.worker);
            }
        }
    }
    found
}

fn holds(state: &State, dep: TaskId, worker: WorkerId) -> bool {
    state.task(dep).is_some_and(|dep| dep.replicas.iter().any(|r| r.worker == worker))
}

/// How long the task is thought to wait before it begins on the worker.
fn start_delay(state: &State, task: &Task, worker: WorkerId) -> Nanos {
    let Some(found) = state.worker(worker) else { return Nanos::MAX };
    let slots = usize::from(found.info.slots);
    let queue = if found.assigned.len() < slots {
        Nanos::ZERO
    } else {
        Nanos(found.occupancy.0 / slots as u64)
    };
    let missing = task.deps.iter().filter(|dep| !holds(state, **dep, worker));
    missing.fold(queue, |delay, dep| {
        let bytes = state.task(*dep).map_or(0, |dep| dep.bytes);
        delay + LATENCY + Nanos(bytes.saturating_mul(1_000_000_000 / BANDWIDTH))
    })
}

impl State {
    /// Whether a worker takes tasks.
    fn is_open(&self, worker: WorkerId) -> bool {
        self.worker(worker).is_some_and(|found| found.status == crate::WorkerStatus::Running)
    }
}
