//! The scheduler's connections: whose they are, and what waits to be sent on them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use taskreel_model::{ClientId, Nanos, WorkerId};

use super::inbound::ConnId;
use crate::wire::LinkSender;
use crate::wire::message::{ToClient, ToWorker};

/// A worker that is here.
#[derive(Debug)]
pub(super) struct WorkerPeer {
    pub(super) conn: ConnId,
    pub(super) out: Outbox<ToWorker>,
    /// Where peers fetch results from it.
    pub(super) address: Arc<str>,
    pub(super) clock: WorkerClock,
    /// When something last came from it.
    pub(super) heard_at: Nanos,
    /// Whether it is sent tasks: not between its coming back and its telling what it has.
    pub(super) is_settled: bool,
    /// The last of its reports that it was told is in the log.
    pub(super) told_through: u64,
}

/// How a worker's instants are mapped to the scheduler's clock.
#[derive(Clone, Copy, Debug)]
pub(super) enum WorkerClock {
    /// It is the scheduler's own.
    Shared,
    /// `offset_ns` is added; `None` before the first echo.
    Offset { offset_ns: Option<i64>, error_ns: u64, ping_at: Nanos },
}

/// A client that is here.
#[derive(Debug)]
pub(super) struct ClientPeer {
    pub(super) conn: ConnId,
    pub(super) out: Outbox<ToClient>,
    /// Whether it is in this process.
    pub(super) embedded: bool,
    /// When something last came from it.
    pub(super) heard_at: Nanos,
    /// How many messages came from it, over all its connections...
    pub(super) n_messages: u64,
    /// ...and how many of them it was told are in the log.
    pub(super) n_told: u64,
}

/// Messages on their way to one peer. The scheduler's thread never waits for a peer: what its
/// queue does not take stays here and is tried again.
#[derive(Debug)]
pub(super) struct Outbox<T> {
    tx: LinkSender<T>,
    pending: VecDeque<T>,
    /// Where it says that it has something to send, once its peer is one of [`Peers`].
    listed: Option<(Who, Unsent)>,
}

/// Whose outbox it is.
#[derive(Clone, Copy, Debug)]
enum Who {
    Worker(WorkerId),
    Client(ClientId),
}

/// The outboxes that have something to send, each once: so that a turn looks at these, and not at all
/// peers. Behind a lock only because outboxes share it: there is one thread.
type Unsent = Arc<Mutex<Vec<Who>>>;

impl<T> Outbox<T> {
    pub(super) fn new(tx: LinkSender<T>) -> Self {
        Self { tx, pending: VecDeque::new(), listed: None }
    }

    pub(super) fn push(&mut self, message: T) {
        if self.pending.is_empty() {
            self.list();
        }
        self.pending.push_back(message);
    }

    fn list_in(&mut self, who: Who, unsent: &Unsent) {
        self.listed = Some((who, Arc::clone(unsent)));
        if !self.pending.is_empty() {
            self.list();
        }
    }

    fn list(&self) {
        if let Some((who, unsent)) = &self.listed {
            unsent.lock().unwrap_or_else(PoisonError::into_inner).push(*who);
        }
    }

    /// The message that a further item may join, if nothing else was queued behind it.
    pub(super) fn last_mut(&mut self) -> Option<&mut T> {
        self.pending.back_mut()
    }

    /// Sends what the peer's queue takes; whether anything is left.
    pub(super) fn flush(&mut self) -> bool {
        // The connection's end is reported by its own item in the inbox.
        if !self.pending.is_empty() && self.tx.try_send_all(&mut self.pending).is_err() {
            self.pending.clear();
        }
        !self.pending.is_empty()
    }
}

/// All connections, by id and by connection.
#[derive(Debug, Default)]
pub(super) struct Peers {
    pub(super) workers: BTreeMap<WorkerId, WorkerPeer>,
    pub(super) clients: BTreeMap<ClientId, ClientPeer>,
    worker_ids: BTreeMap<ConnId, WorkerId>,
    client_ids: BTreeMap<ConnId, ClientId>,
    unsent: Unsent,
}

impl Peers {
    /// Who comes back before the end of the old connection was noticed has only the new one: what
    /// still arrives on the old one, its end above all, is nobody's.
    pub(super) fn add_worker(&mut self, id: WorkerId, mut peer: WorkerPeer) {
        peer.out.list_in(Who::Worker(id), &self.unsent);
        self.worker_ids.insert(peer.conn, id);
        if let Some(old) = self.workers.insert(id, peer) {
            self.worker_ids.remove(&old.conn);
        }
    }

    /// As [`Self::add_worker`].
    pub(super) fn add_client(&mut self, id: ClientId, mut peer: ClientPeer) {
        peer.out.list_in(Who::Client(id), &self.unsent);
        self.client_ids.insert(peer.conn, id);
        if let Some(old) = self.clients.insert(id, peer) {
            self.client_ids.remove(&old.conn);
        }
    }

    /// The peer of a connection, if it still has that connection.
    pub(super) fn worker_on(&mut self, conn: ConnId) -> Option<(WorkerId, &mut WorkerPeer)> {
        let id = *self.worker_ids.get(&conn)?;
        self.workers.get_mut(&id).map(|peer| (id, peer))
    }

    pub(super) fn worker_of(&self, conn: ConnId) -> Option<WorkerId> {
        self.worker_ids.get(&conn).copied()
    }

    pub(super) fn client_of(&self, conn: ConnId) -> Option<ClientId> {
        self.client_ids.get(&conn).copied()
    }

    /// Closes a worker's connection, after what is queued for it.
    pub(super) fn remove_worker(&mut self, id: WorkerId) {
        if let Some(mut peer) = self.workers.remove(&id) {
            peer.out.flush();
            self.worker_ids.remove(&peer.conn);
        }
    }

    /// Closes a client's connection, after what is queued for it.
    pub(super) fn remove_client(&mut self, id: ClientId) {
        if let Some(mut peer) = self.clients.remove(&id) {
            peer.out.flush();
            self.client_ids.remove(&peer.conn);
        }
    }

    /// Sends what the peers' queues take; whether anything is left for later.
    pub(super) fn flush(&mut self) -> bool {
        let unsent =
            std::mem::take(&mut *self.unsent.lock().unwrap_or_else(PoisonError::into_inner));
        let mut left = Vec::new();
        for who in unsent {
            let is_left = match who {
                Who::Worker(id) => self.workers.get_mut(&id).is_some_and(|peer| peer.out.flush()),
                Who::Client(id) => self.clients.get_mut(&id).is_some_and(|peer| peer.out.flush()),
            };
            if is_left {
                left.push(who);
            }
        }
        let is_left = !left.is_empty();
        *self.unsent.lock().unwrap_or_else(PoisonError::into_inner) = left;
        is_left
    }
}
