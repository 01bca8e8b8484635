//! Transfers: fetching inputs from the workers that hold them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::{Report, Reported, TaskId, TransferFailure, WorkerId};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::board::Wanted;
use super::{Shared, memory};

/// Results of one worker that are asked for in one request, and come one behind the other...
const PER_REQUEST: usize = 256;

/// ...up to about so many bytes; other requests go in parallel.
const BYTES_PER_REQUEST: u64 = 16 << 20;

/// Bytes on their way to a worker at the most, if it has no memory limit.
const IN_FLIGHT: u64 = 256 << 20;

/// The same at the least: some progress must be possible.
const MIN_IN_FLIGHT: u64 = 16 << 20;

/// What a permit stands for.
const PERMIT_BYTES: u64 = 64 << 10;

/// Pauses before the only holder of a result is tried again.
const PATIENCE: [Duration; 3] =
    [Duration::from_millis(50), Duration::from_millis(200), Duration::from_millis(800)];

/// Bounds the bytes that are on their way to a worker.
#[derive(Debug)]
pub(super) struct Inflow {
    permits: Semaphore,
    n_permits: u32,
}

impl Inflow {
    /// For a worker that may use `limit` bytes; 0: no limit.
    pub(super) fn new(limit: u64) -> Self {
        let bytes =
            if limit == 0 { IN_FLIGHT } else { (limit / 8).clamp(MIN_IN_FLIGHT, IN_FLIGHT) };
        let n_permits = (bytes / PERMIT_BYTES) as u32;
        Self { permits: Semaphore::new(n_permits as usize), n_permits }
    }

    /// Waits until so many bytes more may come. What is larger than all may come alone.
    async fn admit(&self, bytes: u64) -> SemaphorePermit<'_> {
        let n_permits = bytes.div_ceil(PERMIT_BYTES).min(u64::from(self.n_permits)) as u32;
        self.permits.acquire_many(n_permits).await.expect("the semaphore is never closed")
    }
}

/// Begins to fetch results: from each holder at once what it is first to be asked for.
pub(super) fn begin(shared: &Arc<Shared>, wanted: Vec<Wanted>) {
    let mut by_holder: BTreeMap<WorkerId, Vec<Wanted>> = BTreeMap::new();
    let mut any_ready = false;
    for mut item in wanted {
        if let Some(data) = item.data.take().filter(|_| !item.holders.is_empty()) {
            told_of(shared, std::slice::from_ref(&item));
            any_ready |= keep_one(shared, item.task, data);
            continue;
        }
        // Workers of one cluster start at different holders, so that no copy is asked by all.
        if item.holders.len() > 1 {
            let turn = shared.id().index() % item.holders.len();
            item.holders.rotate_left(turn);
        }
        match item.holders.first() {
            Some(holder) => by_holder.entry(holder.worker).or_default().push(item),
            None => give_up(shared, item.task),
        }
    }
    if any_ready {
        shared.idle.tell_all();
    }
    for items in by_holder.into_values() {
        for request in requests(items) {
            shared.io.spawn(fetch(Arc::clone(shared), request));
        }
    }
}

/// Divides what one holder is to be asked for.
fn requests(items: Vec<Wanted>) -> Vec<Vec<Wanted>> {
    let mut requests: Vec<Vec<Wanted>> = Vec::new();
    let mut n_bytes = 0;
    for item in items {
        let has_room = requests.last().is_some_and(|last| {
            last.len() < PER_REQUEST && item.bytes <= BYTES_PER_REQUEST.saturating_sub(n_bytes)
        });
        if !has_room {
            requests.push(Vec::new());
            n_bytes = 0;
        }
        // Others say how large their results are: it may be anything.
        n_bytes = item.bytes.saturating_add(n_bytes);
        requests.last_mut().expect("one was pushed if there was none").push(item);
    }
    requests
}

/// Fetches from the first holder of all items, which is the same for all.
async fn fetch(shared: Arc<Shared>, items: Vec<Wanted>) {
    let n_bytes = items.iter().fold(0, |sum: u64, item| sum.saturating_add(item.bytes));
    let inflow = shared.inflow.admit(n_bytes).await;
    if shared.store.is_short_of(n_bytes) {
        let spilling = Arc::clone(&shared);
        let made = tokio::task::spawn_blocking(move || memory::make_room(&spilling, n_bytes)).await;
        if let Err(error) = made {
            tracing::error!(%error, "no room could be made for inputs");
        }
    }
    let holder = items[0].holders[0].clone();
    told_of(&shared, &items);
    let tasks: Vec<TaskId> = items.iter().map(|item| item.task).collect();
    let mut results = shared.peers.fetch(&holder.address, &tasks).await;
    for pause in PATIENCE {
        if !items.iter().zip(&results).any(|(item, result)| is_worth_another_try(item, result)) {
            break;
        }
        // It may be too busy to answer. If it is gone, the scheduler will soon know.
        tokio::time::sleep(pause).await;
        results = shared.peers.fetch(&holder.address, &tasks).await;
    }
    let again = keep(&shared, items, results);
    drop(inflow);
    if !again.is_empty() {
        retry(&shared, again);
    }
}

/// Reports that results come from the first of their holders.
fn told_of(shared: &Shared, items: &[Wanted]) {
    let at = shared.clock.now();
    let started = items.iter().filter_map(|item| {
        let (task, from, dependent) = (item.task, item.holders.first()?.worker, item.dependent);
        Some(Report { at, what: Reported::TransferStarted { task, from, dependent } })
    });
    shared.reports.extend(started);
}

/// Whether a holder could not be reached, and there is no other.
fn is_worth_another_try(item: &Wanted, result: &Result<Bytes, TransferFailure>) -> bool {
    item.holders.len() == 1 && matches!(result, Err(TransferFailure::Unreachable))
}

/// Keeps what came; gives what did not, to be fetched from its other holders.
fn keep(
    shared: &Shared,
    items: Vec<Wanted>,
    results: Vec<Result<Bytes, TransferFailure>>,
) -> Vec<Wanted> {
    let mut again = Vec::new();
    let mut any_ready = false;
    for (mut item, result) in items.into_iter().zip(results) {
        let task = item.task;
        match result {
            Ok(bytes) => any_ready |= keep_one(shared, task, bytes),
            Err(reason) => {
                failed(shared, task, reason);
                item.holders.remove(0);
                again.push(item);
            }
        }
    }
    if any_ready {
        shared.idle.tell_all();
    }
    again
}

/// Keeps a result that came; whether that made a task ready.
fn keep_one(shared: &Shared, task: TaskId, result: Bytes) -> bool {
    let bytes = result.len() as u64;
    shared.store.insert(task, result);
    shared.report(Reported::TransferFinished { task, bytes });
    shared.store.settle(task);
    shared.board().arrived(task)
}

fn failed(shared: &Shared, task: TaskId, reason: TransferFailure) {
    shared.report(Reported::TransferFailed { task, reason });
}

/// Asks the remaining holders; what none has, the scheduler is told of.
fn retry(shared: &Arc<Shared>, again: Vec<Wanted>) {
    let (left, lost): (Vec<_>, Vec<_>) =
        again.into_iter().partition(|item| !item.holders.is_empty());
    for item in lost {
        give_up(shared, item.task);
    }
    if !left.is_empty() {
        begin(shared, left);
    }
}

fn give_up(shared: &Shared, missing: TaskId) {
    let waiting = shared.board().missing(missing);
    for assignment in waiting {
        let (task, attempt) = (assignment.task, assignment.attempt);
        shared.report(Reported::InputsMissing { task, attempt });
    }
    shared.reports.hurry();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_of_any_claimed_size_are_asked_for() {
        let wanted = |bytes| Wanted {
            task: TaskId(0),
            bytes,
            dependent: TaskId(1),
            holders: vec![],
            is_lost: false,
            data: None,
        };
        let sizes = |items| -> Vec<Vec<u64>> {
            let sizes = |request: &Vec<Wanted>| request.iter().map(|item| item.bytes).collect();
            requests(items).iter().map(sizes).collect()
        };
        let items = [u64::MAX, u64::MAX, 1, 2].map(wanted).to_vec();
        assert_eq!(sizes(items), [vec![u64::MAX], vec![u64::MAX], vec![1, 2]]);
        let many = vec![wanted(1); PER_REQUEST + 1];
        assert_eq!(sizes(many).iter().map(Vec::len).collect::<Vec<_>>(), [PER_REQUEST, 1]);
    }
}
