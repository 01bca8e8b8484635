//! A simulated worker: the real board, store, reports and journal, with slots and transfers on the virtual clock.
//!
//! What it finished too much of goes to files, and what the scheduler is not known to have of its reports is kept, and
//! sent again; what waits for long goes to its journal, which the worker that follows a killed one finds. All of
//! this is `worker/store.rs` and `worker/reports.rs`; here is only who calls them when.

mod tasks;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::{LogLevel, LogLine, Nanos, Report, Reported, WorkerInfo};
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinSet};

use super::network::{Connection, Line, connect_worker};
use super::world::{Mischief, World};
use crate::wire::LinkSender;
use crate::wire::message::{
    Assignment, FromWorker, InputRef, RunTask, SMALL_RESULT_BYTES, ToWorker, WorkerBefore,
    WorkerHello,
};
use crate::worker::Store;
use crate::worker::board::{AskedBack, Board, Ready, Wanted};
use crate::worker::journal::Journal;
use crate::worker::pause::{self, Pause, Turned, Use};
use crate::worker::reports::Reports;
use crate::worker::store::Moved;

/// How long a report waits at the most until it is sent, in milliseconds.
const GATHER_MS: u64 = 5;

/// How often a worker looks at its memory.
const LOOK_PERIOD: Duration = Duration::from_millis(500);

/// How often it is looked whether reports wait to be accepted.
const KEEP_PERIOD: Duration = Duration::from_millis(100);

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
    store: Arc<Store>,
    pause: Pause,
    /// Bytes that its process has beside its results.
    other_bytes: AtomicU64,
    n_busy: AtomicU64,
    /// Its journal is found by another once these are dropped.
    reports: Mutex<Arc<Reports>>,
    /// There is something to send.
    reported: Notify,
    /// Where its journal and its files are.
    home: PathBuf,
}

#[derive(Debug, Default)]
struct Desk {
    board: Board,
    line: Option<Line>,
    tx: Option<LinkSender<FromWorker>>,
    before: Option<WorkerBefore>,
}

impl Worker {
    /// `home`: its folder; of one that follows a killed one, that one's.
    pub(super) fn start(world: &Arc<World>, number: u64, home: PathBuf) -> Self {
        let slots = 1 + world.draw().below(3) as u16;
        let address = format!("tcp://worker-{number}");
        // Room for some of its results, or for none.
        let memory_limit = 1 + world.draw().below(32_000);
        let target = pause::target(memory_limit);
        let store = Arc::new(Store::spilling(target, home.clone()));
        world.add_store(&address, Arc::clone(&store));
        let info = WorkerInfo {
            name: format!("worker-{number}"),
            address,
            host: "storm".to_owned(),
            pid: number as u32,
            slots,
            memory_limit,
            resources: std::collections::BTreeMap::new(),
            version: "0".to_owned(),
        };
        let inner = Arc::new(Inner {
            world: Arc::clone(world),
            info,
            ahead: AtomicU64::new(Nanos::from_millis(1_000 + number * 3_600_000).0),
            desk: Mutex::default(),
            ready: Notify::new(),
            store,
            pause: Pause::default(),
            other_bytes: AtomicU64::new(0),
            n_busy: AtomicU64::new(0),
            reports: Mutex::new(Arc::new(Reports::new(Some(Journal::new(home.clone()))))),
            reported: Notify::new(),
            home,
        });
        observe_store(&inner);
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

    /// Its process takes more memory for a time, perhaps so much that the worker pauses.
    pub(super) fn fill_memory(&self) {
        let inner = Arc::clone(&self.inner);
        let limit = inner.info.memory_limit;
        let bytes = inner.world.draw().below(limit + limit / 4 + 1);
        inner.other_bytes.store(bytes, Ordering::Relaxed);
        tokio::spawn(async move {
            inner.world.pause(40_000).await;
            inner.other_bytes.store(0, Ordering::Relaxed);
        });
    }

    /// Its disk is away for a time: nothing can be written, and nothing read that was.
    pub(super) fn lose_disk(&self) {
        let (home, world) = (self.inner.home.clone(), Arc::clone(&self.inner.world));
        let away = home.with_extension("away");
        // Where nothing was written yet, or it is away already, nothing happens.
        if away.exists() || std::fs::rename(&home, &away).is_err() {
            return;
        }
        std::fs::write(&home, []).expect("a file in place of the folder");
        world.truth().seen.disk_lost += 1;
        tokio::spawn(async move {
            world.pause(30_000).await;
            // All goes with the world.
            if std::fs::remove_file(&home).is_ok() {
                let _ = std::fs::rename(&away, &home);
            }
        });
    }

    pub(super) fn is_gone(&self) -> bool {
        self.running.is_finished()
    }

    /// `kill -9`; gives the folder in which its journal is left.
    pub(super) fn kill(self) -> PathBuf {
        self.running.abort();
        let inner = &self.inner;
        inner.world.remove_store(&inner.info.address);
        // What still runs has nobody to tell; and its journal is nobody's.
        *inner.reports.lock().expect("one thread") = Arc::new(Reports::new(None));
        let mut desk = inner.desk();
        desk.tx = None;
        desk.board.stop_all();
        if let Some(line) = desk.line.take() {
            line.cut();
        }
        inner.home.clone()
    }
}

/// Has each move between memory and disk reported in the order in which it happened.
fn observe_store(inner: &Arc<Inner>) {
    let worker = Arc::downgrade(inner);
    inner.store.observe(move |moved| {
        let Some(inner) = worker.upgrade() else { return };
        let Moved { task, bytes, took, to_disk } = moved;
        let took = Nanos(took.as_nanos() as u64);
        inner.world.truth().seen.moved += 1;
        inner.report(if to_disk {
            Reported::Spilled { task, bytes, took }
        } else {
            Reported::Restored { task, bytes, took }
        });
    });
}

/// Sends what was reported, a little later, and writes to the journal what is not accepted for long.
async fn tell(inner: Arc<Inner>) {
    loop {
        if inner.reports().is_unsaved() {
            let more = tokio::time::timeout(KEEP_PERIOD, inner.reported.notified()).await;
            if more.is_err() {
                inner.reports().save();
                continue;
            }
        } else {
            inner.reported.notified().await;
        }
        inner.world.pause(GATHER_MS).await;
        inner.reports().flush();
    }
}

/// Looks at its memory now and then.
async fn watch(inner: Arc<Inner>) {
    loop {
        tokio::time::sleep(LOOK_PERIOD).await;
        let rss = match inner.other_bytes.load(Ordering::Relaxed) {
            0 => 0,
            others => others + inner.store.n_bytes(),
        };
        let is_busy = inner.n_busy.load(Ordering::Relaxed) > 0;
        let now = Use { limit: inner.info.memory_limit, rss, is_busy };
        inner.pause.look(&inner.store, now, |turned| inner.follow(turned));
    }
}

/// Over one connection after the other, until the scheduler says stop.
async fn run(inner: Arc<Inner>) {
    let mut slots = JoinSet::new();
    for slot in 0..inner.info.slots {
        slots.spawn(tasks::work(Arc::clone(&inner), slot));
    }
    slots.spawn(tell(Arc::clone(&inner)));
    slots.spawn(watch(Arc::clone(&inner)));
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
                    inner.reports().forget();
                    return;
                }
                ToWorker::Welcome { worker, run, resumed, reports_through, silence: limit } => {
                    silence = limit.map_or(silence, |limit| Duration::from_nanos(limit.0));
                    let through = resumed.then_some(reports_through);
                    inner.welcomed(&tx, &WorkerBefore { run, worker }, through);
                }
                other => inner.take(other),
            }
        }
        let mut desk = inner.desk();
        desk.tx = None;
        desk.line = None;
        drop(desk);
        inner.reports().detach();
    }
}

impl Inner {
    fn desk(&self) -> std::sync::MutexGuard<'_, Desk> {
        self.desk.lock().expect("one thread")
    }

    fn now(&self) -> Nanos {
        self.world.clock.now() + Nanos(self.ahead.load(Ordering::Relaxed))
    }

    fn reports(&self) -> Arc<Reports> {
        Arc::clone(&self.reports.lock().expect("one thread"))
    }

    fn send(&self, message: FromWorker) {
        if let Some(tx) = &self.desk().tx {
            // A connection that broke is noticed where messages are received.
            let _ = tx.try_send(message);
        }
    }

    /// It has joined, or joined again: see `welcomed` in `worker/inbound.rs`.
    fn welcomed(&self, tx: &LinkSender<FromWorker>, now: &WorkerBefore, through: Option<u64>) {
        let mut desk = self.desk();
        if through.is_none() {
            desk.board.stop_all();
            // A new worker is not paused.
            self.pause.end();
        }
        let before = desk.before.replace(now.clone());
        desk.tx = Some(tx.clone());
        drop(desk);
        let forgets = self.world.mischief == Mischief::ForgetfulReports;
        let through = through.map(|through| if forgets { u64::MAX - 1 } else { through });
        self.reports().attach(tx.clone(), now, through, |take| {
            let desk = self.desk();
            let reports = take();
            let knows = self.world.mischief != Mischief::ForgetfulWorker;
            let held = if knows { self.store.list() } else { Vec::new() };
            let assigned = desk.board.assignments();
            (reports, before.is_some().then_some(FromWorker::Has { held, assigned }))
        });
    }

    fn take(self: &Arc<Self>, message: ToWorker) {
        match message {
            ToWorker::Accepted { through } => self.reports().accepted(through),
            ToWorker::Copy(inputs) => self.copy(inputs),
            ToWorker::Run(tasks) => self.assigned(tasks),
            ToWorker::Revoke(items) => {
                items.into_iter().for_each(|item| {
                    self.desk().board.revoke(item);
                });
            }
            ToWorker::AskBack(items) => items.into_iter().for_each(|item| self.ask_back(item)),
            ToWorker::Free(tasks) => self.store.free(&tasks),
            ToWorker::Ping { at } => {
                self.send(FromWorker::ClockEcho { ping_at: at, worker_at: self.now() });
            }
            ToWorker::LateAccepted { before } => {
                self.world.truth().seen.late += 1;
                self.reports().told(&before);
            }
            ToWorker::Welcome { .. } | ToWorker::Shutdown => unreachable!("handled by the caller"),
        }
    }

    fn take_ready(&self) -> Option<Ready> {
        if self.pause.is_on() { None } else { self.desk().board.take_ready() }
    }

    fn make_room(&self, extra: u64) {
        self.pause.make_room(&self.store, extra, |turned| self.follow(turned));
    }

    /// See `memory.rs` of workers.
    fn follow(&self, turned: Turned) {
        match turned {
            Turned::Paused(reason, text) => {
                self.world.truth().seen.paused += 1;
                let (at, level) = (self.now(), LogLevel::Warn);
                self.reports().log(LogLine { at, worker: None, task: None, level, text });
                self.report(Reported::Paused { reason });
                for Assignment { task, attempt } in self.desk().board.give_back() {
                    self.report(Reported::GaveBack { task, attempt });
                }
            }
            Turned::Resumed => {
                self.report(Reported::Resumed);
                self.ready.notify_waiters();
            }
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
            let is_here = |input| self.store.contains(input);
            self.desk().board.add(task, me, is_here, &mut wanted);
        }
        for item in wanted {
            if item.is_lost {
                self.report(Reported::ReplicaDropped { task: item.task });
            }
            tokio::spawn(tasks::fetch(Arc::clone(self), item));
        }
        self.ready.notify_waiters();
    }

    fn copy(self: &Arc<Self>, inputs: Vec<InputRef>) {
        for InputRef { task, bytes, holders, data } in inputs {
            if !self.store.contains(task) {
                let (dependent, holders) = (task, holders.into_vec());
                let item = Wanted { task, bytes, dependent, holders, is_lost: false, data };
                tokio::spawn(tasks::fetch(Arc::clone(self), item));
            }
        }
    }

    fn finished(&self, assignment: Assignment, result: Bytes, is_awaited: bool) {
        let (Assignment { task, attempt }, bytes) = (assignment, result.len() as u64);
        let small = (is_awaited && result.len() <= SMALL_RESULT_BYTES).then(|| result.clone());
        self.store.insert(task, result);
        *self.world.truth().executions.entry(task).or_default() += 1;
        let what = Reported::Finished { task, attempt, bytes };
        let result = small.map(|small| (assignment, small));
        self.reports().extend_with([Report { at: self.now(), what }], result);
        let name = self.world.truth().next_mark();
        self.report(Reported::Marked { name, task: Some(task) });
        self.store.settle(task);
        self.make_room(0);
    }

    /// Whether it was not killed.
    fn lives(&self) -> bool {
        self.world.store(&self.info.address).is_some()
    }

    fn report(&self, what: Reported) {
        self.reports().push(Report { at: self.now(), what });
        self.reported.notify_one();
    }
}
