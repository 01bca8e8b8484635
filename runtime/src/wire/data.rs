//! The messages between a worker that serves results and whoever fetches them.

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use taskreel_model::TaskId;

use super::message::Message;

/// A result longer than this travels in several messages.
pub const CHUNK_BYTES: usize = 4 << 20;

/// A request: send me these results. Answered by pieces in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fetch {
    /// Whose results.
    pub tasks: Vec<TaskId>,
}

/// Some of what was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pieces {
    /// In the order of the request.
    pub pieces: Vec<Piece>,
}

/// A result, or a part of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// Whose result.
    pub task: TaskId,
    /// Size of the whole result; `None`: it is not here.
    pub total_bytes: Option<u64>,
    /// The part.
    #[serde(skip)]
    pub data: Bytes,
}

impl Message for Fetch {}

impl Message for Pieces {
    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Bytes)) {
        for piece in &mut self.pieces {
            visit(&mut piece.data);
        }
    }
}
