//! The data server: sends results to whoever asks, without passing the scheduler.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use taskreel_model::TaskId;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::Store;
use crate::wire::data::{CHUNK_BYTES, Fetch, Piece, Pieces};
use crate::wire::frame::{self, FrameError};
use crate::wire::handshake::{self, Connection, Role};
use crate::wire::pump::read_message;

/// Serves the results of one store over TCP.
#[derive(Debug)]
pub(crate) struct DataServer {
    listener: TcpListener,
    store: Arc<Store>,
    token: Option<Arc<str>>,
    sent_bytes: Arc<AtomicU64>,
}

impl DataServer {
    /// Listens at `host` on a free port.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) async fn bind(
        host: &str,
        store: Arc<Store>,
        token: Option<String>,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((host, 0)).await?;
        Ok(Self { listener, store, token: token.map(Into::into), sent_bytes: Arc::default() })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Bytes of results sent so far.
    pub(crate) fn sent_bytes(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.sent_bytes)
    }

    /// Serves for ever.
    pub(crate) async fn serve(self) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let (store, token) = (Arc::clone(&self.store), self.token.clone());
                    let sent_bytes = Arc::clone(&self.sent_bytes);
                    tokio::spawn(async move {
                        if let Err(error) = serve_peer(stream, &store, token, &sent_bytes).await {
                            tracing::debug!(error, "a peer left");
                        }
                    });
                }
                Err(error) => {
                    // Out of files, most likely: those who hold some will be done soon.
                    tracing::warn!(%error, "a peer could not be accepted");
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                }
            }
        }
    }
}

async fn serve_peer(
    stream: TcpStream,
    store: &Store,
    token: Option<Arc<str>>,
    sent_bytes: &AtomicU64,
) -> Result<(), String> {
    let (role, mut connection) =
        handshake::accept(stream, token.as_deref()).await.map_err(|e| e.to_string())?;
    if role != Role::Peer {
        return Err("this is a worker's data port, not a scheduler".to_owned());
    }
    while let Some(request) =
        read_message::<Fetch>(&mut connection.reader).await.map_err(|e| e.to_string())?
    {
        let sent = answer(&mut connection, store, &request.tasks).await;
        sent_bytes.fetch_add(sent.map_err(|e| e.to_string())?, Ordering::Relaxed);
    }
    Ok(())
}

/// Sends the results in the order asked for: small ones together, large ones in parts.
async fn answer(
    connection: &mut Connection,
    store: &Store,
    tasks: &[TaskId],
) -> Result<u64, FrameError> {
    let mut writer = PieceWriter { connection, pieces: Vec::new(), n_waiting: 0, n_sent: 0 };
    for &task in tasks {
        match store.get(task) {
            None => writer.add(task, None, Bytes::new()).await?,
            Some(mut result) => {
                let total = Some(result.len() as u64);
                while result.len() > CHUNK_BYTES {
                    let part = result.split_to(CHUNK_BYTES);
                    writer.add(task, total, part).await?;
                }
                writer.add(task, total, result).await?;
            }
        }
    }
    writer.flush().await?;
    Ok(writer.n_sent)
}

struct PieceWriter<'a> {
    connection: &'a mut Connection,
    pieces: Vec<Piece>,
    n_waiting: usize,
    n_sent: u64,
}

impl PieceWriter<'_> {
    async fn add(
        &mut self,
        task: TaskId,
        total_bytes: Option<u64>,
        data: Bytes,
    ) -> Result<(), FrameError> {
        if self.n_waiting + data.len() > CHUNK_BYTES {
            self.flush().await?;
        }
        self.n_waiting += data.len();
        self.pieces.push(Piece { task, total_bytes, data });
        Ok(())
    }

    async fn flush(&mut self) -> Result<(), FrameError> {
        if self.pieces.is_empty() {
            return Ok(());
        }
        let mut frame = BytesMut::new();
        let pieces = std::mem::take(&mut self.pieces);
        frame::encode(Pieces { pieces }, &mut Vec::new(), &mut frame)?;
        self.connection.writer.write_all(&frame).await?;
        self.n_sent += self.n_waiting as u64;
        self.n_waiting = 0;
        Ok(())
    }
}
