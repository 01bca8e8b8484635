//! Workers in this process.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use taskreel_model::WorkerInfo;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::Foundation;
use crate::client::Client;
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::executor::Executors;
use crate::scheduler::inbound::Inbound;
use crate::wire::handshake::VERSION;
use crate::wire::link::LINK_CAPACITY;
use crate::wire::message::WorkerHello;
use crate::wire::{Link, LinkSender};
use crate::worker::{ClientSource, DataServer, Store, Worker, WorkerSetup, machine};

/// How the workers are to be.
#[derive(Clone, Debug)]
pub(super) struct EmbeddedSetup {
    pub(super) n_workers: usize,
    pub(super) slots: u16,
    pub(super) memory_limit: u64,
    pub(super) spill_folder: Option<PathBuf>,
    pub(super) resources: BTreeMap<String, u64>,
    /// Others may join the cluster, and must be able to fetch results.
    pub(super) serves_tcp: bool,
}

/// Starts the workers, in the order of their names.
pub(super) fn start(
    setup: &EmbeddedSetup,
    foundation: &Foundation,
    clock: Clock,
    io: &Handle,
) -> io::Result<Vec<Worker>> {
    (0..setup.n_workers).map(|index| start_one(index, setup, foundation, clock, io)).collect()
}

fn start_one(
    index: usize,
    setup: &EmbeddedSetup,
    foundation: &Foundation,
    clock: Clock,
    io: &Handle,
) -> io::Result<Worker> {
    let store = Arc::new(Store::with_limit(setup.memory_limit, setup.spill_folder.clone()));
    let (address, sent_bytes) = if setup.serves_tcp {
        let server = data_server(&store, foundation.credentials.clone(), io)?;
        let served = (format!("tcp://{}", server.address()?), server.sent_bytes());
        io.spawn(server.serve());
        served
    } else {
        (format!("local://{index}"), Arc::default())
    };
    foundation.stores.insert(address.clone(), Arc::clone(&store));
    let info = WorkerInfo {
        name: format!("worker-{index}"),
        address,
        host: machine(),
        pid: std::process::id(),
        slots: setup.slots,
        memory_limit: setup.memory_limit,
        resources: setup.resources.clone(),
        version: VERSION.to_owned(),
    };
    let conn = foundation.conn_ids.next();
    let (tx, rx) = mpsc::channel(LINK_CAPACITY);
    let hello = WorkerHello { info: info.clone(), shares_clock: true, before: None };
    let first = Inbound::WorkerConnected { conn, hello, tx: LinkSender::queue(tx) };
    foundation.inbox.try_send(first).map_err(|_full| io::Error::other("too many workers"))?;
    let to_scheduler = LinkSender::inbox(foundation.inbox.clone(), conn, |conn, message| {
        Inbound::WorkerMessage { conn, message }
    });
    let (inbox, conn_ids) = (foundation.inbox.clone(), foundation.conn_ids.clone());
    let (peers, for_clients, name) = (foundation.peers.clone(), io.clone(), info.name.clone());
    let clients = ClientSource::new(move || {
        let (inbox, conn) = (inbox.clone(), conn_ids.next());
        Some(Client::embedded(inbox, conn, &name, peers.clone(), &for_clients))
    });
    let worker = WorkerSetup {
        info,
        clock,
        store,
        peers: foundation.peers.clone(),
        executors: Executors::new(io.clone()),
        io: io.clone(),
        sent_bytes,
        is_alone: false,
        supervised: false,
        clients,
    };
    Worker::start(worker, Link { tx: to_scheduler, rx })
}

fn data_server(
    store: &Arc<Store>,
    credentials: Credentials,
    io: &Handle,
) -> io::Result<DataServer> {
    let (tx, rx) = std::sync::mpsc::channel();
    let store = Arc::clone(store);
    io.spawn(async move {
        // The receiver waits below.
        let _ = tx.send(DataServer::bind("127.0.0.1", store, credentials).await);
    });
    rx.recv().unwrap_or_else(|_| Err(io::Error::other("the I/O thread failed")))
}
