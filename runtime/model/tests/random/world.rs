//! A toy world around the core: workers that hold results, fetch, run and report, each message
//! delivered some time later. Every choice comes from the numbers of an `Action`.

use std::collections::{BTreeMap, BTreeSet};

use crate::peer::{Job, Message, Peer, nth};
use taskreel_model::{
    CancelReason, Change, ClientId, Effect, Event, FailureKind, Input, LocalityThenIdle,
    LossReason, Nanos, NewGraph, NewNested, NewTask, Output, Rejection, Report, Reported, Stamped,
    State, SuffixText, TaskId, TaskOptions, TransferFailure, Turn, WorkerId, WorkerInfo,
    WorkerStatus, decide, place, rebalance,
};

/// One step of a random run.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Action {
    pub(crate) what: u8,
    pub(crate) a: u16,
    pub(crate) b: u16,
}

/// Whether workers tell only what happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manners {
    Honest,
    Lying,
}

/// The live state, its log and the workers.
pub(crate) struct World {
    pub(crate) state: State,
    pub(crate) log: Vec<Stamped<Event>>,
    pub(crate) changes: Vec<Change>,
    manners: Manners,
    workers: BTreeMap<WorkerId, Peer>,
    timers: BTreeSet<TaskId>,
    now: Nanos,
}

impl World {
    pub(crate) fn new(manners: Manners) -> Self {
        let (log, changes, workers) = (Vec::new(), Vec::new(), BTreeMap::new());
        let (state, timers, now) = (State::new(), BTreeSet::new(), Nanos::ZERO);
        let mut world = Self { state, log, changes, manners, workers, timers, now };
        world.input(Input::SchedulerStarted);
        world.connect();
        world.join(2);
        world
    }

    /// Does what an action stands for; what is impossible now is left out.
    pub(crate) fn act(&mut self, Action { what, a, b }: Action) {
        match what % 32 {
            0..=2 => self.submit(a, b),
            3 if self.workers.len() < 5 => self.join(a % 3 + 1),
            4 => self.lose(a),
            5 => self.cancel(a),
            6 | 7 => self.release(a, b),
            8 => self.want(a, b),
            9 => self.fire(a),
            10 => self.steal(a, b),
            11 => self.client(a),
            12 => self.with_worker(a, |peer, at| peer.whim(b, at)),
            13 if self.manners == Manners::Lying => self.lie(a, b),
            14..=18 => self.deliver(a),
            19..=23 => self.with_worker(a, |peer, at| peer.receive(at)),
            _ => self.work(a, b),
        }
    }

    /// Lets everything come to its end: everybody tells all, and nobody lies or dies any more.
    pub(crate) fn settle(&mut self) {
        if self.manners == Manners::Lying {
            while !self.workers.is_empty() {
                self.lose(0);
            }
        }
        // One that has what any task may need.
        self.join(3);
        for round in 0.. {
            assert!(round < 100_000, "it does not settle: {:?}", self.state.totals());
            let at = self.now;
            let resumed = Report { at, what: Reported::Resumed };
            for (id, peer) in &mut self.workers {
                let status = self.state.worker(*id).map(|found| found.status);
                if status == Some(WorkerStatus::Paused) && peer.outbox.is_empty() {
                    peer.outbox.push(resumed.clone());
                }
            }
            let before = self.log.len();
            let mut is_quiet = true;
            for n in 0..self.workers.len() as u16 {
                is_quiet &= self.peer(n).is_none_or(|peer| peer.inbox.is_empty());
                while self.peer(n).is_some_and(|peer| !peer.inbox.is_empty()) {
                    self.with_worker(n, |peer, at| peer.receive(at));
                }
                self.work(n, 0);
                self.deliver(n);
            }
            self.fire(0);
            if is_quiet && self.log.len() == before && self.timers.is_empty() {
                return;
            }
        }
    }

    fn input(&mut self, input: Input) {
        self.now = self.now + Nanos::from_micros(700);
        let mut output = Output::default();
        let mut turn = Turn::new(&mut self.state, self.now, &mut output);
        let told = format!("{input:?}");
        let refused = decide(&mut turn, input).err();
        place(&LocalityThenIdle, &mut turn);
        rebalance(&LocalityThenIdle, &mut turn);
        self.take(output);
        match refused {
            Some(Rejection::Protocol { worker, .. }) if self.manners == Manners::Lying => {
                self.input(Input::WorkerLost { worker, reason: LossReason::Disconnected });
            }
            Some(refused) => panic!("{told}: {refused}"),
            None => {}
        }
    }

    /// Keeps the log, and sends what is to be sent.
    fn take(&mut self, output: Output) {
        self.state.validate();
        self.log.extend(output.events);
        self.changes.extend(output.changes);
        for effect in output.effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let (worker, message) = match effect {
            Effect::Run { worker, task, attempt } => {
                let Some(found) = self.state.task(task) else { return };
                let holders = |dep: &TaskId| {
                    let dep = self.state.task(*dep).expect("a dependency is live");
                    dep.replicas.iter().map(|replica| replica.worker).collect()
                };
                let inputs = found.deps.iter().map(|dep| (*dep, holders(dep))).collect();
                (worker, Message::Run { task, job: Job { attempt, inputs } })
            }
            Effect::Revoke { worker, task, attempt } => (worker, Message::Revoke { task, attempt }),
            Effect::AskBack { worker, task, attempt } => {
                (worker, Message::AskBack { task, attempt })
            }
            Effect::Free { worker, task } => (worker, Message::Free(task)),
            Effect::Disconnect { worker } => {
                self.workers.remove(&worker);
                return;
            }
            Effect::SetRetryTimer { task, .. } => {
                self.timers.insert(task);
                return;
            }
            Effect::Notify { client, .. } => {
                assert!(self.state.clients().contains_key(&client), "{client} has left");
                return;
            }
        };
        let peer = self.workers.get_mut(&worker).expect("messages go to workers that are here");
        peer.inbox.push_back(message);
    }

    fn connect(&mut self) {
        let client = self.state.next_client();
        self.input(Input::ClientConnected { client, name: format!("client-{client}") });
    }

    fn client(&mut self, a: u16) {
        let client = self.some_client(a);
        if self.state.clients().len() < 3 {
            self.connect();
        } else if let Some(client) = client {
            self.input(Input::ClientLeft { client });
        }
    }

    fn join(&mut self, slots: u16) {
        let worker = self.state.next_worker();
        let info = WorkerInfo {
            name: "any".to_owned(),
            address: format!("local://{worker}"),
            host: "here".to_owned(),
            pid: worker.0,
            slots,
            memory_limit: 0,
            resources: BTreeMap::from([("gpu".to_owned(), u64::from(slots % 2) * 1000)]),
            version: "0".to_owned(),
        };
        let peer = Peer { slots: vec![None; usize::from(slots)], ..Peer::default() };
        self.workers.insert(worker, peer);
        self.input(Input::WorkerJoined { worker, info });
    }

    fn lose(&mut self, a: u16) {
        if let Some(worker) = self.some_worker(a) {
            self.input(Input::WorkerLost { worker, reason: LossReason::Silent });
        }
    }

    fn submit(&mut self, a: u16, b: u16) {
        let Some(client) = self.some_client(a) else { return };
        let local = self.state.clients()[&client].next_local;
        let mut options = TaskOptions::new("f");
        let mut retried = options.clone();
        retried.retries = 2;
        retried.retry_delay = Nanos(u64::from(b % 2) * 1_000);
        options.priority = i32::from(b % 3) - 1;
        let mut restricted = options.clone();
        restricted.workers.push("any".to_owned());
        if b.is_multiple_of(7) {
            restricted.resources.insert("gpu".to_owned(), 1000);
        }
        let mut draw = u64::from(a) << 16 | u64::from(b);
        let mut next = |below: u64| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (draw >> 33) % below
        };
        let tasks: Vec<NewTask> = (0..1 + u32::from(b % 9))
            .map(|position| {
                let number = local + position;
                let from = number.saturating_sub(8);
                let known = |dep: &u32| {
                    let earlier = self.state.local_task(client, *dep);
                    *dep >= local || earlier.is_some_and(|task| self.state.task(task).is_some())
                };
                let deps: Vec<u32> =
                    (from..number).filter(known).filter(|_| next(3) == 0).collect();
                let suffix = SuffixText::Index(number);
                let (options, wanted) = (next(3) as u32, next(2) == 0);
                NewTask { prefix: next(2) as u32, suffix, options, wanted, deps }
            })
            .collect();
        let name = "graph".to_owned();
        let prefixes = vec!["load".to_owned(), "sum".to_owned()];
        let options = vec![options, retried, restricted];
        let continues = b.is_multiple_of(2);
        let n_known = self.state.tasks().next_id().0;
        let nested = (n_known > 0 && b.is_multiple_of(3)).then(|| {
            let (parent, n_tasks) = (TaskId(u32::from(a) % n_known), tasks.len() as u32);
            NewNested { parent, first: 0, n_tasks }
        });
        let nested = nested.into_iter().filter(|nested| nested.n_tasks > 0).collect();
        let graph = NewGraph { name, local, continues, prefixes, options, tasks, nested };
        self.input(Input::GraphSubmitted { client, graph });
    }

    fn cancel(&mut self, a: u16) {
        if let Some(task) = self.some_task(a) {
            let (tasks, reason) = (vec![task], CancelReason::Requested);
            self.input(Input::CancelRequested { tasks, reason });
        }
    }

    fn release(&mut self, a: u16, b: u16) {
        let Some(client) = self.some_client(a) else { return };
        let wanted = |task: &TaskId| {
            self.state.task(*task).is_some_and(|found| found.wanted_by.contains(&client))
        };
        let tasks: Vec<TaskId> = self.live_tasks().into_iter().filter(wanted).collect();
        let some = tasks.iter().skip(usize::from(b % 5)).step_by(2).copied().collect();
        self.input(Input::ResultReleased { client, tasks: some });
    }

    fn want(&mut self, a: u16, b: u16) {
        if let (Some(client), Some(task)) = (self.some_client(a), self.some_task(b)) {
            self.input(Input::ResultWanted { client, tasks: vec![task] });
        }
    }

    /// A timer fires.
    fn fire(&mut self, a: u16) {
        let Some(task) = nth(self.timers.iter().copied().collect(), a) else { return };
        self.timers.remove(&task);
        self.input(Input::RetryDue { task });
    }

    /// What a policy that balances would ask.
    fn steal(&mut self, a: u16, b: u16) {
        let idle = |task: &TaskId| {
            let found = self.state.task(*task).filter(|found| found.thief().is_none());
            found.and_then(|found| found.run).is_some_and(|run| run.executing().is_none())
        };
        let tasks: Vec<TaskId> = self.live_tasks().into_iter().filter(idle).collect();
        let to = nth(self.state.by_load().map(|(_, worker)| worker).collect(), b);
        let (Some(task), Some(to)) = (nth(tasks, a), to) else { return };
        let run = self.state.task(task).and_then(|found| found.run).expect("filtered by it");
        let mut output = Output::default();
        let mut turn = Turn::new(&mut self.state, self.now, &mut output);
        turn.emit(Event::StealRequested { task, from: run.worker, to });
        self.take(output);
    }

    /// A worker fetches, starts or ends something.
    fn work(&mut self, a: u16, b: u16) {
        let Some(worker) = self.some_worker(a) else { return };
        let holders: BTreeMap<WorkerId, BTreeSet<TaskId>> =
            self.workers.iter().map(|(id, peer)| (*id, peer.held.clone())).collect();
        let at = self.now;
        let peer = self.workers.get_mut(&worker).expect("it was chosen from them");
        peer.work(worker, &holders, b, at);
    }

    fn deliver(&mut self, a: u16) {
        let Some(worker) = self.some_worker(a) else { return };
        let peer = self.workers.get_mut(&worker).expect("it was chosen from them");
        let reports = std::mem::take(&mut peer.outbox);
        if !reports.is_empty() {
            self.input(Input::WorkerReported { worker, reports });
        }
    }

    /// A worker reports what did not happen.
    fn lie(&mut self, a: u16, b: u16) {
        let Some(worker) = self.some_worker(a) else { return };
        let task = TaskId(u32::from(b) % (self.state.tasks().next_id().0 + 2));
        let attempt = self.state.task(task).map_or(1, |found| found.attempt);
        let (slot, bytes, took) = (b % 3, u64::from(b), Nanos(u64::MAX));
        let from = WorkerId(u32::from(a % 4));
        let reason = TransferFailure::Missing;
        let what = match b % 13 {
            0 => Reported::Started { task, attempt, slot },
            1 => Reported::Finished { task, attempt, bytes },
            2 => {
                let (kind, error) = (FailureKind::Panic, "lie".repeat(4_000));
                Reported::Failed { task, attempt, kind, error }
            }
            3 | 4 => Reported::TransferStarted { task, from, dependent: TaskId(task.0 + 1) },
            5 => Reported::TransferFinished { task, bytes },
            6 => Reported::TransferFailed { task, reason },
            7 => Reported::InputsMissing { task, attempt },
            8 => Reported::Spilled { task, bytes, took },
            9 => Reported::ReplicaAdded { task, bytes },
            10 => Reported::ReplicaDropped { task },
            11 => Reported::GaveBack { task, attempt },
            _ => Reported::Kept { task, attempt },
        };
        let at = Nanos(self.now.0.wrapping_add(u64::from(a) << 20));
        self.input(Input::WorkerReported { worker, reports: vec![Report { at, what }] });
    }

    fn with_worker(&mut self, a: u16, act: impl FnOnce(&mut Peer, Nanos)) {
        let at = self.now;
        if let Some(peer) = self.peer(a) {
            act(peer, at);
        }
    }

    fn peer(&mut self, a: u16) -> Option<&mut Peer> {
        let worker = self.some_worker(a)?;
        self.workers.get_mut(&worker)
    }

    fn some_worker(&self, a: u16) -> Option<WorkerId> {
        nth(self.workers.keys().copied().collect(), a)
    }

    fn some_client(&self, a: u16) -> Option<ClientId> {
        nth(self.state.clients().keys().copied().collect(), a)
    }

    fn some_task(&self, a: u16) -> Option<TaskId> {
        nth(self.live_tasks(), a)
    }

    fn live_tasks(&self) -> Vec<TaskId> {
        self.state.tasks().iter().map(|(id, _)| id).collect()
    }
}
