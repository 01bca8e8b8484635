//! Peers: the way to results that workers hold, in this process or on others.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};
use taskreel_model::{TaskId, TransferFailure};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use crate::wire::data::{Fetch, Pieces};
use crate::wire::frame::{self, FrameError};
use crate::wire::handshake::{self, Connection, Role};
use crate::wire::pump::read_message;
use crate::worker::Store;

/// Requests under way at once, each over a connection of its own; others wait their turn.
const PARALLEL_REQUESTS: usize = 32;

/// Idle connections kept per address.
const IDLE_CONNECTIONS: usize = 4;

/// Keys asked for in one request.
const KEYS_PER_REQUEST: usize = 4096;

/// Memory reserved for a result before any of it has arrived: no more on the word of a peer.
const TRUSTED_BYTES: u64 = 64 << 20;

/// The stores of the workers of this process, by address.
#[derive(Clone, Debug, Default)]
pub struct LocalStores {
    by_address: Arc<RwLock<BTreeMap<String, Arc<Store>>>>,
}

impl LocalStores {
    /// A worker of this process serves its results at `address`.
    pub(crate) fn insert(&self, address: String, store: Arc<Store>) {
        let mut stores = self.by_address.write().unwrap_or_else(PoisonError::into_inner);
        stores.insert(address, store);
    }

    fn get(&self, address: &str) -> Option<Arc<Store>> {
        self.by_address.read().unwrap_or_else(PoisonError::into_inner).get(address).cloned()
    }
}

/// Fetches results. Clones share connections.
#[derive(Clone, Debug)]
pub struct Peers {
    local: LocalStores,
    token: Option<Arc<str>>,
    idle: Arc<Mutex<HashMap<String, Vec<Connection>>>>,
    /// One for each request that may be under way.
    permits: Arc<Semaphore>,
    received: Arc<AtomicU64>,
}

impl Peers {
    /// Knows the stores of this process; others are reached by TCP with the cluster's token.
    pub fn new(local: LocalStores, token: Option<String>) -> Self {
        Self {
            local,
            token: token.map(Into::into),
            idle: Arc::default(),
            permits: Arc::new(Semaphore::new(PARALLEL_REQUESTS)),
            received: Arc::default(),
        }
    }

    /// Bytes of results received over TCP so far.
    pub fn received_bytes(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The store at an address, if it is one of this process.
    pub(crate) fn local_store(&self, address: &str) -> Option<Arc<Store>> {
        self.local.get(address)
    }

    /// Fetches results from the worker at `address`; gives them in the order of `tasks`.
    pub async fn fetch(
        &self,
        address: &str,
        tasks: &[TaskId],
    ) -> Vec<Result<Bytes, TransferFailure>> {
        if let Some(store) = self.local.get(address) {
            return tasks.iter().map(|&t| store.get(t).ok_or(TransferFailure::Missing)).collect();
        }
        let Some(host) = address.strip_prefix("tcp://") else {
            return vec![Err(TransferFailure::Unreachable); tasks.len()];
        };
        let mut results = Vec::with_capacity(tasks.len());
        for some in tasks.chunks(KEYS_PER_REQUEST) {
            match self.request(host, some).await {
                Ok(found) => results.extend(found),
                Err(error) => {
                    tracing::warn!(address, %error, "results could not be fetched");
                    results.resize(tasks.len(), Err(TransferFailure::Unreachable));
                    break;
                }
            }
        }
        results
    }

    /// Over an idle connection if there is one; it may have been closed since it was last used,
    /// and then a new one is tried.
    async fn request(
        &self,
        host: &str,
        tasks: &[TaskId],
    ) -> Result<Vec<Result<Bytes, TransferFailure>>, FetchError> {
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        if let Some(mut connection) = self.take_idle(host)
            && let Ok(results) = self.exchange(&mut connection, tasks).await
        {
            self.keep(host, connection);
            return Ok(results);
        }
        let mut connection = handshake::connect(host, Role::Peer, self.token.as_deref()).await?;
        let results = self.exchange(&mut connection, tasks).await?;
        self.keep(host, connection);
        Ok(results)
    }

    async fn exchange(
        &self,
        connection: &mut Connection,
        tasks: &[TaskId],
    ) -> Result<Vec<Result<Bytes, TransferFailure>>, FetchError> {
        let mut request = BytesMut::new();
        frame::encode(Fetch { tasks: tasks.to_vec() }, &mut Vec::new(), &mut request)?;
        connection.writer.write_all(&request).await.map_err(FrameError::Io)?;
        let mut results = Vec::with_capacity(tasks.len());
        let mut part: Option<(BytesMut, u64)> = None;
        while results.len() < tasks.len() {
            let message: Pieces =
                read_message(&mut connection.reader).await?.ok_or(FetchError::Closed)?;
            let alone = message.pieces.len() == 1;
            for piece in message.pieces {
                let expected = *tasks.get(results.len()).ok_or(FetchError::Disordered)?;
                if piece.task != expected {
                    return Err(FetchError::Disordered);
                }
                let Some(total) = piece.total_bytes else {
                    results.push(Err(TransferFailure::Missing));
                    continue;
                };
                self.received.fetch_add(piece.data.len() as u64, Ordering::Relaxed);
                if part.is_none() && piece.data.len() as u64 == total {
                    // A slice of a shared frame would keep all of the frame in memory.
                    let own = if alone { piece.data } else { Bytes::copy_from_slice(&piece.data) };
                    results.push(Ok(own));
                    continue;
                }
                if piece.data.is_empty() {
                    return Err(FetchError::Disordered);
                }
                let reserve = total.min(TRUSTED_BYTES) as usize;
                let (mut bytes, _) =
                    part.take().unwrap_or_else(|| (BytesMut::with_capacity(reserve), total));
                bytes.extend_from_slice(&piece.data);
                if bytes.len() as u64 >= total {
                    results.push(Ok(bytes.freeze()));
                } else {
                    part = Some((bytes, total));
                }
            }
        }
        Ok(results)
    }

    fn take_idle(&self, host: &str) -> Option<Connection> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).get_mut(host)?.pop()
    }

    fn keep(&self, host: &str, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let connections = idle.entry(host.to_owned()).or_default();
        if connections.len() < IDLE_CONNECTIONS {
            connections.push(connection);
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Handshake(#[from] handshake::HandshakeError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the worker closed the connection")]
    Closed,
    #[error("the worker sent what was not asked for")]
    Disordered,
}
