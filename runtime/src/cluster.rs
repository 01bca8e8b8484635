//! A cluster of this program's own: scheduler, workers and trace, started and closed together.

mod adapt;
mod builder;
mod child;
mod children;
mod crew;
mod embedded;
mod start;

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use taskreel_recorder::{CreateError, ReopenError, RunInfo};
use thiserror::Error;

pub use builder::ClusterBuilder;
pub use child::init;

use crate::client::Client;
use crate::credentials::Credentials;
use crate::io_thread::IoThread;
use crate::listener::ConnIds;
use crate::peers::{LocalStores, Peers};
use crate::scheduler::inbound::{Inbound, Inbox};
use crate::scheduler::{SchedulerError, SchedulerHandle, SchedulerSummary};
use crew::Crew;

/// What a closed cluster leaves: its trace, how long it ran, and the state it ended with.
pub type RunSummary = SchedulerSummary;

/// How long workers may take to stop when their cluster closes.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// A running cluster. Dropping it closes it.
///
/// ```
/// # extern crate taskreel_runtime as taskreel;
/// use taskreel::{Cluster, task};
///
/// #[task]
/// fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::local().no_record().start()?;
/// let client = cluster.client();
/// let three = client.submit(add(1, 2));
/// let ten = client.submit(add(&three, 7));
/// assert_eq!(ten.wait()?, 10);
/// cluster.close()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Cluster {
    name: String,
    inbox: Inbox,
    scheduler: Mutex<Option<SchedulerHandle>>,
    crew: Crew,
    conn_ids: ConnIds,
    peers: Peers,
    address: Option<String>,
    token: Option<String>,
    trace_path: Option<PathBuf>,
    run_info: RunInfo,
    /// Carries the scheduler, and the connections to it.
    scheduler_thread: IoThread,
    /// Last: the others need it until they are gone.
    io_thread: IoThread,
}

/// Why a cluster could not be started.
#[derive(Debug, Error)]
pub enum StartError {
    /// The trace cannot be written.
    #[error(transparent)]
    Trace(#[from] CreateError),
    /// The trace cannot be gone on with.
    #[error(transparent)]
    Resume(#[from] ReopenError),
    /// Others could connect from elsewhere, and nothing keeps strangers out.
    #[error(
        "a token is needed to listen at {address}, which is not loopback: give one, and the same to all workers and clients"
    )]
    TokenNeeded {
        /// The address.
        address: String,
    },
    /// The address to listen at is in use, or not this machine's.
    #[error("cannot listen at {address}: {source}")]
    Listen {
        /// The address.
        address: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A worker process did not start or join.
    #[error("worker process {name} did not join: {reason}")]
    Worker {
        /// Its name.
        name: String,
        /// What is known.
        reason: String,
    },
    /// The system refuses a thread, a socket or a process.
    #[error("cannot start the cluster: {0}")]
    Io(#[from] std::io::Error),
}

impl Cluster {
    /// A cluster on this machine, in this process or with worker processes. By default: a worker
    /// with one thread for each core, in this process, recording to `NAME-YYYYMMDD-HHMMSS.reel` in
    /// the current folder.
    pub fn local() -> ClusterBuilder {
        ClusterBuilder::new()
    }

    /// A new client of this cluster.
    pub fn client(&self) -> Client {
        let (inbox, conn) = (self.inbox.clone(), self.conn_ids.next());
        Client::embedded(inbox, conn, &self.name, self.peers.clone(), self.io_thread.handle())
    }

    /// Where others can connect, `tcp://host:port`; `None` when all is in this process.
    pub fn address(&self) -> Option<&str> {
        self.address.as_deref()
    }

    /// The token that others need to connect.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// The trace, if the run is recorded.
    pub fn trace_path(&self) -> Option<&Path> {
        self.trace_path.as_deref()
    }

    /// What the header of the trace says of the run.
    pub fn run_info(&self) -> &RunInfo {
        &self.run_info
    }

    /// Whether the scheduler has stopped: a client stopped it, or the run could not be recorded.
    /// [`Cluster::close`] tells.
    pub fn is_stopped(&self) -> bool {
        let scheduler = self.scheduler.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        scheduler.as_ref().is_none_or(SchedulerHandle::is_finished)
    }

    /// Closes the cluster: what has not ended is given up, and the trace is closed.
    ///
    /// # Errors
    /// The run could not be recorded to its end, or the scheduler failed.
    pub fn close(mut self) -> Result<RunSummary, SchedulerError> {
        self.shut_down().expect("only closing and dropping take the scheduler away")
    }

    fn shut_down(&mut self) -> Option<Result<RunSummary, SchedulerError>> {
        let scheduler = self.scheduler.get_mut().unwrap_or_else(std::sync::PoisonError::into_inner);
        let scheduler = scheduler.take()?;
        self.crew.leave_alone();
        let inbox = self.inbox.clone();
        self.io_thread.handle().spawn(async move {
            // A scheduler that has stopped already needs no telling.
            let _ = inbox.send(Inbound::Stop).await;
        });
        let summary = scheduler.join();
        self.crew.end(STOP_PATIENCE, self.io_thread.handle());
        Some(summary)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(Err(error)) = self.shut_down() {
            tracing::error!(%error, "the cluster did not close well");
        }
    }
}

/// What the parts of a starting cluster share.
#[derive(Clone, Debug)]
struct Foundation {
    inbox: Inbox,
    conn_ids: ConnIds,
    stores: LocalStores,
    peers: Peers,
    credentials: Credentials,
}
