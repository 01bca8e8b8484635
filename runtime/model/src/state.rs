//! The state of a run at one instant, and the one function that changes it.
//!
//! Read top-down: the struct and its questions here, then `apply` in `state/apply.rs`, which sends
//! each event to its family: `state/{run,client,worker,task,data}.rs`.

mod apply;
mod client;
mod data;
mod illegal;
mod loads;
mod ranked;
mod run;
mod steps;
mod task;
mod validate;
mod worker;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use illegal::{IllegalEvent, Why};
use loads::Loads;
use ranked::Ranked;
pub use worker::Worker;

use crate::graph::{Graph, OpenPart};
use crate::{
    ClientId, GraphId, GraphTable, Key, Nanos, OptionsId, Phase, PrefixId, StrId, Suffix, Task,
    TaskId, TaskOptions, TaskTable, WorkerId, WorkerStatus,
};

/// How long a task of a prefix that never ran is thought to take: so long that a slot is given
/// one more of it ahead, and no more before the first has shown how long it takes.
pub const UNKNOWN_DURATION: Nanos = Nanos::from_millis(3);

/// Everything the events of a run so far amount to. Only [`State::apply`] changes it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// `seq` that the next event must have.
    pub(crate) next_seq: u64,
    /// `logged_at` of the last event.
    pub(crate) now: Nanos,
    /// How often the scheduler was restarted.
    pub(crate) incarnation: u32,
    /// Interned strings by id; `string_ids` is the way back.
    pub(crate) strings: Vec<Box<str>>,
    pub(crate) string_ids: BTreeMap<Box<str>, StrId>,
    /// Prefixes by id; `prefix_ids` is the way back.
    pub(crate) prefixes: Vec<Prefix>,
    pub(crate) prefix_ids: BTreeMap<Box<str>, PrefixId>,
    /// Option sets by id; `options_ids` is the way back.
    pub(crate) options: Vec<TaskOptions>,
    pub(crate) options_ids: BTreeMap<TaskOptions, OptionsId>,
    /// Clients that are connected.
    pub(crate) clients: BTreeMap<ClientId, Client>,
    pub(crate) n_clients: u32,
    /// The graphs that have tasks that are not forgotten, or are to get some yet.
    pub(crate) graphs: GraphTable,
    /// What is being submitted; `None` between submissions.
    pub(crate) open: Option<OpenPart>,
    /// Tasks that ended, and those of them that erred, over all graphs, also those that are gone.
    pub(crate) n_ended: u64,
    pub(crate) n_erred: u64,
    pub(crate) tasks: TaskTable,
    /// All workers that ever joined, by id.
    pub(crate) workers: Vec<Worker>,
    /// The tasks in `Queued`, first to run first.
    pub(crate) ready: Ranked<ReadyRank>,
    /// The tasks in `NoWorker`.
    pub(crate) unplaceable: BTreeSet<TaskId>,
    /// The workers in `Running`, least loaded first.
    pub(crate) loads: Loads,
    /// Copies on their way, by receiver and task; counted in their dependents' `n_fetching`.
    pub(crate) flights: BTreeMap<(WorkerId, TaskId), Flight>,
    /// Tasks by phase over all prefixes, the forgotten ones too.
    pub(crate) totals: PhaseCounts,
    /// Functions that some worker lacked (see `Worker::lacks`).
    pub(crate) lacked: BTreeSet<Box<str>>,
}

/// The rank of a ready task in the queue: higher priority first, then what was begun before what was
/// not (so that a wide graph keeps little in memory). Among equals the smaller id is first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ReadyRank {
    /// The priority, turned so that the highest is the least.
    priority: u32,
    /// Depends on nothing.
    is_root: bool,
}

impl ReadyRank {
    /// `is_root`: the task depends on nothing.
    pub(crate) fn new(priority: i32, is_root: bool) -> Self {
        // Flipping the sign bit orders i32 as u32; inverting puts the highest first.
        Self { priority: !((priority as u32) ^ (1 << 31)), is_root }
    }
}

/// How many tasks are in each phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhaseCounts([u64; 8]);

impl PhaseCounts {
    /// Tasks in a phase.
    pub fn get(&self, phase: Phase) -> u64 {
        self.0[phase as usize]
    }

    /// Tasks submitted, in whatever phase they are now.
    pub fn total(&self) -> u64 {
        self.0.iter().fold(0, |sum, n| sum.saturating_add(*n))
    }

    pub(crate) fn add(&mut self, phase: Phase) {
        self.0[phase as usize] += 1;
    }

    pub(crate) fn add_many(&mut self, phase: Phase, n: u64) {
        self.0[phase as usize] = self.0[phase as usize].saturating_add(n);
    }

    pub(crate) fn shift(&mut self, from: Phase, to: Phase) {
        self.0[from as usize] -= 1;
        self.0[to as usize] += 1;
    }
}

/// A group of tasks whose keys begin alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Prefix {
    /// Its name.
    pub name: Box<str>,
    /// Its tasks by phase, the forgotten ones too.
    pub counts: PhaseCounts,
    /// How many of its tasks have finished, each counted once however often it ran.
    pub n_finished: u64,
    /// How many of its tasks erred, also those forgotten since.
    pub n_erred: u64,
    /// Executions that ended well; a recomputed task counts again.
    pub n_runs: u64,
    /// Time that those executions computed: without what they waited for tasks that they submitted.
    pub run_time: Nanos,
    /// Bytes of the results of those executions.
    pub result_bytes: u64,
}

impl Prefix {
    /// How long its next task is thought to take: the mean so far.
    pub fn estimate(&self) -> Nanos {
        self.run_time.0.checked_div(self.n_runs).map_or(UNKNOWN_DURATION, Nanos)
    }
}

/// A connected client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its name.
    pub name: StrId,
    /// Those of its graphs that have tasks that are not forgotten, by its own number of their first.
    pub graphs: BTreeMap<u32, GraphId>,
    /// Its own number of the first task of its next graph, at the least.
    pub next_local: u32,
}

/// A copy on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flight {
    /// The sender.
    pub from: WorkerId,
    /// The task it is fetched for.
    pub dependent: TaskId,
    /// The assignment of that task whose `n_fetching` counts it; 0: none.
    pub attempt: u32,
    /// When it began.
    pub started_at: Nanos,
}

impl State {
    /// The state before the first event.
    pub fn new() -> Self {
        Self::default()
    }

    /// `seq` that the next event must have: the number of events so far.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// When the last event was logged.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// How often the scheduler was restarted.
    pub fn incarnation(&self) -> u32 {
        self.incarnation
    }

    /// An interned string. Ids in the state are always known.
    pub fn text(&self, id: StrId) -> &str {
        self.strings.get(id.index()).map_or("", |text| text)
    }

    /// The id of a string, if it is interned.
    pub fn string_id(&self, text: &str) -> Option<StrId> {
        self.string_ids.get(text).copied()
    }

    /// How many strings are interned.
    pub fn n_strings(&self) -> usize {
        self.strings.len()
    }

    /// All prefixes, by id.
    pub fn prefixes(&self) -> &[Prefix] {
        &self.prefixes
    }

    /// The prefix of an id in the state.
    pub fn prefix(&self, id: PrefixId) -> &Prefix {
        &self.prefixes[id.index()]
    }

    /// The id of a prefix by its name.
    pub fn prefix_id(&self, name: &str) -> Option<PrefixId> {
        self.prefix_ids.get(name).copied()
    }

    /// A key as the user wrote it.
    pub fn key_text(&self, key: Key) -> String {
        let prefix = &self.prefix(key.prefix).name;
        match key.suffix {
            Suffix::None => prefix.to_string(),
            Suffix::Index(index) => format!("{prefix}-{index}"),
            Suffix::Name(name) => format!("{prefix}-{}", self.text(name)),
        }
    }

    /// The key of a live task, or its id.
    pub fn task_name(&self, task: TaskId) -> String {
        self.tasks.get(task).map_or_else(|| task.to_string(), |t| self.key_text(t.key))
    }

    /// The options of an id in the state.
    pub fn options(&self, id: OptionsId) -> &TaskOptions {
        &self.options[id.index()]
    }

    /// The id of a set of options, if it is declared.
    pub fn options_id(&self, options: &TaskOptions) -> Option<OptionsId> {
        self.options_ids.get(options).copied()
    }

    /// The live tasks.
    pub fn tasks(&self) -> &TaskTable {
        &self.tasks
    }

    /// A live task.
    pub fn task(&self, id: TaskId) -> Option<&Task> {
        self.tasks.get(id)
    }

    /// All workers that ever joined, by id; also those that are lost.
    pub fn workers(&self) -> &[Worker] {
        &self.workers
    }

    /// A worker.
    pub fn worker(&self, id: WorkerId) -> Option<&Worker> {
        self.workers.get(id.index())
    }

    /// The workers that are here, with their ids.
    pub fn present_workers(&self) -> impl Iterator<Item = (WorkerId, &Worker)> {
        self.workers
            .iter()
            .enumerate()
            .filter(|(_, w)| w.status != WorkerStatus::Lost)
            .map(|(i, w)| (WorkerId(i as u32), w))
    }

    /// The id of the next worker.
    pub fn next_worker(&self) -> WorkerId {
        WorkerId(self.workers.len() as u32)
    }

    /// The graphs that have tasks that are not forgotten: a cluster that runs for months does not keep
    /// the others.
    pub fn graphs(&self) -> &GraphTable {
        &self.graphs
    }

    /// A graph that has tasks that are not forgotten.
    pub fn graph(&self, id: GraphId) -> Option<&Graph> {
        self.graphs.get(id)
    }

    /// The id of the next graph: the number of graphs so far.
    pub fn next_graph(&self) -> GraphId {
        self.graphs.next_id()
    }

    /// Tasks that have finished, erred or were cancelled, each counted once.
    pub fn n_ended(&self) -> u64 {
        self.n_ended
    }

    /// Tasks that have erred, those counted that are forgotten.
    pub fn n_erred(&self) -> u64 {
        self.n_erred
    }

    /// Where the ids end that are given to submitted tasks: behind the next one to come, if the log ends
    /// in the middle of a submission.
    pub fn end_of_submitted(&self) -> TaskId {
        self.open.map_or_else(|| self.tasks.next_id(), |open| open.end)
    }

    /// A graph that has live tasks, or gets some.
    pub(crate) fn kept_graph(&self, id: GraphId) -> &Graph {
        self.graphs.get(id).expect("a graph is kept as long as it has tasks")
    }

    /// The clients that are connected.
    pub fn clients(&self) -> &BTreeMap<ClientId, Client> {
        &self.clients
    }

    /// The id of the next client.
    pub fn next_client(&self) -> ClientId {
        ClientId(self.n_clients)
    }

    /// The task a client means by its own number; `None`: there is none, or its graph is gone.
    pub fn local_task(&self, client: ClientId, local: u32) -> Option<TaskId> {
        let graphs = &self.clients.get(&client)?.graphs;
        let (_, id) = graphs.range(..=local).next_back()?;
        let graph = self.kept_graph(*id);
        graph.task(local - graph.local)
    }

    /// A task's number among its client's, the inverse of [`State::local_task`].
    pub fn local_number(&self, task: TaskId) -> Option<u32> {
        let graph = self.kept_graph(self.task(task)?.graph);
        Some(graph.local + graph.index(task)?)
    }

    /// The task that submitted a live task as it ran; `None`: that was a program. It may be forgotten.
    pub fn parent(&self, task: TaskId) -> Option<TaskId> {
        self.kept_graph(self.task(task)?.graph).parent(task)
    }

    /// The tasks that are ready and wait to be placed, first to run first.
    pub fn ready(&self) -> impl DoubleEndedIterator<Item = TaskId> {
        self.ready.iter().map(|(_, task)| TaskId(task))
    }

    /// How many tasks are ready and wait to be placed.
    pub fn n_ready(&self) -> usize {
        self.ready.len()
    }

    /// How much of a resource the tasks assigned to a worker use together, in thousandths.
    pub fn resource_in_use(&self, worker: &Worker, name: &str) -> u64 {
        let needs = worker.assigned.iter().map(|task| self.options(self.live(*task).options));
        needs.filter_map(|options| options.resources.get(name)).sum()
    }

    /// Copies on their way, by receiver and task.
    pub fn flights(&self) -> &BTreeMap<(WorkerId, TaskId), Flight> {
        &self.flights
    }

    /// Tasks by phase, the forgotten ones too.
    pub fn totals(&self) -> &PhaseCounts {
        &self.totals
    }

    /// Whether no task is active: all that was submitted has ended.
    pub fn is_idle(&self) -> bool {
        Phase::ALL.iter().all(|&phase| !phase.is_active() || self.totals.get(phase) == 0)
    }
}
