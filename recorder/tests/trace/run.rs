//! A made-up run: independent tasks on workers with slots, turn by turn as a scheduler logs them.

use taskreel_model::{
    AssignReason, ClientId, Event, GraphId, Key, Nanos, OptionsId, PrefixId, Stamped, StrId,
    Suffix, TaskId, TaskOptions, WorkerId, WorkerInfo,
};

/// What the scheduler logs in one turn.
pub(crate) type Turn = Vec<Stamped<Event>>;

/// A run of `n_tasks` tasks on `n_workers` workers of `n_slots` slots; the same for each seed.
pub(crate) fn turns(seed: u64, n_tasks: u32, n_workers: u32, n_slots: u16) -> Vec<Turn> {
    let workers = (0..n_workers).map(|_| WorkerSim::new(n_slots)).collect();
    let mut sim =
        Sim { rng: seed | 1, now: 3_000_000, seq: 0, turns: Vec::new(), workers, next: 0 };
    sim.begin(n_tasks);
    sim.work(n_tasks);
    sim.turns
}

struct WorkerSim {
    /// When each slot is free, in ns.
    slots: Vec<u64>,
    /// Tasks assigned, with the `seq` of the assignment.
    queue: Vec<TaskId>,
}

impl WorkerSim {
    fn new(n_slots: u16) -> Self {
        Self { slots: vec![0; usize::from(n_slots)], queue: Vec::new() }
    }
}

struct Sim {
    rng: u64,
    now: u64,
    seq: u64,
    turns: Vec<Turn>,
    workers: Vec<WorkerSim>,
    /// The next task to assign.
    next: u32,
}

impl Sim {
    fn random(&mut self, below: u64) -> u64 {
        self.rng ^= self.rng << 13;
        self.rng ^= self.rng >> 7;
        self.rng ^= self.rng << 17;
        (self.rng >> 11) % below
    }

    /// Mostly short, sometimes long: as gaps and durations are.
    fn jitter(&mut self, typical: u64) -> u64 {
        let doublings = self.random(64).leading_zeros() - 58;
        typical / 2 + self.random(typical) * (1 << doublings.min(5)) / 2
    }

    fn emit(&mut self, turn: &mut Turn, at: u64, cause: Option<u64>, what: Event) -> u64 {
        let round = |ns: u64| Nanos(ns - ns % 1_000);
        let (logged_at, at) = (round(self.now), round(at.min(self.now)));
        turn.push(Stamped { seq: self.seq, logged_at, at, cause, what });
        self.seq += 1;
        self.seq - 1
    }

    fn begin(&mut self, n_tasks: u32) {
        let now = self.now;
        let mut turn = Turn::new();
        let mut emit = |what| self.emit(&mut turn, now, None, what);
        emit(Event::SchedulerStarted { incarnation: 0 });
        emit(Event::Interned { id: StrId(0), text: "demo \"ä\"".into() });
        emit(Event::ClientConnected { client: ClientId(0), name: StrId(0) });
        for worker in 0..self.workers.len() as u32 {
            let info = WorkerInfo {
                name: format!("worker-{worker}"),
                address: format!("local://{worker}"),
                host: "here".to_owned(),
                pid: 1,
                slots: self.workers[0].slots.len() as u16,
                memory_limit: 0,
                resources: [].into(),
                version: "0.1.0".to_owned(),
            };
            let joined = Event::WorkerJoined { worker: WorkerId(worker), info: Box::new(info) };
            self.emit(&mut turn, now, None, joined);
        }
        let mut emit = |what| self.emit(&mut turn, now, None, what);
        emit(Event::PrefixDeclared { id: PrefixId(0), name: "trivial".into() });
        let options = Box::new(TaskOptions::new("trivial"));
        emit(Event::OptionsDeclared { id: OptionsId(0), options });
        emit(Event::GraphSubmitted {
            graph: GraphId(0),
            client: ClientId(0),
            name: StrId(0),
            first: TaskId(0),
            n_tasks,
            local: 0,
        });
        for task in 0..n_tasks {
            emit(Event::TaskSubmitted {
                task: TaskId(task),
                graph: GraphId(0),
                key: Key { prefix: PrefixId(0), suffix: Suffix::Index(task) },
                options: OptionsId(0),
                wanted: true,
                deps: [].into(),
            });
        }
        for worker in 0..self.workers.len() {
            for _ in 0..32 {
                self.assign(&mut turn, worker, None, n_tasks);
            }
        }
        self.turns.push(turn);
    }

    fn assign(&mut self, turn: &mut Turn, worker: usize, cause: Option<u64>, n_tasks: u32) {
        if self.next < n_tasks {
            let task = TaskId(self.next);
            self.next += 1;
            self.workers[worker].queue.push(task);
            let worker = WorkerId(worker as u32);
            let reason = AssignReason::Idle;
            let now = self.now;
            self.emit(turn, now, cause, Event::TaskAssigned { task, worker, attempt: 1, reason });
        }
    }

    fn work(&mut self, n_tasks: u32) {
        let mut worker = 0;
        while self.workers.iter().any(|worker| !worker.queue.is_empty()) {
            self.now += self.jitter(60_000);
            let n = 1 + self.random(24) as usize;
            self.report(worker, n, n_tasks);
            worker = (worker + 1) % self.workers.len();
        }
    }

    /// A worker tells of tasks it ran; it gets as many new ones, and the client releases them.
    fn report(&mut self, worker: usize, n: usize, n_tasks: u32) {
        let n = n.min(self.workers[worker].queue.len());
        let tasks: Vec<TaskId> = self.workers[worker].queue.drain(..n).collect();
        let (mut reports, mut last) = (Vec::new(), 0);
        for &task in &tasks {
            let gap = self.jitter(6_000);
            let took = self.jitter(2_000);
            let slots = &mut self.workers[worker].slots;
            let slot =
                (0..slots.len()).min_by_key(|&slot| slots[slot]).expect("a worker has slots");
            let begin = slots[slot] + gap;
            slots[slot] = begin + took;
            last = last.max(begin + took);
            let slot = slot as u16;
            let id = WorkerId(worker as u32);
            let started = Event::TaskStarted { task, worker: id, attempt: 1, slot };
            let finished = Event::TaskFinished { task, worker: id, attempt: 1, bytes: 1 };
            reports.push((begin, started));
            reports.push((begin + took, finished));
        }
        reports.sort_by_key(|report| report.0);
        self.now = self.now.max(last + 30_000);
        let mut turn = Turn::new();
        let mut finished = Vec::new();
        for (at, what) in reports {
            let ends = matches!(what, Event::TaskFinished { .. });
            let seq = self.emit(&mut turn, at, None, what);
            if ends {
                finished.push(seq);
            }
        }
        for &seq in &finished {
            self.assign(&mut turn, worker, Some(seq), n_tasks);
        }
        self.turns.push(turn);
        self.now += self.jitter(40_000);
        let now = self.now;
        let mut turn = Turn::new();
        for task in tasks {
            self.emit(&mut turn, now, None, Event::ResultReleased { client: ClientId(0), task });
        }
        self.turns.push(turn);
    }
}
