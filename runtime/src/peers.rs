//! Peers: the way to results that workers hold, in this process or on others.

mod space;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, Weak};
use std::time::{Duration, Instant};

use bytes::{BufMut, Bytes, BytesMut};
use taskreel_model::{TaskId, TransferFailure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Semaphore;

use crate::credentials::Credentials;
use crate::wire::data::{Fetch, Found};
use crate::wire::frame::{self, FrameError};
use crate::wire::handshake::{self, Connection, Role};
use crate::wire::pump::read_message;
use crate::worker::Store;
use space::Space;

/// Requests under way at once, each over a connection of its own; others wait their turn.
const PARALLEL_REQUESTS: usize = 32;

/// Idle connections kept per address...
const IDLE_CONNECTIONS: usize = 4;

/// ...and for how long: those to workers that are gone would be kept for ever.
const IDLE_TIME: Duration = Duration::from_secs(10);

/// Keys asked for in one request.
const KEYS_PER_REQUEST: usize = 4096;

/// A holder that sends nothing for so long is taken for gone: it may be stopped, or cut off.
const STALL: Duration = Duration::from_secs(20);

/// The stores of the workers of this process, by address.
#[derive(Clone, Debug, Default)]
pub struct LocalStores {
    by_address: Arc<RwLock<BTreeMap<String, Weak<Store>>>>,
}

impl LocalStores {
    /// A worker of this process serves its results at `address`.
    pub(crate) fn insert(&self, address: String, store: &Arc<Store>) {
        let mut stores = self.by_address.write().unwrap_or_else(PoisonError::into_inner);
        // Those of workers that left are gone.
        stores.retain(|_, store| store.strong_count() > 0);
        stores.insert(address, Arc::downgrade(store));
    }

    fn get(&self, address: &str) -> Option<Arc<Store>> {
        self.by_address.read().unwrap_or_else(PoisonError::into_inner).get(address)?.upgrade()
    }
}

/// Fetches results. Clones share connections.
#[derive(Clone, Debug)]
pub struct Peers {
    local: LocalStores,
    credentials: Credentials,
    /// Where others reach this process.
    host: Arc<OnceLock<String>>,
    idle: Arc<Mutex<Idle>>,
    /// One for each request that may be under way.
    permits: Arc<Semaphore>,
    received: Arc<AtomicU64>,
}

/// Connections that wait for their next request, by address, with the instant since when.
#[derive(Debug)]
struct Idle {
    by_address: HashMap<String, Vec<(Instant, Connection)>>,
    swept_at: Instant,
}

impl Peers {
    /// Knows the stores of this process; others are reached by TCP.
    pub fn new(local: LocalStores, credentials: Credentials) -> Self {
        Self {
            local,
            credentials,
            host: Arc::default(),
            idle: Arc::new(Mutex::new(Idle {
                by_address: HashMap::new(),
                swept_at: Instant::now(),
            })),
            permits: Arc::new(Semaphore::new(PARALLEL_REQUESTS)),
            received: Arc::default(),
        }
    }

    /// Others reach this process at that address; the first word stands.
    pub(crate) fn set_host(&self, host: String) {
        let _ = self.host.set(host);
    }

    /// Where others reach this process: on this machine only, if nobody said otherwise.
    pub(crate) fn host(&self) -> &str {
        self.host.get().map_or("127.0.0.1", String::as_str)
    }

    /// What a peer must show, and shows.
    pub(crate) fn credentials(&self) -> Credentials {
        self.credentials.clone()
    }

    /// This process serves a store at an address: its own parts need no connection to it.
    pub(crate) fn add_local(&self, address: &str, store: &Arc<Store>) {
        self.local.insert(address.to_owned(), store);
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
            return fetch_local(store, tasks).await;
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
        let mut connection = handshake::connect(host, Role::Peer, &self.credentials).await?;
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
        connection.writer.flush().await.map_err(FrameError::Io)?;
        let mut results = Vec::with_capacity(tasks.len());
        while results.len() < tasks.len() {
            let message: Found =
                patient(read_message(&mut connection.reader)).await??.ok_or(FetchError::Closed)?;
            let alone = message.results.len() == 1;
            let last = message.results.len().saturating_sub(1);
            for (position, found) in message.results.into_iter().enumerate() {
                let expected = *tasks.get(results.len()).ok_or(FetchError::Disordered)?;
                if found.task != expected {
                    return Err(FetchError::Disordered);
                }
                results.push(match found.bytes {
                    None => Err(TransferFailure::Missing),
                    Some(bytes) if found.data.len() as u64 == bytes => {
                        self.received.fetch_add(bytes, Ordering::Relaxed);
                        // A slice of a shared frame would keep all of the frame in memory.
                        Ok(if alone { found.data } else { Bytes::copy_from_slice(&found.data) })
                    }
                    Some(bytes) if position == last && found.data.is_empty() => {
                        Ok(self.read_long(connection, bytes).await?)
                    }
                    Some(_) => return Err(FetchError::Disordered),
                });
            }
        }
        Ok(results)
    }

    /// Reads the bytes that follow a message from the socket into their place.
    async fn read_long(
        &self,
        connection: &mut Connection,
        bytes: u64,
    ) -> Result<Bytes, FetchError> {
        let len = usize::try_from(bytes).map_err(|_too_long| FetchError::Disordered)?;
        let mut space = Space::new(len).map_err(|_none| FetchError::TooLong(bytes))?;
        while let Some((mut part, room)) = space.next().await? {
            self.fill(connection, &mut part, room).await?;
            space.fill(part);
        }
        Ok(space.into_bytes())
    }

    /// Reads so many bytes into a part.
    async fn fill(
        &self,
        connection: &mut Connection,
        part: &mut BytesMut,
        room: usize,
    ) -> Result<(), FetchError> {
        // What was read together with the message.
        let buffer = connection.reader.read_buffer_mut();
        let early = buffer.split_to(buffer.len().min(room));
        part.extend_from_slice(&early);
        self.received.fetch_add(early.len() as u64, Ordering::Relaxed);
        let socket = connection.reader.get_mut();
        while part.len() < room {
            let left = room - part.len();
            let n = patient(socket.read_buf(&mut part.limit(left))).await?;
            let n = n.map_err(FrameError::Io)?;
            if n == 0 {
                return Err(FetchError::Closed);
            }
            self.received.fetch_add(n as u64, Ordering::Relaxed);
        }
        Ok(())
    }

    fn take_idle(&self, host: &str) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.by_address.get_mut(host)?.pop().map(|(_, connection)| connection)
    }

    fn keep(&self, host: &str, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let connections = idle.by_address.entry(host.to_owned()).or_default();
        if connections.len() < IDLE_CONNECTIONS {
            connections.push((now, connection));
        }
        if now - idle.swept_at > IDLE_TIME {
            idle.swept_at = now;
            idle.by_address.retain(|_, connections| {
                connections.retain(|(since, _)| now - *since <= IDLE_TIME);
                !connections.is_empty()
            });
        }
    }
}

/// From a worker of this process; what it has spilled is read beside the calling thread.
async fn fetch_local(store: Arc<Store>, tasks: &[TaskId]) -> Vec<Result<Bytes, TransferFailure>> {
    let mut results: Vec<Option<Bytes>> = tasks.iter().map(|&task| store.get(task)).collect();
    if results.iter().any(Option::is_none) {
        let tasks = tasks.to_vec();
        let reading = tokio::task::spawn_blocking(move || {
            for (task, result) in tasks.iter().zip(&mut results) {
                if result.is_none() {
                    *result = store.read(*task);
                }
            }
            results
        });
        results = reading.await.unwrap_or_default();
    }
    results.into_iter().map(|result| result.ok_or(TransferFailure::Missing)).collect()
}

async fn patient<T>(reading: impl Future<Output = T>) -> Result<T, FetchError> {
    tokio::time::timeout(STALL, reading).await.map_err(|_elapsed| FetchError::Stalled)
}

#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error("the worker sent nothing for {} s", STALL.as_secs())]
    Stalled,
    #[error(transparent)]
    Handshake(#[from] handshake::HandshakeError),
    #[error(transparent)]
    Frame(#[from] FrameError),
    #[error("the worker closed the connection")]
    Closed,
    #[error("the worker sent what was not asked for")]
    Disordered,
    #[error("there is no memory for a result of {0} bytes")]
    TooLong(u64),
    #[error("the runtime ends")]
    Ending(#[from] tokio::task::JoinError),
}
