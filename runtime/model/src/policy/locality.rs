//! The first policy: where the inputs are, else where there is least to do.
//!
//! Of the workers that hold inputs, and the least loaded one, the task goes to that on which it is
//! thought to begin first: waiting behind what is assigned there, plus fetching what is not.

use smallvec::SmallVec;

use super::{Placement, Policy, Steal, chain, has_room, holds, start_delay, worthwhile_steals};
use crate::{AssignReason, Phase, State, Task, TaskId, WorkerId};

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
        if !state.may_run_anywhere(state.options(task.options)) {
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

    fn chain(&self, state: &State, task: TaskId, worker: WorkerId) -> Option<TaskId> {
        chain::only_dependent(state, task, worker)
    }

    fn rebalance(&self, state: &State) -> SmallVec<[Steal; 4]> {
        worthwhile_steals(state)
    }
}

fn least_loaded(state: &State) -> Option<WorkerId> {
    state.by_load().take(N_CANDIDATES).map(|(_, worker)| worker).find(|w| has_room(state, *w))
}

fn place_restricted(state: &State, task: &Task) -> Placement {
    let options = state.options(task.options);
    let fits = |worker: &WorkerId| {
        has_room(state, *worker)
            && state.worker(*worker).is_some_and(|found| state.fits(found, options))
    };
    if let Some(worker) = state.by_load().map(|(_, worker)| worker).find(fits) {
        return Placement::On(worker, AssignReason::Restricted);
    }
    let somewhere = state.present_workers().any(|(_, worker)| options.allows(&worker.info));
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
