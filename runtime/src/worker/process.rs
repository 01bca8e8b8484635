//! A worker that is a process of its own: it joins a scheduler over TCP.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskreel_model::WorkerInfo;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::{ClientSource, DataServer, Rejoin, Remote, Store, Worker, WorkerLink, WorkerSetup};
use crate::client::{Client, ClientOptions};
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::executor::Executors;
use crate::io_thread::{Carrier, IoThread};
use crate::peers::{LocalStores, Peers};
use crate::tls::Tls;
use crate::wire::handshake::{self, HandshakeError, Role};
use crate::wire::message::{WorkerBefore, WorkerHello};
use crate::wire::pump::{self, Carried};

/// How a worker process is set up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerOptions {
    /// The scheduler: `tcp://host:port`.
    pub scheduler: String,
    /// Its name, for people.
    pub name: String,
    /// How many tasks it runs at once.
    pub slots: u16,
    /// Bytes it may use; 0: no limit.
    pub memory_limit: u64,
    /// Where it makes a folder for results that do not fit in memory; `None`: where the system
    /// has temporary files.
    pub spill_folder: Option<PathBuf>,
    /// What tasks may ask for beyond a slot, in thousandths of a unit: 1000 of `gpu` is one.
    pub resources: BTreeMap<String, u64>,
    /// The cluster's token, where it demands one.
    pub token: Option<String>,
    /// Its certificate, where the cluster speaks TLS.
    pub tls: Option<Tls>,
    /// How long a scheduler that is not there is waited for, at first and whenever the connection
    /// breaks; meanwhile the worker goes on with what it has. Zero: it ends with the connection.
    pub reconnect: Duration,
    /// Whether somebody starts another when its process dies (see `supervise`): then it ends itself
    /// when it uses more than 95 % of its limit.
    pub supervised: bool,
}

impl WorkerOptions {
    /// A worker of one slot, without limits, for the scheduler at `tcp://host:port`.
    pub fn new(scheduler: impl Into<String>) -> Self {
        Self {
            scheduler: scheduler.into(),
            name: "worker".to_owned(),
            slots: 1,
            memory_limit: 0,
            spill_folder: None,
            token: None,
            tls: None,
            resources: BTreeMap::new(),
            reconnect: Duration::ZERO,
            supervised: false,
        }
    }
}

/// Why a worker process ended otherwise than its scheduler wanted.
#[derive(Debug, Error)]
pub enum WorkerProcessError {
    /// It could not join.
    #[error("cannot join the scheduler at {address}: {source}")]
    Join {
        /// The scheduler's address.
        address: String,
        /// Why not.
        #[source]
        source: HandshakeError,
    },
    /// The system refused a socket or a thread.
    #[error("cannot start a worker: {0}")]
    Io(#[from] io::Error),
}

/// How long to wait before the scheduler is tried again, at first and at the most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// A running worker that has this process, or a part of it.
#[derive(Debug)]
pub struct WorkerProcess {
    worker: Worker,
    serving: JoinHandle<()>,
    /// Last: the others need it until they are gone.
    io_thread: IoThread,
}

/// Joins a scheduler, and works until it says stop or is gone for good.
///
/// # Errors
/// The scheduler cannot be joined, or the system refuses what a worker needs.
pub fn run(options: &WorkerOptions) -> Result<(), WorkerProcessError> {
    WorkerProcess::start(options)?.wait();
    Ok(())
}

impl WorkerProcess {
    /// Joins a scheduler.
    ///
    /// # Errors
    /// The scheduler cannot be joined, or the system refuses what a worker needs.
    pub fn start(options: &WorkerOptions) -> Result<Self, WorkerProcessError> {
        let io_thread = IoThread::start("reel-worker")?;
        let (io, carrier) = (io_thread.handle().clone(), io_thread.carrier());
        let (tx, rx) = std::sync::mpsc::channel();
        let theirs = options.clone();
        io.clone().spawn(async move {
            // The receiver waits below.
            let _ = tx.send(join(theirs, io, carrier).await);
        });
        let failed = |_gone| Err(io::Error::other("its I/O thread failed").into());
        let (worker, serving) = rx.recv().unwrap_or_else(failed)?;
        Ok(Self { worker, serving, io_thread })
    }

    /// A function that asks the scheduler to let the worker go once its results have moved to other
    /// workers; without a scheduler the worker stops at once.
    pub fn retirer(&self) -> impl Fn() + Send + Sync + use<> {
        let retirement = self.worker.retirement();
        move || retirement.begin()
    }

    /// Waits until it has stopped.
    pub fn wait(mut self) {
        let (tx, rx) = std::sync::mpsc::channel::<()>();
        self.io_thread.handle().spawn(async move {
            self.worker.stopped().await;
            drop(tx);
        });
        // No message is ever sent: the sender's end says that the worker has stopped.
        let _ = rx.recv();
        self.serving.abort();
    }
}

async fn join(
    options: WorkerOptions,
    io: Handle,
    carrier: Carrier,
) -> Result<(Worker, JoinHandle<()>), WorkerProcessError> {
    let scheduler = options.scheduler.clone();
    let host = scheduler.strip_prefix("tcp://").unwrap_or(&scheduler).to_owned();
    let failed = |source| WorkerProcessError::Join { address: scheduler.clone(), source };
    let own_host = own_address(&host).map_err(|e| failed(e.into()))?.ip().to_string();
    let clients = clients(&options);
    let credentials = Credentials::new(options.token.as_deref(), options.tls.clone());
    let WorkerOptions { name, slots, memory_limit, spill_folder, resources, supervised, .. } =
        options;
    let journal_folder = spill_folder.clone().unwrap_or_else(std::env::temp_dir);
    let store = Arc::new(Store::with_limit(memory_limit, spill_folder));
    let server = DataServer::bind(&own_host, Arc::clone(&store), credentials.clone()).await?;
    let sent_bytes = server.sent_bytes();
    let info = WorkerInfo {
        name,
        address: format!("tcp://{}", server.address()?),
        host: machine(),
        pid: std::process::id(),
        slots,
        memory_limit,
        resources,
        version: handshake::VERSION.to_owned(),
    };
    let patience = options.reconnect;
    let door = Door { host, credentials: credentials.clone(), info: info.clone(), patience };
    let (link, carried) = door.connect(None).await.map_err(failed)?;
    let serving = io.spawn(server.serve());
    let setup = WorkerSetup {
        info,
        clock: Clock::start(),
        store,
        peers: Peers::new(LocalStores::default(), credentials),
        executors: Executors::new(io.clone()),
        io,
        carrier: Some(carrier),
        sent_bytes,
        is_alone: true,
        supervised,
        clients,
    };
    let rejoin = (door.patience > Duration::ZERO).then(|| door.rejoin());
    let remote = Remote { carried, rejoin, journal_folder };
    Ok((Worker::start_on(setup, link, Some(remote))?, serving))
}

/// The way to the scheduler.
#[derive(Clone, Debug)]
struct Door {
    host: String,
    credentials: Credentials,
    info: WorkerInfo,
    /// How long a scheduler that is not there is waited for.
    patience: Duration,
}

impl Door {
    fn rejoin(self) -> Rejoin {
        Box::new(move |before| {
            let door = self.clone();
            Box::pin(async move {
                let joined = door.connect(Some(before)).await;
                joined.inspect_err(|error| tracing::warn!(%error, "cannot join again")).ok()
            })
        })
    }

    /// Connects, and tries again as long as nobody is there.
    async fn connect(
        &self,
        before: Option<WorkerBefore>,
    ) -> Result<(WorkerLink, Carried), HandshakeError> {
        let begin = Instant::now();
        let (mut pause, longest) = PAUSES;
        loop {
            let info = self.info.clone();
            let hello = WorkerHello { info, shares_clock: false, before: before.clone() };
            let role = Role::Worker(hello);
            match handshake::connect(&self.host, role, &self.credentials).await {
                Ok(connection) => return Ok(pump::carry(connection)),
                Err(error @ (HandshakeError::Io(_) | HandshakeError::Silent))
                    if begin.elapsed() < self.patience =>
                {
                    tracing::debug!(%error, "the scheduler is not there");
                }
                Err(error) => return Err(error),
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }
}

/// For tasks that submit tasks: a connection of their own, when they first ask for it.
fn clients(options: &WorkerOptions) -> ClientSource {
    let WorkerOptions { scheduler, name, token, tls, .. } = options.clone();
    ClientSource::new(move || {
        let (name, token, tls) = (name.clone(), token.clone(), tls.clone());
        let options = ClientOptions { name, token, tls, ..ClientOptions::default() };
        match Client::connect(&scheduler, &options) {
            Ok(client) => Some(client),
            Err(error) => {
                tracing::error!(%error, "tasks cannot submit tasks");
                None
            }
        }
    })
}

/// The address of this machine that the scheduler sees. No packet is sent.
pub(crate) fn own_address(scheduler: &str) -> io::Result<SocketAddr> {
    let unknown = || io::Error::new(io::ErrorKind::NotFound, "no such host");
    let there = scheduler.to_socket_addrs()?.next().ok_or_else(unknown)?;
    let any = if there.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    let socket = UdpSocket::bind(any)?;
    socket.connect(there)?;
    socket.local_addr()
}

/// The machine's name.
pub(crate) fn machine() -> String {
    sysinfo::System::host_name().unwrap_or_else(|_| "unknown".to_owned())
}
