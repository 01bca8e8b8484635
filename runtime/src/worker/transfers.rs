//! Transfers: fetching inputs from the workers that hold them.

use std::collections::BTreeMap;
use std::sync::Arc;

use taskreel_model::{Report, Reported, TaskId, TransferFailure, WorkerId};

use super::Shared;
use super::board::Wanted;

/// Results of one worker that are fetched one behind the other; more go in parallel.
const PER_REQUEST: usize = 256;

/// Begins to fetch results: from each holder at once what it is first to be asked for.
pub(super) fn begin(shared: &Arc<Shared>, wanted: Vec<Wanted>) {
    let mut by_holder: BTreeMap<WorkerId, Vec<Wanted>> = BTreeMap::new();
    for mut item in wanted {
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
    for (holder, mut items) in by_holder {
        let at = shared.clock.now();
        shared.reports.extend(items.iter().map(|item| Report {
            at,
            what: Reported::TransferStarted {
                task: item.task,
                from: holder,
                dependent: item.dependent,
            },
        }));
        while !items.is_empty() {
            let rest = items.split_off(items.len().min(PER_REQUEST));
            shared.io.spawn(fetch(Arc::clone(shared), std::mem::replace(&mut items, rest)));
        }
    }
}

/// Fetches from the first holder of all items, which is the same for all.
async fn fetch(shared: Arc<Shared>, items: Vec<Wanted>) {
    let tasks: Vec<TaskId> = items.iter().map(|item| item.task).collect();
    let address = Arc::clone(&items[0].holders[0].address);
    let results = shared.peers.fetch(&address, &tasks).await;
    let mut again = Vec::new();
    let mut any_ready = false;
    for (mut item, result) in items.into_iter().zip(results) {
        let task = item.task;
        match result {
            Ok(bytes) => {
                let n_bytes = bytes.len() as u64;
                shared.store.insert(task, bytes);
                shared.report(Reported::TransferFinished { task, bytes: n_bytes });
                any_ready |= shared.board().arrived(task);
            }
            Err(reason) => {
                failed(&shared, task, reason);
                item.holders.remove(0);
                again.push(item);
            }
        }
    }
    if any_ready {
        shared.work.notify_all();
    }
    if !again.is_empty() {
        retry(&shared, again);
    }
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
