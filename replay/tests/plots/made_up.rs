//! Made-up runs: a small cluster simulated on a virtual clock, whose every event the state
//! accepts. For tests, and for looking at pictures of runs that are hard to come by.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use taskreel_model::{
    AssignReason, Change, ClientId, Event, FailureKind, GraphId, Key, LogLevel, LogLine,
    LossReason, Nanos, OptionsId, Phase, PrefixId, Sample, Stamped, State, StrId, Suffix, TaskId,
    TaskOptions, WorkerId, WorkerInfo,
};
use taskreel_recorder::Batch;

/// What kind of run.
#[derive(Clone, Debug)]
pub(crate) struct Made {
    pub(crate) seed: u64,
    pub(crate) n_workers: u32,
    pub(crate) n_slots: u16,
    /// Names of prefixes; each stage has as many tasks as stands beside it and depends on the
    /// stage before it.
    pub(crate) stages: Vec<(&'static str, u32)>,
    /// Mean duration of a task.
    pub(crate) task_us: u64,
    /// One attempt in so many fails; 0: none.
    pub(crate) fails_every: u64,
    /// A worker that is lost, and when.
    pub(crate) loses: Option<(u32, Nanos)>,
    /// Nothing happens after this instant: the run is looked at in its middle.
    pub(crate) until: Nanos,
    pub(crate) worker_name: &'static str,
    pub(crate) memory_limit: u64,
}

impl Default for Made {
    fn default() -> Self {
        Self {
            seed: 1,
            n_workers: 4,
            n_slots: 2,
            stages: vec![("read", 96), ("parse", 96), ("count", 96), ("merge", 12), ("total", 1)],
            task_us: 120_000,
            fails_every: 0,
            loses: None,
            until: Nanos::MAX,
            worker_name: "worker",
            memory_limit: 1 << 30,
        }
    }
}

impl Made {
    /// The run's events and samples.
    pub(crate) fn batch(&self) -> Batch {
        let mut cluster = Cluster::new(self);
        cluster.run();
        let events = cluster.events;
        Batch { events, samples: cluster.samples, logs: cluster.logs }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Arrived { task: TaskId, to: WorkerId },
    Ended { task: TaskId, worker: WorkerId, attempt: u32 },
    Retry { task: TaskId },
    Lost { worker: WorkerId },
    Sampled { worker: WorkerId },
}

struct Cluster<'a> {
    made: &'a Made,
    state: State,
    events: Vec<Stamped<Event>>,
    samples: Vec<Sample>,
    logs: Vec<LogLine>,
    changes: Vec<Change>,
    due: BinaryHeap<Reverse<(Nanos, u64, Due)>>,
    n_due: u64,
    n_draws: u64,
    now: Nanos,
}

impl<'a> Cluster<'a> {
    fn new(made: &'a Made) -> Self {
        Self {
            made,
            state: State::new(),
            events: Vec::new(),
            samples: Vec::new(),
            logs: Vec::new(),
            changes: Vec::new(),
            due: BinaryHeap::new(),
            n_due: 0,
            n_draws: 0,
            now: Nanos::ZERO,
        }
    }

    /// A number below `n`, from the seed and the count of draws.
    fn draw(&mut self, n: u64) -> u64 {
        self.n_draws += 1;
        let mut x = self.made.seed.wrapping_add(self.n_draws.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n.max(1)
    }

    fn emit(&mut self, what: Event) {
        let event = Stamped {
            seq: self.state.next_seq(),
            logged_at: self.now,
            at: self.now,
            cause: None,
            what,
        };
        self.state.apply(&event, &mut self.changes).expect("the made-up cluster obeys the rules");
        self.changes.clear();
        self.events.push(event);
    }

    fn after(&mut self, delay: Nanos, due: Due) {
        self.n_due += 1;
        self.due.push(Reverse((self.now + delay, self.n_due, due)));
    }

    fn run(&mut self) {
        self.begin();
        for id in 0..self.made.n_workers {
            self.now = self.now + Nanos::from_micros(1_500);
            self.join(WorkerId(id));
        }
        self.submit();
        if let Some((worker, at)) = self.made.loses {
            self.after(at, Due::Lost { worker: WorkerId(worker) });
        }
        self.place();
        while let Some(Reverse((at, _, due))) = self.due.pop() {
            if at > self.made.until || self.state.is_idle() {
                break;
            }
            self.now = at;
            self.handle(due);
            self.place();
        }
    }

    fn begin(&mut self) {
        self.emit(Event::SchedulerStarted { incarnation: 0 });
        for (i, text) in ["example", "out of luck", "half way", "a phase"].into_iter().enumerate() {
            self.emit(Event::Interned { id: StrId(i as u32), text: text.into() });
        }
        for (i, (name, _)) in self.made.stages.iter().enumerate() {
            self.emit(Event::PrefixDeclared { id: PrefixId(i as u32), name: (*name).into() });
        }
        let options = Box::new(TaskOptions::new("made_up"));
        self.emit(Event::OptionsDeclared { id: OptionsId(0), options });
        self.emit(Event::ClientConnected { client: ClientId(0), name: StrId(0) });
    }

    fn join(&mut self, worker: WorkerId) {
        let info = WorkerInfo {
            name: format!("{}-{}", self.made.worker_name, worker.0),
            address: format!("tcp://10.0.0.{}:7000", worker.0),
            host: "example".to_owned(),
            pid: worker.0,
            slots: self.made.n_slots,
            memory_limit: self.made.memory_limit,
            resources: BTreeMap::new(),
            version: "0".to_owned(),
        };
        self.emit(Event::WorkerJoined { worker, info: Box::new(info) });
        self.after(Nanos::from_millis(500), Due::Sampled { worker });
        self.say(worker, None, LogLevel::Info, "joined, ready for work");
    }

    fn say(&mut self, worker: WorkerId, task: Option<TaskId>, level: LogLevel, text: &str) {
        let (at, worker, text) = (self.now, Some(worker), text.to_owned());
        self.logs.push(LogLine { at, worker, task, level, text });
    }

    /// Each task of a stage depends on its share of the stage before.
    fn submit(&mut self) {
        let n_tasks: u32 = self.made.stages.iter().map(|(_, n)| n).sum();
        self.emit(Event::GraphSubmitted {
            graph: GraphId(0),
            client: ClientId(0),
            name: StrId(0),
            first: TaskId(0),
            n_tasks,
            local: 0,
        });
        let (mut first, mut before) = (0, None);
        let n_stages = self.made.stages.len();
        for (stage, (_, n)) in self.made.stages.clone().into_iter().enumerate() {
            for i in 0..n {
                let deps: Vec<TaskId> = match before {
                    None => Vec::new(),
                    Some((first, n_before)) => {
                        let share =
                            |i: u32| (u64::from(i) * u64::from(n_before) / u64::from(n)) as u32;
                        (share(i)..share(i + 1).max(share(i) + 1).min(n_before))
                            .map(|dep| TaskId(first + dep))
                            .collect()
                    }
                };
                self.emit(Event::TaskSubmitted {
                    task: TaskId(first + i),
                    graph: GraphId(0),
                    key: Key { prefix: PrefixId(stage as u32), suffix: Suffix::Index(i) },
                    options: OptionsId(0),
                    wanted: stage + 1 == n_stages,
                    deps: deps.into(),
                });
            }
            before = Some((first, n));
            first += n;
        }
    }

    fn place(&mut self) {
        loop {
            let next = self.state.ready().next();
            let Some(task) = next else { break };
            let least = self.state.by_load().next();
            let Some((load, worker)) = least else { break };
            if load >= 512 {
                break;
            }
            let holder = self.holder_of_inputs(task).filter(|w| {
                self.state.worker(*w).is_some_and(|w| w.assigned.len() < w.slots.len() * 2)
            });
            let found = self.state.task(task).expect("ready tasks are live");
            let attempt = found.attempt + 1;
            let reason = match holder {
                Some(_) => AssignReason::Locality,
                None => AssignReason::Idle,
            };
            let worker = holder.unwrap_or(worker);
            self.emit(Event::TaskAssigned { task, worker, attempt, reason });
            self.fetch(task, worker);
            self.start(worker);
        }
        let here: Vec<WorkerId> = self.state.present_workers().map(|(id, _)| id).collect();
        for worker in here {
            self.start(worker);
        }
    }

    fn holder_of_inputs(&self, task: TaskId) -> Option<WorkerId> {
        let first = *self.state.task(task)?.deps.first()?;
        Some(self.state.task(first)?.replicas.first()?.worker)
    }

    fn missing(&self, task: TaskId, worker: WorkerId) -> Vec<TaskId> {
        let deps = &self.state.task(task).expect("assigned tasks are live").deps;
        deps.iter()
            .copied()
            .filter(|dep| {
                self.state
                    .task(*dep)
                    .is_none_or(|dep| dep.replicas.iter().all(|r| r.worker != worker))
            })
            .collect()
    }

    fn fetch(&mut self, task: TaskId, to: WorkerId) {
        for dep in self.missing(task, to) {
            let from = self.state.task(dep).and_then(|t| t.replicas.first()).map(|r| r.worker);
            let Some(from) = from else { continue };
            if self.state.flights().contains_key(&(to, dep)) {
                continue;
            }
            self.emit(Event::TransferStarted { task: dep, from, to, dependent: task });
            let took = self.made.task_us / 6 + self.draw(self.made.task_us / 3 + 1);
            self.after(Nanos::from_micros(took), Due::Arrived { task: dep, to });
        }
    }

    fn start(&mut self, worker: WorkerId) {
        let mut assigned = match self.state.worker(worker) {
            Some(found) if found.n_executing() < found.slots.len() => found.assigned.clone(),
            Some(_) | None => return,
        };
        assigned.sort_unstable();
        for task in assigned {
            let found = self.state.task(task).expect("assigned tasks are live");
            let attempt = found.attempt;
            if found.run.as_ref().is_none_or(|run| run.executing.is_some()) {
                continue;
            }
            let slots = &self.state.worker(worker).expect("it was found above").slots;
            let Some(slot) = slots.iter().position(Option::is_none) else { return };
            if !self.missing(task, worker).is_empty() {
                self.fetch(task, worker);
                continue;
            }
            self.emit(Event::TaskStarted { task, worker, attempt, slot: slot as u16 });
            let prefix = u64::from(self.state.task(task).expect("it has started").key.prefix.0);
            let mean = self.made.task_us * (3 + prefix % 3) / 4;
            let took = mean / 3 + self.draw(mean * 4 / 3 + 1);
            self.after(Nanos::from_micros(took), Due::Ended { task, worker, attempt });
        }
    }

    fn handle(&mut self, due: Due) {
        match due {
            Due::Arrived { task, to } => {
                if self.state.flights().contains_key(&(to, task)) {
                    let bytes = self.state.task(task).map_or(0, |t| t.bytes);
                    let held = self.state.task(task).is_some_and(|t| t.phase == Phase::Memory);
                    if held {
                        self.emit(Event::TransferFinished { task, to, bytes });
                    } else {
                        let reason = taskreel_model::TransferFailure::Missing;
                        self.emit(Event::TransferFailed { task, to, reason });
                    }
                }
            }
            Due::Ended { task, worker, attempt } => self.ended(task, worker, attempt),
            Due::Retry { task } => {
                if self.state.task(task).is_some_and(|t| t.delayed) {
                    self.emit(Event::RetryDue { task });
                }
            }
            Due::Lost { worker } => {
                self.emit(Event::WorkerLost { worker, reason: LossReason::Disconnected });
            }
            Due::Sampled { worker } => self.sampled(worker),
        }
    }

    fn ended(&mut self, task: TaskId, worker: WorkerId, attempt: u32) {
        let runs = self.state.task(task).is_some_and(|found| {
            found.attempt == attempt && found.run.as_ref().is_some_and(|run| run.worker == worker)
        });
        if !runs {
            return;
        }
        if self.made.fails_every > 0 && self.draw(self.made.fails_every) == 0 {
            let retry = Nanos::from_micros(self.made.task_us * 2);
            let (level, task) = (LogLevel::Warn, Some(task));
            self.say(worker, task, level, "no luck today: the dice fell badly, trying again");
            let task = task.expect("it was set a line ago");
            self.emit(Event::TaskFailed {
                task,
                worker,
                attempt,
                kind: FailureKind::Error,
                error: StrId(1),
                retry: Some(retry),
            });
            self.after(retry, Due::Retry { task });
            return;
        }
        let bytes = 1_000_000 + self.draw(6_000_000);
        self.emit(Event::TaskFinished { task, worker, attempt, bytes });
        if task.0 % 40 == 20 {
            self.emit(Event::Marked { name: StrId(2), task: Some(task) });
        }
        if task.0 % 50 == 30 {
            let took = Nanos::from_micros(self.made.task_us * 3);
            self.emit(Event::SpanRecorded { name: StrId(3), task: None, took });
        }
        if self.draw(9) == 0 {
            let took = Nanos::from_micros(self.made.task_us / 5);
            let activity = taskreel_model::Activity::Serialize;
            self.emit(Event::ActivityRecorded { task, worker, activity, took, bytes });
        }
        if self.draw(17) == 0 && self.state.task(task).is_some_and(|t| t.phase == Phase::Memory) {
            let took = Nanos::from_micros(self.made.task_us / 3);
            self.emit(Event::ResultSpilled { task, worker, bytes, took });
        }
    }

    fn sampled(&mut self, id: WorkerId) {
        let Some(worker) = self.state.worker(id) else { return };
        if worker.status == taskreel_model::WorkerStatus::Lost {
            return;
        }
        let busy = worker.n_executing() as u32;
        let (managed, spilled) = (worker.memory_bytes, worker.disk_bytes);
        let noise = self.draw(200) as u32;
        self.samples.push(Sample {
            at: self.now,
            worker: Some(id),
            cpu_permille: busy * 850 + noise,
            rss_bytes: managed + 90_000_000 + u64::from(noise) * 400_000,
            managed_bytes: managed,
            spilled_bytes: spilled,
            slots_busy: busy as u16,
            received_per_s: u64::from(noise) * 300_000,
            sent_per_s: u64::from(noise ^ 0x55) * 200_000,
            read_per_s: u64::from(noise % 20) * 90_000,
            written_per_s: spilled / 8 + u64::from(noise) * 4_000,
            lag: Nanos::from_micros(u64::from(noise) * 3),
            ..Sample::default()
        });
        if id == WorkerId(0) {
            self.samples.push(Sample {
                at: self.now,
                cpu_permille: 40 + noise,
                rss_bytes: 60_000_000,
                lag: Nanos::from_micros(40 + u64::from(noise * noise) / 4),
                ..Sample::default()
            });
        }
        self.after(Nanos::from_millis(500), Due::Sampled { worker: id });
    }
}
