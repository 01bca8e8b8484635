//! What arrives at the scheduler's thread: one bounded queue for all connections.

use taskreel_model::LossReason;
use tokio::sync::{mpsc, oneshot};

use super::load::Load;
use crate::wire::LinkSender;
use crate::wire::message::{ClientHello, FromClient, FromWorker, ToClient, ToWorker, WorkerHello};
use crate::wire::operate::{Answer, Request};

/// How many inbound items may wait for the scheduler before senders are held back.
pub const INBOX_CAPACITY: usize = 4096;

/// The way to the scheduler's thread.
pub type Inbox = mpsc::Sender<Inbound>;

/// The scheduler's end of its inbox.
pub type InboxReceiver = mpsc::Receiver<Inbound>;

/// One connection of a worker or client, embedded or over TCP. Never used twice in a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// Something for the scheduler. Of one connection items arrive in the order in which they were
/// sent, `…Connected` first and `…Gone` last; nothing follows `…Gone`.
#[derive(Debug)]
pub enum Inbound {
    /// A worker connected. It expects `ToWorker::Welcome` first.
    WorkerConnected {
        /// Its connection.
        conn: ConnId,
        /// What it says of itself.
        hello: WorkerHello,
        /// The way to it. Dropping the sender closes the connection.
        tx: LinkSender<ToWorker>,
    },
    /// A worker sent a message.
    WorkerMessage {
        /// Its connection.
        conn: ConnId,
        /// What it sent.
        message: FromWorker,
    },
    /// A worker's connection ended.
    WorkerGone {
        /// Its connection.
        conn: ConnId,
        /// How.
        reason: LossReason,
    },
    /// A client connected. It expects `ToClient::Welcome` first.
    ClientConnected {
        /// Its connection.
        conn: ConnId,
        /// What it says of itself.
        hello: ClientHello,
        /// The way to it. Dropping the sender closes the connection.
        tx: LinkSender<ToClient>,
    },
    /// A client sent a message.
    ClientMessage {
        /// Its connection.
        conn: ConnId,
        /// What it sent.
        message: FromClient,
    },
    /// A client's connection ended.
    ClientGone {
        /// Its connection.
        conn: ConnId,
    },
    /// An operator asked for something.
    Operated {
        /// What.
        request: Request,
        /// Where the answer goes.
        reply: oneshot::Sender<Answer>,
    },
    /// How much is there to do?
    Load {
        /// Where the answer goes.
        reply: oneshot::Sender<Load>,
    },
    /// Stop: shut the workers down, close the trace and end the thread.
    Stop,
}

/// A new inbox with its usual bound.
pub fn inbox() -> (Inbox, InboxReceiver) {
    mpsc::channel(INBOX_CAPACITY)
}
