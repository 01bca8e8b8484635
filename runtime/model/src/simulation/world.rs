//! What lies behind the scheduler's sockets: simulated workers, and messages on their way.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::peer::{Begun, Fetch, Job, Peer};
use crate::{
    Effect, FailureKind, Input, LossReason, Nanos, Report, Reported, State, TaskId, WorkerId,
    WorkerInfo,
};

/// How long a worker gathers reports while all its slots are busy.
const GATHER_TIME: Nanos = Nanos::from_millis(1);

/// The network between all, and how the scheduler takes turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// What a message takes from the scheduler to a worker, until a slot has it.
    pub latency: Nanos,
    /// What a report takes from a worker to the scheduler.
    pub report: Nanos,
    /// What a transfer takes beside its bytes.
    pub fetch: Nanos,
    /// Bytes a second that a worker can receive.
    pub bandwidth: u64,
    /// What arrives within so long after the first is one turn.
    pub turn: Nanos,
    /// How long the scheduler takes for each event: nothing leaves it before, and what arrives
    /// meanwhile is of its next turn.
    pub per_event: Nanos,
    /// How long a slot is not free between two tasks.
    pub handover: Nanos,
}

impl Default for Network {
    /// 50 µs each way, twice that for a transfer, 1 GB/s, turns of 100 µs; a scheduler and slots that take no time.
    fn default() -> Self {
        let micros = Nanos::from_micros;
        Self {
            latency: micros(50),
            report: micros(50),
            fetch: micros(100),
            bandwidth: 1_000_000_000,
            turn: micros(100),
            per_event: Nanos::ZERO,
            handover: Nanos::ZERO,
        }
    }
}

/// What a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Work {
    /// How long it runs.
    pub duration: Nanos,
    /// Size of its result.
    pub result_bytes: u64,
    /// How it fails, if it does.
    pub failure: Option<FailureKind>,
}

/// Tells what a task is.
type WorkOf = dyn FnMut(&State, TaskId) -> Work;

/// The workers and the messages. As an iterator it lets time go on until something arrives at the
/// scheduler: it gives what that takes in one turn, and when. It ends when nothing will happen any
/// more, and goes on when something is told or carried out.
pub struct World {
    network: Network,
    work: Box<WorkOf>,
    peers: Vec<Peer>,
    /// By when it happens; what happens at one instant, in the order in which it was sent.
    coming: BinaryHeap<Reverse<(Nanos, u64)>>,
    happenings: BTreeMap<u64, Happening>,
    n_sent: u64,
    now: Nanos,
    /// When the scheduler is done with its last turn.
    scheduler_free_at: Nanos,
}

#[derive(Clone, Debug)]
enum Happening {
    /// Something arrives at the scheduler.
    Arrives(Input),
    /// Something arrives at a worker.
    Sent(WorkerId, Message),
    Fetched(WorkerId, Fetch),
    Ended(WorkerId, Begun),
    /// A slot has done what lies between two tasks.
    Free(WorkerId, u16),
    Flush(WorkerId),
    /// A worker is gone.
    Gone(WorkerId, LossReason),
}

#[derive(Clone, Debug)]
enum Message {
    Run(Job),
    Revoke(TaskId, u32),
    AskBack(TaskId, u32),
    Free(TaskId),
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("network", &self.network)
            .field("n_workers", &self.peers.len())
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Iterator for World {
    type Item = (Nanos, Vec<Input>);

    fn next(&mut self) -> Option<Self::Item> {
        let mut inputs = Vec::new();
        let mut until = Nanos::MAX;
        while let Some(&Reverse((at, number))) = self.coming.peek()
            && at <= until
        {
            self.coming.pop();
            self.now = at;
            let happening = self.happenings.remove(&number).expect("each is taken once");
            if let Some(input) = self.happen(happening) {
                if inputs.is_empty() {
                    until = self.scheduler_free_at.max(at + self.network.turn);
                }
                inputs.push(input);
            }
        }
        (!inputs.is_empty()).then_some((self.now, inputs))
    }
}

impl World {
    /// A world without workers; `work` tells what each task is when it is sent to a worker.
    pub fn new(network: Network, work: impl FnMut(&State, TaskId) -> Work + 'static) -> Self {
        Self {
            network,
            work: Box::new(work),
            peers: Vec::new(),
            coming: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            n_sent: 0,
            now: Nanos::ZERO,
            scheduler_free_at: Nanos::ZERO,
        }
    }

    /// Workers join: the next ids are theirs, so they must be all that ever join.
    pub fn add_workers(&mut self, n_workers: u32, n_slots: u16) {
        for _ in 0..n_workers {
            let worker = WorkerId(self.peers.len() as u32);
            let info = WorkerInfo {
                name: format!("worker-{}", worker.0),
                address: format!("simulated://{}", worker.0),
                host: "simulated".to_owned(),
                pid: worker.0,
                slots: n_slots,
                memory_limit: 0,
                resources: BTreeMap::new(),
                version: String::new(),
            };
            self.join(self.now, info);
        }
    }

    /// A worker joins at an instant, after those that were told of before: the next id is its.
    pub fn join(&mut self, at: Nanos, info: WorkerInfo) {
        let worker = WorkerId(self.peers.len() as u32);
        self.peers.push(Peer::new(info.slots));
        self.tell_at(at, Input::WorkerJoined { worker, info });
    }

    /// A worker goes at an instant: one that was sent away gives its results to others first, at no cost;
    /// with any other all is lost.
    pub fn leave(&mut self, at: Nanos, worker: WorkerId, reason: LossReason) {
        self.at(at.max(self.now), Happening::Gone(worker, reason));
    }

    /// Something arrives at the scheduler, now: what a client does, for instance.
    pub fn tell(&mut self, input: Input) {
        self.tell_at(self.now, input);
    }

    /// Something arrives at the scheduler at an instant, or now if that is past.
    pub fn tell_at(&mut self, at: Nanos, input: Input) {
        self.at(at.max(self.now), Happening::Arrives(input));
    }

    /// Sends what the effects of a turn of so many events ask for. `state` is that after the turn.
    pub fn carry_out(&mut self, state: &State, effects: &[Effect], n_events: usize) {
        let took = Nanos(self.network.per_event.0 * n_events as u64);
        self.scheduler_free_at = self.scheduler_free_at.max(self.now) + took;
        for &effect in effects {
            let (worker, message) = match effect {
                Effect::Run { worker, task, attempt } => match self.job(state, task, attempt) {
                    Some(job) => (worker, Message::Run(job)),
                    None => continue,
                },
                Effect::Revoke { worker, task, attempt } => {
                    (worker, Message::Revoke(task, attempt))
                }
                Effect::AskBack { worker, task, attempt } => {
                    (worker, Message::AskBack(task, attempt))
                }
                Effect::Free { worker, task } => (worker, Message::Free(task)),
                Effect::SetRetryTimer { task, due_at } => {
                    self.at(due_at, Happening::Arrives(Input::RetryDue { task }));
                    continue;
                }
                Effect::Notify { .. } | Effect::Disconnect { .. } => continue,
            };
            let at = self.scheduler_free_at + self.network.latency;
            self.at(at, Happening::Sent(worker, message));
        }
    }

    /// `None`: the task was unassigned again in the same turn.
    fn job(&mut self, state: &State, id: TaskId, attempt: u32) -> Option<Job> {
        let task = state.task(id).filter(|task| task.run.is_some() && task.attempt == attempt)?;
        let input = |dep: &TaskId| {
            let dep_task = state.task(*dep)?;
            Some((*dep, dep_task.bytes, dep_task.replicas.first()?.worker))
        };
        let inputs = task.deps.iter().filter_map(input).collect();
        let is_chained = task.run.is_some_and(|run| run.is_chained());
        let is_missing =
            |dep: &&TaskId| state.task(**dep).is_none_or(|dep| dep.replicas.is_empty());
        let after = task.deps.iter().find(is_missing).copied().filter(|_| is_chained);
        Some(Job { task: id, attempt, work: (self.work)(state, id), inputs, after })
    }

    fn at(&mut self, at: Nanos, happening: Happening) {
        self.coming.push(Reverse((at, self.n_sent)));
        self.happenings.insert(self.n_sent, happening);
        self.n_sent += 1;
    }

    /// What arrives at the scheduler by it, if anything does.
    fn happen(&mut self, happening: Happening) -> Option<Input> {
        let now = self.now;
        let worker = match happening {
            // What a worker that is gone had said is late.
            Happening::Arrives(Input::WorkerReported { worker, .. }) if self.is_gone(worker) => {
                return None;
            }
            Happening::Arrives(input) => return Some(input),
            Happening::Gone(worker, reason) => {
                self.go(worker, reason);
                return None;
            }
            Happening::Sent(worker, _)
            | Happening::Fetched(worker, _)
            | Happening::Ended(worker, _)
            | Happening::Free(worker, _)
            | Happening::Flush(worker)
                if self.is_gone(worker) =>
            {
                return None;
            }
            Happening::Flush(worker) => {
                self.flush(worker);
                return None;
            }
            Happening::Sent(worker, message) => {
                self.receive(worker, message);
                worker
            }
            Happening::Fetched(worker, fetch) => {
                self.peers[worker.index()].fetched(now, fetch);
                worker
            }
            Happening::Ended(worker, begun) => {
                self.peers[worker.index()].ended(now, begun);
                if self.network.handover > Nanos::ZERO {
                    let free_at = now + self.network.handover;
                    self.at(free_at, Happening::Free(worker, begun.slot));
                } else {
                    self.peers[worker.index()].free_slot(begun.slot);
                }
                worker
            }
            Happening::Free(worker, slot) => {
                self.peers[worker.index()].free_slot(slot);
                worker
            }
        };
        self.work_on(worker);
        None
    }

    fn is_gone(&self, worker: WorkerId) -> bool {
        self.peers[worker.index()].is_gone
    }

    fn go(&mut self, worker: WorkerId, reason: LossReason) {
        let results = self.peers[worker.index()].leave();
        if !reason.is_unplanned() {
            self.hand_over(results);
        }
        self.at(self.now, Happening::Arrives(Input::WorkerLost { worker, reason }));
    }

    /// Gives results to those who are left, in turn.
    fn hand_over(&mut self, results: BTreeMap<TaskId, u64>) {
        let at = self.now;
        let mut heirs: Vec<(usize, Vec<Report>)> = (0..self.peers.len())
            .filter(|peer| !self.peers[*peer].is_gone)
            .map(|peer| (peer, Vec::new()))
            .collect();
        for (number, (task, bytes)) in results.into_iter().enumerate() {
            let turn = number % heirs.len().max(1);
            let Some((peer, reports)) = heirs.get_mut(turn) else { return };
            if self.peers[*peer].inherit(task, bytes) {
                reports.push(Report { at, what: Reported::ReplicaAdded { task, bytes } });
            }
        }
        for (peer, reports) in heirs {
            let worker = WorkerId(peer as u32);
            self.at(at, Happening::Arrives(Input::WorkerReported { worker, reports }));
        }
    }

    fn receive(&mut self, worker: WorkerId, message: Message) {
        let now = self.now;
        let peer = &mut self.peers[worker.index()];
        match message {
            Message::Run(job) => {
                for fetch in peer.take(now, job) {
                    // Asked for, and then one result behind the other.
                    let asked = now + self.network.fetch;
                    let bytes_per_ns = self.network.bandwidth.max(1);
                    let took = Nanos(fetch.bytes.saturating_mul(1_000_000_000) / bytes_per_ns);
                    let peer = &mut self.peers[worker.index()];
                    peer.link_free_at = peer.link_free_at.max(asked) + took;
                    let at = peer.link_free_at;
                    self.at(at, Happening::Fetched(worker, fetch));
                }
            }
            Message::Revoke(task, attempt) => peer.revoke(task, attempt),
            Message::AskBack(task, attempt) => peer.ask_back(now, task, attempt),
            Message::Free(task) => peer.free(task),
        }
    }

    /// Begins what can begin, and sees to it that what is to be reported is.
    fn work_on(&mut self, worker: WorkerId) {
        let now = self.now;
        while let Some(begun) = self.peers[worker.index()].begin(now) {
            self.at(now + begun.work.duration, Happening::Ended(worker, begun));
        }
        let peer = &mut self.peers[worker.index()];
        if peer.reports.is_empty() {
            return;
        }
        if peer.has_free_slot() {
            self.flush(worker);
        } else if !std::mem::replace(&mut peer.is_flush_due, true) {
            self.at(now + GATHER_TIME, Happening::Flush(worker));
        }
    }

    fn flush(&mut self, worker: WorkerId) {
        let peer = &mut self.peers[worker.index()];
        peer.is_flush_due = false;
        let reports = std::mem::take(&mut peer.reports);
        if !reports.is_empty() {
            let arrives = Happening::Arrives(Input::WorkerReported { worker, reports });
            self.at(self.now + self.network.report, arrives);
        }
    }
}
