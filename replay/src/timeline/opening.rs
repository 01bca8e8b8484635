//! A window of a run opens with a state: what plots must have seen to go on from there.

use taskreel_model::{Change, Nanos, Phase, State, Storage, WorkerId, WorkerStatus};

/// Changes that lead from nothing to what goes on in a state, with their instants: workers, tasks
/// under way, results held, transfers. What had ended before is in the state's counts alone.
pub(super) fn opening_changes(state: &State) -> Vec<(Nanos, Change)> {
    let mut changes = Vec::new();
    workers(state, &mut changes);
    tasks(state, &mut changes);
    replicas(state, &mut changes);
    for (&(to, task), flight) in state.flights() {
        let from = flight.from;
        changes.push((flight.started_at, Change::TransferStarted { task, from, to }));
    }
    changes
}

fn workers(state: &State, changes: &mut Vec<(Nanos, Change)>) {
    for (worker, info) in state.present_workers() {
        let joined = Change::Worker { worker, from: None, to: WorkerStatus::Running };
        changes.push((state.now(), joined));
        if info.status != WorkerStatus::Running {
            let (from, to) = (Some(WorkerStatus::Running), info.status);
            changes.push((state.now(), Change::Worker { worker, from, to }));
        }
    }
}

fn tasks(state: &State, changes: &mut Vec<(Nanos, Change)>) {
    for (task, known) in state.tasks().iter() {
        let worker = known.run.map(|run| run.worker);
        let to = known.phase;
        if to == Phase::Released {
            continue;
        }
        let attempt = known.attempt;
        let entered = Change::Task { task, from: Phase::Released, to, worker, attempt };
        changes.push((state.now(), entered));
        if let Some(executing) = known.run.and_then(|run| run.executing)
            && let Some(worker) = worker
        {
            let slot = executing.slot;
            changes.push((executing.started_at, Change::Started { task, worker, slot }));
        }
    }
}

fn replicas(state: &State, changes: &mut Vec<(Nanos, Change)>) {
    for (task, known) in state.tasks().iter() {
        let bytes = known.bytes;
        for replica in &known.replicas {
            let worker: WorkerId = replica.worker;
            let held = |from, to| Change::Replica { task, worker, bytes, from, to };
            changes.push((state.now(), held(Storage::None, Storage::Memory)));
            if replica.spilled {
                changes.push((state.now(), held(Storage::Memory, Storage::Disk)));
            }
        }
    }
}
