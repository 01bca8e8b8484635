//! Long values that a client scattered: the worker fetches them from the client, as it fetches
//! results from its peers.

use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use taskreel_model::{FailureKind, TaskId};
use tokio::runtime::Handle;

use super::{Completed, Executor, Failure, Job};
use crate::peers::Peers;
use crate::task::span;
use crate::wire::codec;
use crate::worker::Store;

/// How often it is looked whether the value is still wanted.
const LOOK: Duration = Duration::from_millis(50);

/// Where a value is, as such a task's spec says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    /// Where the client serves it.
    pub(crate) address: String,
    /// Its name there.
    pub(crate) name: TaskId,
    /// Its size.
    pub(crate) bytes: u64,
}

/// The executor of long scattered values. One whose worker is lost is fetched anew by another, as
/// long as the client has it.
#[derive(Debug)]
pub(crate) struct PullExecutor {
    pub(crate) peers: Peers,
    pub(crate) store: Arc<Store>,
    pub(crate) io: Handle,
}

impl Executor for PullExecutor {
    fn run(&self, job: &Job<'_>) -> Result<Completed, Failure> {
        let malformed = |error| Failure::new(FailureKind::Codec, format!("its spec {error}"));
        let Offer { address, name, bytes } = codec::decode_value(job.body).map_err(malformed)?;
        // If the disk takes nothing, there is more in memory for a while.
        let _ = self.store.make_room(bytes);
        let _fetching = span(format!("fetch {bytes} bytes from the client at {address}"));
        let begin = Instant::now();
        let (tx, rx) = mpsc::channel();
        let (peers, from) = (self.peers.clone(), address.clone());
        let fetching = self.io.spawn(async move {
            // Nobody waits any more once the task was revoked.
            let _ = tx.send(peers.fetch(&from, &[name]).await.pop());
        });
        let fetched = loop {
            match rx.recv_timeout(LOOK) {
                Ok(fetched) => break fetched,
                Err(RecvTimeoutError::Timeout) if job.cancellation.reason().is_none() => {}
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    fetching.abort();
                    break None;
                }
            }
        };
        let lost = |_why| {
            let message = format!(
                "its value of {bytes} bytes could not be fetched from the client at {address}, after {:?}",
                begin.elapsed()
            );
            Failure::new(FailureKind::Unavailable, message)
        };
        let given_up = || Err(taskreel_model::TransferFailure::Cancelled);
        let result = fetched.unwrap_or_else(given_up).map_err(lost)?;
        Ok(Completed { result, decode_took: Duration::ZERO, encode_took: Duration::ZERO })
    }

    fn can_stop(&self) -> bool {
        true
    }
}
