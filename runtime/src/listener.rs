//! The scheduler's door: accepts workers and clients on one port, and carries what they say to
//! the scheduler's inbox.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::BytesMut;
use taskreel_model::LossReason;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};

use crate::credentials::Credentials;
use crate::scheduler::inbound::{ConnId, Inbound, Inbox};
use crate::wire::LinkSender;
use crate::wire::frame::{self, FrameError};
use crate::wire::handshake::{self, Connection, Role};
use crate::wire::message::{FromClient, FromWorker, Message, ToClient, ToWorker};
use crate::wire::operate::Request;
use crate::wire::outlet;
use crate::wire::pump::read_message;

/// Pause after a connection could not be accepted: out of files, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Numbers the connections of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnIds(Arc<AtomicU64>);

impl ConnIds {
    pub(crate) fn next(&self) -> ConnId {
        ConnId(self.0.fetch_add(1, Ordering::Relaxed))
    }
}

/// Accepts connections for a scheduler.
#[derive(Debug)]
pub(crate) struct Listener {
    listener: TcpListener,
    door: Door,
    n_workers: watch::Receiver<usize>,
}

/// What each connection needs.
#[derive(Clone, Debug)]
struct Door {
    inbox: Inbox,
    conn_ids: ConnIds,
    credentials: Credentials,
    n_workers: Arc<watch::Sender<usize>>,
}

impl Listener {
    /// Listens at `address` (`host:port`; port 0: any that is free).
    ///
    /// # Errors
    /// The address is in use or not this machine's.
    pub(crate) async fn bind(
        address: &str,
        inbox: Inbox,
        conn_ids: ConnIds,
        credentials: Credentials,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let (tx, n_workers) = watch::channel(0);
        let door = Door { inbox, conn_ids, credentials, n_workers: Arc::new(tx) };
        Ok(Self { listener, door, n_workers })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// How many workers have connected so far.
    pub(crate) fn n_workers(&self) -> watch::Receiver<usize> {
        self.n_workers.clone()
    }

    /// Accepts for ever.
    pub(crate) async fn serve(self) {
        loop {
            match self.listener.accept().await {
                Ok((stream, from)) => {
                    let door = self.door.clone();
                    tokio::spawn(async move { door.receive(stream, from).await });
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

impl Door {
    async fn receive(self, stream: TcpStream, from: SocketAddr) {
        match handshake::accept(stream, &self.credentials).await {
            Ok((Role::Worker(hello), connection)) => {
                let conn = self.conn_ids.next();
                let wrap = |tx| Inbound::WorkerConnected { conn, hello, tx };
                let ended = self.carry::<ToWorker, FromWorker>(
                    connection,
                    wrap,
                    |message| Inbound::WorkerMessage { conn, message },
                    || self.n_workers.send_modify(|n| *n += 1),
                );
                let ended = ended.await;
                tracing::debug!(?conn, %from, ?ended, "a worker's connection ended");
                self.tell(Inbound::WorkerGone { conn, reason: LossReason::Disconnected }).await;
            }
            Ok((Role::Client(hello), connection)) => {
                let conn = self.conn_ids.next();
                let wrap = |tx| Inbound::ClientConnected { conn, hello, tx };
                let ended = self.carry::<ToClient, FromClient>(
                    connection,
                    wrap,
                    |message| Inbound::ClientMessage { conn, message },
                    || {},
                );
                let ended = ended.await;
                tracing::debug!(?conn, %from, ?ended, "a client's connection ended");
                self.tell(Inbound::ClientGone { conn }).await;
            }
            Ok((Role::Operator, connection)) => {
                let ended = self.operate(connection).await;
                tracing::debug!(%from, ?ended, "an operator left");
            }
            Ok((Role::Peer, _)) => tracing::warn!(%from, "asked the scheduler for results"),
            Err(error) => tracing::warn!(%from, %error, "a connection was refused"),
        }
    }

    /// Carries messages both ways until either end is gone.
    async fn carry<Out: Message, In: Message>(
        &self,
        connection: Connection,
        first: impl FnOnce(LinkSender<Out>) -> Inbound,
        wrap: impl Fn(In) -> Inbound,
        connected: impl FnOnce(),
    ) -> Result<(), FrameError> {
        let Connection { mut reader, writer } = connection;
        let (tx, pump) = outlet::open(writer);
        if !self.tell(first(tx)).await {
            return Ok(());
        }
        connected();
        let reading = async {
            while let Some(message) = read_message::<In>(&mut reader).await? {
                if !self.tell(wrap(message)).await {
                    break;
                }
            }
            Ok(())
        };
        // The scheduler closes by dropping its sender: then the writer ends, after what is queued.
        tokio::select! {
            ended = reading => ended,
            ended = pump.run() => ended,
        }
    }

    /// Answers an operator until it leaves, or the scheduler is gone.
    async fn operate(&self, connection: Connection) -> Result<(), FrameError> {
        let Connection { mut reader, mut writer } = connection;
        while let Some(request) = read_message::<Request>(&mut reader).await? {
            let (reply, answer) = oneshot::channel();
            if !self.tell(Inbound::Operated { request, reply }).await {
                break;
            }
            let Ok(answer) = answer.await else { break };
            let mut out = BytesMut::new();
            frame::encode(answer, &mut Vec::new(), &mut out)?;
            writer.write_all(&out).await?;
            writer.flush().await?;
        }
        Ok(())
    }

    /// Whether the scheduler still listens.
    async fn tell(&self, inbound: Inbound) -> bool {
        self.inbox.send(inbound).await.is_ok()
    }
}
