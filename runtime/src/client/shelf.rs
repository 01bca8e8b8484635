//! Long values that a client scattered: it keeps them, and serves them to the workers that fetch
//! them, so that none passes through the scheduler or lies in the trace.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use taskreel_model::TaskId;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use super::session::lock;
use crate::executor::Offer;
use crate::peers::Peers;
use crate::worker::{DataServer, Store};

/// The values of one client.
#[derive(Debug)]
pub(super) struct Shelf {
    store: Arc<Store>,
    address: String,
    serving: JoinHandle<()>,
    names: Mutex<Names>,
}

#[derive(Debug, Default)]
struct Names {
    next: u32,
    /// By the client's number of the task.
    by_local: BTreeMap<u32, TaskId>,
}

impl Shelf {
    /// Begins to serve.
    ///
    /// # Errors
    /// The system refuses a port.
    pub(super) fn open(peers: &Peers, io: &Handle) -> io::Result<Self> {
        let store = Arc::<Store>::default();
        let (tx, rx) = std::sync::mpsc::channel();
        let (theirs, host) = (Arc::clone(&store), peers.host().to_owned());
        let credentials = peers.credentials();
        io.spawn(async move {
            // The receiver waits below.
            let _ = tx.send(DataServer::bind(&host, theirs, credentials).await);
        });
        let failed = |_gone| Err(io::Error::other("the I/O thread failed"));
        let server = rx.recv().unwrap_or_else(failed)?;
        let address = format!("tcp://{}", server.address()?);
        peers.add_local(&address, &store);
        let serving = io.spawn(server.serve());
        Ok(Self { store, address, serving, names: Mutex::default() })
    }

    /// Puts a value there; gives how it can be had, and its name.
    pub(super) fn put(&self, value: Bytes) -> Offer {
        let mut names = lock(&self.names);
        let name = TaskId(names.next);
        names.next += 1;
        let bytes = value.len() as u64;
        self.store.insert(name, value);
        Offer { address: self.address.clone(), name, bytes }
    }

    /// The value is that of this task.
    pub(super) fn name(&self, local: u32, name: TaskId) {
        lock(&self.names).by_local.insert(local, name);
    }

    /// The client lets go of the task.
    pub(super) fn release(&self, local: u32) {
        if let Some(name) = lock(&self.names).by_local.remove(&local) {
            self.store.free(&[name]);
        }
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
