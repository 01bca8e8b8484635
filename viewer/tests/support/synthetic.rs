//! A made-up run for tests and for looking at the page: a word count on four workers, its files
//! read and counted, the counts merged in a tree, with transfers, failures and a lost worker.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use taskreel_model::{
    AssignReason, ClientId, Event, FailureKind, GraphId, Key, LossReason, Nanos, OptionsId,
    PrefixId, Sample, Stamped, StrId, Suffix, TaskId, TaskOptions, WorkerId, WorkerInfo,
};
use taskreel_recorder::{Batch, ReadError, RunInfo, Source, Warning};

const MS: u64 = 1_000_000;
/// Names of the groups of tasks, by `PrefixId`.
pub(crate) const PREFIXES: [&str; 5] = ["read", "count", "merge", "check", "total"];

/// What to make up.
pub(crate) struct Plan {
    /// Files to read and count.
    pub(crate) n_files: u32,
    pub(crate) n_workers: u32,
    pub(crate) slots: u16,
    /// Names by `PrefixId`.
    pub(crate) prefixes: [String; 5],
}

impl Default for Plan {
    fn default() -> Self {
        let prefixes = PREFIXES.map(str::to_owned);
        Self { n_files: 96, n_workers: 4, slots: 2, prefixes }
    }
}

/// A task and what it waits for.
struct Job {
    prefix: u32,
    index: u32,
    deps: Vec<u32>,
    takes: u64,
}

/// Events by instant; ids of those at the same instant are in order.
struct Log(Vec<(u64, Event)>);

impl Log {
    fn add(&mut self, at: u64, event: Event) {
        self.0.push((at, event));
    }
}

/// All events of the run, and samples of its workers.
pub(crate) fn make(plan: &Plan) -> Batch {
    let jobs = jobs(plan.n_files);
    let mut log = Log(Vec::new());
    declare(&mut log, plan, &jobs);
    let end = schedule(&mut log, plan, &jobs);
    log.0.sort_by_key(|(at, _)| *at);
    let stamped = log.0.into_iter().enumerate().map(|(seq, (at, what))| Stamped {
        seq: seq as u64,
        logged_at: Nanos(at),
        at: Nanos(at),
        cause: None,
        what,
    });
    Batch { events: stamped.collect(), samples: samples(plan, end), logs: Vec::new() }
}

/// A header that says the run began `started_unix_ns`.
pub(crate) fn header(name: &str, started_unix_ns: u64) -> RunInfo {
    RunInfo {
        run_id: "0193f5d2a1b24c6f8e7d9a0b1c2d3e4f".to_owned(),
        name: name.to_owned(),
        started_unix_ns,
        version: "0.1.0".to_owned(),
        host: "laptop".to_owned(),
        platform: "linux x86_64".to_owned(),
        command: ["reel", "demo", "wordcount", "."].map(str::to_owned).into(),
        tick_ns: 1_000,
        seed: 1,
    }
}

/// A number below `limit` that depends on `n` alone.
fn draw(n: u64, limit: u64) -> u64 {
    let mixed = (n ^ (n >> 31)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 33) % limit.max(1)
}

fn jobs(n_files: u32) -> Vec<Job> {
    let mut jobs = Vec::new();
    let mut add = |prefix, index, deps: Vec<u32>, takes| {
        jobs.push(Job { prefix, index, deps, takes });
        jobs.len() as u32 - 1
    };
    let mut level = Vec::new();
    for i in 0..n_files {
        let read = add(0, i, vec![], (15 + draw(u64::from(i), 40)) * MS);
        level.push(add(1, i, vec![read], (60 + draw(u64::from(i) + 999, 260)) * MS));
    }
    for i in 0..n_files / 8 {
        add(3, i, vec![], (20 + draw(u64::from(i) + 77, 60)) * MS);
    }
    let mut merges = 0;
    while level.len() > 1 {
        level = level
            .chunks(8)
            .map(|deps| {
                merges += 1;
                add(2, merges, deps.to_vec(), (40 + draw(merges.into(), 160)) * MS)
            })
            .collect();
    }
    add(4, 0, level, 120 * MS);
    jobs
}

fn declare(log: &mut Log, plan: &Plan, jobs: &[Job]) {
    log.add(0, Event::SchedulerStarted { incarnation: 0 });
    for (id, text) in ["client", "wordcount", "no such file: data/missing.txt"].iter().enumerate() {
        log.add(0, Event::Interned { id: StrId(id as u32), text: (*text).into() });
    }
    for (id, name) in plan.prefixes.iter().enumerate() {
        log.add(0, Event::PrefixDeclared { id: PrefixId(id as u32), name: name.as_str().into() });
    }
    let options = Box::new(TaskOptions::new("demo"));
    log.add(0, Event::OptionsDeclared { id: OptionsId(0), options });
    for worker in 0..plan.n_workers {
        let at = (5 + u64::from(worker) * 100 / u64::from(plan.n_workers)) * MS;
        log.add(
            at,
            Event::WorkerJoined { worker: WorkerId(worker), info: worker_info(worker, plan) },
        );
    }
    let submit_at = 120 * MS;
    log.add(submit_at, Event::ClientConnected { client: ClientId(0), name: StrId(0) });
    log.add(
        submit_at,
        Event::GraphSubmitted {
            graph: GraphId(0),
            client: ClientId(0),
            name: StrId(1),
            first: TaskId(0),
            n_tasks: jobs.len() as u32,
            local: 0,
        },
    );
    for (id, job) in jobs.iter().enumerate() {
        let suffix = if job.prefix == 4 { Suffix::None } else { Suffix::Index(job.index) };
        log.add(
            submit_at,
            Event::TaskSubmitted {
                task: TaskId(id as u32),
                graph: GraphId(0),
                key: Key { prefix: PrefixId(job.prefix), suffix },
                options: OptionsId(0),
                wanted: job.prefix >= 3,
                deps: job.deps.iter().map(|&dep| TaskId(dep)).collect(),
            },
        );
    }
}

fn worker_info(worker: u32, plan: &Plan) -> Box<WorkerInfo> {
    Box::new(WorkerInfo {
        name: format!("worker-{worker}"),
        address: format!("tcp://127.0.0.1:{}", 40_001 + worker),
        host: "laptop".to_owned(),
        pid: 4_200 + worker,
        slots: plan.slots,
        memory_limit: 256 << 20,
        resources: BTreeMap::new(),
        version: "0.1.0".to_owned(),
    })
}

/// Runs every job on the slot that is free first; gives the instant of the last event.
fn schedule(log: &mut Log, plan: &Plan, jobs: &[Job]) -> u64 {
    let mut ready: BinaryHeap<Reverse<(u64, u32)>> = jobs
        .iter()
        .enumerate()
        .filter(|(_, job)| job.deps.is_empty())
        .map(|(id, _)| Reverse((121 * MS, id as u32)))
        .collect();
    let mut slots: BinaryHeap<Reverse<(u64, u32, u16)>> = (0..plan.n_workers)
        .flat_map(|worker| (0..plan.slots).map(move |slot| Reverse((130 * MS, worker, slot))))
        .collect();
    let mut dependents: Vec<Vec<usize>> = jobs.iter().map(|_| Vec::new()).collect();
    for (id, job) in jobs.iter().enumerate() {
        job.deps.iter().for_each(|&dep| dependents[dep as usize].push(id));
    }
    let mut missing: Vec<usize> = jobs.iter().map(|job| job.deps.len()).collect();
    let mut done: Vec<Option<(u64, u32)>> = jobs.iter().map(|_| None).collect();
    let mut end = 0;
    while let Some(Reverse((ready_at, id))) = ready.pop() {
        let Reverse((free_at, worker, slot)) = slots.pop().expect("there is a slot");
        let finished_at = run_one(log, jobs, &done, (id, free_at.max(ready_at)), (worker, slot));
        slots.push(Reverse((finished_at + MS / 5, worker, slot)));
        done[id as usize] = Some((finished_at, worker));
        end = end.max(finished_at);
        for &next in &dependents[id as usize] {
            missing[next] -= 1;
            if missing[next] == 0 {
                let deps = jobs[next].deps.iter().filter_map(|&dep| done[dep as usize]);
                let at = deps.map(|(at, _)| at).max().expect("it has dependencies");
                ready.push(Reverse((at + MS / 10, next as u32)));
            }
        }
    }
    let spare = WorkerId(plan.n_workers);
    log.add(end / 3, Event::WorkerJoined { worker: spare, info: worker_info(spare.0, plan) });
    log.add(end / 2, Event::WorkerLost { worker: spare, reason: LossReason::Silent });
    end
}

/// Assigns, fetches, starts and ends one task; gives the instant it ended.
fn run_one(
    log: &mut Log,
    jobs: &[Job],
    done: &[Option<(u64, u32)>],
    (id, assigned_at): (u32, u64),
    (worker, slot): (u32, u16),
) -> u64 {
    let job = &jobs[id as usize];
    let (task, to) = (TaskId(id), WorkerId(worker));
    log.add(
        assigned_at,
        Event::TaskAssigned { task, worker: to, attempt: 1, reason: AssignReason::Idle },
    );
    let mut start = assigned_at + MS / 10;
    for &dep in &job.deps {
        let (_, from) = done[dep as usize].expect("dependencies run first");
        if from == worker {
            continue;
        }
        let took = (6 + draw(u64::from(id) * 31 + u64::from(dep), 20)) * MS;
        let copy = TaskId(dep);
        log.add(
            start,
            Event::TransferStarted { task: copy, from: WorkerId(from), to, dependent: task },
        );
        start += took;
        log.add(start, Event::TransferFinished { task: copy, to, bytes: 300_000 });
    }
    log.add(start, Event::TaskStarted { task, worker: to, attempt: 1, slot });
    let end = start + job.takes;
    let event = if job.prefix == 3 && job.index % 5 == 2 {
        let (kind, error) = (FailureKind::Error, StrId(2));
        Event::TaskFailed { task, worker: to, attempt: 1, kind, error, retry: None }
    } else {
        Event::TaskFinished { task, worker: to, attempt: 1, bytes: 300_000 + u64::from(id) * 9_000 }
    };
    log.add(end, event);
    end
}

fn samples(plan: &Plan, end: u64) -> Vec<Sample> {
    let ticks = 0..=end / (500 * MS);
    ticks
        .flat_map(|tick| (0..plan.n_workers).map(move |worker| (tick, worker)))
        .map(|(tick, worker)| {
            let n = tick * 64 + u64::from(worker);
            Sample {
                at: Nanos(150 * MS + tick * 500 * MS),
                worker: Some(WorkerId(worker)),
                cpu_permille: 900 + draw(n, 1_100) as u32,
                rss_bytes: (70 + tick * 4 + draw(n, 20)) << 20,
                managed_bytes: (10 + tick * 2 + draw(n, 8)) << 20,
                spilled_bytes: if worker == 2 { tick << 20 } else { 0 },
                slots_busy: plan.slots,
                ..Sample::default()
            }
        })
        .collect()
}

/// How far a playback has come: it goes on in real time, or stands until it is told to go on.
pub(crate) struct Clock(Mutex<(Nanos, Option<Instant>)>);

impl Clock {
    fn now(&self, speed: f64) -> Nanos {
        let (at, since) = *self.lock();
        let passed = since.map_or(0.0, |since| since.elapsed().as_nanos() as f64);
        at + Nanos((passed * speed) as u64)
    }

    /// All up to this instant is there at once, and nothing after it.
    pub(crate) fn stand(&self, at: Nanos) {
        *self.lock() = (at, None);
    }

    /// Goes on from where it stands.
    pub(crate) fn run(&self) {
        self.lock().1 = Some(Instant::now());
    }

    fn lock(&self) -> MutexGuard<'_, (Nanos, Option<Instant>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Plays a batch as if it were recorded now: what lies in the future is not there yet.
#[derive(Clone)]
pub(crate) struct Playback {
    info: RunInfo,
    rest: Batch,
    pub(crate) clock: Arc<Clock>,
    speed: f64,
    /// Whether the end is reached properly, or the log just stops at some instant.
    stops_at: Option<Nanos>,
    /// When something came last.
    came_at: Instant,
}

impl Playback {
    /// Begins now; `speed` 2.0 plays twice as fast. With `stops_at` nothing comes after that
    /// instant, and the run never finishes.
    pub(crate) fn new(info: RunInfo, batch: Batch, speed: f64, stops_at: Option<Nanos>) -> Self {
        let now = Instant::now();
        let clock = Arc::new(Clock(Mutex::new((Nanos::ZERO, Some(now)))));
        Self { info, rest: batch, clock, speed, stops_at, came_at: now }
    }

    /// A run that goes on has readings to tell twice a second, whatever else happens.
    fn sample(&mut self, at: Nanos) -> Option<Batch> {
        let is_due = self.stops_at.is_none() && self.came_at.elapsed().as_millis() >= 500;
        is_due.then(|| {
            self.came_at = Instant::now();
            Batch { samples: vec![Sample { at, ..Sample::default() }], ..Batch::default() }
        })
    }
}

impl Source for Playback {
    fn run_info(&self) -> &RunInfo {
        &self.info
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        let now = self.clock.now(self.speed);
        let until = self.stops_at.map_or(now, |stop| stop.min(now));
        let events = self.rest.events.partition_point(|event| event.logged_at <= until);
        let samples = self.rest.samples.partition_point(|sample| sample.at <= until);
        if events + samples == 0 {
            return Ok(self.sample(until));
        }
        self.came_at = Instant::now();
        Ok(Some(Batch {
            events: self.rest.events.drain(..events).collect(),
            samples: self.rest.samples.drain(..samples).collect(),
            logs: Vec::new(),
        }))
    }

    fn is_finished(&self) -> bool {
        self.rest.events.is_empty()
    }

    fn warnings(&self) -> &[Warning] {
        &[]
    }
}
