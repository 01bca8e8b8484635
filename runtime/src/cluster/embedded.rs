//! Workers in this process.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
    pub(super) slots: u16,
    pub(super) memory_limit: u64,
    pub(super) spill_folder: Option<PathBuf>,
    pub(super) resources: BTreeMap<String, u64>,
    /// Others may join the cluster, and must be able to fetch results.
    pub(super) serves_tcp: bool,
}

/// The workers that are threads of this process. Clones are of the same.
#[derive(Clone, Debug)]
pub(super) struct EmbeddedWorkers {
    all: Arc<Mutex<Vec<Worker>>>,
    n_started: Arc<AtomicUsize>,
    setup: EmbeddedSetup,
    foundation: Foundation,
    clock: Clock,
    io: Handle,
}

impl EmbeddedWorkers {
    /// Starts some, in the order of their names.
    pub(super) fn start(
        setup: EmbeddedSetup,
        n_workers: usize,
        foundation: &Foundation,
        clock: Clock,
        io: &Handle,
    ) -> io::Result<Self> {
        let workers = Self {
            all: Arc::default(),
            n_started: Arc::default(),
            setup,
            foundation: foundation.clone(),
            clock,
            io: io.clone(),
        };
        for index in 0..n_workers {
            workers.start_another(format!("worker-{index}"))?;
        }
        Ok(workers)
    }

    /// Starts one more. Not to be called on the I/O thread.
    pub(super) fn start_another(&self, name: String) -> io::Result<()> {
        let number = self.n_started.fetch_add(1, Ordering::Relaxed);
        let Self { setup, foundation, clock, io, .. } = self;
        let worker = start_one((number, name), setup, foundation, *clock, io)?;
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        // Those that were let go need no waiting for.
        all.retain(|worker| !worker.has_stopped());
        all.push(worker);
        Ok(())
    }

    /// Waits until they have stopped. Functions that still run are left to themselves when the
    /// patience is over.
    pub(super) fn end(&self, patience: Duration, io: &Handle) {
        let (tx, rx) = std::sync::mpsc::channel();
        let workers = std::mem::take(&mut *self.all.lock().unwrap_or_else(PoisonError::into_inner));
        io.spawn(async move {
            for mut worker in workers {
                worker.stopped().await;
            }
            // The receiver may have lost its patience.
            let _ = tx.send(());
        });
        if rx.recv_timeout(patience).is_err() {
            tracing::warn!("workers did not stop in time");
        }
    }
}

fn start_one(
    (number, name): (usize, String),
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
        (format!("local://{number}"), Arc::default())
    };
    foundation.stores.insert(address.clone(), &store);
    let info = WorkerInfo {
        name,
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
        carrier: None,
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
