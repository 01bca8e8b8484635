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

mod board;
mod data_server;
mod host;
mod inbound;
mod memory;
mod process;
mod reports;
mod sampler;
mod slots;
mod store;
mod task_log;
mod transfers;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use taskreel_model::{Nanos, Report, Reported, WorkerId, WorkerInfo};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

pub use host::ClientSource;
pub use process::{WorkerOptions, WorkerProcessError, run as run_worker};
pub use store::Store;

pub(crate) use data_server::DataServer;
pub(crate) use process::machine;

use crate::clock::Clock;
use crate::executor::Executors;
use crate::peers::Peers;
use crate::wire::Link;
use crate::wire::message::{FromWorker, ToWorker};
use board::Board;
use memory::Pause;
use reports::Reports;
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
    /// Bytes of results sent to others so far: counted by whoever serves them.
    pub sent_bytes: Arc<AtomicU64>,
    /// Whether the process is this worker's alone: then its memory is watched, too.
    pub is_alone: bool,
    /// For tasks that submit tasks.
    pub clients: ClientSource,
}

/// A running worker. It stops when its scheduler says so or is gone; dropping this does not stop
/// it.
#[derive(Debug)]
pub struct Worker {
    serving: JoinHandle<()>,
    stopped: watch::Receiver<bool>,
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
    /// The board has a ready task, or the worker stops.
    work: Condvar,
    reports: Reports,
    /// The id that the scheduler gave.
    id: OnceLock<WorkerId>,
    n_busy: AtomicU16,
    stopping: AtomicBool,
    pause: Pause,
    inflow: Inflow,
    clients: ClientSource,
}

impl Worker {
    /// Starts a worker on a link to its scheduler, which must have had its hello.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(setup: WorkerSetup, link: Link<FromWorker, ToWorker>) -> io::Result<Self> {
        let WorkerSetup { info, clock, store, peers, executors, io, sent_bytes, is_alone, clients } =
            setup;
        let Link { tx, rx } = link;
        let shared = Arc::new(Shared {
            inflow: Inflow::new(info.memory_limit),
            info,
            clock,
            store,
            peers,
            executors,
            io: io.clone(),
            sent_bytes,
            board: Mutex::default(),
            work: Condvar::new(),
            reports: Reports::new(tx.clone()),
            id: OnceLock::new(),
            n_busy: AtomicU16::new(0),
            stopping: AtomicBool::new(false),
            pause: Pause::default(),
            clients,
        });
        shared.observe_store();
        slots::start(&shared)?;
        let mut watching = vec![io.spawn(sampler::sample(Arc::clone(&shared), tx.clone()))];
        if shared.info.memory_limit > 0 {
            watching.push(io.spawn(memory::watch(Arc::clone(&shared), is_alone)));
        }
        let (stopped_tx, stopped) = watch::channel(false);
        let serving = io.spawn(async move {
            inbound::serve(&shared, rx, &tx).await;
            watching.iter().for_each(JoinHandle::abort);
            shared.wait_idle().await;
            // Nobody need be waiting.
            let _ = stopped_tx.send(true);
        });
        Ok(Self { serving, stopped })
    }

    /// Waits until it has stopped.
    pub async fn stopped(&mut self) {
        // An error means that the sender is gone, and so is the worker.
        let _ = self.stopped.wait_for(|stopped| *stopped).await;
    }

    /// Stops it at once, as if its scheduler were gone.
    pub fn abort(&self) {
        self.serving.abort();
    }
}

impl Shared {
    fn report(&self, what: Reported) {
        self.reports.push(Report { at: self.clock.now(), what });
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The id that the scheduler gave; it comes before any task does.
    fn id(&self) -> WorkerId {
        self.id.get().copied().unwrap_or(WorkerId(u32::MAX))
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
        self.work.notify_all();
        self.reports.stop();
    }
}

#[cfg(test)]
mod tests;
