//! A simulated worker: the real board, with slots, transfers and reports on the virtual clock.

use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::{
    FailureKind, Nanos, PauseReason, Report, Reported, TaskId, TransferFailure, WorkerInfo,
};
use tokio::sync::{Notify, mpsc};
use tokio::task::{AbortHandle, JoinSet};

use super::client;
use super::network::{Connection, Line, connect_worker};
use super::world::{Mischief, World};
use crate::task::Spec;
use crate::wire::message::{
    Assignment, FromWorker, InputRef, RunTask, ToWorker, WorkerBefore, WorkerHello,
};
use crate::worker::board::{AskedBack, Board, Ready, Wanted};

/// The longest that a task takes, in milliseconds.
const TASK_MS: u64 = 2_000;

/// A worker as the storm sees it.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) inner: Arc<Inner>,
    running: AbortHandle,
}

#[derive(Debug)]
pub(super) struct Inner {
    world: Arc<World>,
    info: WorkerInfo,
    /// Its clock is ahead of the scheduler's by so many nanoseconds.
    ahead: AtomicU64,
    desk: Mutex<Desk>,
    ready: Notify,
}

#[derive(Debug, Default)]
struct Desk {
    board: Board,
    line: Option<Line>,
    tx: Option<mpsc::UnboundedSender<FromWorker>>,
    before: Option<WorkerBefore>,
    /// How many reports there were since it joined, and the last of them that may not be known.
    n_reports: u64,
    kept: VecDeque<Report>,
    /// What workers that are no more did not get to tell.
    untold: Vec<Untold>,
    is_paused: bool,
    /// Results that are on its disk.
    spilled: BTreeSet<TaskId>,
}

/// What a worker that was killed, or given up for lost, did not get to tell.
#[derive(Clone, Debug)]
pub(super) struct Untold {
    before: WorkerBefore,
    first: u64,
    reports: Vec<Report>,
}

impl Worker {
    /// `found`: what it finds on its disk, of one that was killed.
    pub(super) fn start(world: &Arc<World>, number: u64, found: Option<Untold>) -> Self {
        let slots = 1 + world.draw().below(3) as u16;
        let address = format!("tcp://worker-{number}");
        world.add_store(&address);
        let info = WorkerInfo {
            name: format!("worker-{number}"),
            address,
            host: "storm".to_owned(),
            pid: number as u32,
            slots,
            memory_limit: 0,
            resources: std::collections::BTreeMap::new(),
            version: "0".to_owned(),
        };
        let inner = Arc::new(Inner {
            world: Arc::clone(world),
            info,
            ahead: AtomicU64::new(Nanos::from_millis(1_000 + number * 3_600_000).0),
            desk: Mutex::new(Desk { untold: Vec::from_iter(found), ..Desk::default() }),
            ready: Notify::new(),
        });
        let running = tokio::spawn(run(Arc::clone(&inner))).abort_handle();
        Self { inner, running }
    }

    /// Its connection, if it has one now.
    pub(super) fn line(&self) -> Option<Line> {
        self.inner.desk().line.clone()
    }

    /// Asks the scheduler to let it leave.
    pub(super) fn retire(&self) {
        self.inner.send(FromWorker::Retire);
    }

    pub(super) fn address(&self) -> String {
        self.inner.info.address.clone()
    }

    /// Its clock jumps, by a second at the most: its host was asleep, or somebody set it.
    pub(super) fn set_clock(&self) {
        let by = self.inner.world.draw().below(2_000_000_000);
        let ahead = self.inner.ahead.load(Ordering::Relaxed) + by;
        self.inner.ahead.store(ahead.saturating_sub(1_000_000_000), Ordering::Relaxed);
        self.inner.world.truth().seen.jumped += 1;
    }

    /// It starts nothing for a time, and gives back what it has not begun.
    pub(super) fn pause(&self) {
        let inner = Arc::clone(&self.inner);
        if std::mem::replace(&mut inner.desk().is_paused, true) {
            return;
        }
        inner.world.truth().seen.paused += 1;
        let given = inner.desk().board.give_back();
        inner.report(Reported::Paused { reason: PauseReason::Memory });
        for Assignment { task, attempt } in given {
            inner.report(Reported::GaveBack { task, attempt });
        }
        tokio::spawn(async move {
            inner.world.pause(20_000).await;
            inner.resume();
        });
    }

    pub(super) fn is_gone(&self) -> bool {
        self.running.is_finished()
    }

    /// `kill -9`; gives what is left on its disk.
    pub(super) fn kill(self) -> Option<Untold> {
        self.running.abort();
        self.inner.world.remove_store(&self.inner.info.address);
        let mut desk = self.inner.desk();
        desk.tx = None;
        desk.board.stop_all();
        if let Some(line) = desk.line.take() {
            line.cut();
        }
        desk.untold()
    }
}

/// Over one connection after the other, until the scheduler says stop.
async fn run(inner: Arc<Inner>) {
    let mut slots = JoinSet::new();
    for slot in 0..inner.info.slots {
        slots.spawn(work(Arc::clone(&inner), slot));
    }
    loop {
        inner.world.pause(500).await;
        let (info, before) = (inner.info.clone(), inner.desk().before.clone());
        let hello = WorkerHello { info, shares_clock: false, before };
        let Some(connection) = connect_worker(&inner.world, hello) else { continue };
        let Connection { tx, mut rx, line } = connection;
        inner.desk().line = Some(line);
        let mut silence = Duration::MAX;
        // Nothing, or nothing for too long: the connection is broken.
        while let Ok(Some(message)) = tokio::time::timeout(silence, rx.recv()).await {
            match message {
                ToWorker::Shutdown => {
                    inner.world.remove_store(&inner.info.address);
                    return;
                }
                ToWorker::Welcome { worker, run, resumed, reports_through, silence: limit } => {
                    silence = limit.map_or(silence, |limit| Duration::from_nanos(limit.0));
                    let through = resumed.then_some(reports_through);
                    inner.welcomed(&tx, WorkerBefore { run, worker }, through);
                }
                other => inner.take(other),
            }
        }
        let mut desk = inner.desk();
        desk.tx = None;
        desk.line = None;
    }
}

impl Inner {
    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().expect("one thread")
    }

    fn now(&self) -> Nanos {
        self.world.clock.now() + Nanos(self.ahead.load(Ordering::Relaxed))
    }

    fn send(&self, message: FromWorker) {
        if let Some(tx) = &self.desk().tx {
            // A connection that broke is noticed where messages are received.
            let _ = tx.send(message);
        }
    }

    fn welcomed(
        &self,
        tx: &mpsc::UnboundedSender<FromWorker>,
        now: WorkerBefore,
        through: Option<u64>,
    ) {
        let mut desk = self.desk();
        match through {
            Some(through) => desk.accepted(through),
            None => {
                desk.board.stop_all();
                // A new worker is not paused, and where its results are is not known of it.
                desk.is_paused = false;
                desk.spilled.clear();
                let untold = desk.untold();
                desk.untold.extend(untold);
                desk.kept.clear();
                desk.n_reports = 0;
            }
        }
        let before = desk.before.replace(now);
        desk.tx = Some(tx.clone());
        for Untold { before, first, reports } in desk.untold.clone() {
            let _ = tx.send(FromWorker::Late { before, first, reports, is_last: true });
        }
        let first = desk.n_reports + 1 - desk.kept.len() as u64;
        let reports: Vec<Report> = desk.kept.iter().cloned().collect();
        if !reports.is_empty() {
            let _ = tx.send(FromWorker::Reports { first, reports, results: Vec::new() });
        }
        if before.is_some() {
            let sizes = self.world.with_store(&self.info.address, |held| {
                held.iter().map(|(task, bytes)| (*task, bytes.len() as u64)).collect()
            });
            let knows = self.world.mischief != Mischief::ForgetfulWorker;
            let held = sizes.filter(|_| knows).unwrap_or_default();
            let assigned = desk.board.assignments();
            let _ = tx.send(FromWorker::Has { held, assigned });
        }
    }

    fn take(self: &Arc<Self>, message: ToWorker) {
        match message {
            ToWorker::Accepted { through } => self.desk().accepted(through),
            ToWorker::Copy(inputs) => self.copy(inputs),
            ToWorker::Run(tasks) => self.assigned(tasks),
            ToWorker::Revoke(items) => {
                items.into_iter().for_each(|item| {
                    self.desk().board.revoke(item);
                });
            }
            ToWorker::AskBack(items) => items.into_iter().for_each(|item| self.ask_back(item)),
            ToWorker::Free(tasks) => {
                let _dead_or_not = self.world.with_store(&self.info.address, |held| {
                    held.retain(|task, _| !tasks.contains(task));
                });
                self.desk().spilled.retain(|task| !tasks.contains(task));
            }
            ToWorker::Ping { at } => {
                self.send(FromWorker::ClockEcho { ping_at: at, worker_at: self.now() });
            }
            ToWorker::LateAccepted { before } => {
                self.desk().untold.retain(|untold| untold.before != before);
            }
            ToWorker::Welcome { .. } | ToWorker::Shutdown => unreachable!("handled by the caller"),
        }
    }

    fn take_ready(&self) -> Option<Ready> {
        let mut desk = self.desk();
        if desk.is_paused { None } else { desk.board.take_ready() }
    }

    /// Unless it is somebody else by now, who never paused.
    fn resume(&self) {
        if std::mem::replace(&mut self.desk().is_paused, false) {
            self.report(Reported::Resumed);
            self.ready.notify_waiters();
        }
    }

    /// Now and then a result goes to the disk, or comes back from there.
    fn move_some(&self, task: TaskId, bytes: u64) {
        let took = Nanos::from_millis(1);
        let was_spilled = self.desk().spilled.remove(&task);
        if was_spilled {
            self.report(Reported::Restored { task, bytes, took });
        } else if self.holds(task) && self.world.draw().one_in(4) {
            self.desk().spilled.insert(task);
            self.report(Reported::Spilled { task, bytes, took });
        }
    }

    fn ask_back(&self, item: Assignment) {
        let Assignment { task, attempt } = item;
        let answer = self.desk().board.ask_back(item);
        self.report(match answer {
            AskedBack::Given => Reported::GaveBack { task, attempt },
            AskedBack::Kept => Reported::Kept { task, attempt },
        });
    }

    fn assigned(self: &Arc<Self>, tasks: Vec<RunTask>) {
        let mut wanted = Vec::new();
        let me = self.desk().before.as_ref().expect("it has joined").worker;
        for task in tasks {
            let is_here = |input| self.holds(input);
            self.desk().board.add(task, me, is_here, &mut wanted);
        }
        wanted.into_iter().for_each(|item| drop(tokio::spawn(fetch(Arc::clone(self), item))));
        self.ready.notify_waiters();
    }

    fn copy(self: &Arc<Self>, inputs: Vec<InputRef>) {
        for InputRef { task, bytes, holders } in inputs {
            if !self.holds(task) {
                let item = Wanted { task, bytes, dependent: task, holders: holders.into_vec() };
                tokio::spawn(fetch(Arc::clone(self), item));
            }
        }
    }

    fn holds(&self, task: TaskId) -> bool {
        let held = self.world.with_store(&self.info.address, |held| held.contains_key(&task));
        held.unwrap_or(false)
    }

    fn report(&self, what: Reported) {
        let report = Report { at: self.now(), what };
        let first = {
            let mut desk = self.desk();
            desk.n_reports += 1;
            desk.kept.push_back(report.clone());
            desk.n_reports
        };
        self.send(FromWorker::Reports { first, reports: vec![report], results: Vec::new() });
    }
}

impl Desk {
    fn untold(&self) -> Option<Untold> {
        let (before, reports) = (self.before.clone()?, Vec::from_iter(self.kept.iter().cloned()));
        let first = self.n_reports + 1 - reports.len() as u64;
        (!reports.is_empty()).then_some(Untold { before, first, reports })
    }

    fn accepted(&mut self, through: u64) {
        let first = self.n_reports + 1 - self.kept.len() as u64;
        let n_known = (through + 1).saturating_sub(first).min(self.kept.len() as u64);
        self.kept.drain(..n_known as usize);
    }
}

/// Fetches a result from one holder after the other.
async fn fetch(inner: Arc<Inner>, item: Wanted) {
    let Wanted { task, dependent, holders, .. } = item;
    for holder in holders {
        inner.report(Reported::TransferStarted { task, from: holder.worker, dependent });
        inner.world.pause(100).await;
        let is_cut = inner.world.is_apart(&holder.address, &inner.info.address);
        let found = inner.world.with_store(&holder.address, |held| held.get(&task).cloned());
        let found = found.filter(|_| !is_cut);
        let reason = match found {
            Some(Some(bytes)) => {
                let n_bytes = bytes.len() as u64;
                let is_alive =
                    inner.world.with_store(&inner.info.address, |held| held.insert(task, bytes));
                if is_alive.is_none() {
                    return;
                }
                inner.report(Reported::TransferFinished { task, bytes: n_bytes });
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
async fn work(inner: Arc<Inner>, slot: u16) {
    loop {
        let woken = inner.ready.notified();
        let ready = inner.take_ready();
        let Some(ready) = ready else {
            woken.await;
            continue;
        };
        let run = ready.run;
        let (task, attempt) = (run.task, run.attempt);
        let assignment = Assignment { task, attempt };
        let spec = Spec::parse(&run.spec).expect("the storm's clients write specs");
        let inputs: Option<Vec<Bytes>> = inner
            .world
            .with_store(&inner.info.address, |held| {
                let of = |position: usize| held.get(&run.inputs.get(position)?.task).cloned();
                spec.positions().map(of).collect()
            })
            .flatten();
        let Some(inputs) = inputs else {
            if inner.desk().board.end(assignment) {
                inner.report(Reported::InputsMissing { task, attempt });
            }
            continue;
        };
        for (input, bytes) in run.inputs.iter().zip(&inputs) {
            inner.move_some(input.task, bytes.len() as u64);
        }
        inner.report(Reported::Started { task, attempt, slot });
        inner.world.pause(TASK_MS).await;
        let is_ours = inner.desk().board.end(assignment);
        if !is_ours {
            continue;
        }
        match client::compute(spec.body, &inputs) {
            Some(result) => {
                let bytes = result.len() as u64;
                let kept =
                    inner.world.with_store(&inner.info.address, |held| held.insert(task, result));
                if kept.is_none() {
                    return;
                }
                *inner.world.truth().executions.entry(task).or_default() += 1;
                inner.report(Reported::Finished { task, attempt, bytes });
                inner.move_some(task, bytes);
            }
            None => {
                let (kind, error) = (FailureKind::Error, "as it should".to_owned());
                inner.report(Reported::Failed { task, attempt, kind, error });
            }
        }
    }
}
