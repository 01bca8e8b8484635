//! The messages between a worker that serves results and whoever fetches them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use taskreel_model::TaskId;

use super::message::Message;

/// A result longer than this does not travel in a message: its bytes follow the message that
/// announces it as they are, so that neither side copies them.
pub const INLINE_BYTES: u64 = 64 << 10;

/// Results in messages are sent when they have this many bytes together.
pub const FLUSH_BYTES: usize = 1 << 20;

/// A request: send me these results. Answered by all of them in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Whose results.
    pub tasks: Vec<TaskId>,
}

/// Some of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// In the order of the request.
    pub results: Vec<FoundResult>,
}

/// A result, or word of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundResult {
    /// Whose result.
    pub task: TaskId,
    /// Its size; `None`: it is not here. More than [`INLINE_BYTES`]: its bytes follow this message,
    /// of which it is the last.
    pub bytes: Option<u64>,
    /// The result, if it is no longer than that.
    #[serde(skip)]
    pub data: Bytes,
}

impl Message for Fetch {}

impl Message for Found {
    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Bytes)) {
        for result in &mut self.results {
            visit(&mut result.data);
        }
    }
}
