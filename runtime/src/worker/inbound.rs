//! What the scheduler sends, carried out. Nothing here waits, so the scheduler never has to.

use std::sync::Arc;

use taskreel_model::{Reported, TaskId};
use tokio::sync::mpsc;

use super::board::AskedBack;
use super::{Shared, transfers};
use crate::wire::LinkSender;
use crate::wire::message::{Assignment, FromWorker, RunTask, ToWorker};

/// Serves until the scheduler says stop, or is gone; then stops the worker.
pub(super) async fn serve(
    shared: &Arc<Shared>,
    mut rx: mpsc::Receiver<ToWorker>,
    tx: &LinkSender<FromWorker>,
) {
    let _stop = StopOnDrop(Arc::clone(shared));
    while let Some(message) = rx.recv().await {
        match message {
            ToWorker::Welcome { worker } => {
                tracing::debug!(%worker, "joined");
                // A second welcome would be a scheduler's bug; the first stands.
                let _ = shared.id.set(worker);
            }
            ToWorker::Run(tasks) => run(shared, tasks),
            ToWorker::Revoke(assignments) => revoke(shared, &assignments),
            ToWorker::AskBack(assignments) => ask_back(shared, &assignments),
            ToWorker::Free(tasks) => free(shared, &tasks),
            ToWorker::Ping { at } => {
                let echo = FromWorker::ClockEcho { ping_at: at, worker_at: shared.clock.now() };
                if tx.try_send(echo).is_err() {
                    // An echo that waits measures the queue; the next ping will do.
                    tracing::debug!("no room for a clock echo");
                }
            }
            ToWorker::Shutdown => break,
        }
    }
}

/// Stops the worker also when serving is aborted.
struct StopOnDrop(Arc<Shared>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

fn run(shared: &Arc<Shared>, tasks: Vec<RunTask>) {
    let mut wanted = Vec::new();
    let n_tasks = tasks.len();
    let me = shared.id();
    let mut board = shared.board();
    for task in tasks {
        board.add(task, me, |input| shared.store.contains(input), &mut wanted);
    }
    let has_ready = board.has_ready();
    drop(board);
    if has_ready {
        if n_tasks == 1 { shared.work.notify_one() } else { shared.work.notify_all() }
    }
    if !wanted.is_empty() {
        transfers::begin(shared, wanted);
    }
}

fn revoke(shared: &Shared, assignments: &[Assignment]) {
    let mut board = shared.board();
    for &assignment in assignments {
        board.revoke(assignment);
    }
}

fn ask_back(shared: &Shared, assignments: &[Assignment]) {
    for &assignment in assignments {
        let Assignment { task, attempt } = assignment;
        let answer = shared.board().ask_back(assignment);
        shared.report(match answer {
            AskedBack::Given => Reported::GaveBack { task, attempt },
            AskedBack::Kept => Reported::Kept { task, attempt },
        });
    }
    shared.reports.hurry();
}

fn free(shared: &Shared, tasks: &[TaskId]) {
    shared.store.free(tasks);
}
