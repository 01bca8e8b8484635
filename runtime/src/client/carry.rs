//! Carrying a session: over one connection after the other.
//!
//! What the client sends is kept until the scheduler has it in its log. When the connection breaks,
//! or the scheduler is started again, the client connects as who it was, sends that again, and asks
//! how the tasks stand that it waits for. What arrives twice is taken once.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskreel_model::Nanos;
use tokio::sync::mpsc;

use super::outgoing::Sent;
use super::session::{Core, lock};
use crate::wire::message::{ClientBefore, FromClient, ToClient};
use crate::wire::pump::Carried;
use crate::wire::{Link, LinkSender};

/// How long submissions gather before they are sent, if nobody waits.
const GATHER_TIME: Duration = Duration::from_millis(1);

/// After so many rounds in which nothing came, the buffer is left alone until something does.
const IDLE_ROUNDS: u32 = 20;

/// How long a client that leaves waits for its last words to be written.
const LAST_WORDS: Duration = Duration::from_secs(1);

pub(crate) type ClientLink = Link<FromClient, ToClient>;

/// How a session on a connection finds its scheduler again.
pub(crate) struct Remote {
    /// Carries the first link.
    pub(crate) carried: Carried,
    /// Connects again, as who the client was before; an error says why that is not to be.
    pub(crate) rejoin: Rejoin,
}

/// Connects again. The function tells whether it is still worth trying.
pub(crate) type Rejoin = Box<dyn Fn(ClientBefore, StillWanted) -> Rejoining + Send + Sync>;

pub(crate) type StillWanted = Box<dyn Fn() -> bool + Send + Sync>;

type Rejoining = Pin<Box<dyn Future<Output = Result<(ClientLink, Carried), String>> + Send>>;

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("carried", &self.carried).finish_non_exhaustive()
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ended {
    /// The client has left, or the scheduler said that it stops.
    Closed,
    /// It broke.
    Gone,
}

/// Carries a session until the client leaves, or the scheduler is gone for good.
pub(super) async fn converse(core: Arc<Core>, link: ClientLink, mut remote: Option<Remote>) {
    let mut link = Some(link);
    while let Some(Link { tx, rx }) = link.take() {
        lock(&core.outgoing).attach(tx.clone(), remote.is_some());
        let ended = tokio::select! {
            ended = send(&core, &tx) => ended,
            ended = receive(&core, rx, &tx) => ended,
        };
        lock(&core.outgoing).detach();
        drop(tx);
        let Some(Remote { carried, rejoin }) = &mut remote else { break };
        if ended == Ended::Closed {
            // Late or not: there is nothing more to do than to go.
            let _ = tokio::time::timeout(LAST_WORDS, carried.written()).await;
            break;
        }
        carried.cut();
        match again(&core, rejoin).await {
            Ok((next, carries)) => {
                (link, *carried) = (Some(next), carries);
                let pending = lock(&core.table).pending();
                core.add(|buffer| pending.into_iter().for_each(|local| buffer.locate(local)));
            }
            Err(reason) => core.close(reason),
        }
    }
    core.close("the connection to the scheduler is closed".to_owned());
    *lock(&core.sent_all) = true;
    core.farewell.notify_all();
}

async fn again(core: &Arc<Core>, rejoin: &Rejoin) -> Result<(ClientLink, Carried), String> {
    let closed = "the connection to the scheduler is closed";
    let before = lock(&core.outgoing).before().ok_or(closed)?;
    tracing::warn!("the connection to the scheduler broke: trying again");
    let theirs = Arc::clone(core);
    let still_wanted = Box::new(move || !lock(&theirs.buffer).closing);
    rejoin(before, still_wanted).await.map_err(|why| format!("{closed}: {why}"))
}

/// Sends what gathers in the buffer: each millisecond as long as something comes, or when it is full;
/// what a `map` makes that fits into one graph only when it is all there.
/// Who waits for a result does not wait for this.
async fn send(core: &Core, tx: &LinkSender<FromClient>) -> Ended {
    let mut n_idle = 0;
    loop {
        let (closing, nothing, held) = {
            let mut buffer = lock(&core.buffer);
            n_idle = if buffer.is_empty() { n_idle + 1 } else { 0 };
            buffer.watched = n_idle < IDLE_ROUNDS;
            (buffer.closing, !buffer.watched, buffer.is_held(Instant::now()))
        };
        let sent = if held { Sent::All } else { core.send() };
        match sent {
            Sent::All if closing => {
                // If the scheduler is gone it needs no goodbye.
                let _ = tx.send(FromClient::Goodbye).await;
                return Ended::Closed;
            }
            Sent::All => {}
            Sent::Some => n_idle = 0,
            Sent::Gone => return Ended::Gone,
        }
        if nothing {
            core.some.notified().await;
        }
        // Elapsed or told: either way it is time.
        let _ = tokio::time::timeout(GATHER_TIME, core.now.notified()).await;
    }
}

/// Takes what the scheduler sends until it is gone.
async fn receive(
    core: &Core,
    mut rx: mpsc::Receiver<ToClient>,
    tx: &LinkSender<FromClient>,
) -> Ended {
    let mut silence = None;
    while let Some(message) = next(&mut rx, silence).await {
        match message {
            ToClient::Welcome { client, run, resumed, silence: limit } => {
                tracing::debug!(%client, resumed, "connected");
                silence = limit;
                lock(&core.outgoing).welcomed(run, client);
            }
            ToClient::Accepted { n_messages } => lock(&core.outgoing).accepted(n_messages),
            // An answer that finds no room is not needed: what fills the link is sign enough.
            ToClient::Ping => drop(tx.try_send(FromClient::Pong)),
            ToClient::Ended(ends) => {
                let (wakers, released) = lock(&core.table).end(ends);
                core.ended.notify_all();
                wakers.into_iter().for_each(std::task::Waker::wake);
                for local in released {
                    core.add(|buffer| buffer.release(local));
                }
            }
            ToClient::Rejected { local, n_tasks, reason } => {
                let ends = super::fetch::rejected(local, n_tasks, &reason);
                let (wakers, _) = lock(&core.table).end(ends);
                core.ended.notify_all();
                wakers.into_iter().for_each(std::task::Waker::wake);
            }
            ToClient::Closing { reason } => {
                core.close(reason);
                return Ended::Closed;
            }
        }
    }
    Ended::Gone
}

/// The next message; `None`: the connection broke, or nothing came for too long.
async fn next(rx: &mut mpsc::Receiver<ToClient>, silence: Option<Nanos>) -> Option<ToClient> {
    if let Ok(message) = rx.try_recv() {
        return Some(message);
    }
    match silence {
        None => rx.recv().await,
        Some(silence) => {
            let limit = Duration::from_nanos(silence.0);
            tokio::time::timeout(limit, rx.recv()).await.ok().flatten()
        }
    }
}
