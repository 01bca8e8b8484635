//! A worker that is a process of its own: it joins a scheduler over TCP.

use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs, UdpSocket};
use std::path::PathBuf;
use std::sync::Arc;

use taskreel_model::WorkerInfo;
use thiserror::Error;
use tokio::runtime::Handle;

use super::{ClientSource, DataServer, Store, Worker, WorkerSetup};
use crate::client::{Client, ClientOptions};
use crate::clock::Clock;
use crate::executor::Executors;
use crate::io_thread::IoThread;
use crate::peers::{LocalStores, Peers};
use crate::wire::handshake::{self, HandshakeError, Role};
use crate::wire::message::{FromWorker, ToWorker, WorkerHello};
use crate::wire::pump;

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

/// Joins a scheduler, and works until it says stop or is gone.
///
/// # Errors
/// The scheduler cannot be joined, or the system refuses what a worker needs.
pub fn run(options: &WorkerOptions) -> Result<(), WorkerProcessError> {
    let io_thread = IoThread::start("reel-worker")?;
    let io = io_thread.handle().clone();
    let (tx, rx) = std::sync::mpsc::channel();
    let theirs = options.clone();
    io.clone().spawn(async move {
        let ended = work(&theirs, io).await;
        // The receiver waits below.
        let _ = tx.send(ended);
    });
    rx.recv().unwrap_or_else(|_| Err(io::Error::other("its I/O thread failed").into()))
}

async fn work(options: &WorkerOptions, io: Handle) -> Result<(), WorkerProcessError> {
    let WorkerOptions { scheduler, name, slots, memory_limit, spill_folder, resources, token } =
        options;
    let join = |source| WorkerProcessError::Join { address: scheduler.clone(), source };
    let host = scheduler.strip_prefix("tcp://").unwrap_or(scheduler);
    let own_host = own_address(host).map_err(|e| join(e.into()))?.ip().to_string();
    let store = Arc::new(Store::with_limit(*memory_limit, spill_folder.clone()));
    let server = DataServer::bind(&own_host, Arc::clone(&store), token.clone()).await?;
    let sent_bytes = server.sent_bytes();
    let info = WorkerInfo {
        name: name.clone(),
        address: format!("tcp://{}", server.address()?),
        host: machine(),
        pid: std::process::id(),
        slots: *slots,
        memory_limit: *memory_limit,
        resources: resources.clone(),
        version: handshake::VERSION.to_owned(),
    };
    let hello = Role::Worker(WorkerHello { info: info.clone(), shares_clock: false });
    let connection = handshake::connect(host, hello, token.as_deref()).await.map_err(join)?;
    let link = pump::link::<FromWorker, ToWorker>(connection);
    let serving = io.spawn(server.serve());
    let peers = Peers::new(LocalStores::default(), token.clone());
    let clock = Clock::start();
    let executors = Executors::new(io.clone());
    let setup = WorkerSetup {
        info,
        clock,
        store,
        peers,
        executors,
        io,
        sent_bytes,
        is_alone: true,
        clients: clients(options),
    };
    Worker::start(setup, link)?.stopped().await;
    serving.abort();
    Ok(())
}

/// For tasks that submit tasks: a connection of their own, when they first ask for it.
fn clients(options: &WorkerOptions) -> ClientSource {
    let WorkerOptions { scheduler, name, token, .. } = options.clone();
    ClientSource::new(move || {
        let options = ClientOptions { name: name.clone(), token: token.clone() };
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
fn own_address(scheduler: &str) -> io::Result<SocketAddr> {
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
