//! The messages of an operator: somebody who asks about a cluster or steers it, and runs nothing
//! on it. A request is answered by one answer.

use serde::{Deserialize, Serialize};
use taskreel_model::{ClientId, GraphId, Nanos, TaskId, WorkerId};

use super::message::Message;

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// How is the cluster?
    Status,
    /// Give these up.
    Cancel(Target),
    /// Empty the worker of this name or id, and let it go.
    Retire(String),
    /// Stop the cluster.
    Shutdown,
}

/// What is to be given up, with all that depends on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Target {
    /// One task, by its id.
    Task(TaskId),
    /// The live tasks of this key.
    Key(String),
    /// A graph.
    Graph(GraphId),
    /// What a client wants.
    Client(ClientId),
}

/// What an operator is answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To `Request::Status`. Boxed: it is far larger than the others.
    Status(Box<ClusterStatus>),
    /// It is done; how many tasks were given up.
    Done {
        /// How many.
        n_tasks: u64,
    },
    /// It cannot be done.
    Refused {
        /// Why not, in a sentence.
        reason: String,
    },
}

/// A cluster at this moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterStatus {
    /// Name of the run.
    pub name: String,
    /// Version of the scheduler.
    pub version: String,
    /// Since the run began.
    pub elapsed: Nanos,
    /// How often the scheduler was started again.
    pub incarnation: u32,
    /// Events in the log.
    pub n_events: u64,
    /// Tasks by phase: its name, and how many are in it.
    pub tasks: Vec<(String, u64)>,
    /// The workers that are here, or are waited for.
    pub workers: Vec<WorkerLine>,
    /// The clients that are here, or are waited for.
    pub clients: Vec<ClientLine>,
    /// The graphs that have not ended, oldest first; at most 1,000.
    pub graphs: Vec<GraphLine>,
}

/// A worker, for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerLine {
    /// Its id.
    pub id: WorkerId,
    /// Its name.
    pub name: String,
    /// Where it serves results.
    pub address: String,
    /// running, paused, retiring; or away, when it is waited for.
    pub status: String,
    /// How many tasks it runs at once.
    pub slots: u16,
    /// How many it runs now.
    pub executing: u32,
    /// How many it has that compute or are to, running ones included.
    pub assigned: u32,
    /// How many it has besides that wait for tasks that they submitted, without a slot.
    pub waiting: u32,
    /// How many have finished on it.
    pub finished: u64,
    /// Bytes of its results in memory.
    pub memory_bytes: u64,
    /// Bytes of its results on disk.
    pub disk_bytes: u64,
    /// Bytes it may use; 0: no limit.
    pub memory_limit: u64,
}

/// A client, for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientLine {
    /// Its id.
    pub id: ClientId,
    /// Its name.
    pub name: String,
    /// Whether its connection is broken, and it is waited for.
    pub away: bool,
}

/// A graph, for an operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GraphLine {
    /// Its id.
    pub id: GraphId,
    /// Its name.
    pub name: String,
    /// Whose it is.
    pub client: ClientId,
    /// How many tasks it has.
    pub tasks: u32,
    /// How many of them have ended.
    pub ended: u32,
    /// How many of them erred.
    pub erred: u32,
}

impl Message for Request {}

impl Message for Answer {}
