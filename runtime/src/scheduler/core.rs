//! The scheduler's thread: it owns the state, and does turn after turn.
//!
//! A turn takes what has arrived, decides, places once, appends the events to the recorder, and
//! only then sends what follows: what has left the process is in the log.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};
use std::sync::Arc;
use std::time::Duration;

use taskreel_model::{
    CancelReason, Change, ClientId, Input, Nanos, Output, Phase, Rejection, State, TaskId, Turn,
    WorkerId, decide, place, rebalance,
};
use taskreel_recorder::SpecBatch;

use super::inbound::{Inbound, InboxReceiver};
use super::peers::Peers;
use super::small_results::SmallResults;
use super::specs::SpecStore;
use super::{SchedulerConfig, SchedulerError, SchedulerSummary};
use crate::reading::ProcessReader;
use crate::wire::message::{ToClient, ToWorker};

/// How many items of the inbox one turn takes at the most: a burst becomes one turn, and no turn
/// keeps others waiting for long.
const MAX_BATCH: usize = 512;

/// How soon a peer whose queue was full is tried again.
const RETRY_FULL: Duration = Duration::from_millis(1);

/// What the thread owns.
pub(super) struct Core {
    pub(super) config: SchedulerConfig,
    pub(super) state: State,
    pub(super) out: Output,
    pub(super) peers: Peers,
    pub(super) specs: SpecStore,
    /// Specs accepted in this turn, to be recorded before its events; none if nothing is recorded.
    pub(super) new_specs: Vec<SpecBatch>,
    /// Results that came with reports, for the clients and the tasks that wait for them.
    pub(super) small_results: SmallResults,
    /// Names of what tasks run, by options: shared by all messages that carry them.
    pub(super) functions: Vec<Arc<str>>,
    /// Retries that are put off, earliest first.
    pub(super) retries: BinaryHeap<Reverse<(Nanos, TaskId)>>,
    /// Reads this process for the scheduler's samples.
    pub(super) reader: ProcessReader,
    /// Workers of the log that are waited for after a restart, each until that instant.
    pub(super) awaited: BTreeMap<WorkerId, Nanos>,
    /// Clients whose connection is gone, each waited for until that instant.
    pub(super) away: BTreeMap<ClientId, Nanos>,
    /// Clients whose last graph an operator gave up, with the client's own number of the task behind it:
    /// a part of it that comes yet is given up, too. Not kept over a restart.
    pub(super) given_up: BTreeMap<ClientId, u32>,
    /// Workers that are to leave.
    pub(super) retiring: BTreeSet<WorkerId>,
    /// Copies that workers were asked to fetch from those that are to leave, and when.
    pub(super) copies: BTreeMap<(WorkerId, TaskId), Nanos>,
    /// When the next pings and samples are due.
    pub(super) next_beat: Nanos,
    /// Why the scheduler stops, once it does.
    pub(super) stopping: Option<String>,
}

impl Core {
    pub(super) fn new(mut config: SchedulerConfig) -> Self {
        let out = Output { watch: config.watch.take(), ..Output::default() };
        Self {
            config,
            state: State::new(),
            out,
            peers: Peers::default(),
            specs: SpecStore::default(),
            awaited: BTreeMap::new(),
            away: BTreeMap::new(),
            given_up: BTreeMap::new(),
            retiring: BTreeSet::new(),
            copies: BTreeMap::new(),
            new_specs: Vec::new(),
            small_results: SmallResults::default(),
            functions: Vec::new(),
            retries: BinaryHeap::new(),
            reader: ProcessReader::new(),
            next_beat: Nanos::ZERO,
            stopping: None,
        }
    }

    /// Runs until it is told to stop, or nobody can tell it anything any more.
    pub(super) async fn run(
        mut self,
        mut inbox: InboxReceiver,
    ) -> Result<SchedulerSummary, SchedulerError> {
        let mut batch = Vec::with_capacity(MAX_BATCH);
        self.resume();
        let mut done = self.commit();
        while done.is_ok() && self.stopping.is_none() {
            if !inbox.is_empty() {
                // More has come: first let the connections, which this thread carries, bring theirs.
                tokio::task::yield_now().await;
            }
            let is_full = self.peers.flush();
            let deadline = self.next_deadline(is_full);
            match tokio::time::timeout_at(deadline, inbox.recv_many(&mut batch, MAX_BATCH)).await {
                Ok(0) => self.stopping = Some("nobody is left to talk to".to_owned()),
                Ok(_) => batch.drain(..).for_each(|inbound| self.handle(inbound)),
                Err(_elapsed) => {}
            }
            self.fire_timers();
            self.retire();
            self.place();
            done = self.commit();
        }
        self.close(done)
    }

    /// The instant of this turn's events, on the trace's ticks.
    pub(super) fn now(&self) -> Nanos {
        self.tick(self.config.clock.now()).max(self.state.now())
    }

    /// Rounds an instant down to the trace's ticks, so that live state and replayed state agree.
    pub(super) fn tick(&self, at: Nanos) -> Nanos {
        let tick = u64::from(self.config.run.tick_ns).max(1);
        Nanos(at.0 - at.0 % tick)
    }

    /// Decides one input within the present turn.
    pub(super) fn decide(&mut self, input: Input) -> Result<(), Rejection> {
        let now = self.now();
        decide(&mut Turn::new(&mut self.state, now, &mut self.out), input)
    }

    fn place(&mut self) {
        // Workers that come back hold results, and run tasks: first it is seen what is left.
        if !self.awaited.is_empty() {
            return;
        }
        let now = self.now();
        let mut turn = Turn::new(&mut self.state, now, &mut self.out);
        place(&*self.config.policy, &mut turn);
        rebalance(&*self.config.policy, &mut turn);
    }

    /// Ends the turn: log first, then the effects.
    fn commit(&mut self) -> Result<(), SchedulerError> {
        if let Some(recorder) = &mut self.config.recorder {
            for batch in self.new_specs.drain(..) {
                recorder.specs(batch)?;
            }
            if !self.out.events.is_empty() {
                // Taken over, not copied; the changes and effects are all that is needed of them now.
                recorder.take(&mut self.out.events)?;
            }
        }
        let mut out = std::mem::take(&mut self.out);
        for effect in out.effects.drain(..) {
            self.carry_out(effect);
        }
        for change in &out.changes {
            if let Change::Task { task, to: Phase::Forgotten, .. } = *change {
                self.specs.forget(task);
            }
        }
        out.clear();
        self.out = out;
        self.peers.flush();
        Ok(())
    }

    fn fire_timers(&mut self) {
        let now = self.now();
        while let Some(&Reverse((due_at, task))) = self.retries.peek()
            && due_at <= now
        {
            self.retries.pop();
            // Another is that of an earlier attempt, since which the task was given up and wanted again.
            if self.state.task(task).is_some_and(|found| found.due_at() == Some(due_at)) {
                self.decide(Input::RetryDue { task }).expect("a retry that is not due is ignored");
            }
        }
        self.stop_waiting(now);
        if self.next_beat <= now {
            self.beat(now);
        }
    }

    fn next_deadline(&self, is_full: bool) -> tokio::time::Instant {
        let retry = self.retries.peek().map_or(Nanos::MAX, |Reverse((due_at, _))| *due_at);
        let patience = self.awaited.values().chain(self.away.values()).min();
        let at = retry.min(self.next_beat).min(patience.copied().unwrap_or(Nanos::MAX));
        let now = self.config.clock.now();
        // A tick more: the turn's instant is rounded down and must not fall short of the timer.
        let mut wait = Duration::from_nanos((at - now).0 + u64::from(self.config.run.tick_ns));
        if is_full {
            wait = wait.min(RETRY_FULL);
        }
        tokio::time::Instant::now() + wait
    }

    fn handle(&mut self, inbound: Inbound) {
        match inbound {
            Inbound::WorkerConnected { conn, hello, tx } => self.worker_connected(conn, hello, tx),
            Inbound::WorkerMessage { conn, message } => self.worker_message(conn, message),
            Inbound::WorkerGone { conn, reason } => self.worker_gone(conn, reason),
            Inbound::ClientConnected { conn, hello, tx } => self.client_connected(conn, hello, tx),
            Inbound::ClientMessage { conn, message } => self.client_message(conn, message),
            Inbound::ClientGone { conn } => self.client_gone(conn),
            // Whoever asked may have gone.
            Inbound::Operated { request, reply } => drop(reply.send(self.operated(&request))),
            Inbound::Load { reply } => drop(reply.send(self.load())),
            Inbound::Stop => self.stop("the cluster was closed"),
        }
    }

    /// Gives up what has not ended, and ends the thread after this turn.
    pub(super) fn stop(&mut self, reason: &str) {
        let active = self.state.tasks().iter().filter(|(_, task)| task.phase.is_active());
        let tasks: Vec<TaskId> = active.map(|(id, _)| id).collect();
        let input = Input::CancelRequested { tasks, reason: CancelReason::Stopped };
        self.decide(input).expect("cancelling is always allowed");
        self.stopping = Some(reason.to_owned());
    }

    /// Says goodbye to all, and closes the trace.
    fn close(
        mut self,
        done: Result<(), SchedulerError>,
    ) -> Result<SchedulerSummary, SchedulerError> {
        let reason = match &done {
            Ok(()) => self.stopping.take().unwrap_or_default(),
            Err(error) => error.to_string(),
        };
        for peer in self.peers.clients.values_mut() {
            peer.out.push(ToClient::Closing { reason: reason.clone() });
        }
        for peer in self.peers.workers.values_mut() {
            peer.out.push(ToWorker::Shutdown);
        }
        self.peers.flush();
        let elapsed = self.now();
        let recorder = self.config.recorder.take();
        let finished = recorder.map(|recorder| recorder.finish_at(&self.state)).transpose();
        done?;
        Ok(SchedulerSummary { record: finished?, elapsed, state: self.state })
    }
}
