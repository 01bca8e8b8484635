//! Workers: they join, are measured, are retired and are lost.

use super::Rejection;
use crate::{
    Event, FailureKind, LossReason, State, TaskId, Turn, WorkerId, WorkerInfo, WorkerStatus,
};

/// A task that was executing, or next to, on this many workers when they were lost is failed: it
/// may be what kills them.
pub(super) const MAX_DEATHS: u32 = 3;

pub(super) fn joined(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    info: WorkerInfo,
) -> Result<(), Rejection> {
    if worker != turn.state().next_worker() {
        return Err(Rejection::UnknownWorker(worker));
    }
    if info.slots == 0 {
        return Err(Rejection::NoSlots);
    }
    turn.emit(Event::WorkerJoined { worker, info: Box::new(info) });
    Ok(())
}

pub(super) fn lost(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    reason: LossReason,
) -> Result<(), Rejection> {
    check_here(turn.state(), worker)?;
    for task in poisonous(turn.state(), worker) {
        // The failure of another may have ended the need for this one.
        let Some(found) = turn.state().task(task).filter(|found| found.run.is_some()) else {
            continue;
        };
        let attempt = found.attempt;
        let error = turn.intern(&format!(
            "it was running on {MAX_DEATHS} workers when they were lost: it may be what ended them"
        ));
        let kind = FailureKind::Poison;
        turn.emit(Event::TaskFailed { task, worker, attempt, kind, error, retry: None });
    }
    turn.emit(Event::WorkerLost { worker, reason });
    Ok(())
}

/// Suspects on the worker that have been on enough lost workers already.
fn poisonous(state: &State, worker: WorkerId) -> Vec<TaskId> {
    let deadly =
        |id: &TaskId| state.task(*id).is_some_and(|task| task.rare().n_deaths + 1 >= MAX_DEATHS);
    state.suspects(worker).into_iter().filter(deadly).collect()
}

pub(super) fn clock(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    offset_ns: i64,
    error_ns: u64,
) -> Result<(), Rejection> {
    check_here(turn.state(), worker)?;
    turn.emit(Event::ClockEstimated { worker, offset_ns, error_ns });
    Ok(())
}

pub(super) fn retire(turn: &mut Turn<'_>, worker: WorkerId) -> Result<(), Rejection> {
    check_here(turn.state(), worker)?;
    let retiring = turn.state().worker(worker).is_some_and(|w| w.status == WorkerStatus::Retiring);
    if !retiring {
        turn.emit(Event::WorkerRetiring { worker });
    }
    Ok(())
}

pub(super) fn check_here(state: &State, worker: WorkerId) -> Result<(), Rejection> {
    match state.worker(worker) {
        Some(found) if found.status != WorkerStatus::Lost => Ok(()),
        _ => Err(Rejection::UnknownWorker(worker)),
    }
}
