//! A toy cluster on a virtual clock around the real core: `decide` and `place` run it, and its
//! workers, links and disks are as fast or slow as a test wants them.
#![allow(dead_code, unreachable_pub, reason = "each test binary uses its own part of this")]

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use taskreel_model::{
    Effect, Event, FailureKind, Input, LocalityThenIdle, LossReason, Nanos, NewGraph, NewTask,
    Output, PauseReason, Report, Reported, Stamped, State, SuffixText, TaskId, TaskOptions, Turn,
    WorkerId, WorkerInfo, decide, place,
};

/// A task of a toy run.
#[derive(Clone, Debug)]
pub struct Job {
    pub prefix: &'static str,
    /// Positions of tasks before it.
    pub deps: Vec<u32>,
    pub took: Nanos,
    pub bytes: u64,
    /// The only worker that may run it.
    pub only_on: Option<u32>,
    /// How many of its attempts fail.
    pub fails: u32,
}

impl Job {
    pub fn new(prefix: &'static str, took_us: u64) -> Self {
        let took = Nanos::from_micros(took_us);
        Self { prefix, deps: Vec::new(), took, bytes: 1_000, only_on: None, fails: 0 }
    }

    pub fn after(self, deps: impl IntoIterator<Item = u32>) -> Self {
        Self { deps: deps.into_iter().collect(), ..self }
    }
}

/// How a toy cluster is.
#[derive(Clone, Debug)]
pub struct Toy {
    pub jobs: Vec<Job>,
    /// How many times as long as usual each worker takes; its length is the number of workers.
    pub pace: Vec<f64>,
    pub slots: u16,
    /// From the submission to when each worker joins; before it where this is empty.
    pub joins_after: Vec<Nanos>,
    /// What a message takes.
    pub latency: Nanos,
    /// What the scheduler takes for each report.
    pub per_report: Nanos,
    /// Bytes a second that a worker receives.
    pub bandwidth: u64,
    /// Bytes of results that a worker keeps in memory.
    pub memory: u64,
    /// Bytes a second of a worker's disk.
    pub disk: u64,
    /// Whether workers pause while they spill.
    pub pauses: bool,
    pub retries: u32,
    pub retry_delay: Nanos,
    /// Workers that are lost, and when.
    pub losses: Vec<(u32, Nanos)>,
}

impl Toy {
    /// Four equal workers with two slots each, fast links, enough memory.
    pub fn new(jobs: Vec<Job>) -> Self {
        Self {
            jobs,
            pace: vec![1.0; 4],
            slots: 2,
            joins_after: Vec::new(),
            latency: Nanos::from_micros(50),
            per_report: Nanos::from_micros(3),
            bandwidth: 1_000_000_000,
            memory: u64::MAX,
            disk: 100_000_000,
            pauses: false,
            retries: 0,
            retry_delay: Nanos::ZERO,
            losses: Vec::new(),
        }
    }

    /// The log of the run.
    pub fn run(&self) -> Vec<Stamped<Event>> {
        let mut world = World::new(self);
        world.begin();
        let mut n = 0_u64;
        while let Some(Reverse((at, _, due))) = world.due.pop() {
            n += 1;
            assert!(n < 5_000_000, "the toy does not come to its end");
            world.now = at;
            world.handle(due);
        }
        assert!(world.state.is_idle(), "{:?}", world.state.totals());
        world.log
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// The scheduler gets to what arrived.
    Turn,
    Run {
        worker: u32,
        task: TaskId,
        attempt: u32,
        inputs: Vec<(TaskId, u32)>,
    },
    Free {
        worker: u32,
        task: TaskId,
    },
    Arrived {
        worker: u32,
        task: TaskId,
    },
    Restored {
        worker: u32,
        task: TaskId,
        took: Nanos,
    },
    Spilled {
        worker: u32,
        task: TaskId,
        took: Nanos,
    },
    Ended {
        worker: u32,
        task: TaskId,
        attempt: u32,
        slot: u16,
    },
    Retry {
        task: TaskId,
    },
    Join {
        worker: u32,
    },
    Lose {
        worker: u32,
    },
}

#[derive(Clone, Debug)]
struct Work {
    task: TaskId,
    attempt: u32,
    inputs: Vec<(TaskId, u32)>,
}

#[derive(Clone, Debug, Default)]
struct Worker {
    waiting: Vec<Work>,
    slots: Vec<bool>,
    /// Results in memory, oldest first.
    held: VecDeque<TaskId>,
    spilled: BTreeSet<TaskId>,
    coming: BTreeSet<TaskId>,
    link_free: Nanos,
    disk_free: Nanos,
    paused: bool,
    gone: bool,
}

struct World<'a> {
    toy: &'a Toy,
    state: State,
    log: Vec<Stamped<Event>>,
    workers: Vec<Worker>,
    due: BinaryHeap<Reverse<(Nanos, u64, Due)>>,
    n_due: u64,
    now: Nanos,
    inbox: VecDeque<(Nanos, Input)>,
    busy_until: Nanos,
    failed: BTreeMap<TaskId, u32>,
}

impl<'a> World<'a> {
    fn new(toy: &'a Toy) -> Self {
        let worker = Worker { slots: vec![false; usize::from(toy.slots)], ..Worker::default() };
        Self {
            toy,
            state: State::new(),
            log: Vec::new(),
            workers: vec![worker; toy.pace.len()],
            due: BinaryHeap::new(),
            n_due: 0,
            now: Nanos::ZERO,
            inbox: VecDeque::new(),
            busy_until: Nanos::ZERO,
            failed: BTreeMap::new(),
        }
    }

    fn after(&mut self, delay: Nanos, due: Due) {
        self.n_due += 1;
        self.due.push(Reverse((self.now + delay, self.n_due, due)));
    }

    fn begin(&mut self) {
        self.input(Input::SchedulerStarted);
        let client = self.state.next_client();
        self.input(Input::ClientConnected { client, name: "toy".to_owned() });
        let early = self.toy.joins_after.is_empty();
        for worker in 0..self.toy.pace.len() as u32 {
            if early {
                self.join(worker);
            } else {
                self.after(self.toy.joins_after[worker as usize], Due::Join { worker });
            }
        }
        let graph = self.graph();
        self.input(Input::GraphSubmitted { client, graph });
        for (worker, at) in self.toy.losses.clone() {
            self.after(at, Due::Lose { worker });
        }
    }

    fn graph(&self) -> NewGraph {
        let mut graph = NewGraph { name: "toy".to_owned(), ..NewGraph::default() };
        for worker in [None].into_iter().chain((0..self.toy.pace.len()).map(Some)) {
            let mut options = TaskOptions::new("toy");
            options.retries = self.toy.retries;
            options.retry_delay = self.toy.retry_delay;
            options.workers.extend(worker.map(|worker| format!("worker-{worker}")));
            graph.options.push(options);
        }
        let needed: BTreeSet<u32> =
            self.toy.jobs.iter().flat_map(|job| job.deps.iter().copied()).collect();
        for (index, job) in (0..).zip(&self.toy.jobs) {
            let known = graph.prefixes.iter().position(|prefix| prefix == job.prefix);
            let prefix = known.unwrap_or_else(|| {
                graph.prefixes.push(job.prefix.to_owned());
                graph.prefixes.len() - 1
            });
            graph.tasks.push(NewTask {
                prefix: prefix as u32,
                suffix: SuffixText::Index(index),
                options: job.only_on.map_or(0, |worker| worker + 1),
                wanted: !needed.contains(&index),
                deps: job.deps.clone(),
            });
        }
        graph
    }

    fn join(&mut self, id: u32) {
        let info = WorkerInfo {
            name: format!("worker-{id}"),
            address: format!("toy://{id}"),
            host: "toy".to_owned(),
            pid: id,
            slots: self.toy.slots,
            memory_limit: 0,
            resources: BTreeMap::new(),
            version: "0".to_owned(),
        };
        let worker = self.state.next_worker();
        assert_eq!(worker.0, id, "workers join in the order of their ids");
        self.input(Input::WorkerJoined { worker, info });
    }

    fn input(&mut self, input: Input) {
        let mut output = Output::default();
        let mut turn = Turn::new(&mut self.state, self.now, &mut output);
        decide(&mut turn, input).expect("the toy tells the truth");
        place(&LocalityThenIdle, &mut turn);
        self.log.extend(output.events);
        for effect in output.effects {
            self.carry_out(effect);
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        let latency = self.toy.latency;
        match effect {
            Effect::Run { worker, task, attempt } => {
                let Some(found) = self.state.task(task) else { return };
                let from = |dep: &TaskId| self.state.task(*dep).expect("it is live").replicas[0];
                let inputs = found.deps.iter().map(|dep| (*dep, from(dep).worker.0)).collect();
                self.after(latency, Due::Run { worker: worker.0, task, attempt, inputs });
            }
            Effect::Free { worker, task } => {
                self.after(latency, Due::Free { worker: worker.0, task });
            }
            Effect::SetRetryTimer { task, due_at } => {
                self.after(due_at.since(self.now), Due::Retry { task });
            }
            Effect::Revoke { .. }
            | Effect::AskBack { .. }
            | Effect::Notify { .. }
            | Effect::Disconnect { .. } => {}
        }
    }

    /// A worker tells something that happened now.
    fn tell(&mut self, worker: u32, what: Reported) {
        let reports = vec![Report { at: self.now, what }];
        let worker = WorkerId(worker);
        let arrives = self.now + self.toy.latency;
        self.busy_until = self.busy_until.max(arrives) + self.toy.per_report;
        self.inbox.push_back((self.busy_until, Input::WorkerReported { worker, reports }));
        self.after(self.busy_until.since(self.now), Due::Turn);
    }

    fn handle(&mut self, due: Due) {
        match due {
            Due::Turn => {
                if let Some((_, input)) = self.inbox.pop_front() {
                    let gone = matches!(&input, Input::WorkerReported { worker, .. }
                        if self.workers[worker.index()].gone);
                    if !gone {
                        self.input(input);
                    }
                }
            }
            Due::Join { worker } => self.join(worker),
            Due::Lose { worker } => {
                self.workers[worker as usize].gone = true;
                let reason = LossReason::Disconnected;
                self.input(Input::WorkerLost { worker: WorkerId(worker), reason });
            }
            Due::Retry { task } => self.input(Input::RetryDue { task }),
            Due::Run { worker, task, attempt, inputs } => {
                self.workers[worker as usize].waiting.push(Work { task, attempt, inputs });
                self.work(worker);
            }
            Due::Free { worker, task } => {
                let of = &mut self.workers[worker as usize];
                of.held.retain(|held| *held != task);
                of.spilled.remove(&task);
            }
            Due::Arrived { worker, task } => {
                let bytes = self.toy.jobs[task.index()].bytes;
                self.workers[worker as usize].coming.remove(&task);
                self.workers[worker as usize].held.push_back(task);
                self.tell(worker, Reported::TransferFinished { task, bytes });
                self.work(worker);
            }
            Due::Restored { worker, task, took } => {
                let bytes = self.toy.jobs[task.index()].bytes;
                let of = &mut self.workers[worker as usize];
                of.coming.remove(&task);
                if of.spilled.remove(&task) {
                    of.held.push_back(task);
                    self.tell(worker, Reported::Restored { task, bytes, took });
                }
                self.work(worker);
            }
            Due::Spilled { worker, task, took } => {
                let bytes = self.toy.jobs[task.index()].bytes;
                self.tell(worker, Reported::Spilled { task, bytes, took });
                if std::mem::take(&mut self.workers[worker as usize].paused) {
                    self.tell(worker, Reported::Resumed);
                }
                self.work(worker);
            }
            Due::Ended { worker, task, attempt, slot } => self.ended(worker, task, attempt, slot),
        }
    }

    fn ended(&mut self, worker: u32, task: TaskId, attempt: u32, slot: u16) {
        if self.workers[worker as usize].gone {
            return;
        }
        let job = &self.toy.jobs[task.index()];
        self.workers[worker as usize].slots[usize::from(slot)] = false;
        let n_failed = self.failed.entry(task).or_default();
        if *n_failed < job.fails {
            *n_failed += 1;
            let (kind, error) = (FailureKind::Error, "the toy is broken".to_owned());
            self.tell(worker, Reported::Failed { task, attempt, kind, error });
        } else {
            self.workers[worker as usize].held.push_back(task);
            self.tell(worker, Reported::Finished { task, attempt, bytes: job.bytes });
            self.spill(worker, task);
        }
        self.work(worker);
    }

    /// Sends the oldest results to disk while there are too many.
    fn spill(&mut self, worker: u32, newest: TaskId) {
        let bytes = |task: &TaskId| self.toy.jobs[task.index()].bytes;
        let of = &mut self.workers[worker as usize];
        if of.held.iter().map(bytes).sum::<u64>() <= self.toy.memory {
            return;
        }
        let Some(oldest) = of.held.front().copied().filter(|task| *task != newest) else { return };
        of.held.pop_front();
        of.spilled.insert(oldest);
        let took = Nanos(bytes(&oldest) * 1_000_000_000 / self.toy.disk);
        of.disk_free = of.disk_free.max(self.now) + took;
        let delay = of.disk_free.since(self.now);
        let pauses = self.toy.pauses && !std::mem::replace(&mut of.paused, self.toy.pauses);
        if pauses {
            self.tell(worker, Reported::Paused { reason: PauseReason::Memory });
        }
        self.after(delay, Due::Spilled { worker, task: oldest, took });
    }

    /// Fetches what is missing and starts what can start.
    fn work(&mut self, worker: u32) {
        if self.workers[worker as usize].gone || self.workers[worker as usize].paused {
            return;
        }
        let mut index = 0;
        while let Some(next) = self.workers[worker as usize].waiting.get(index).cloned() {
            let missing: Vec<(TaskId, u32)> = {
                let of = &self.workers[worker as usize];
                next.inputs.iter().filter(|(input, _)| !of.held.contains(input)).copied().collect()
            };
            for (input, from) in &missing {
                self.get(worker, *input, *from, next.task);
            }
            let of = &mut self.workers[worker as usize];
            let free = of.slots.iter().position(|busy| !busy);
            match (missing.is_empty(), free) {
                (true, Some(slot)) => {
                    of.slots[slot] = true;
                    of.waiting.remove(index);
                    self.start(worker, &next, slot as u16);
                }
                _ => index += 1,
            }
        }
    }

    fn get(&mut self, worker: u32, input: TaskId, from: u32, dependent: TaskId) {
        let bytes = self.toy.jobs[input.index()].bytes;
        let latency = self.toy.latency;
        let of = &mut self.workers[worker as usize];
        if of.coming.contains(&input) {
            return;
        }
        if of.spilled.contains(&input) {
            let took = Nanos(bytes * 1_000_000_000 / self.toy.disk);
            of.disk_free = of.disk_free.max(self.now) + took;
            let delay = of.disk_free.since(self.now);
            of.coming.insert(input);
            self.after(delay, Due::Restored { worker, task: input, took });
        } else if from != worker {
            let took = Nanos(bytes * 1_000_000_000 / self.toy.bandwidth);
            of.link_free = of.link_free.max(self.now) + took;
            let delay = of.link_free.since(self.now) + latency;
            of.coming.insert(input);
            let from = WorkerId(from);
            self.tell(worker, Reported::TransferStarted { task: input, from, dependent });
            self.after(delay, Due::Arrived { worker, task: input });
        }
    }

    fn start(&mut self, worker: u32, work: &Work, slot: u16) {
        let (task, attempt) = (work.task, work.attempt);
        self.tell(worker, Reported::Started { task, attempt, slot });
        let took = self.toy.jobs[task.index()].took.0 as f64 * self.toy.pace[worker as usize];
        self.after(Nanos(took as u64), Due::Ended { worker, task, attempt, slot });
    }
}
