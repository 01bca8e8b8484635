//! The worker: runs tasks in its slots, keeps their results and serves them to others.
//!
//! ```text
//! scheduler ──ToWorker──▶ serve ──▶ Board ──▶ slots (threads) ──▶ Executor
//!                           │                   │
//!                        transfers            Store ──▶ data server ──▶ peers, clients
//!                           └────── Reports ◀───┘
//! scheduler ◀──FromWorker──────────────┘
//! ```
//!
//! Nothing here decides: the scheduler assigns, revokes and frees; the worker carries out and
//! reports what happened and when.

pub(crate) mod board;
mod data_server;
mod host;
mod idle;
mod inbound;
pub(crate) mod journal;
mod memory;
pub(crate) mod pause;
mod process;
pub(crate) mod reports;
mod sampler;
mod secede;
mod slots;
mod spares;
pub(crate) mod store;
mod task_log;
mod transfers;

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use taskreel_model::{Nanos, Report, Reported, WorkerId, WorkerInfo};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::MissedTickBehavior;

pub use host::ClientSource;
pub use process::{WorkerOptions, WorkerProcess, WorkerProcessError, run as run_worker};
pub use store::Store;

pub(crate) use data_server::DataServer;
pub(crate) use process::{machine, own_address};

use crate::clock::Clock;
use crate::executor::{Executors, PullExecutor};
use crate::io_thread::Carrier;
use crate::peers::Peers;
use crate::task::spec;
use crate::wire::message::{FromWorker, ToWorker, WorkerBefore};
use crate::wire::pump::Carried;
use crate::wire::{Link, LinkSender};
use board::Board;
use idle::Idle;
use inbound::Ended;
use journal::Journal;
use pause::Pause;
use reports::Reports;
use spares::Spares;
use store::Moved;
use transfers::Inflow;

/// How long the commands of a stopping worker may take to die.
const KILL_TIME: Duration = Duration::from_millis(300);

/// How a worker is set up.
#[derive(Debug)]
pub struct WorkerSetup {
    /// What it says of itself; `info.slots` threads are started.
    pub info: WorkerInfo,
    /// What its reports are stamped with.
    pub clock: Clock,
    /// Its results; whoever serves them has a share of it.
    pub store: Arc<Store>,
    /// The way to the results of others.
    pub peers: Peers,
    /// What can run tasks.
    pub executors: Executors,
    /// Carries transfers and timers.
    pub io: Handle,
    /// Lets a slot that has nothing else to do drive `io`; `None`: others do.
    pub(crate) carrier: Option<Carrier>,
    /// Bytes of results sent to others so far: counted by whoever serves them.
    pub sent_bytes: Arc<AtomicU64>,
    /// Whether the process is this worker's alone: then its memory is watched, too.
    pub is_alone: bool,
    /// Whether another process is started when this one dies.
    pub supervised: bool,
    /// For tasks that submit tasks.
    pub clients: ClientSource,
}

/// How a worker on a connection finds its scheduler again.
pub(crate) struct Remote {
    /// Carries the first link.
    pub(crate) carried: Carried,
    /// Connects again, as who the worker was before; `None`: it ends with its first connection.
    pub(crate) rejoin: Option<Rejoin>,
    /// Where it keeps reports that the scheduler is not known to have.
    pub(crate) journal_folder: PathBuf,
}

impl Remote {
    /// A worker that ends with its connection has nobody to tell anything later.
    fn journal(&self) -> Option<Journal> {
        self.rejoin.as_ref().map(|_| Journal::new(self.journal_folder.clone()))
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("carried", &self.carried).finish_non_exhaustive()
    }
}

/// Connects again; `None`: the scheduler is gone for good.
pub(crate) type Rejoin = Box<dyn Fn(WorkerBefore) -> Rejoining + Send>;

type Rejoining = Pin<Box<dyn Future<Output = Option<(WorkerLink, Carried)>> + Send>>;

pub(crate) type WorkerLink = Link<FromWorker, ToWorker>;

/// A running worker. It stops when its scheduler says so or is gone for good; dropping this does
/// not stop it.
#[derive(Debug)]
pub struct Worker {
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
    stopped: watch::Receiver<bool>,
}

/// Lets a worker leave in order.
pub(crate) struct Retirement {
    shared: Arc<Shared>,
    serving: AbortHandle,
}

impl Retirement {
    /// Asks the scheduler to let it go once its results have moved. Without a scheduler it stops at
    /// once.
    pub(crate) fn begin(&self) {
        let asked = self.shared.link().is_some_and(|tx| tx.try_send(FromWorker::Retire).is_ok());
        if !asked {
            self.serving.abort();
        }
    }
}

/// What all parts of a worker share.
#[derive(Debug)]
pub(crate) struct Shared {
    info: WorkerInfo,
    clock: Clock,
    store: Arc<Store>,
    peers: Peers,
    executors: Executors,
    io: Handle,
    sent_bytes: Arc<AtomicU64>,
    board: Mutex<Board>,
    /// Told when the board has a ready task, a slot is wanted, or the worker stops.
    idle: Idle,
    /// A slot is free for a task that waited for others, or such a task was given up.
    returned: Condvar,
    spares: Spares,
    reports: Reports,
    /// Who it is at the scheduler, and the way there, once it has joined.
    joined: RwLock<Option<Joined>>,
    n_busy: AtomicU16,
    stopping: AtomicBool,
    pause: Pause,
    inflow: Inflow,
    clients: ClientSource,
}

#[derive(Clone, Debug)]
struct Joined {
    as_who: WorkerBefore,
    tx: LinkSender<FromWorker>,
}

impl Worker {
    /// Starts a worker on a link to its scheduler, which must have had its hello. It ends with the
    /// link.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(setup: WorkerSetup, link: Link<FromWorker, ToWorker>) -> io::Result<Self> {
        Self::start_on(setup, link, None)
    }

    /// As [`Self::start`]; a worker with a `remote` joins again when the link breaks.
    pub(crate) fn start_on(
        setup: WorkerSetup,
        link: WorkerLink,
        remote: Option<Remote>,
    ) -> io::Result<Self> {
        let WorkerSetup {
            info,
            clock,
            store,
            peers,
            mut executors,
            io,
            carrier,
            sent_bytes,
            is_alone,
            supervised,
            clients,
        } = setup;
        let (theirs, results) = (peers.clone(), Arc::clone(&store));
        let pulling = PullExecutor { peers: theirs, store: results, io: io.clone() };
        executors.add(spec::PULL, Arc::new(pulling));
        let shared = Arc::new(Shared {
            inflow: Inflow::new(info.memory_limit),
            idle: Idle::new(carrier, info.slots),
            spares: Spares::new(info.slots),
            info,
            clock,
            store,
            peers,
            executors,
            io: io.clone(),
            sent_bytes,
            board: Mutex::default(),
            returned: Condvar::new(),
            reports: Reports::new(remote.as_ref().and_then(Remote::journal)),
            joined: RwLock::default(),
            n_busy: AtomicU16::new(0),
            stopping: AtomicBool::new(false),
            pause: Pause::default(),
            clients,
        });
        shared.observe_store();
        slots::start(&shared)?;
        let mut watching = vec![io.spawn(sampler::sample(Arc::clone(&shared)))];
        watching.push(io.spawn(keep_reports(Arc::clone(&shared))));
        if shared.info.memory_limit > 0 {
            watching.push(io.spawn(memory::watch(Arc::clone(&shared), is_alone, supervised)));
        }
        let (stopped_tx, stopped) = watch::channel(false);
        let theirs = Arc::clone(&shared);
        let serving = io.spawn(async move {
            stay(&theirs, link, remote).await;
            watching.iter().for_each(JoinHandle::abort);
            theirs.wait_idle().await;
            // A slot that still runs a function may hold the store until the process ends.
            theirs.store.remove_files();
            // Nobody need be waiting.
            let _ = stopped_tx.send(true);
        });
        Ok(Self { shared, serving, stopped })
    }

    /// The way to let it leave in order.
    pub(crate) fn retirement(&self) -> Retirement {
        Retirement { shared: Arc::clone(&self.shared), serving: self.serving.abort_handle() }
    }

    /// Waits until it has stopped.
    pub async fn stopped(&mut self) {
        // An error means that the sender is gone, and so is the worker.
        let _ = self.stopped.wait_for(|stopped| *stopped).await;
    }

    /// Whether it has stopped.
    pub fn has_stopped(&self) -> bool {
        *self.stopped.borrow()
    }

    /// Stops it at once, as if its scheduler were gone.
    pub fn abort(&self) {
        self.serving.abort();
    }
}

/// How often it is looked whether reports wait to be accepted.
const KEEP_PERIOD: Duration = Duration::from_millis(100);

/// Has reports that wait for long written to the disk.
async fn keep_reports(shared: Arc<Shared>) {
    let mut ticks = tokio::time::interval(KEEP_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if shared.reports.is_unsaved() {
            let theirs = Arc::clone(&shared);
            // An error is a panic, which was told where it happened.
            let _ = tokio::task::spawn_blocking(move || theirs.reports.save()).await;
        }
    }
}

/// Serves the scheduler, over one connection after the other.
async fn stay(shared: &Arc<Shared>, mut link: WorkerLink, mut remote: Option<Remote>) {
    let _stop = inbound::StopOnDrop(Arc::clone(shared));
    while inbound::serve(shared, link).await == Ended::Gone {
        let Some(Remote { carried, rejoin: Some(rejoin), .. }) = &mut remote else { return };
        let Some(before) = shared.who() else { return };
        carried.cut();
        let theirs = Arc::clone(shared);
        // Whoever waits for room on the broken link lets go of it soon, but not on this thread.
        let _ = tokio::task::spawn_blocking(move || theirs.reports.detach()).await;
        tracing::warn!(worker = shared.info.name, "the connection to the scheduler broke");
        let Some((again, carries)) = rejoin(before).await else { return };
        (link, *carried) = (again, carries);
    }
    let theirs = Arc::clone(shared);
    let _ = tokio::task::spawn_blocking(move || theirs.reports.forget()).await;
}

impl Shared {
    /// It has joined; who it was before, if this is not the first time.
    fn joined(&self, as_who: WorkerBefore, tx: LinkSender<FromWorker>) -> Option<WorkerBefore> {
        let mut joined = self.joined.write().unwrap_or_else(PoisonError::into_inner);
        joined.replace(Joined { as_who, tx }).map(|before| before.as_who)
    }

    /// The way to the scheduler, for what may get lost.
    fn link(&self) -> Option<LinkSender<FromWorker>> {
        let joined = self.joined.read().unwrap_or_else(PoisonError::into_inner);
        joined.as_ref().map(|joined| joined.tx.clone())
    }

    fn report(&self, what: Reported) {
        self.reports.push(Report { at: self.clock.now(), what });
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who it is at the scheduler, if it has joined.
    fn who(&self) -> Option<WorkerBefore> {
        let joined = self.joined.read().unwrap_or_else(PoisonError::into_inner);
        joined.as_ref().map(|joined| joined.as_who.clone())
    }

    /// The id that the scheduler gave, if it has.
    fn known_id(&self) -> Option<WorkerId> {
        let joined = self.joined.read().unwrap_or_else(PoisonError::into_inner);
        joined.as_ref().map(|joined| joined.as_who.worker)
    }

    /// The id that the scheduler gave; it comes before any task does.
    fn id(&self) -> WorkerId {
        self.known_id().unwrap_or(WorkerId(u32::MAX))
    }

    fn is_busy(&self) -> bool {
        self.n_busy.load(Ordering::Relaxed) > 0
    }

    /// Has each move between memory and disk reported in the order in which it happened.
    fn observe_store(self: &Arc<Self>) {
        // The worker owns the store: a strong reference would keep both for ever.
        let shared = Arc::downgrade(self);
        self.store.observe(move |moved| {
            let Some(shared) = shared.upgrade() else { return };
            let Moved { task, bytes, took, to_disk } = moved;
            let took = Nanos(took.as_nanos() as u64);
            shared.report(if to_disk {
                Reported::Spilled { task, bytes, took }
            } else {
                Reported::Restored { task, bytes, took }
            });
        });
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Waits for commands to be killed; functions are not waited for longer than that takes.
    async fn wait_idle(&self) {
        let begin = Instant::now();
        while self.n_busy.load(Ordering::Relaxed) > 0 && begin.elapsed() < KILL_TIME {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    /// Ends the slots once they are done with what they execute.
    fn stop(&self) {
        self.stopping.store(true, Ordering::Release);
        let mut board = self.board();
        board.stop_all();
        drop(board);
        self.idle.tell_all();
        self.spares.stop();
        secede::wake(self);
        self.reports.stop();
    }
}

#[cfg(test)]
mod tests;
