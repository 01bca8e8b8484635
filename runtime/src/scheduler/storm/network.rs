//! Connections: messages arrive late, in order and once, or not at all, because the connection broke. Reports, which are
//! numbered, arrive again now and then.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use taskreel_model::LossReason;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::Instant;

use super::world::World;
use crate::scheduler::inbound::{ConnId, Inbound};
use crate::wire::LinkSender;
use crate::wire::link::LINK_CAPACITY;
use crate::wire::message::{ClientHello, FromClient, FromWorker, ToClient, ToWorker, WorkerHello};

/// More messages than ever wait: no peer has to wait for room.
const PEER_CAPACITY: usize = 1 << 20;

/// How late a message is at the most, in milliseconds.
const LATE_MS: u64 = 40;

/// A peer's end of a connection. Dropping `tx` closes it.
#[derive(Debug)]
pub(super) struct Connection<Out, In> {
    pub(super) tx: LinkSender<Out>,
    pub(super) rx: mpsc::UnboundedReceiver<In>,
    pub(super) line: Line,
}

/// What can happen to a connection.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// Nothing arrives before that instant.
    hangs_until: Arc<Mutex<Instant>>,
    pipes: Arc<Mutex<Vec<AbortHandle>>>,
}

impl Line {
    fn new() -> Self {
        Self { hangs_until: Arc::new(Mutex::new(Instant::now())), pipes: Arc::default() }
    }

    /// Nothing arrives for a time, then all of it.
    pub(super) fn hang(&self, time: Duration) {
        *self.hangs_until.lock().expect("one thread") = Instant::now() + time;
    }

    /// It breaks: what is on its way is lost.
    pub(super) fn cut(&self) {
        self.pipes.lock().expect("one thread").drain(..).for_each(|pipe| pipe.abort());
    }

    /// Waits as long as a message takes that is sent now.
    async fn carry(&self, world: &World) {
        world.pause(LATE_MS).await;
        let until = *self.hangs_until.lock().expect("one thread");
        tokio::time::sleep_until(until).await;
    }

    fn spawn(&self, pipe: impl Future<Output = ()> + Send + 'static) {
        let pipe = tokio::spawn(pipe).abort_handle();
        self.pipes.lock().expect("one thread").push(pipe);
    }
}

/// A worker connects; `None`: nobody is there.
pub(super) fn connect_worker(
    world: &Arc<World>,
    hello: WorkerHello,
) -> Option<Connection<FromWorker, ToWorker>> {
    let opened = |conn, tx| Inbound::WorkerConnected { conn, hello, tx };
    let arrived = |conn, message| Inbound::WorkerMessage { conn, message };
    let gone = |conn| Inbound::WorkerGone { conn, reason: LossReason::Disconnected };
    connect(world, opened, (arrived, numbered), gone)
}

/// What may come twice.
fn numbered(message: &FromWorker) -> Option<FromWorker> {
    let is_numbered = matches!(message, FromWorker::Reports { .. } | FromWorker::Late { .. });
    is_numbered.then(|| message.clone())
}

/// A client connects; `None`: nobody is there.
pub(super) fn connect_client(
    world: &Arc<World>,
    hello: ClientHello,
) -> Option<Connection<FromClient, ToClient>> {
    let opened = |conn, tx| Inbound::ClientConnected { conn, hello, tx };
    let arrived = |conn, message| Inbound::ClientMessage { conn, message };
    let gone = |conn| Inbound::ClientGone { conn };
    connect(world, opened, (arrived, |_: &FromClient| None), gone)
}

fn connect<Out: Send + 'static, In: Send + 'static>(
    world: &Arc<World>,
    opened: impl FnOnce(ConnId, LinkSender<In>) -> Inbound + Send + 'static,
    (arrived, numbered): (
        impl Fn(ConnId, Out) -> Inbound + Send + 'static,
        impl Fn(&Out) -> Option<Out> + Send + 'static,
    ),
    gone: impl Fn(ConnId) -> Inbound + Send + Sync + Copy + 'static,
) -> Option<Connection<Out, In>> {
    let inbox = world.scheduler()?;
    let conn = world.next_connection();
    let line = Line::new();
    let (tx, mut from_peer) = mpsc::channel(PEER_CAPACITY);
    let (to_peer, rx) = mpsc::unbounded_channel();
    let (scheduler_tx, mut from_scheduler) = mpsc::channel(LINK_CAPACITY);
    let (theirs, carried) = (Arc::clone(world), line.clone());
    line.spawn(async move {
        while let Some(message) = from_scheduler.recv().await {
            carried.carry(&theirs).await;
            if to_peer.send(message).is_err() {
                return;
            }
        }
    });
    // Told of the end of the other pipe, however it ends.
    let (alive, ended) = tokio::sync::oneshot::channel::<()>();
    let (theirs, carried, inbox_too) = (Arc::clone(world), line.clone(), inbox.clone());
    line.spawn(async move {
        let _alive = alive;
        carried.carry(&theirs).await;
        let link = LinkSender::queue(scheduler_tx);
        if inbox_too.send(opened(conn, link)).await.is_err() {
            return;
        }
        let mut earlier = None;
        while let Some(message) = from_peer.recv().await {
            carried.carry(&theirs).await;
            if theirs.draw().one_in(4) {
                earlier = numbered(&message).or(earlier);
            }
            if inbox_too.send(arrived(conn, message)).await.is_err() {
                return;
            }
            let again = if theirs.draw().one_in(12) { earlier.take() } else { None };
            if let Some(again) = again {
                theirs.truth().seen.again += 1;
                if inbox_too.send(arrived(conn, again)).await.is_err() {
                    return;
                }
            }
        }
    });
    let theirs = Arc::clone(world);
    tokio::spawn(async move {
        let _ended = ended.await;
        theirs.pause(1_000).await;
        // The scheduler may be down by now.
        let _ = inbox.send(gone(conn)).await;
    });
    Some(Connection { tx: LinkSender::queue(tx), rx, line })
}
