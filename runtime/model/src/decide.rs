//! What an input means: the protocol. Each input is checked first and refused whole, or its events
//! are emitted; nothing is refused half-way.

mod client;
mod report;
mod resume;
mod submit;
mod worker;

use thiserror::Error;

use crate::{ClientId, Event, Input, TaskId, Turn, WorkerId};

/// Why an input was refused. The shell answers it; nothing was emitted.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Rejection {
    /// The sender is not connected, or its new id is not the next one.
    #[error("client {0} is not known")]
    UnknownClient(ClientId),
    /// The sender is not connected, or its new id is not the next one.
    #[error("worker {0} is not known")]
    UnknownWorker(WorkerId),
    /// The worker has no slots.
    #[error("a worker needs at least one slot")]
    NoSlots,
    /// A graph that contradicts itself.
    #[error("task {position} of the graph: {why}")]
    BadGraph {
        /// Position of the task in the graph.
        position: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A task that is not live.
    #[error("task {0} is not known, or was released")]
    UnknownTask(TaskId),
    /// A worker told something that cannot be: it is to be disconnected.
    #[error("worker {worker} told of {task} what cannot be: {why}")]
    Protocol {
        /// Which worker.
        worker: WorkerId,
        /// Of which task.
        task: TaskId,
        /// What is wrong with it.
        why: &'static str,
    },
}

/// Emits the events that an input means.
///
/// # Errors
/// The input makes no sense in the present state. Of a worker's reports, those before the
/// offending one stand.
pub fn decide(turn: &mut Turn<'_>, input: Input) -> Result<(), Rejection> {
    match input {
        Input::SchedulerStarted => {
            let state = turn.state();
            let incarnation =
                if state.next_seq() == 0 { 0 } else { state.incarnation().saturating_add(1) };
            turn.emit(Event::SchedulerStarted { incarnation });
            Ok(())
        }
        Input::ClientConnected { client, name } => client::connected(turn, client, &name),
        Input::ClientLeft { client } => client::left(turn, client),
        Input::GraphSubmitted { client, graph } => submit::submitted(turn, client, &graph),
        Input::ResultWanted { client, tasks } => client::wanted(turn, client, &tasks),
        Input::ResultReleased { client, tasks } => client::released(turn, client, &tasks),
        Input::CancelRequested { tasks, reason } => client::cancel(turn, &tasks, reason),
        Input::Marked { client, name, took } => client::marked(turn, client, &name, took),
        Input::WorkerJoined { worker, info } => worker::joined(turn, worker, info),
        Input::WorkerLost { worker, reason } => worker::lost(turn, worker, reason),
        Input::WorkerReported { worker, reports } => report::reported(turn, worker, reports),
        Input::ReportsAccepted { worker, through } => resume::accepted(turn, worker, through),
        Input::WorkerResumed { worker, held, assigned } => {
            resume::resumed(turn, worker, &held, &assigned)
        }
        Input::ClockMeasured { worker, offset_ns, error_ns } => {
            worker::clock(turn, worker, offset_ns, error_ns)
        }
        Input::RetireRequested { worker } => worker::retire(turn, worker),
        Input::RetryDue { task } => {
            if turn.state().task(task).is_some_and(|found| found.due_at().is_some()) {
                turn.emit(Event::RetryDue { task });
            }
            Ok(())
        }
    }
}
