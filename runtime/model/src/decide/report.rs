//! What a worker tells. A report about an assignment that ended meanwhile is stale, not wrong: the
//! worker did not know yet. It leaves no event.

use super::Rejection;
use super::worker::check_here;
use crate::{
    Effect, Event, FailureKind, Nanos, Phase, Report, Reported, Run, Stage, State, Task, TaskId,
    TaskOptions, TransferFailure, Turn, WorkerId, WorkerStatus,
};

/// Longest error text that is kept, in bytes.
const MAX_ERROR: usize = 8 << 10;

pub(super) fn reported(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    reports: Vec<Report>,
) -> Result<(), Rejection> {
    check_here(turn.state(), worker)?;
    for report in reports {
        one(turn, worker, report.at, report.what)?;
    }
    Ok(())
}

fn one(turn: &mut Turn<'_>, worker: WorkerId, at: Nanos, what: Reported) -> Result<(), Rejection> {
    match what {
        Reported::Started { task, attempt, slot } => {
            return started(turn, worker, at, (task, attempt, slot));
        }
        Reported::Finished { task, attempt, bytes } => {
            return finished(turn, worker, at, (task, attempt, bytes));
        }
        Reported::Seceded { task, attempt } => {
            return seceded(turn, worker, at, (task, attempt));
        }
        Reported::Rejoined { task, attempt, slot } => {
            return rejoined(turn, worker, at, (task, attempt, slot));
        }
        Reported::Failed { task, attempt, kind, error } => {
            failed(turn, worker, at, (task, attempt), kind, &error);
        }
        Reported::InputsMissing { task, attempt } | Reported::GaveBack { task, attempt } => {
            gave_back(turn, worker, at, task, attempt);
        }
        Reported::Kept { task, attempt } => {
            let run = current(turn.state(), worker, task, attempt);
            let is_asked = turn.state().task(task).is_some_and(|found| found.thief().is_some());
            if run.is_some() && is_asked {
                turn.emit_at(at, None, Event::StealRefused { task, from: worker });
            }
        }
        Reported::Activity { task, activity, took, bytes } => {
            let took = took.min(at);
            let event = Event::ActivityRecorded { task, worker, activity, took, bytes };
            turn.emit_at(at, None, event);
        }
        Reported::TransferStarted { .. }
        | Reported::TransferFinished { .. }
        | Reported::TransferFailed { .. }
        | Reported::Spilled { .. }
        | Reported::Restored { .. }
        | Reported::ReplicaAdded { .. }
        | Reported::ReplicaDropped { .. } => data(turn, worker, at, &what),
        Reported::Paused { reason } => {
            if status(turn.state(), worker) == Some(WorkerStatus::Running) {
                turn.emit_at(at, None, Event::WorkerPaused { worker, reason });
            }
        }
        Reported::Resumed => {
            if status(turn.state(), worker) == Some(WorkerStatus::Paused) {
                turn.emit_at(at, None, Event::WorkerResumed { worker });
            }
        }
        Reported::Marked { name, task } => {
            let name = turn.intern(&name);
            turn.emit_at(at, None, Event::Marked { name, task });
        }
        Reported::Span { name, task, took } => {
            let name = turn.intern(&name);
            turn.emit_at(at, None, Event::SpanRecorded { name, task, took: took.min(at) });
        }
    }
    Ok(())
}

fn started(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    at: Nanos,
    (task, attempt, slot): (TaskId, u32, u16),
) -> Result<(), Rejection> {
    let Some(run) = current(turn.state(), worker, task, attempt) else { return Ok(()) };
    let is_able = matches!(run.stage(), Stage::Ready | Stage::Fetching);
    if !is_able || !is_free(turn.state(), worker, slot) {
        let why = "it started twice, before its input was made, or in a slot that is taken";
        return Err(Rejection::Protocol { worker, task, why });
    }
    turn.emit_at(at, None, Event::TaskStarted { task, worker, attempt, slot });
    Ok(())
}

fn seceded(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    at: Nanos,
    (task, attempt): (TaskId, u32),
) -> Result<(), Rejection> {
    let Some(run) = current(turn.state(), worker, task, attempt) else { return Ok(()) };
    if run.stage() != Stage::Executing {
        let why = "it waits for others without having a slot";
        return Err(Rejection::Protocol { worker, task, why });
    }
    let at = not_before(turn.state(), task, at);
    turn.emit_at(at, None, Event::TaskSeceded { task, worker, attempt });
    Ok(())
}

fn rejoined(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    at: Nanos,
    (task, attempt, slot): (TaskId, u32, u16),
) -> Result<(), Rejection> {
    let Some(run) = current(turn.state(), worker, task, attempt) else { return Ok(()) };
    if run.stage() != Stage::Seceded || !is_free(turn.state(), worker, slot) {
        let why = "it goes on without having waited, or in a slot that is taken";
        return Err(Rejection::Protocol { worker, task, why });
    }
    let at = not_before(turn.state(), task, at);
    turn.emit_at(at, None, Event::TaskRejoined { task, worker, attempt, slot });
    Ok(())
}

/// When the stretch in which a task computes or waits ended: not before it began, whatever its worker's
/// clock says.
fn not_before(state: &State, task: TaskId, at: Nanos) -> Nanos {
    state.task(task).and_then(Task::since).map_or(at, |since| at.max(since))
}

/// Whether a worker has a slot, and nothing runs in it.
fn is_free(state: &State, worker: WorkerId, slot: u16) -> bool {
    let slots = state.worker(worker).map_or(&[][..], |found| &found.slots);
    slots.get(usize::from(slot)).is_some_and(Option::is_none)
}

fn finished(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    at: Nanos,
    (task, attempt, bytes): (TaskId, u32, u64),
) -> Result<(), Rejection> {
    let Some(run) = current(turn.state(), worker, task, attempt) else {
        // Cancelled, or sent out again meanwhile; or told twice.
        if !holds(turn.state(), worker, task) {
            keep_or_free(turn, worker, at, task, bytes);
        }
        return Ok(());
    };
    if run.executing().is_none() {
        let why = "it finished without having started";
        return Err(Rejection::Protocol { worker, task, why });
    }
    let at = not_before(turn.state(), task, at);
    turn.emit_at(at, None, Event::TaskFinished { task, worker, attempt, bytes });
    Ok(())
}

/// A worker has a copy that the state did not count on. One that somebody waits for is as good as any;
/// to have it freed would be wrong, too: the word might reach a worker that was sent the task again
/// only after it had made the result anew, and take that.
fn keep_or_free(turn: &mut Turn<'_>, worker: WorkerId, at: Nanos, task: TaskId, bytes: u64) {
    if is_useful(turn.state(), task) {
        turn.emit_at(at, None, Event::ReplicaAdded { task, worker, bytes });
    } else {
        turn.ask(Effect::Free { worker, task });
    }
}

/// Whether somebody waits for a result, or has it.
fn is_useful(state: &State, task: TaskId) -> bool {
    state.task(task).is_some_and(|found| found.phase.is_active() || found.phase == Phase::Memory)
}

fn failed(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    at: Nanos,
    (task, attempt): (TaskId, u32),
    kind: FailureKind,
    error: &str,
) {
    if current(turn.state(), worker, task, attempt).is_none() {
        return;
    }
    let at = not_before(turn.state(), task, at);
    let error = turn.intern(clipped(error));
    let state = turn.state();
    let retry = state.task(task).and_then(|found| {
        let options = state.options(found.options);
        if kind == FailureKind::Missing {
            return is_elsewhere(state, worker, options).then_some(Nanos::ZERO);
        }
        (found.rare().n_failures < options.retries).then_some(options.retry_delay)
    });
    turn.emit_at(at, None, Event::TaskFailed { task, worker, attempt, kind, error, retry });
}

/// Whether another worker may have the function that this one lacks.
fn is_elsewhere(state: &State, worker: WorkerId, options: &TaskOptions) -> bool {
    state.present_workers().any(|(id, other)| {
        id != worker
            && other.status != WorkerStatus::Retiring
            && options.allows(&other.info)
            && !other.lacks.contains(options.function.as_str())
    })
}

fn gave_back(turn: &mut Turn<'_>, worker: WorkerId, at: Nanos, task: TaskId, attempt: u32) {
    let run = current(turn.state(), worker, task, attempt);
    if run.is_some_and(|run| run.executing().is_none()) {
        turn.emit_at(at, None, Event::StealConfirmed { task, from: worker });
    }
}

fn data(turn: &mut Turn<'_>, worker: WorkerId, at: Nanos, what: &Reported) {
    let state = turn.state();
    let flight = |task| state.flights().get(&(worker, task)).copied();
    let event = match *what {
        Reported::TransferStarted { task, from, dependent } => (flight(task).is_none()
            && from.index() < state.workers().len())
        .then_some(Event::TransferStarted { task, from, to: worker, dependent }),
        Reported::TransferFinished { task, bytes } => {
            flight(task).map(|_| Event::TransferFinished { task, to: worker, bytes })
        }
        Reported::TransferFailed { task, reason } => {
            return transfer_failed(turn, worker, at, task, reason);
        }
        Reported::Spilled { task, bytes, took } => replica(state, worker, task, false)
            .then_some(Event::ResultSpilled { task, worker, bytes, took: took.min(at) }),
        Reported::Restored { task, bytes, took } => replica(state, worker, task, true)
            .then_some(Event::ResultRestored { task, worker, bytes, took: took.min(at) }),
        Reported::ReplicaAdded { task, bytes } => (is_useful(state, task)
            && !holds(state, worker, task))
        .then_some(Event::ReplicaAdded { task, worker, bytes }),
        Reported::ReplicaDropped { task } => {
            holds(state, worker, task).then_some(Event::ReplicaDropped { task, worker })
        }
        _ => unreachable!("`one` sends only reports about data here"),
    };
    let mut at = at;
    if let Some(Event::TransferFinished { task, bytes, .. }) = event {
        at = flight(task).map_or(at, |f| at.max(f.started_at));
        // Its other copies were lost meanwhile: this one makes up for them.
        if state.task(task).is_some_and(|found| found.phase.is_active()) {
            turn.emit_at(at, None, Event::ReplicaAdded { task, worker, bytes });
        }
    }
    match event {
        Some(event) => turn.emit_at(at, None, event),
        None => {
            if let Reported::TransferFinished { task, bytes }
            | Reported::ReplicaAdded { task, bytes } = *what
                && !holds(turn.state(), worker, task)
            {
                keep_or_free(turn, worker, at, task, bytes);
            }
        }
    }
}

/// A copy did not arrive. When its holder says that it has none, the state was wrong about that. One that cannot be
/// reached may be out of this receiver's reach only: it is as good as gone when a task that needs it was sent out
/// before, to this receiver or another, or else it would be sent out again and again for the sake of that copy.
fn transfer_failed(
    turn: &mut Turn<'_>,
    worker: WorkerId,
    at: Nanos,
    task: TaskId,
    reason: TransferFailure,
) {
    let Some(flight) = turn.state().flights().get(&(worker, task)).copied() else { return };
    let at = at.max(flight.started_at);
    turn.emit_at(at, None, Event::TransferFailed { task, to: worker, reason });
    let holder = flight.from;
    let is_gone = match reason {
        TransferFailure::Missing => true,
        TransferFailure::Unreachable => {
            // A copy that is to take the place of one that leaves is asked for once.
            flight.dependent == task
                || turn.state().task(flight.dependent).is_some_and(|found| found.attempt > 1)
        }
        TransferFailure::Busy | TransferFailure::Cancelled => false,
    };
    if is_gone && holds(turn.state(), holder, task) {
        turn.ask(Effect::Free { worker: holder, task });
        turn.emit(Event::ReplicaDropped { task, worker: holder });
    }
}

/// The run of a task, if it is that assignment of it.
fn current(state: &State, worker: WorkerId, task: TaskId, attempt: u32) -> Option<Run> {
    let found = state.task(task)?;
    found.run.filter(|run| run.worker == worker && found.attempt == attempt)
}

/// Whether the state knows of a copy there.
fn holds(state: &State, worker: WorkerId, task: TaskId) -> bool {
    state.task(task).is_some_and(|found| found.replicas.iter().any(|r| r.worker == worker))
}

fn replica(state: &State, worker: WorkerId, task: TaskId, spilled: bool) -> bool {
    state.task(task).is_some_and(|found| {
        found.replicas.iter().any(|r| r.worker == worker && r.spilled == spilled)
    })
}

fn status(state: &State, worker: WorkerId) -> Option<WorkerStatus> {
    state.worker(worker).map(|found| found.status)
}

fn clipped(error: &str) -> &str {
    if error.len() <= MAX_ERROR {
        return error;
    }
    let end = (0..=MAX_ERROR).rev().find(|end| error.is_char_boundary(*end));
    &error[..end.unwrap_or(0)]
}
