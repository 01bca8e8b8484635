//! The messages of the cluster. Each carries many items, so that a burst is one frame.

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use taskreel_model::{
    ClientId, FailureKind, LogLine, Nanos, NewGraph, Report, Sample, TaskId, WorkerId, WorkerInfo,
};

/// A message that can travel in a frame. Its large parts are kept out of the encoder: they follow
/// the encoded header as they are.
pub trait Message: Serialize + for<'de> Deserialize<'de> + Send + Sized + 'static {
    /// Shows each payload in a fixed order: to collect them, and to put them back. Payload fields
    /// are skipped by serde.
    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Bytes)) {
        let _ = visit;
    }

    /// Two messages that say the same as this one, for when it is too long for a frame; `None`
    /// leaves it as it was: it cannot be divided.
    fn split_off(&mut self) -> Option<Self> {
        None
    }
}

/// What a worker says when it joins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerHello {
    /// What it offers.
    pub info: WorkerInfo,
    /// Whether its clock is the scheduler's own (embedded workers); then no offset is needed.
    pub shares_clock: bool,
}

/// What a client says when it connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientHello {
    /// Its name, for people.
    pub name: String,
}

/// One assignment of a task, to name it in a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// Which task.
    pub task: TaskId,
    /// Which assignment of it.
    pub attempt: u32,
}

/// A worker that holds a copy of a result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Which worker.
    pub worker: WorkerId,
    /// Where it serves results: `WorkerInfo::address`.
    pub address: Arc<str>,
}

/// An input of a task: the result of one of its dependencies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRef {
    /// Whose result.
    pub task: TaskId,
    /// Its size.
    pub bytes: u64,
    /// Who holds it. May include the worker that is to run the task, and may be out of date.
    pub holders: SmallVec<[Holder; 1]>,
}

/// A task for a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTask {
    /// Which task.
    pub task: TaskId,
    /// Which assignment of it.
    pub attempt: u32,
    /// What runs: `TaskOptions::function`.
    pub function: Arc<str>,
    /// Executor and arguments, as the client encoded them.
    #[serde(skip)]
    pub spec: Bytes,
    /// Results it takes, in the order of its dependencies.
    pub inputs: Vec<InputRef>,
    /// It fails when it takes longer.
    pub timeout: Option<Nanos>,
}

/// From the scheduler to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// It has joined; this is its id.
    Welcome {
        /// The worker's id.
        worker: WorkerId,
    },
    /// Run these, first to run first.
    Run(Vec<RunTask>),
    /// Drop these, whatever their stage, and report no more of them.
    Revoke(Vec<Assignment>),
    /// Give these back unless they have begun: answered by `GaveBack` or `Kept`.
    AskBack(Vec<Assignment>),
    /// Free the copies of these results.
    Free(Vec<TaskId>),
    /// Answer at once with `FromWorker::ClockEcho`.
    Ping {
        /// The scheduler's clock when it sent this.
        at: Nanos,
    },
    /// Stop: the run is over, or the worker is no longer wanted.
    Shutdown,
}

/// From a worker to the scheduler. All instants are on the worker's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// What happened, in order.
    Reports(Vec<Report>),
    /// A reading of the process.
    Sample(Sample),
    /// What tasks and the worker wrote.
    Logs(Vec<LogLine>),
    /// The answer to a ping.
    ClockEcho {
        /// `ToWorker::Ping::at`.
        ping_at: Nanos,
        /// The worker's clock when it answered.
        worker_at: Nanos,
    },
    /// It leaves of its own will.
    Goodbye,
}

/// From a client to the scheduler. Tasks go by the client's own numbers (`NewGraph::local`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FromClient {
    /// Run this graph. Boxed: it is far larger than the other variants.
    Submit(Box<SubmitGraph>),
    /// The results of these are no longer wanted.
    Release(Vec<u32>),
    /// Give these up.
    Cancel(Vec<u32>),
    /// Say again how these ended and who holds them, now or when they end: their holders could not
    /// be reached.
    Locate(Vec<u32>),
    /// Stop the cluster.
    Shutdown,
    /// The client leaves; all it wanted is released.
    Goodbye,
}

/// A graph with the specs of its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitGraph {
    /// The graph as the model sees it.
    pub graph: NewGraph,
    /// Length of each task's spec, in the order of `graph.tasks`.
    pub spec_lens: Vec<u32>,
    /// The specs, one behind the other.
    #[serde(skip)]
    pub specs: Bytes,
}

impl SubmitGraph {
    /// The specs, one per task. `None` if the lengths do not fit the tasks and the bytes: the
    /// message is malformed.
    pub fn split_specs(&self) -> Option<Vec<Bytes>> {
        let total: u64 = self.spec_lens.iter().map(|&len| u64::from(len)).sum();
        if self.spec_lens.len() != self.graph.tasks.len() || total != self.specs.len() as u64 {
            return None;
        }
        let mut rest = self.specs.clone();
        Some(self.spec_lens.iter().map(|&len| rest.split_to(len as usize)).collect())
    }
}

/// From the scheduler to a client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToClient {
    /// It is connected; this is its id.
    Welcome {
        /// The client's id.
        client: ClientId,
    },
    /// Tasks it wants have ended.
    Ended(Vec<TaskEnd>),
    /// A submitted graph was refused: none of its tasks will run.
    Rejected {
        /// The client's number of the first task of the graph.
        local: u32,
        /// How many tasks it had.
        n_tasks: u32,
        /// Why, in a sentence.
        reason: String,
    },
    /// The cluster stops; nothing more will be answered.
    Closing {
        /// Why, in a sentence.
        reason: String,
    },
}

/// How a task that a client wants ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskEnd {
    /// The client's own number of the task.
    pub local: u32,
    /// How it ended.
    pub how: EndedHow,
}

/// How a task ended, with what a client needs to go on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EndedHow {
    /// Its result is held.
    Finished {
        /// The scheduler's id of the task: holders keep results by it.
        task: TaskId,
        /// Size of the result.
        bytes: u64,
        /// Who holds it; at least one.
        holders: SmallVec<[Holder; 1]>,
    },
    /// It failed, or one it depends on did.
    Erred {
        /// What made the culprit fail, if it is known.
        kind: Option<FailureKind>,
        /// The culprit's message.
        message: String,
        /// Key of the task that failed, if it is not this one.
        culprit: Option<String>,
    },
    /// It was given up.
    Cancelled,
    /// Its graph was refused; clients say so to themselves after `ToClient::Rejected`.
    Rejected {
        /// Why, in a sentence.
        reason: String,
    },
}

impl Message for ToWorker {
    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Bytes)) {
        if let Self::Run(tasks) = self {
            for task in tasks {
                visit(&mut task.spec);
            }
        }
    }

    fn split_off(&mut self) -> Option<Self> {
        match self {
            Self::Run(tasks) => second_half(tasks).map(Self::Run),
            Self::Revoke(tasks) => second_half(tasks).map(Self::Revoke),
            Self::AskBack(tasks) => second_half(tasks).map(Self::AskBack),
            Self::Free(tasks) => second_half(tasks).map(Self::Free),
            Self::Welcome { .. } | Self::Ping { .. } | Self::Shutdown => None,
        }
    }
}

impl Message for FromWorker {
    fn split_off(&mut self) -> Option<Self> {
        match self {
            Self::Reports(reports) => second_half(reports).map(Self::Reports),
            Self::Logs(lines) => second_half(lines).map(Self::Logs),
            Self::Sample(_) | Self::ClockEcho { .. } | Self::Goodbye => None,
        }
    }
}

impl Message for FromClient {
    fn payloads(&mut self, visit: &mut dyn FnMut(&mut Bytes)) {
        if let Self::Submit(submit) = self {
            visit(&mut submit.specs);
        }
    }

    fn split_off(&mut self) -> Option<Self> {
        match self {
            Self::Release(locals) => second_half(locals).map(Self::Release),
            Self::Cancel(locals) => second_half(locals).map(Self::Cancel),
            Self::Locate(locals) => second_half(locals).map(Self::Locate),
            Self::Submit(_) | Self::Shutdown | Self::Goodbye => None,
        }
    }
}

impl Message for ToClient {
    fn split_off(&mut self) -> Option<Self> {
        match self {
            Self::Ended(ends) => second_half(ends).map(Self::Ended),
            Self::Welcome { .. } | Self::Rejected { .. } | Self::Closing { .. } => None,
        }
    }
}

fn second_half<T>(items: &mut Vec<T>) -> Option<Vec<T>> {
    (items.len() > 1).then(|| items.split_off(items.len() / 2))
}
