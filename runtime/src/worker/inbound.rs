//! What the scheduler sends, carried out. Nothing here waits, so the scheduler never has to.

use std::sync::Arc;
use std::time::Duration;

use taskreel_model::{Nanos, Reported, TaskId};
use tokio::sync::mpsc;

use super::board::{AskedBack, Wanted};
use super::{Shared, secede, slots, transfers};
use crate::wire::message::{Assignment, FromWorker, InputRef, RunTask, ToWorker, WorkerBefore};
use crate::wire::{Link, LinkSender};

/// How a connection to the scheduler ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// The scheduler said stop.
    Shutdown,
    /// It broke.
    Gone,
}

/// Serves until the scheduler says stop, or the connection breaks.
pub(super) async fn serve(shared: &Arc<Shared>, link: Link<FromWorker, ToWorker>) -> Ended {
    let Link { tx, mut rx } = link;
    let mut silence = None;
    loop {
        let message = match rx.try_recv() {
            Ok(message) => message,
            Err(_) => match next(&mut rx, silence).await {
                Some(message) => message,
                None => return Ended::Gone,
            },
        };
        match message {
            ToWorker::Welcome { worker, run, resumed, reports_through, silence: limit } => {
                silence = limit;
                let through = resumed.then_some(reports_through);
                welcomed(shared, &tx, WorkerBefore { run, worker }, through).await;
            }
            ToWorker::Accepted { through } => shared.reports.accepted(through),
            ToWorker::LateAccepted { before } => {
                let shared = Arc::clone(shared);
                tokio::task::spawn_blocking(move || shared.reports.told(&before));
            }
            ToWorker::Run(tasks) => run(shared, tasks),
            ToWorker::Revoke(assignments) => revoke(shared, &assignments),
            ToWorker::AskBack(assignments) => ask_back(shared, &assignments),
            ToWorker::Free(tasks) => free(shared, &tasks),
            ToWorker::Copy(inputs) => copy(shared, inputs),
            ToWorker::Ping { at } => {
                let echo = FromWorker::ClockEcho { ping_at: at, worker_at: shared.clock.now() };
                if tx.try_send(echo).is_err() {
                    // An echo that waits measures the queue; the next ping will do.
                    tracing::debug!("no room for a clock echo");
                }
            }
            ToWorker::Shutdown => return Ended::Shutdown,
        }
    }
}

/// The next message; `None`: the connection broke, or nothing came for too long.
async fn next(rx: &mut mpsc::Receiver<ToWorker>, silence: Option<Nanos>) -> Option<ToWorker> {
    let Some(silence) = silence else { return rx.recv().await };
    match tokio::time::timeout(Duration::from_nanos(silence.0), rx.recv()).await {
        Ok(message) => message,
        Err(_elapsed) => {
            tracing::warn!(seconds = silence.0 / 1_000_000_000, "the scheduler is silent");
            None
        }
    }
}

/// The worker has joined, or joined again: `through` is the last report that the scheduler has of
/// it, and `None` that it is a new worker there.
async fn welcomed(
    shared: &Arc<Shared>,
    tx: &LinkSender<FromWorker>,
    now: WorkerBefore,
    through: Option<u64>,
) {
    let before = shared.joined(now.clone(), tx.clone());
    tracing::debug!(worker = %now.worker, again = before.is_some(), "joined");
    if through.is_none() {
        shared.board().stop_all();
        secede::wake(shared);
        shared.pause.end();
    }
    if before.as_ref().is_some_and(|before| before.run != now.run) {
        // Results of another run: its ids mean something else in this one.
        let held: Vec<TaskId> = shared.store.list().into_iter().map(|(task, _)| task).collect();
        shared.store.free(&held);
    }
    let (shared, tx) = (Arc::clone(shared), tx.clone());
    let attaching = tokio::task::spawn_blocking(move || {
        let reports = &shared.reports;
        reports.attach(tx, &now, through, |take| {
            // A task that ends now waits for the board, and is told of after this.
            let board = shared.board();
            let reports = take();
            let (held, assigned) = (shared.store.list(), board.assignments());
            (reports, before.is_some().then_some(FromWorker::Has { held, assigned }))
        });
    });
    if let Err(error) = attaching.await {
        tracing::error!(%error, "the worker could not resume its reports");
    }
}

/// Stops the worker also when serving is aborted.
pub(super) struct StopOnDrop(pub(super) Arc<Shared>);

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
    let has_ready = board.n_ready() > 0;
    drop(board);
    if has_ready {
        shared.idle.tell(n_tasks);
    }
    if !wanted.is_empty() {
        let lost = wanted.iter().filter(|item| item.is_lost).map(|item| item.task);
        lost.for_each(|task| shared.report(Reported::ReplicaDropped { task }));
        transfers::begin(shared, wanted);
    }
}

fn revoke(shared: &Arc<Shared>, assignments: &[Assignment]) {
    let mut board = shared.board();
    // As the state sees it, their slots are free now.
    let slots: Vec<u16> = assignments.iter().filter_map(|task| board.revoke(*task)).collect();
    drop(board);
    slots.into_iter().for_each(|slot| slots::replace(shared, slot));
    secede::wake(shared);
}

fn ask_back(shared: &Shared, assignments: &[Assignment]) {
    let mut board = shared.board();
    for &assignment in assignments {
        let Assignment { task, attempt } = assignment;
        shared.report(match board.ask_back(assignment) {
            AskedBack::Given => Reported::GaveBack { task, attempt },
            AskedBack::Kept => Reported::Kept { task, attempt },
        });
    }
    drop(board);
    shared.reports.hurry();
}

/// Fetches copies of results whose holders are to leave.
fn copy(shared: &Arc<Shared>, inputs: Vec<InputRef>) {
    let mut wanted = Vec::new();
    for InputRef { task, bytes, holders, data } in inputs {
        if !shared.store.contains(task) {
            let (dependent, holders) = (task, holders.into_vec());
            wanted.push(Wanted { task, bytes, dependent, holders, is_lost: false, data });
        }
    }
    transfers::begin(shared, wanted);
}

fn free(shared: &Shared, tasks: &[TaskId]) {
    shared.store.free(tasks);
}
