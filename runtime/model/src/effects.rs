//! What the world must do because of a change. Live only.

use crate::{
    Activity, Change, Effect, Ended, Event, Phase, State, Storage, TaskId, WorkerId, WorkerStatus,
};

/// Appends the effects of one change. `state` is the state just after `event`, whose change it is.
pub fn effects(state: &State, event: &Event, change: &Change, out: &mut Vec<Effect>) {
    match *change {
        Change::Task { task, from, to, worker, attempt } => {
            if let (Phase::Processing, Some(worker)) = (to, worker) {
                out.push(Effect::Run { worker, task, attempt });
            }
            if let (Phase::Processing, Some(worker)) = (from, worker)
                && is_here(state, worker)
                && !worker_knows(event, task)
            {
                out.push(Effect::Revoke { worker, task, attempt });
            }
            match to {
                Phase::Memory => notify(state, task, Ended::Finished, out),
                Phase::Erred => notify(state, task, Ended::Erred, out),
                Phase::Released
                | Phase::Waiting
                | Phase::NoWorker
                | Phase::Queued
                | Phase::Processing
                | Phase::Forgotten => {}
            }
        }
        Change::Replica { task, worker, to: Storage::None, .. } => {
            let dropped = *event == (Event::ReplicaDropped { task, worker });
            if is_here(state, worker) && !dropped {
                out.push(Effect::Free { worker, task });
            }
        }
        Change::Activity { activity: Activity::Transfer, task, worker, ok: true, .. } => {
            let is_replica = state
                .task(task)
                .is_some_and(|found| found.replicas.iter().any(|r| r.worker == worker));
            if !is_replica {
                out.push(Effect::Free { worker, task });
            }
        }
        Change::Interest { task, client, wanted: true } => {
            let Some((ended, local)) = ended(state, task).zip(state.local_number(task)) else {
                return;
            };
            out.push(Effect::Notify { client, task, local, ended });
        }
        Change::Cancelled { task, client, local } => {
            out.push(Effect::Notify { client, task, local, ended: Ended::Cancelled });
        }
        Change::RetryScheduled { task, due_at } => out.push(Effect::SetRetryTimer { task, due_at }),
        Change::StealRequested { task, from, to: _ } => {
            let attempt = state.task(task).map_or(u32::MAX, |found| found.attempt);
            out.push(Effect::AskBack { worker: from, task, attempt });
        }
        Change::Worker { worker, to: WorkerStatus::Lost, .. } => {
            out.push(Effect::Disconnect { worker });
        }
        Change::Replica { .. }
        | Change::Activity { .. }
        | Change::Interest { .. }
        | Change::Worker { .. }
        | Change::Unchained { .. }
        | Change::Started { .. }
        | Change::Stopped { .. }
        | Change::Seceded { .. }
        | Change::Rejoined { .. }
        | Change::TransferStarted { .. }
        | Change::Client { .. }
        | Change::Graph { .. }
        | Change::Mark { .. } => {}
    }
}

/// How a task ended, if it has.
fn ended(state: &State, task: TaskId) -> Option<Ended> {
    match state.task(task)?.phase {
        Phase::Memory => Some(Ended::Finished),
        Phase::Erred => Some(Ended::Erred),
        Phase::Released
        | Phase::Waiting
        | Phase::NoWorker
        | Phase::Queued
        | Phase::Processing
        | Phase::Forgotten => None,
    }
}

fn is_here(state: &State, worker: WorkerId) -> bool {
    state.worker(worker).is_some_and(|found| found.status != WorkerStatus::Lost)
}

/// Whether the worker itself told of the end of the assignment.
fn worker_knows(event: &Event, task: TaskId) -> bool {
    match *event {
        Event::TaskFinished { task: told, .. }
        | Event::TaskFailed { task: told, .. }
        | Event::StealConfirmed { task: told, .. } => told == task,
        Event::SchedulerStarted { .. }
        | Event::Interned { .. }
        | Event::PrefixDeclared { .. }
        | Event::OptionsDeclared { .. }
        | Event::ClientConnected { .. }
        | Event::ClientLeft { .. }
        | Event::GraphSubmitted { .. }
        | Event::GraphExtended { .. }
        | Event::TasksNested { .. }
        | Event::TaskSubmitted { .. }
        | Event::ResultWanted { .. }
        | Event::ResultReleased { .. }
        | Event::TaskCancelled { .. }
        | Event::WorkerJoined { .. }
        | Event::WorkerLost { .. }
        | Event::WorkerPaused { .. }
        | Event::WorkerResumed { .. }
        | Event::WorkerRetiring { .. }
        | Event::ClockEstimated { .. }
        | Event::TaskAssigned { .. }
        | Event::TaskUnplaceable { .. }
        | Event::StealRequested { .. }
        | Event::StealRefused { .. }
        | Event::RetryDue { .. }
        | Event::TransferStarted { .. }
        | Event::TransferFinished { .. }
        | Event::TransferFailed { .. }
        | Event::TaskStarted { .. }
        | Event::ActivityRecorded { .. }
        | Event::ResultSpilled { .. }
        | Event::ResultRestored { .. }
        | Event::ReplicaAdded { .. }
        | Event::ReplicaDropped { .. }
        | Event::Marked { .. }
        | Event::SpanRecorded { .. }
        | Event::ReportsAccepted { .. }
        | Event::TaskSeceded { .. }
        | Event::TaskRejoined { .. }
        | Event::Unknown { .. } => false,
    }
}

fn notify(state: &State, task: TaskId, ended: Ended, out: &mut Vec<Effect>) {
    let Some((found, local)) = state.task(task).zip(state.local_number(task)) else { return };
    let told = found.wanted_by.iter();
    out.extend(told.map(|&client| Effect::Notify { client, task, local, ended }));
}
