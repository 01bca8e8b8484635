//! Rebalancing: tasks that have not begun move from busy workers to idle ones.
//!
//! A task moves when the wait it is spared is longer than the way it has to go: being asked back,
//! and its inputs, as far as they are not there, fetched anew. What is in doubt stays where it is.

use smallvec::SmallVec;

use super::{Steal, start_delay};
use crate::{Nanos, State, TaskId, Worker, WorkerId};

/// What a move is thought to take beyond fetching inputs, and to be worth at the least.
const MIN_GAIN: Nanos = Nanos::from_millis(1);

/// How many of the least loaded workers may be given work in one turn, and how many of the most
/// loaded are asked.
const N_WORKERS: usize = 8;

/// How many tasks of a worker are looked at, the last assigned first.
const N_TASKS: usize = 64;

/// A task that was assigned so often moves no more.
const MAX_ATTEMPTS: u32 = 16;

/// Moves that are worth their cost, at most as many as idle workers have free slots.
pub fn worthwhile_steals(state: &State) -> SmallVec<[Steal; 4]> {
    let mut steals = SmallVec::new();
    for (load, thief) in state.by_load().take(N_WORKERS) {
        // A full slot's worth: this one and those behind it have none free.
        if load >= 256 {
            break;
        }
        for (load, victim) in state.by_load().rev().take(N_WORKERS) {
            if load <= 256 {
                break;
            }
            steal_from(state, victim, thief, &mut steals);
        }
    }
    steals
}

fn steal_from(state: &State, from: WorkerId, to: WorkerId, steals: &mut SmallVec<[Steal; 4]>) {
    let (Some(victim), Some(thief)) = (state.worker(from), state.worker(to)) else { return };
    let n_free = thief.slots.len().saturating_sub(thief.demand());
    // What is chained moves with what it is chained to.
    let is_chained = |id: &&TaskId| state.live(**id).run.is_some_and(|run| run.is_chained());
    let last = || victim.assigned.iter().rev().filter(|id| !is_chained(id)).take(N_TASKS);
    let asked = last();
    let asked = asked.filter(|id| state.live(**id).thief() == Some(to));
    let n_coming = asked.count() + steals.iter().filter(|steal| steal.to == to).count();
    let is_new = |id: &TaskId| steals.iter().all(|steal| steal.task != *id);
    let moving: SmallVec<[TaskId; 4]> = last()
        .copied()
        .filter(|id| is_new(id) && is_worthwhile(state, *id, victim, (to, thief)))
        .take(n_free.saturating_sub(n_coming))
        .collect();
    steals.extend(moving.into_iter().map(|task| Steal { task, from, to }));
}

fn is_worthwhile(
    state: &State,
    id: TaskId,
    victim: &Worker,
    (to, thief): (WorkerId, &Worker),
) -> bool {
    let task = state.live(id);
    let Some(run) = task.run else { return false };
    let options = state.options(task.options);
    let can_move = run.executing().is_none() && task.thief().is_none() && run.n_fetching == 0;
    if !can_move || task.attempt >= MAX_ATTEMPTS || !state.fits(thief, options) {
        return false;
    }
    let wait = (victim.occupancy - run.estimate).0 / (victim.slots.len() as u64).max(1);
    let wait = Nanos(wait).max(shortest_run(state, victim));
    wait > start_delay(state, task, to) + MIN_GAIN
}

/// How long every slot of a worker has been busy with one task: what took so long already is
/// thought to take as long again, whatever others of its prefix took.
fn shortest_run(state: &State, worker: &Worker) -> Nanos {
    let begun = |id: &TaskId| state.live(*id).stretch(state.now());
    let slots = worker.slots.iter().map(|slot| slot.as_ref().and_then(begun));
    let times = slots.map(|slot| slot.map_or(Nanos::ZERO, |last| last.computed));
    times.min().unwrap_or(Nanos::ZERO)
}
