//! The toy's scheduler: the real core on a virtual clock, and what is due when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use taskreel_model::{
    Effect, Event, Input, LocalityThenIdle, Nanos, NewGraph, NewTask, Output, Report, Reported,
    Stamped, State, SuffixText, TaskId, TaskOptions, Turn, WorkerId, WorkerInfo, decide, place,
};

use super::Toy;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The scheduler gets to what arrived.
    Turn,
    Run {
        worker: u32,
        task: TaskId,
        attempt: u32,
        inputs: Vec<(TaskId, u32)>,
    },
    Revoke {
        worker: u32,
        task: TaskId,
        attempt: u32,
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
pub(super) struct Work {
    pub(super) task: TaskId,
    pub(super) attempt: u32,
    pub(super) inputs: Vec<(TaskId, u32)>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Worker {
    pub(super) waiting: Vec<Work>,
    pub(super) slots: Vec<bool>,
    /// Results in memory, oldest first.
    pub(super) held: VecDeque<TaskId>,
    pub(super) spilled: BTreeSet<TaskId>,
    pub(super) coming: BTreeSet<TaskId>,
    pub(super) link_free: Nanos,
    pub(super) disk_free: Nanos,
    pub(super) paused: bool,
    pub(super) gone: bool,
}

pub(super) struct World<'a> {
    pub(super) toy: &'a Toy,
    pub(super) state: State,
    pub(super) log: Vec<Stamped<Event>>,
    pub(super) workers: Vec<Worker>,
    pub(super) due: BinaryHeap<Reverse<(Nanos, u64, Due)>>,
    pub(super) n_due: u64,
    pub(super) now: Nanos,
    pub(super) inbox: VecDeque<(Nanos, Input)>,
    pub(super) busy_until: Nanos,
    pub(super) failed: BTreeMap<TaskId, u32>,
}

impl<'a> World<'a> {
    pub(super) fn new(toy: &'a Toy) -> Self {
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

    pub(super) fn after(&mut self, delay: Nanos, due: Due) {
        self.n_due += 1;
        self.due.push(Reverse((self.now + delay, self.n_due, due)));
    }

    pub(super) fn begin(&mut self) {
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

    pub(super) fn join(&mut self, id: u32) {
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

    pub(super) fn input(&mut self, input: Input) {
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
                // What nobody has yet, the worker is to make itself.
                let from = |dep: &TaskId| {
                    let copies = &self.state.task(*dep).expect("it is live").replicas;
                    copies.first().map_or(worker.0, |copy| copy.worker.0)
                };
                let inputs = found.deps.iter().map(|dep| (*dep, from(dep))).collect();
                self.after(latency, Due::Run { worker: worker.0, task, attempt, inputs });
            }
            Effect::Free { worker, task } => {
                self.after(latency, Due::Free { worker: worker.0, task });
            }
            Effect::SetRetryTimer { task, due_at } => {
                self.after(due_at.since(self.now), Due::Retry { task });
            }
            Effect::Revoke { worker, task, attempt } => {
                self.after(latency, Due::Revoke { worker: worker.0, task, attempt });
            }
            Effect::AskBack { .. } | Effect::Notify { .. } | Effect::Disconnect { .. } => {}
        }
    }

    /// A worker tells something that happened now.
    pub(super) fn tell(&mut self, worker: u32, what: Reported) {
        let reports = vec![Report { at: self.now, what }];
        let worker = WorkerId(worker);
        let arrives = self.now + self.toy.latency;
        self.busy_until = self.busy_until.max(arrives) + self.toy.per_report;
        self.inbox.push_back((self.busy_until, Input::WorkerReported { worker, reports }));
        self.after(self.busy_until.since(self.now), Due::Turn);
    }
}
