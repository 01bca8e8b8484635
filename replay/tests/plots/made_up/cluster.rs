//! The made-up cluster: what it is, how it begins, and who gets which task.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use taskreel_model::{
    AssignReason, Change, ClientId, Event, GraphId, Key, LogLevel, LogLine, Nanos, OptionsId,
    PrefixId, Sample, Stamped, State, StrId, Suffix, TaskId, TaskOptions, WorkerId, WorkerInfo,
};

use super::Made;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Arrived { task: TaskId, to: WorkerId },
    Ended { task: TaskId, worker: WorkerId, attempt: u32 },
    Retry { task: TaskId },
    Lost { worker: WorkerId },
    Sampled { worker: WorkerId },
}

pub(super) struct Cluster<'a> {
    pub(super) made: &'a Made,
    pub(super) state: State,
    pub(super) events: Vec<Stamped<Event>>,
    pub(super) samples: Vec<Sample>,
    pub(super) logs: Vec<LogLine>,
    pub(super) changes: Vec<Change>,
    pub(super) due: BinaryHeap<Reverse<(Nanos, u64, Due)>>,
    pub(super) n_due: u64,
    pub(super) n_draws: u64,
    pub(super) now: Nanos,
}

impl<'a> Cluster<'a> {
    pub(super) fn new(made: &'a Made) -> Self {
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
    pub(super) fn draw(&mut self, n: u64) -> u64 {
        self.n_draws += 1;
        let mut x = self.made.seed.wrapping_add(self.n_draws.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % n.max(1)
    }

    pub(super) fn emit(&mut self, what: Event) {
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

    pub(super) fn after(&mut self, delay: Nanos, due: Due) {
        self.n_due += 1;
        self.due.push(Reverse((self.now + delay, self.n_due, due)));
    }

    pub(super) fn run(&mut self) {
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

    pub(super) fn begin(&mut self) {
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

    pub(super) fn join(&mut self, worker: WorkerId) {
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

    pub(super) fn say(
        &mut self,
        worker: WorkerId,
        task: Option<TaskId>,
        level: LogLevel,
        text: &str,
    ) {
        let (at, worker, text) = (self.now, Some(worker), text.to_owned());
        self.logs.push(LogLine { at, worker, task, level, text });
    }

    /// Each task of a stage depends on its share of the stage before.
    pub(super) fn submit(&mut self) {
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

    pub(super) fn place(&mut self) {
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

    pub(super) fn holder_of_inputs(&self, task: TaskId) -> Option<WorkerId> {
        let first = *self.state.task(task)?.deps.first()?;
        Some(self.state.task(first)?.replicas.first()?.worker)
    }

    pub(super) fn missing(&self, task: TaskId, worker: WorkerId) -> Vec<TaskId> {
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

    pub(super) fn fetch(&mut self, task: TaskId, to: WorkerId) {
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

    pub(super) fn start(&mut self, worker: WorkerId) {
        let mut assigned = match self.state.worker(worker) {
            Some(found) if found.n_executing() < found.slots.len() => found.assigned.clone(),
            Some(_) | None => return,
        };
        assigned.sort_unstable();
        for task in assigned {
            let found = self.state.task(task).expect("assigned tasks are live");
            let attempt = found.attempt;
            if found.run.as_ref().is_none_or(|run| run.executing().is_some()) {
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
}
