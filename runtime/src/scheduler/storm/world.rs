//! What all parts of a storm share: chance, the clock, the way to the scheduler, and who holds what.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use taskreel_model::State;
use tempfile::TempDir;

use super::draw::Draw;
use super::truth::Truth;
use crate::clock::Clock;
use crate::scheduler::inbound::{ConnId, Inbox};
use crate::worker::Store;

/// A rule that somebody in a storm breaks: to see that the storm notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mischief {
    None,
    /// The disk says that it has written what it has not.
    LyingDisk,
    /// A worker that comes back does not say what it holds.
    ForgetfulWorker,
    /// A worker that comes back does not send again what may not have arrived.
    ForgetfulReports,
}

/// See the module's text. Behind locks only so that it may be shared: there is one thread.
#[derive(Debug)]
pub(super) struct World {
    pub(super) mischief: Mischief,
    draw: Mutex<Draw>,
    truth: Mutex<Truth>,
    /// `None`: the scheduler is down.
    scheduler: Mutex<Option<Inbox>>,
    /// What the workers that live hold, by address.
    stores: Mutex<BTreeMap<String, Arc<Store>>>,
    n_connections: AtomicU64,
    /// Workers that are cut off from the others, by address.
    apart: Mutex<BTreeSet<String>>,
    pub(super) clock: Clock,
    /// Goes with the world.
    folder: TempDir,
    /// The trace that is written now: after a crash it is another file.
    path: Mutex<PathBuf>,
    /// The scheduler's state at its end, if its log is whole.
    pub(super) last: Mutex<Option<State>>,
}

impl World {
    pub(super) fn new(draw: Draw, folder: TempDir, mischief: Mischief) -> Arc<Self> {
        Arc::new(Self {
            mischief,
            draw: Mutex::new(draw),
            truth: Mutex::default(),
            scheduler: Mutex::default(),
            stores: Mutex::default(),
            n_connections: AtomicU64::new(0),
            apart: Mutex::default(),
            clock: Clock::start(),
            path: Mutex::new(folder.path().join("run.reel")),
            folder,
            last: Mutex::default(),
        })
    }

    pub(super) fn draw(&self) -> MutexGuard<'_, Draw> {
        self.draw.lock().expect("one thread")
    }

    pub(super) fn truth(&self) -> MutexGuard<'_, Truth> {
        self.truth.lock().expect("one thread")
    }

    pub(super) fn path(&self) -> PathBuf {
        self.path.lock().expect("one thread").clone()
    }

    pub(super) fn set_path(&self, path: PathBuf) {
        *self.path.lock().expect("one thread") = path;
    }

    /// Sleeps for a time of at most so many milliseconds.
    pub(super) async fn pause(&self, up_to_ms: u64) {
        let time: Duration = self.draw().time(up_to_ms);
        tokio::time::sleep(time).await;
    }

    pub(super) fn scheduler(&self) -> Option<Inbox> {
        self.scheduler.lock().expect("one thread").clone()
    }

    pub(super) fn set_scheduler(&self, inbox: Option<Inbox>) {
        *self.scheduler.lock().expect("one thread") = inbox;
    }

    pub(super) fn next_connection(&self) -> ConnId {
        ConnId(self.n_connections.fetch_add(1, Ordering::Relaxed))
    }

    /// What the worker at an address holds; `None`: it is dead.
    pub(super) fn store(&self, address: &str) -> Option<Arc<Store>> {
        self.stores.lock().expect("one thread").get(address).cloned()
    }

    /// From now on these workers are cut off from the others.
    pub(super) fn set_apart(&self, addresses: BTreeSet<String>) {
        *self.apart.lock().expect("one thread") = addresses;
    }

    /// Whether two workers are cut off from each other.
    pub(super) fn is_apart(&self, one: &str, other: &str) -> bool {
        let apart = self.apart.lock().expect("one thread");
        apart.contains(one) != apart.contains(other)
    }

    pub(super) fn add_store(&self, address: &str, store: Arc<Store>) {
        self.stores.lock().expect("one thread").insert(address.to_owned(), store);
    }

    /// Where a host has its temporary files.
    pub(super) fn home(&self, number: u64) -> PathBuf {
        self.folder.path().join(format!("host-{number}"))
    }

    pub(super) fn remove_store(&self, address: &str) {
        self.stores.lock().expect("one thread").remove(address);
    }
}
