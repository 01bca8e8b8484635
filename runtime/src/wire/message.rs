//! The messages of the cluster. Each carries many items, so that a burst is one frame.

mod parts;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;
use taskreel_model::{
    ClientId, FailureKind, LogLine, Nanos, NewGraph, Report, Sample, TaskId, WorkerId, WorkerInfo,
};

use super::codec::few;

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
    /// Who it was before its connection broke, if it did.
    pub before: Option<WorkerBefore>,
}

/// Who a worker was, to be that again at a scheduler that started again on its log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkerBefore {
    /// `RunInfo::run_id` of the run it worked for.
    pub run: String,
    /// Its id there.
    pub worker: WorkerId,
}

/// What a client says when it connects.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientHello {
    /// Its name, for people.
    pub name: String,
    /// Whether it is in the scheduler's process: then its end is the end of its link.
    pub embedded: bool,
    /// Who it was before its connection broke, if it did.
    pub before: Option<ClientBefore>,
}

/// Who a client was, to be that again: at the same scheduler, or at one that started again on its
/// log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientBefore {
    /// `RunInfo::run_id` of the run it is a client of.
    pub run: String,
    /// Its id there.
    pub client: ClientId,
    /// How many of its messages the scheduler is known to have: it will send those that follow.
    pub n_accepted: u64,
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
    #[serde(deserialize_with = "few")]
    pub holders: SmallVec<[Holder; 1]>,
    /// The result itself, if it is small and was at hand: then no holder has to be asked.
    pub data: Option<Bytes>,
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
    /// Whether a client or another task waits for it: then a small result comes with the report.
    pub is_awaited: bool,
    /// Its priority: what it submits comes before what has the same.
    pub priority: i32,
}

/// A result of so many bytes at the most travels with the word that it is there, and with a task that takes
/// it, to spare the client and the worker the way to its holder.
pub const SMALL_RESULT_BYTES: usize = 256;

/// From the scheduler to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ToWorker {
    /// It has joined; this is its id.
    Welcome {
        /// The worker's id.
        worker: WorkerId,
        /// `RunInfo::run_id`: task ids mean something only within one run.
        run: String,
        /// Whether it is the worker that it was before: its assignments stand.
        resumed: bool,
        /// The number of its last report that the scheduler has; those that follow are to be sent
        /// again.
        reports_through: u64,
        /// A connection on which nothing came for so long is taken for broken; `None`: it is within
        /// the process.
        silence: Option<Nanos>,
    },
    /// Its reports up to this number are in the log: they need not be kept any longer.
    Accepted {
        /// The number of the last one, counted from 1.
        through: u64,
    },
    /// Fetch copies of these results and keep them: their holders are to leave.
    Copy(Vec<InputRef>),
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
    /// What it told of a worker that was is in the log.
    LateAccepted {
        /// Of which one.
        before: WorkerBefore,
    },
}

/// From a worker to the scheduler. All instants are on the worker's clock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum FromWorker {
    /// What happened, in order.
    Reports {
        /// The number of the first of them: reports are counted from 1 since the worker joined.
        first: u64,
        /// What happened.
        reports: Vec<Report>,
        /// Small results that somebody waits for, of tasks that finished by these reports.
        /// They may get lost: whoever holds them has them.
        results: Vec<(Assignment, Bytes)>,
    },
    /// All that it has, once after `ToWorker::Welcome` and the reports that were kept: what was on
    /// its way when a connection broke is made good.
    Has {
        /// The results it holds, with their sizes.
        held: Vec<(TaskId, u64)>,
        /// Its assignments that have not ended.
        assigned: Vec<Assignment>,
    },
    /// It wants to leave once its results have moved: answered, in the end, by `ToWorker::Shutdown`.
    Retire,
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
    /// It ends for using too much memory; its supervisor starts another.
    OutOfMemory,
    /// What a worker that is no more did not get to tell, first of all that a new worker sends: one that
    /// was killed and kept its reports where this one found them, or itself before it was given up.
    Late {
        /// Which worker.
        before: WorkerBefore,
        /// The number of the first report, as that worker counted.
        first: u64,
        /// What happened, on that worker's clock.
        reports: Vec<Report>,
        /// Whether nothing more follows of that worker.
        is_last: bool,
    },
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
    /// The program set a marker, or with a time ended a span that lasted so long.
    Marked {
        /// Its name.
        name: String,
        /// How long it lasted.
        took: Option<Nanos>,
    },
    /// Say again how these ended and who holds them, now or when they end: their holders could not
    /// be reached.
    Locate(Vec<u32>),
    /// The answer to `ToClient::Ping`. Not counted among its messages.
    Pong,
    /// Stop the cluster.
    Shutdown,
    /// The client leaves; all it wanted is released.
    Goodbye,
}

/// A graph with the specs of its tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubmitGraph {
    /// The graph as the model sees it; shared with the copy that is kept until it is accepted.
    pub graph: Arc<NewGraph>,
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
        /// `RunInfo::run_id`.
        run: String,
        /// Whether it is the client that it was before: its tasks are known.
        resumed: bool,
        /// A connection on which nothing came for so long is taken for broken; `None` within one
        /// process, where nobody pings.
        silence: Option<Nanos>,
    },
    /// So many of its messages, counted from its first connection, are in the log: they need not be
    /// kept any longer.
    Accepted {
        /// How many.
        n_messages: u64,
    },
    /// Answer at once with `FromClient::Pong`.
    Ping,
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
        #[serde(deserialize_with = "few")]
        holders: SmallVec<[Holder; 1]>,
        /// The result itself, where it is small and at hand.
        data: Option<Bytes>,
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
