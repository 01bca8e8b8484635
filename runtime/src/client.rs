//! The client: submits calls and waits for their results.

mod away;
mod buffer;
mod carry;
mod completed;
mod error;
mod fetch;
mod future;
mod outgoing;
mod session;
mod shelf;
mod table;

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

pub(crate) use away::taking_turns;
pub use completed::{AsCompleted, Waited, as_completed, wait};
pub use error::{TaskError, TaskErrorKind};
pub use future::{Gather, Held, TaskFuture};
pub(crate) use session::mark_outside;

use crate::credentials::Credentials;
use crate::io_thread::IoThread;
use crate::peers::{LocalStores, Peers};
use crate::scheduler::inbound::{ConnId, Inbound, Inbox};
use crate::task::Call;
use crate::task::spec::{PULL, SpecWriter, VALUE};
use crate::tls::Tls;
use crate::wire::handshake::{self, HandshakeError, Role};
use crate::wire::link::LINK_CAPACITY;
use crate::wire::message::{ClientBefore, ClientHello};
use crate::wire::pump::Carried;
use crate::wire::{Link, LinkSender, codec, pump};
use crate::worker::own_address;
use carry::{ClientLink, Rejoin, Remote};
use session::Session;

/// How long to wait before the scheduler is tried again, at first and at the most.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Scattered values of so many bytes travel with their submission.
const SHORT_VALUE: usize = 1 << 20;

/// Pause before a full inbox is tried again.
const INBOX_PAUSE: Duration = Duration::from_micros(200);

/// A connection to a cluster, embedded or over TCP. Clones share it.
///
/// Submissions gather for up to a millisecond and travel together, so a hundred thousand calls of
/// `submit` are a few messages. Nothing here needs an async runtime, and futures can be awaited
/// on any.
#[derive(Clone, Debug)]
pub struct Client {
    session: Arc<Session>,
}

/// Why a client could not connect.
#[derive(Debug, Error)]
#[error("cannot connect to the cluster at {address}: {source}")]
pub struct ConnectError {
    address: String,
    #[source]
    source: HandshakeError,
}

/// How a client connects.
#[derive(Clone, Debug)]
pub struct ClientOptions {
    /// Its name, for people; also that of its graphs.
    pub name: String,
    /// The cluster's token, where it demands one.
    pub token: Option<String>,
    /// Its certificate, where the cluster speaks TLS.
    pub tls: Option<Tls>,
    /// How long a scheduler is looked for when the connection breaks: it may be started again, and
    /// then futures still resolve. By default 60 s.
    pub reconnect: Duration,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self { name: String::new(), token: None, tls: None, reconnect: Duration::from_secs(60) }
    }
}

/// The way to a scheduler.
#[derive(Clone, Debug)]
struct Door {
    host: String,
    name: String,
    credentials: Credentials,
    patience: Duration,
}

impl Door {
    async fn connect(
        &self,
        before: Option<ClientBefore>,
    ) -> Result<(ClientLink, Carried), HandshakeError> {
        let hello = ClientHello { name: self.name.clone(), embedded: false, before };
        let role = Role::Client(hello);
        handshake::connect(&self.host, role, &self.credentials).await.map(pump::carry)
    }

    fn rejoin(self) -> Rejoin {
        Box::new(move |before, still_wanted| {
            let door = self.clone();
            Box::pin(async move { door.connect_again(before, &*still_wanted).await })
        })
    }

    /// Tries as long as there is patience, and somebody who wants it.
    async fn connect_again(
        &self,
        before: ClientBefore,
        still_wanted: &(dyn Fn() -> bool + Send + Sync),
    ) -> Result<(ClientLink, Carried), String> {
        let begin = Instant::now();
        let mut pause = FIRST_PAUSE;
        loop {
            let error = match self.connect(Some(before.clone())).await {
                Ok(connected) => return Ok(connected),
                Err(error) => error,
            };
            let may_come = matches!(error, HandshakeError::Io(_) | HandshakeError::Silent);
            if !may_come || begin.elapsed() >= self.patience || !still_wanted() {
                return Err(error.to_string());
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}

impl Client {
    /// Connects to a scheduler at `tcp://host:port`.
    ///
    /// # Errors
    /// Nobody is there, or it speaks another version or refuses the token.
    pub fn connect(address: &str, options: &ClientOptions) -> Result<Self, ConnectError> {
        let failed = |source| ConnectError { address: address.to_owned(), source };
        let io_thread = IoThread::start("reel-client").map_err(|e| failed(e.into()))?;
        let io = io_thread.handle().clone();
        let (tx, rx) = std::sync::mpsc::channel();
        let host = address.strip_prefix("tcp://").unwrap_or(address).to_owned();
        let ClientOptions { name, token, tls, reconnect } = options.clone();
        let credentials = Credentials::new(token.as_deref(), tls);
        let door = Door {
            host,
            name: name.clone(),
            credentials: credentials.clone(),
            patience: reconnect,
        };
        let theirs = door.clone();
        io.spawn(async move {
            // The receiver waits below.
            let _ = tx.send(theirs.connect(None).await);
        });
        let connected = rx.recv().unwrap_or(Err(HandshakeError::Silent)).map_err(failed)?;
        let (link, carried) = connected;
        let remote = Some(Remote { carried, rejoin: door.clone().rejoin() });
        let peers = Peers::new(LocalStores::default(), credentials);
        if let Ok(own) = own_address(&door.host) {
            peers.set_host(own.ip().to_string());
        }
        Ok(Self { session: Session::new(link, remote, name, peers, (io, Some(io_thread))) })
    }

    /// Connects to a scheduler of this process.
    pub(crate) fn embedded(
        inbox: Inbox,
        conn: ConnId,
        name: &str,
        peers: Peers,
        io: &Handle,
    ) -> Self {
        let (tx, rx) = mpsc::channel(LINK_CAPACITY);
        let hello = ClientHello { name: name.to_owned(), embedded: true, before: None };
        let first = Inbound::ClientConnected { conn, hello, tx: LinkSender::queue(tx) };
        let mut first = Some(first);
        while let Some(inbound) = first.take() {
            // The scheduler waits for nobody: there will soon be room. One that is gone drops `tx`,
            // and so the session learns of it.
            if let Err(mpsc::error::TrySendError::Full(back)) = inbox.try_send(inbound) {
                first = Some(back);
                std::thread::sleep(INBOX_PAUSE);
            }
        }
        let wrap = |conn, message| Inbound::ClientMessage { conn, message };
        let link = Link { tx: LinkSender::inbox(inbox, conn, wrap), rx };
        Self { session: Session::new(link, None, name.to_owned(), peers, (io.clone(), None)) }
    }

    /// Submits one call. Returns at once; the task begins when a worker is free for it.
    pub fn submit<T>(&self, call: impl Into<Call<T>>) -> TaskFuture<T> {
        TaskFuture::new(self.session.submit(call.into().draft))
    }

    /// Submits a call for each item, as one graph. One of more than 8,192 calls is sent in parts, of which
    /// the first run while the others are made, and so is one whose items take longer than a quarter
    /// of a second to come.
    pub fn map<I, C, T>(
        &self,
        items: impl IntoIterator<Item = I>,
        mut call: impl FnMut(I) -> C,
    ) -> Vec<TaskFuture<T>>
    where
        C: Into<Call<T>>,
    {
        let items = items.into_iter();
        let _hold = self.session.hold(items.size_hint());
        items.map(|item| self.submit(call(item))).collect()
    }

    /// Puts a value onto a worker, for tasks to take it from there: worth it for what many tasks
    /// take. A value that takes more than 1 MiB does not pass through the scheduler: a worker fetches
    /// it from this process, and this waits until it has. As long as the future is there, this process
    /// keeps the value for another worker, should that one be lost.
    pub fn scatter<T: Serialize>(&self, value: &T) -> TaskFuture<T> {
        let mut encoded = Vec::new();
        let mut call = Call::<T>::new("scatter".into(), "scatter".into(), SpecWriter::new(VALUE));
        if let Err(error) = codec::encode_value(value, &mut encoded) {
            call.draft.refuse("value", &error);
        }
        if encoded.len() <= SHORT_VALUE {
            call.draft.spec.raw(&encoded);
            return self.submit(call);
        }
        let offer = match self.session.put(encoded.into()) {
            Ok(offer) => offer,
            Err(error) => {
                let message = format!("its value cannot be served: {error}");
                let error = TaskError::new(TaskErrorKind::Rejected, "scatter".to_owned(), message);
                return TaskFuture::new(Err(Arc::new(error)));
            }
        };
        call.draft.spec = SpecWriter::new(PULL);
        call.draft.spec.body(&offer).expect("a name and a number can be encoded");
        let held = self.session.submit(call.draft);
        if let Ok(held) = &held {
            self.session.name_value(held, offer.name);
            // How it ended is for those who want it.
            let _ = self.session.wait(held);
        }
        TaskFuture::new(held)
    }

    /// Combines results in pairs, pairs of pairs and so on until one is left: as a tree, of which
    /// many parts can run at once. `None` if there are none.
    pub fn reduce<T, C: Into<Call<T>>>(
        &self,
        futures: impl IntoIterator<Item = TaskFuture<T>>,
        mut combine: impl FnMut(TaskFuture<T>, TaskFuture<T>) -> C,
    ) -> Option<TaskFuture<T>> {
        let mut level: Vec<TaskFuture<T>> = futures.into_iter().collect();
        let _hold = self.session.hold((level.len(), Some(level.len())));
        while level.len() > 1 {
            let mut items = level.into_iter();
            let mut next = Vec::with_capacity(items.len().div_ceil(2));
            while let Some(left) = items.next() {
                next.push(match items.next() {
                    Some(right) => self.submit(combine(left, right)),
                    None => left,
                });
            }
            level = next;
        }
        level.pop()
    }

    /// Waits for one future or a list of them, and fetches the results together.
    ///
    /// # Errors
    /// The first failure, in the order of the futures.
    pub fn gather<G: Gather>(&self, futures: G) -> Result<G::Output, TaskError> {
        futures.gather()
    }

    /// Sends what was submitted so far, without waiting for the millisecond to pass.
    pub fn flush(&self) {
        self.session.flush();
    }

    /// Has it say of what is submitted on the thread of a task that this task did so.
    pub(crate) fn serve_tasks(&self) {
        self.session.serve_tasks();
    }

    /// Has all threads that wait look whether they still are to.
    pub(crate) fn wake(&self) {
        self.session.wake();
    }

    /// Names the graphs of later submissions; by default they have the client's name.
    pub fn name_graphs(&self, name: impl Into<String>) {
        self.session.name_graphs(name.into());
    }

    /// Leaves the cluster now, as dropping the client and all its futures does: what only it wanted is
    /// given up. Who waits for a future of it gets an error.
    pub fn leave(&self) {
        self.session.leave();
    }

    /// Asks the cluster to stop, with all that runs on it.
    pub fn shutdown_cluster(&self) {
        self.session.shut_down();
    }
}
