//! The data server: sends results to whoever asks, without passing the scheduler.

use std::fs::File;
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Bytes, BytesMut};
use taskreel_model::TaskId;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use super::Store;
use super::store::Held;
use crate::credentials::Credentials;
use crate::wire::data::{FLUSH_BYTES, Fetch, Found, FoundResult, INLINE_BYTES};
use crate::wire::frame::{self, FrameError};
use crate::wire::handshake::{self, Connection, Role};
use crate::wire::pump::read_message;
use crate::wire::socket::WriteHalf;

/// Bytes of a long result that are read or written at once.
const PART_BYTES: usize = 1 << 20;

/// Serves the results of one store over TCP.
#[derive(Debug)]
pub(crate) struct DataServer {
    listener: TcpListener,
    store: Arc<Store>,
    credentials: Credentials,
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
        credentials: Credentials,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((host, 0)).await?;
        Ok(Self { listener, store, credentials, sent_bytes: Arc::default() })
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
                    let (store, credentials) = (Arc::clone(&self.store), self.credentials.clone());
                    let sent_bytes = Arc::clone(&self.sent_bytes);
                    tokio::spawn(async move {
                        if let Err(error) =
                            serve_peer(stream, &store, &credentials, &sent_bytes).await
                        {
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
    credentials: &Credentials,
    sent_bytes: &AtomicU64,
) -> Result<(), String> {
    let (role, mut connection) =
        handshake::accept(stream, credentials).await.map_err(|e| e.to_string())?;
    if role != Role::Peer {
        return Err("this is a worker's data port, not a scheduler".to_owned());
    }
    while let Some(request) =
        read_message::<Fetch>(&mut connection.reader).await.map_err(|e| e.to_string())?
    {
        let answered = answer(&mut connection, store, &request.tasks, sent_bytes).await;
        answered.map_err(|e| e.to_string())?;
    }
    Ok(())
}

/// Sends the results in the order asked for: small ones together, long ones as they lie.
async fn answer(
    connection: &mut Connection,
    store: &Store,
    tasks: &[TaskId],
    sent_bytes: &AtomicU64,
) -> Result<(), FrameError> {
    let writer = &mut connection.writer;
    let mut answer = Answer { writer, results: Vec::new(), n_bytes: 0, sent_bytes };
    for &task in tasks {
        match store.open(task) {
            None => answer.add(task, None, Bytes::new()).await?,
            Some(Held::Memory(result)) if result.len() as u64 <= INLINE_BYTES => {
                answer.add(task, Some(result.len() as u64), result).await?;
            }
            Some(Held::Memory(result)) => {
                answer.announce(task, result.len() as u64).await?;
                answer.send_memory(&result).await?;
            }
            Some(Held::Disk(file, bytes)) if bytes <= INLINE_BYTES => {
                let result = read(file, bytes as usize).await?.1;
                answer.add(task, Some(bytes), result).await?;
            }
            Some(Held::Disk(file, bytes)) => {
                answer.announce(task, bytes).await?;
                answer.send_file(file, bytes).await?;
            }
        }
    }
    answer.flush().await?;
    Ok(connection.writer.flush().await?)
}

struct Answer<'a> {
    writer: &'a mut WriteHalf,
    results: Vec<FoundResult>,
    n_bytes: usize,
    sent_bytes: &'a AtomicU64,
}

impl Answer<'_> {
    async fn add(
        &mut self,
        task: TaskId,
        bytes: Option<u64>,
        data: Bytes,
    ) -> Result<(), FrameError> {
        self.n_bytes += data.len();
        self.results.push(FoundResult { task, bytes, data });
        if self.n_bytes >= FLUSH_BYTES {
            self.flush().await?;
        }
        Ok(())
    }

    /// Says that the bytes of a result come next.
    async fn announce(&mut self, task: TaskId, bytes: u64) -> Result<(), FrameError> {
        self.results.push(FoundResult { task, bytes: Some(bytes), data: Bytes::new() });
        self.flush().await
    }

    async fn flush(&mut self) -> Result<(), FrameError> {
        if self.results.is_empty() {
            return Ok(());
        }
        let mut frame = BytesMut::new();
        let results = std::mem::take(&mut self.results);
        frame::encode(Found { results }, &mut Vec::new(), &mut frame)?;
        self.writer.write_all(&frame).await?;
        let n_bytes = std::mem::take(&mut self.n_bytes);
        self.sent(n_bytes);
        Ok(())
    }

    async fn send_memory(&mut self, result: &[u8]) -> Result<(), FrameError> {
        for part in result.chunks(PART_BYTES) {
            self.writer.write_all(part).await?;
            self.sent(part.len());
        }
        Ok(())
    }

    /// Part by part: a spilled result is sent without coming back into memory.
    async fn send_file(&mut self, mut file: File, bytes: u64) -> Result<(), FrameError> {
        let mut left = bytes;
        while left > 0 {
            let part;
            (file, part) = read(file, left.min(PART_BYTES as u64) as usize).await?;
            self.writer.write_all(&part).await?;
            self.sent(part.len());
            left -= part.len() as u64;
        }
        Ok(())
    }

    fn sent(&self, n_bytes: usize) {
        self.sent_bytes.fetch_add(n_bytes as u64, Ordering::Relaxed);
    }
}

/// Reads the next `n_bytes` of a file, beside the thread that serves the sockets.
async fn read(mut file: File, n_bytes: usize) -> io::Result<(File, Bytes)> {
    let reading = tokio::task::spawn_blocking(move || {
        let mut part = vec![0; n_bytes];
        file.read_exact(&mut part)?;
        Ok((file, part.into()))
    });
    reading.await.map_err(io::Error::other)?
}
