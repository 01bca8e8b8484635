//! Chains: tasks that go to a worker ahead of the one input that they still miss.
//!
//! Where each task of a row needs the one before it and nothing else that is elsewhere, there is nothing to
//! place: the next runs where its input is made. So short ones are sent together, as far as a slot may
//! have work ahead of it, and the worker goes from one to the next by itself. Every transition is
//! reported and recorded as ever.

use super::{AHEAD, Policy, assign, holds};
use crate::{AssignReason, Nanos, State, TaskId, Turn, WorkerId};

/// So many tasks at the most go with the first of a chain.
const MAX_CHAINED: usize = 64;

/// Gives a worker what a policy chains to a task that it was just given.
pub(super) fn extend(policy: &dyn Policy, turn: &mut Turn<'_>, first: TaskId, worker: WorkerId) {
    let (mut last, mut ahead) = (first, Nanos::ZERO);
    for _ in 0..MAX_CHAINED {
        let Some(next) = policy.chain(turn.state(), last, worker) else { return };
        ahead = ahead + estimate(turn.state(), last);
        if ahead > AHEAD {
            return;
        }
        let cause = turn.state().task(last).map(|last| last.since_seq);
        assign(turn, next, worker, AssignReason::Chained, cause);
        last = next;
    }
}

/// The only task that needs this one, if it misses nothing else, all its other inputs are on the worker
/// too, and any worker may run it.
pub(super) fn only_dependent(state: &State, id: TaskId, worker: WorkerId) -> Option<TaskId> {
    let task = state.task(id).filter(|task| task.n_waiters == 1)?;
    let mut dependents =
        task.dependents.iter().filter_map(|next| Some((*next, state.task(*next)?)));
    let (next, found) = dependents.find(|(_, next)| next.phase.is_active())?;
    let is_near = |dep: &TaskId| *dep == id || holds(state, *dep, worker);
    let fits = || state.may_run_anywhere(state.options(found.options));
    (state.may_be_chained(next, worker) && fits() && found.deps.iter().all(is_near)).then_some(next)
}

fn estimate(state: &State, task: TaskId) -> Nanos {
    state.task(task).map_or(Nanos::ZERO, |task| state.prefix(task.key.prefix).estimate())
}
