//! What a trace says was to be done.

use std::collections::BTreeMap;

use taskreel_model::{
    AssignReason, Change, Event, FailureKind, Key, LocalityThenIdle, LossReason, Nanos, NewGraph,
    NewTask, Outcome, Policy as _, Random, Stamped, State, Suffix, SuffixText, TaskId, WorkerInfo,
    simulation::{Network, Work},
};

use super::measure::Measure;

/// See the module's text. Ids are those of the recorded run; a prediction may give others.
#[derive(Debug, Default)]
pub(crate) struct Workload {
    /// Names of the clients, in the order in which they connected.
    pub(crate) clients: Vec<String>,
    /// The graphs, in the order in which they were submitted; of those that came in parts, each part.
    pub(crate) graphs: Vec<Recorded>,
    /// The workers, in the order in which they joined.
    pub(crate) workers: Vec<Presence>,
    /// Each task; those that never ran take no time.
    pub(crate) tasks: Vec<RecordedTask>,
    /// From the first submission to the last end of an execution.
    pub(crate) makespan: Nanos,
    /// The name of the policy that placed them, and the seed of its lots.
    pub(crate) policy: String,
    pub(crate) seed: u64,
    /// What the cluster itself cost.
    pub(crate) network: Network,
    /// How many tasks never ran to an end.
    pub(crate) n_not_run: usize,
}

/// A worker, and while it was there.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    pub(crate) info: WorkerInfo,
    pub(crate) joined_at: Nanos,
    /// When it was told to leave, and when and how it was gone, if that was before the last task ended.
    pub(crate) retires_at: Option<Nanos>,
    pub(crate) gone: Option<(Nanos, LossReason)>,
}

/// A graph, and when it was submitted.
#[derive(Debug)]
pub(crate) struct Recorded {
    /// Its client, a position in [`Workload::clients`].
    pub(crate) client: u32,
    /// Its first task.
    pub(crate) first: TaskId,
    pub(crate) graph: NewGraph,
    pub(crate) submitted_at: Nanos,
    /// When all tasks of it, or of the graph that it is a part of, had ended, if they did.
    pub(crate) ended_at: Option<Nanos>,
}

/// How a task went.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordedTask {
    /// What it depends on.
    pub(crate) deps: Box<[TaskId]>,
    /// How long its last execution computed that gave the result.
    took: Option<Nanos>,
    /// How long those took that failed, and how the last of them did.
    failed: Vec<Nanos>,
    kind: Option<FailureKind>,
    result_bytes: u64,
}

impl RecordedTask {
    /// What it is when it has failed so often.
    pub(crate) fn work(&self, n_failures: u32) -> Work {
        let result_bytes = self.result_bytes;
        match self.failed.get(n_failures as usize) {
            Some(&duration) => Work { duration, result_bytes, failure: self.kind },
            None => Work { duration: self.took.unwrap_or_default(), result_bytes, failure: None },
        }
    }

    /// How long it occupied a slot, all failed tries included.
    pub(crate) fn total(&self) -> Nanos {
        let failed = self.failed.iter().fold(Nanos::ZERO, |sum, took| sum + *took);
        failed + self.took.unwrap_or_default()
    }

    fn never_ran(&self) -> bool {
        self.took.is_none() && self.failed.is_empty()
    }
}

/// Gathers a workload from the events of a run.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    workload: Workload,
    measure: Measure,
    /// Positions in the present graph's lists, by the ids of the run.
    prefixes: BTreeMap<u32, u32>,
    options: BTreeMap<u32, u32>,
    /// Positions in [`Workload::graphs`] by graph of the run.
    parts: Vec<Vec<usize>>,
    last_end: Nanos,
    /// Whether tasks were placed by lot.
    draws_lots: bool,
}

impl Gather {
    /// Takes an event with its changes; `state` is that after it.
    pub(crate) fn take(&mut self, event: &Stamped<Event>, changes: &[Change], state: &State) {
        self.told(event, state);
        for change in changes {
            match *change {
                Change::Stopped { task, last, outcome, .. } => {
                    self.stopped(task, last.computed, outcome);
                    self.last_end = self.last_end.max(event.at);
                }
                Change::Graph { graph, done: true } => {
                    for &part in &self.parts[graph.index()] {
                        self.workload.graphs[part].ended_at = Some(event.logged_at);
                    }
                }
                _ => {}
            }
        }
        self.measure.take(event, changes);
    }

    /// Takes what an event says.
    fn told(&mut self, event: &Stamped<Event>, state: &State) {
        match &event.what {
            Event::ClientConnected { client, name } => {
                let (clients, at) = (&mut self.workload.clients, client.0 as usize);
                // One that comes back is told of again.
                clients.resize(clients.len().max(at + 1), String::new());
                state.text(*name).clone_into(&mut clients[at]);
            }
            Event::WorkerJoined { info, .. } => {
                let (joined_at, info) = (event.logged_at, WorkerInfo::clone(info));
                let presence = Presence { info, joined_at, retires_at: None, gone: None };
                self.workload.workers.push(presence);
            }
            Event::WorkerRetiring { worker } => {
                self.workload.workers[worker.index()].retires_at = Some(event.logged_at);
            }
            Event::WorkerLost { worker, reason } => {
                self.workload.workers[worker.index()].gone = Some((event.logged_at, *reason));
            }
            Event::GraphSubmitted { client, name, first, local, .. } => {
                self.parts.push(vec![self.workload.graphs.len()]);
                self.begin(client.0, state.text(*name).to_owned(), (*first, *local), event);
            }
            Event::GraphExtended { graph, first, .. } => {
                // Its ids are those of the run only if it comes on its own.
                let before = self.parts[graph.index()].last().map(|&at| &self.workload.graphs[at]);
                let Some(Recorded { client, graph: part, .. }) = before else { return };
                let local = part.local + part.tasks.len() as u32;
                self.begin(*client, part.name.clone(), (*first, local), event);
                self.parts[graph.index()].push(self.workload.graphs.len() - 1);
            }
            Event::TaskSubmitted { key, options, wanted, deps, .. } => {
                self.submitted(*key, options.0, *wanted, deps, state);
            }
            Event::TaskAssigned { reason: AssignReason::Random, .. } => self.draws_lots = true,
            Event::TaskFinished { task, bytes, .. } => self.task(*task).result_bytes = *bytes,
            Event::TaskFailed { task, kind, .. } => self.task(*task).kind = Some(*kind),
            // All else follows from what was decided then, and is decided anew.
            Event::SchedulerStarted { .. }
            | Event::Interned { .. }
            | Event::PrefixDeclared { .. }
            | Event::OptionsDeclared { .. }
            | Event::ClientLeft { .. }
            | Event::ResultWanted { .. }
            | Event::ResultReleased { .. }
            | Event::TaskCancelled { .. }
            | Event::WorkerPaused { .. }
            | Event::WorkerResumed { .. }
            | Event::ClockEstimated { .. }
            | Event::ReportsAccepted { .. }
            | Event::TaskAssigned { .. }
            | Event::TaskUnplaceable { .. }
            | Event::StealRequested { .. }
            | Event::RetryDue { .. }
            | Event::StealConfirmed { .. }
            | Event::StealRefused { .. }
            | Event::TransferStarted { .. }
            | Event::TransferFinished { .. }
            | Event::TransferFailed { .. }
            | Event::TaskStarted { .. }
            | Event::ActivityRecorded { .. }
            | Event::ResultSpilled { .. }
            | Event::ResultRestored { .. }
            | Event::ReplicaAdded { .. }
            | Event::ReplicaDropped { .. }
            | Event::Marked { .. }
            | Event::SpanRecorded { .. }
            | Event::TaskSeceded { .. }
            | Event::TaskRejoined { .. }
            | Event::TasksNested { .. }
            | Event::Unknown { .. } => {}
        }
    }

    /// The tasks that follow are of this graph, or part of one.
    fn begin(
        &mut self,
        client: u32,
        name: String,
        (first, local): (TaskId, u32),
        event: &Stamped<Event>,
    ) {
        self.prefixes.clear();
        self.options.clear();
        let graph = NewGraph { name, local, ..NewGraph::default() };
        let submitted_at = event.logged_at;
        let ended_at = None;
        self.workload.graphs.push(Recorded { client, first, graph, submitted_at, ended_at });
    }

    fn submitted(&mut self, key: Key, options: u32, wanted: bool, deps: &[TaskId], state: &State) {
        self.workload.tasks.push(RecordedTask { deps: deps.into(), ..RecordedTask::default() });
        let graphs = &self.workload.graphs;
        let locals = deps.iter().filter_map(|dep| {
            let position = graphs.partition_point(|of| of.first <= *dep).checked_sub(1)?;
            let Recorded { first, graph, .. } = &graphs[position];
            Some(graph.local + (dep.0 - first.0))
        });
        let deps = locals.collect();
        let Some(Recorded { graph, .. }) = self.workload.graphs.last_mut() else { return };
        let n_prefixes = self.prefixes.len() as u32;
        let prefix = *self.prefixes.entry(key.prefix.0).or_insert(n_prefixes);
        if prefix == n_prefixes {
            graph.prefixes.push(state.prefix(key.prefix).name.to_string());
        }
        let n_options = self.options.len() as u32;
        let of_task = *self.options.entry(options).or_insert(n_options);
        if of_task == n_options {
            graph.options.push(state.options(taskreel_model::OptionsId(options)).clone());
        }
        let suffix = match key.suffix {
            Suffix::None => SuffixText::None,
            Suffix::Index(index) => SuffixText::Index(index),
            Suffix::Name(name) => SuffixText::Name(state.text(name).to_owned()),
        };
        graph.tasks.push(NewTask { prefix, suffix, options: of_task, wanted, deps });
    }

    fn stopped(&mut self, task: TaskId, took: Nanos, outcome: Outcome) {
        match outcome {
            Outcome::Finished => self.task(task).took = Some(took),
            Outcome::Failed => self.task(task).failed.push(took),
            // It ran again, or nobody wanted it any more.
            Outcome::Lost | Outcome::Cancelled => {}
        }
    }

    fn task(&mut self, task: TaskId) -> &mut RecordedTask {
        &mut self.workload.tasks[task.index()]
    }

    /// The workload, once all events were taken; `seed` is that of the run.
    pub(crate) fn finish(self, seed: u64) -> Workload {
        let mut workload = Workload { seed, ..self.workload };
        let first = workload.graphs.first().map_or(Nanos::ZERO, |graph| graph.submitted_at);
        workload.makespan = self.last_end - first;
        let policy = if self.draws_lots { Random { seed }.name() } else { LocalityThenIdle.name() };
        policy.clone_into(&mut workload.policy);
        for worker in &mut workload.workers {
            worker.retires_at = worker.retires_at.filter(|at| *at < self.last_end);
            worker.gone = worker.gone.filter(|(at, _)| *at < self.last_end);
        }
        workload.network = self.measure.finish();
        workload.n_not_run = workload.tasks.iter().filter(|task| task.never_ran()).count();
        workload
    }
}
