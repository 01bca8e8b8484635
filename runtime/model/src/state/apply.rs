//! `State::apply`: one event in, changes out.

use super::steps::Step;
use super::{IllegalEvent, State, Why};
use crate::graph::Nested;
use crate::{Change, Event, Nanos, Stamped};

#[cold]
fn illegal(event: &Stamped<Event>, why: Why) -> IllegalEvent {
    IllegalEvent { seq: event.seq, at: event.at, event: event.what.name(), why }
}

impl State {
    /// Applies the next event of the log, and appends the changes that follow from it. This is
    /// the only function that changes a state, live and in replay.
    ///
    /// # Errors
    /// The event contradicts those before it; the state and `changes` are untouched.
    pub fn apply(
        &mut self,
        event: &Stamped<Event>,
        changes: &mut Vec<Change>,
    ) -> Result<(), IllegalEvent> {
        let mut step = Step { seq: event.seq, at: event.at, changes };
        let outcome = match self.check_stamp(event) {
            Ok(()) => self.dispatch(&mut step, &event.what),
            refused => refused,
        };
        if let Err(why) = outcome {
            return Err(illegal(event, why));
        }
        self.next_seq = event.seq + 1;
        self.now = event.logged_at;
        Ok(())
    }

    fn check_stamp(&self, event: &Stamped<Event>) -> Result<(), Why> {
        if event.seq != self.next_seq {
            return Err(Why::Sequence { expected: self.next_seq });
        }
        if event.logged_at < self.now || event.at > event.logged_at || event.logged_at == Nanos::MAX
        {
            return Err(Why::Time);
        }
        Ok(())
    }

    // There is one caller, and this is what replay spends its time in.
    #[inline(always)]
    #[expect(clippy::too_many_lines, reason = "a table: one row per event")]
    fn dispatch(&mut self, step: &mut Step<'_>, event: &Event) -> Result<(), Why> {
        match *event {
            Event::SchedulerStarted { incarnation } => self.scheduler_started(incarnation),
            Event::Interned { id, ref text } => self.interned(id, text),
            Event::PrefixDeclared { id, ref name } => self.prefix_declared(id, name),
            Event::OptionsDeclared { id, ref options } => self.options_declared(id, options),
            Event::ClientConnected { client, name } => self.client_connected(step, client, name),
            Event::ClientLeft { client } => self.client_left(step, client),
            Event::GraphSubmitted { graph, client, name, first, n_tasks, local } => {
                self.graph_submitted(step, graph, client, name, (first, n_tasks, local))
            }
            Event::TaskSubmitted { task, graph, key, options, wanted, ref deps } => {
                self.task_submitted(step, task, graph, (key, options, wanted), deps)
            }
            Event::ResultWanted { client, task } => self.result_wanted(step, client, task),
            Event::ResultReleased { client, task } => self.result_released(step, client, task),
            Event::TaskCancelled { task, reason: _ } => self.task_cancelled(step, task),
            Event::WorkerJoined { worker, ref info } => self.worker_joined(step, worker, info),
            Event::WorkerLost { worker, reason: _ } => self.worker_lost(step, worker),
            Event::WorkerPaused { worker, reason: _ } => self.worker_paused(step, worker),
            Event::WorkerResumed { worker } => self.worker_resumed(step, worker),
            Event::WorkerRetiring { worker } => self.worker_retiring(step, worker),
            Event::ClockEstimated { worker, offset_ns, error_ns } => {
                self.clock_estimated(worker, offset_ns, error_ns)
            }
            Event::TaskAssigned { task, worker, attempt, reason: _ } => {
                self.task_assigned(step, task, worker, attempt)
            }
            Event::TaskUnplaceable { task } => self.task_unplaceable(step, task),
            Event::StealRequested { task, from, to } => self.steal_requested(step, task, from, to),
            Event::StealConfirmed { task, from } => self.steal_confirmed(step, task, from),
            Event::StealRefused { task, from } => self.steal_refused(task, from),
            Event::RetryDue { task } => self.retry_due(step, task),
            Event::TransferStarted { task, from, to, dependent } => {
                self.transfer_started(step, task, from, to, dependent)
            }
            Event::TransferFinished { task, to, bytes } => {
                self.transfer_finished(step, task, to, bytes)
            }
            Event::TransferFailed { task, to, reason: _ } => self.transfer_failed(step, task, to),
            Event::TaskStarted { task, worker, attempt, slot } => {
                self.task_started(step, task, worker, attempt, slot)
            }
            Event::TaskFinished { task, worker, attempt, bytes } => {
                self.task_finished(step, task, worker, attempt, bytes)
            }
            Event::TaskFailed { task, worker, attempt, kind, error, retry } => {
                self.task_failed(step, (task, worker, attempt), (kind, error), retry)
            }
            Event::ActivityRecorded { task, worker, activity, took, bytes } => {
                self.activity_recorded(step, task, worker, activity, (took, bytes))
            }
            Event::ResultSpilled { task, worker, bytes, took } => {
                self.result_moved(step, task, worker, true, (took, bytes))
            }
            Event::ResultRestored { task, worker, bytes, took } => {
                self.result_moved(step, task, worker, false, (took, bytes))
            }
            Event::ReplicaAdded { task, worker, bytes } => {
                self.replica_added(step, task, worker, bytes)
            }
            Event::ReplicaDropped { task, worker } => self.replica_dropped(step, task, worker),
            Event::Marked { name, task } => self.marked(step, name, task, None),
            Event::SpanRecorded { name, task, took } => {
                self.marked(step, name, task, Some(step.at - took))
            }
            Event::ReportsAccepted { worker, through } => self.reports_accepted(worker, through),
            Event::TaskSeceded { task, worker, attempt } => {
                self.task_seceded(step, task, worker, attempt)
            }
            Event::TaskRejoined { task, worker, attempt, slot } => {
                self.task_rejoined(step, task, (worker, attempt), slot)
            }
            Event::GraphExtended { graph, first, n_tasks } => {
                self.graph_extended(step, graph, first, n_tasks)
            }
            Event::TasksNested { parent, first, n_tasks } => {
                self.tasks_nested(Nested { parent, first, n_tasks })
            }
            Event::Unknown { tag: _ } => Ok(()),
        }
    }
}
