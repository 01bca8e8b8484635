//! What slots do, and transfers.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use taskreel_model::{FailureKind, Reported, TransferFailure};

use super::Inner;
use crate::scheduler::storm::client;
use crate::task::Spec;
use crate::wire::message::Assignment;
use crate::worker::board::{Ready, Wanted};

/// The longest that a task takes, in milliseconds.
const TASK_MS: u64 = 2_000;

/// Fetches a result from one holder after the other.
pub(super) async fn fetch(inner: Arc<Inner>, item: Wanted) {
    let Wanted { task, dependent, holders, data, .. } = item;
    for holder in holders {
        inner.report(Reported::TransferStarted { task, from: holder.worker, dependent });
        let found = if data.is_some() {
            inner.world.truth().seen.came_along += 1;
            Some(data.clone())
        } else {
            inner.world.pause(100).await;
            let is_cut = inner.world.is_apart(&holder.address, &inner.info.address);
            let found = inner.world.store(&holder.address).filter(|_| !is_cut);
            found.map(|store| store.read(task))
        };
        let reason = match found {
            Some(Some(bytes)) => {
                if !inner.lives() {
                    return;
                }
                let n_bytes = bytes.len() as u64;
                inner.make_room(n_bytes);
                inner.store.insert(task, bytes);
                inner.report(Reported::TransferFinished { task, bytes: n_bytes });
                inner.store.settle(task);
                if inner.desk().board.arrived(task) {
                    inner.ready.notify_waiters();
                }
                return;
            }
            Some(None) => TransferFailure::Missing,
            None => TransferFailure::Unreachable,
        };
        inner.report(Reported::TransferFailed { task, reason });
    }
    let missing = inner.desk().board.missing(task);
    for Assignment { task, attempt } in missing {
        inner.report(Reported::InputsMissing { task, attempt });
    }
}

/// One slot.
pub(super) async fn work(inner: Arc<Inner>, slot: u16) {
    loop {
        let woken = inner.ready.notified();
        let Some(ready) = inner.take_ready() else {
            woken.await;
            continue;
        };
        inner.n_busy.fetch_add(1, Ordering::Relaxed);
        execute(&inner, slot, ready).await;
        inner.n_busy.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One attempt, to its end.
async fn execute(inner: &Arc<Inner>, slot: u16, Ready { run, .. }: Ready) {
    let (task, attempt) = (run.task, run.attempt);
    let assignment = Assignment { task, attempt };
    let spec = Spec::parse(&run.spec).expect("the storm's clients write specs");
    let load = |position: usize| {
        let task = run.inputs.get(position)?.task;
        let found = inner.store.load(task);
        if found.is_none() {
            inner.store.free(&[task]);
            inner.report(Reported::ReplicaDropped { task });
        }
        found
    };
    let inputs: Option<Vec<Bytes>> = spec.positions().map(load).collect();
    let Some(inputs) = inputs else {
        if inner.desk().board.end(assignment) {
            inner.report(Reported::InputsMissing { task, attempt });
        }
        return;
    };
    inner.report(Reported::Started { task, attempt, slot });
    inner.world.pause(TASK_MS).await;
    let outcome = client::compute(spec.body, &inputs);
    drop(inputs);
    let n_ready = if outcome.is_some() {
        inner.desk().board.finish(assignment)
    } else {
        inner.desk().board.end(assignment).then_some(0)
    };
    let Some(n_ready) = n_ready else { return };
    if n_ready > 1 {
        inner.ready.notify_waiters();
    }
    match outcome {
        Some(result) if inner.lives() => inner.finished(assignment, result, run.is_awaited),
        // It was killed.
        Some(_) => {}
        None => {
            let (kind, error) = (FailureKind::Error, "as it should".to_owned());
            inner.report(Reported::Failed { task, attempt, kind, error });
        }
    }
}
