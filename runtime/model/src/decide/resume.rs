//! A worker came back: what it has and what the state says of it are made to agree.
//!
//! Either the scheduler started again on its log, and messages of the old one may be lost; or the
//! worker was given up for lost, joined anew, and still holds results.

use std::collections::{BTreeMap, BTreeSet};

use super::Rejection;
use super::worker::check_here;
use crate::{Effect, Event, Phase, State, TaskId, Turn, WorkerId};

pub(super) fn accepted(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    through: u64,
) -> Result<(), Rejection> {
    // A lost one's may come late, by way of another.
    let found = turn.state().worker(worker).ok_or(Rejection::UnknownWorker(worker))?;
    if through > found.reports_through {
        turn.emit(Event::ReportsAccepted { worker, through });
    }
    Ok(())
}

pub(super) fn resumed(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    held: &[(TaskId, u64)],
    assigned: &[(TaskId, u32)],
) -> Result<(), Rejection> {
    check_here(turn.state(), worker)?;
    results(turn, worker, held);
    assignments(turn, worker, assigned);
    Ok(())
}

/// Copies that the worker holds and the state does not know of, and the other way round.
fn results(turn: &mut Turn<'_>, worker: WorkerId, held: &[(TaskId, u64)]) {
    for &(task, bytes) in held {
        if holds(turn.state(), worker, task) {
            continue;
        }
        let phase = turn.state().task(task).map(|found| found.phase);
        if phase.is_some_and(|phase| phase.is_active() || phase == Phase::Memory) {
            turn.emit(Event::ReplicaAdded { task, worker, bytes });
        } else {
            turn.ask(Effect::Free { worker, task });
        }
    }
    let held: BTreeSet<TaskId> = held.iter().map(|(task, _)| *task).collect();
    let known = turn.state().worker(worker).map_or(&[][..], |found| &found.held);
    let gone: Vec<TaskId> = known.iter().copied().filter(|task| !held.contains(task)).collect();
    for task in gone {
        // The loss of one may have freed another meanwhile.
        if holds(turn.state(), worker, task) {
            turn.emit(Event::ReplicaDropped { task, worker });
        }
    }
}

/// Assignments that the worker never got are sent again, and those that ended are revoked. One
/// that ended by what the worker itself reported is no longer in the state.
fn assignments(turn: &mut Turn<'_>, worker: WorkerId, assigned: &[(TaskId, u32)]) {
    let theirs: BTreeMap<TaskId, u32> = assigned.iter().copied().collect();
    for (&task, &attempt) in &theirs {
        let found = turn.state().task(task);
        let is_current = found.is_some_and(|found| {
            found.attempt == attempt && found.run.is_some_and(|run| run.worker == worker)
        });
        if !is_current {
            turn.ask(Effect::Revoke { worker, task, attempt });
        }
    }
    let ours = turn.state().worker(worker).map_or(&[][..], |found| &found.assigned);
    let mut ours: Vec<TaskId> = ours.to_vec();
    ours.sort_unstable();
    for task in ours {
        let Some(found) = turn.state().task(task) else { continue };
        let (attempt, thief) = (found.attempt, found.thief());
        if theirs.get(&task) != Some(&attempt) {
            turn.ask(Effect::Run { worker, task, attempt });
        } else if thief.is_some() {
            turn.ask(Effect::AskBack { worker, task, attempt });
        }
    }
}

fn holds(state: &State, worker: WorkerId, task: TaskId) -> bool {
    state.task(task).is_some_and(|found| found.replicas.iter().any(|r| r.worker == worker))
}
