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
mod inbound;
mod process;
mod reports;
mod sampler;
mod slots;
mod store;
mod transfers;

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use taskreel_model::{Report, Reported, WorkerId, WorkerInfo};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

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
use reports::Reports;

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
}

impl Worker {
    /// Starts a worker on a link to its scheduler, which must have had its hello.
    ///
    /// # Errors
    /// The system refuses a thread.
    pub fn start(setup: WorkerSetup, link: Link<FromWorker, ToWorker>) -> io::Result<Self> {
        let WorkerSetup { info, clock, store, peers, executors, io, sent_bytes } = setup;
        let Link { tx, rx } = link;
        let shared = Arc::new(Shared {
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
        });
        slots::start(&shared)?;
        let sampling = io.spawn(sampler::sample(Arc::clone(&shared), tx.clone()));
        let (stopped_tx, stopped) = watch::channel(false);
        let serving = io.spawn(async move {
            inbound::serve(&shared, rx, &tx).await;
            sampling.abort();
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
