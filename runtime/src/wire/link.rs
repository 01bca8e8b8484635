//! Links: two bounded queues of messages, whatever lies between their ends.

use std::collections::VecDeque;
use std::iter;
use std::sync::Arc;

use thiserror::Error;
use tokio::sync::mpsc;

use super::outlet::Outlet;
use crate::scheduler::inbound::{ConnId, Inbound, Inbox};

/// How many messages may wait in one direction of a link. A message carries many items, so this
/// is thousands of tasks.
pub const LINK_CAPACITY: usize = 1024;

/// One end of a link.
#[derive(Debug)]
pub struct Link<Out, In> {
    /// To the other end.
    pub tx: LinkSender<Out>,
    /// From the other end; ends when the other end is gone.
    pub rx: mpsc::Receiver<In>,
}

/// The sending half of a link.
#[derive(Debug)]
pub struct LinkSender<T> {
    way: Way<T>,
}

#[derive(Debug)]
enum Way<T> {
    /// To a queue of such messages: a pump's, or an embedded worker's or client's.
    Queue(mpsc::Sender<T>),
    /// To a socket: written by the sender, or through the queue to the socket's pump.
    Socket { tx: mpsc::Sender<T>, outlet: Arc<Outlet>, write: Write<T> },
    /// To the scheduler's inbox, marked with the connection.
    Inbox { inbox: Inbox, conn: ConnId, wrap: fn(ConnId, T) -> Inbound },
}

/// Writes messages to a socket, or gives the first back: see `Outlet::write`.
type Write<T> = fn(&Outlet, &mut dyn Iterator<Item = T>) -> Option<T>;

/// Why a message could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SendError {
    /// The other end is gone.
    #[error("the connection is closed")]
    Closed,
    /// The other end does not keep up (only from `try_send`).
    #[error("the connection does not keep up: its queue is full")]
    Full,
}

impl<T> Clone for LinkSender<T> {
    fn clone(&self) -> Self {
        let way = match &self.way {
            Way::Queue(tx) => Way::Queue(tx.clone()),
            Way::Socket { tx, outlet, write } => {
                Way::Socket { tx: tx.clone(), outlet: Arc::clone(outlet), write: *write }
            }
            Way::Inbox { inbox, conn, wrap } => {
                Way::Inbox { inbox: inbox.clone(), conn: *conn, wrap: *wrap }
            }
        };
        Self { way }
    }
}

impl<T> LinkSender<T> {
    /// To a queue.
    pub fn queue(tx: mpsc::Sender<T>) -> Self {
        Self { way: Way::Queue(tx) }
    }

    /// To a socket.
    pub(super) fn socket(tx: mpsc::Sender<T>, outlet: Arc<Outlet>, write: Write<T>) -> Self {
        Self { way: Way::Socket { tx, outlet, write } }
    }

    /// To the scheduler, as messages of one connection.
    pub fn inbox(inbox: Inbox, conn: ConnId, wrap: fn(ConnId, T) -> Inbound) -> Self {
        Self { way: Way::Inbox { inbox, conn, wrap } }
    }

    /// Whether `try_send` would find room now, or find the other end gone. Only its one sender can
    /// rely on the answer.
    pub fn has_room(&self) -> bool {
        match &self.way {
            Way::Queue(tx) | Way::Socket { tx, .. } => tx.capacity() > 0 || tx.is_closed(),
            Way::Inbox { inbox, .. } => inbox.capacity() > 0 || inbox.is_closed(),
        }
    }

    /// Sends without waiting: for the scheduler's thread, which never waits for a peer.
    ///
    /// # Errors
    /// `Full` when the peer does not keep up, `Closed` when it is gone.
    pub fn try_send(&self, message: T) -> Result<(), SendError> {
        match &self.way {
            Way::Queue(tx) => tx.try_send(message).map_err(|e| refusal(&e)),
            Way::Socket { tx, outlet, write } => match write(outlet, &mut iter::once(message)) {
                None => Ok(()),
                Some(message) => tx.try_send(message).map_err(|e| {
                    outlet.unqueue();
                    refusal(&e)
                }),
            },
            Way::Inbox { inbox, conn, wrap } => {
                inbox.try_send(wrap(*conn, message)).map_err(|e| refusal(&e))
            }
        }
    }

    /// Sends what there is room for, from the front: to a socket as one piece, so that the other
    /// end wakes once. Never waits. Only for the one sender of this way, or one at a time.
    ///
    /// # Errors
    /// `Closed` when the other end is gone; some messages are lost then.
    pub fn try_send_all(&self, messages: &mut VecDeque<T>) -> Result<(), SendError> {
        while !messages.is_empty() && self.has_room() {
            let mut front = iter::from_fn(|| messages.pop_front());
            let sent = match &self.way {
                Way::Socket { tx, outlet, write } => match write(outlet, &mut front) {
                    None => Ok(()),
                    Some(message) => tx.try_send(message).map_err(|e| {
                        outlet.unqueue();
                        refusal(&e)
                    }),
                },
                Way::Queue(_) | Way::Inbox { .. } => {
                    front.next().map_or(Ok(()), |message| self.try_send(message))
                }
            };
            sent?;
        }
        Ok(())
    }

    /// Sends, waiting for room. For plain threads.
    ///
    /// # Errors
    /// `Closed` when the other end is gone.
    ///
    /// # Panics
    /// Within an async runtime, if it has to wait.
    pub fn blocking_send(&self, message: T) -> Result<(), SendError> {
        let sent = match &self.way {
            Way::Queue(tx) => queue(tx, message),
            Way::Socket { tx, outlet, write } => match write(outlet, &mut iter::once(message)) {
                None => true,
                Some(message) => queue(tx, message),
            },
            Way::Inbox { inbox, conn, wrap } => inbox.blocking_send(wrap(*conn, message)).is_ok(),
        };
        if sent { Ok(()) } else { Err(SendError::Closed) }
    }

    /// Sends, waiting for room.
    ///
    /// # Errors
    /// `Closed` when the other end is gone.
    pub async fn send(&self, message: T) -> Result<(), SendError> {
        let sent = match &self.way {
            Way::Queue(tx) => tx.send(message).await.is_ok(),
            Way::Socket { tx, outlet, write } => match write(outlet, &mut iter::once(message)) {
                None => true,
                Some(message) => tx.send(message).await.is_ok(),
            },
            Way::Inbox { inbox, conn, wrap } => inbox.send(wrap(*conn, message)).await.is_ok(),
        };
        if sent { Ok(()) } else { Err(SendError::Closed) }
    }
}

/// Two connected ends within this process.
pub fn pair<A, B>() -> (Link<A, B>, Link<B, A>) {
    let (a_tx, b_rx) = mpsc::channel(LINK_CAPACITY);
    let (b_tx, a_rx) = mpsc::channel(LINK_CAPACITY);
    (Link { tx: LinkSender::queue(a_tx), rx: a_rx }, Link { tx: LinkSender::queue(b_tx), rx: b_rx })
}

/// Puts a message into a queue, waiting for room if there is none; whether it arrived there.
fn queue<T>(tx: &mpsc::Sender<T>, message: T) -> bool {
    match tx.try_send(message) {
        Ok(()) => true,
        Err(mpsc::error::TrySendError::Full(message)) => tx.blocking_send(message).is_ok(),
        Err(mpsc::error::TrySendError::Closed(_)) => false,
    }
}

fn refusal<T>(error: &mpsc::error::TrySendError<T>) -> SendError {
    match error {
        mpsc::error::TrySendError::Full(_) => SendError::Full,
        mpsc::error::TrySendError::Closed(_) => SendError::Closed,
    }
}
