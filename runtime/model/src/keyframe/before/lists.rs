//! Keyframes of layouts 5 and 6: columns were lists of numbers, and workers' lists told their tasks' ids.

use serde::Deserialize;

use crate::keyframe::{
    ClientRow, ExpectedDep, GraphRow, Keyframe, Numbers, RunRow, StretchRow, TaskColumns, WorkerRow,
};
use crate::{
    Blame, ClientId, Flight, GraphId, Nanos, Phase, Prefix, TaskId, TaskOptions, WorkerId,
    WorkerInfo, WorkerStatus,
};

/// A whole state, as layout 6 had it. Layout 5 lacks the last two fields.
#[derive(Debug, Deserialize)]
pub struct KeyframeOfLists {
    pub(super) next_seq: u64,
    pub(super) now: Nanos,
    pub(super) incarnation: u32,
    pub(super) strings: Vec<Box<str>>,
    pub(super) prefixes: Vec<Prefix>,
    pub(super) options: Vec<TaskOptions>,
    pub(super) n_clients: u32,
    pub(super) clients: Vec<ClientRow>,
    pub(super) n_graphs: u32,
    pub(super) graphs: Vec<(GraphId, GraphRow)>,
    pub(super) n_ended: u64,
    pub(super) n_erred: u64,
    pub(super) workers: Vec<WorkerRowBefore>,
    pub(super) flights: Vec<(WorkerId, TaskId, Flight)>,
    pub(super) n_tasks: u32,
    pub(super) tasks: TaskColumnsBefore,
    pub(super) jumps: Vec<(GraphId, u32, TaskId)>,
    pub(super) open_at: Option<TaskId>,
}

/// A worker without what follows from its tasks.
#[derive(Debug, Deserialize)]
pub(super) struct WorkerRowBefore {
    info: WorkerInfo,
    status: WorkerStatus,
    joined_at: Nanos,
    since: Nanos,
    /// Each as the difference to the one before it, at first 0.
    assigned: Vec<i64>,
    /// Likewise.
    held: Vec<i64>,
    n_finished: u64,
    n_failed: u64,
    busy: Nanos,
    clock_offset_ns: i64,
    clock_error_ns: u64,
    freed_seq: u64,
    reports_through: u64,
    lacks: Vec<Box<str>>,
}

/// The live tasks in the order of their ids, a column for each field; lists behind one another,
/// with their lengths in a column before.
#[derive(Debug, Deserialize)]
pub(super) struct TaskColumnsBefore {
    /// Ids between this task and the one before it.
    gaps: Vec<u32>,
    /// Phase (bits 0–2), put off until a retry is due (3), ended (4), finished (5), `Again` (6–7).
    flags: Vec<u8>,
    /// Kind of suffix (bits 0–1), whether there is an error (2), whether it waits or waited for tasks
    /// that it submitted while it executes (3).
    shapes: Vec<u8>,
    prefixes: Vec<u32>,
    /// Of keys with a suffix: its difference to the one expected, one more than the last.
    suffixes: Vec<i64>,
    pub(super) graphs: Vec<u32>,
    options: Vec<u32>,
    attempts: Vec<u32>,
    n_failures: Vec<u32>,
    n_deaths: Vec<u32>,
    n_deps: Vec<u32>,
    /// The dependency's id as its difference to the one expected, one more than the last.
    deps: Vec<i64>,
    n_dependents: Vec<u32>,
    /// How far the dependent's id lies behind the task's; only of those that are gone.
    dependents: Vec<u32>,
    n_wanted_by: Vec<u32>,
    wanted_by: Vec<ClientId>,
    n_replicas: Vec<u32>,
    /// The worker's id times 2, and 1 more if the copy is on disk.
    replicas: Vec<u64>,
    bytes: Vec<u64>,
    /// `since_seq` as its difference to that of the task before.
    since: Vec<i64>,
    /// Of tasks with an error.
    errors: Vec<Blame>,
    /// Of tasks in `Processing`.
    runs: Vec<RunRow>,
    /// Of tasks that are put off: how long after `now` they are due.
    due: Vec<i64>,
    /// Of tasks that wait or waited for tasks that they submitted.
    stretches: Vec<StretchRow>,
}

impl From<KeyframeOfLists> for Keyframe {
    /// What contradicts itself still does, and is found by [`Keyframe::restore`].
    fn from(before: KeyframeOfLists) -> Self {
        let lists = before.tasks.of_workers(before.workers.len());
        let workers = before.workers.into_iter().zip(lists);
        Self {
            workers: workers.map(|(row, lists)| row.now(&lists)).collect(),
            tasks: before.tasks.now(),
            next_seq: before.next_seq,
            now: before.now,
            incarnation: before.incarnation,
            strings: before.strings,
            prefixes: before.prefixes,
            options: before.options,
            n_clients: before.n_clients,
            clients: before.clients,
            n_graphs: before.n_graphs,
            graphs: before.graphs,
            n_ended: before.n_ended,
            n_erred: before.n_erred,
            flights: before.flights,
            n_tasks: before.n_tasks,
            jumps: before.jumps,
            open_at: before.open_at,
            nested: Vec::new(),
        }
    }
}

impl WorkerRowBefore {
    fn now(self, [assigned, held]: &[Vec<i64>; 2]) -> WorkerRow {
        WorkerRow {
            assigned: places(&self.assigned, assigned),
            held: places(&self.held, held),
            info: self.info,
            status: self.status,
            joined_at: self.joined_at,
            since: self.since,
            n_finished: self.n_finished,
            n_failed: self.n_failed,
            busy: self.busy,
            clock_offset_ns: self.clock_offset_ns,
            clock_error_ns: self.clock_error_ns,
            freed_seq: self.freed_seq,
            reports_through: self.reports_through,
            lacks: self.lacks,
        }
    }
}

/// Where each task of a list stands among these; one that is not there, nowhere.
fn places(steps: &[i64], in_order: &[i64]) -> Numbers {
    let mut task = 0_i64;
    let place = |step: &i64| {
        task = task.wrapping_add(*step);
        in_order.binary_search(&task).map_or(u64::MAX, |place| place as u64)
    };
    steps.iter().map(place).collect()
}

impl TaskColumnsBefore {
    fn ids(&self) -> impl Iterator<Item = i64> {
        let mut next = 0;
        self.gaps.iter().map(move |gap| {
            let id = next + i64::from(*gap);
            next = id + 1;
            id
        })
    }

    fn phases(&self) -> impl Iterator<Item = Phase> {
        self.flags.iter().map(|flags| Phase::ALL[usize::from(flags & 7)])
    }

    /// Of each worker the tasks that run there and those whose result is there, in the order of their ids.
    fn of_workers(&self, n_workers: usize) -> Vec<[Vec<i64>; 2]> {
        let mut lists = vec![[Vec::new(), Vec::new()]; n_workers];
        let (mut runs, mut replicas) = (self.runs.iter(), self.replicas.iter());
        for ((id, phase), n_replicas) in self.ids().zip(self.phases()).zip(&self.n_replicas) {
            let run = if phase == Phase::Processing { runs.next() } else { None };
            if let Some([assigned, _]) = run.and_then(|run| lists.get_mut(run.worker.index())) {
                assigned.push(id);
            }
            for copy in replicas.by_ref().take(*n_replicas as usize) {
                let worker = usize::try_from(*copy >> 1).unwrap_or(usize::MAX);
                if let Some([_, held]) = lists.get_mut(worker) {
                    held.push(id);
                }
            }
        }
        lists
    }

    fn now(self) -> TaskColumns {
        TaskColumns {
            deps: self.deps_now(),
            since: self.since_now(),
            suffixes: signed(self.suffixes),
            gaps: self.gaps.into_iter().collect(),
            flags: self.flags.into_iter().collect(),
            shapes: self.shapes.into_iter().collect(),
            prefixes: self.prefixes.into_iter().collect(),
            graphs: self.graphs.into_iter().collect(),
            options: self.options.into_iter().collect(),
            attempts: self.attempts.into_iter().collect(),
            n_failures: self.n_failures.into_iter().collect(),
            n_deaths: self.n_deaths.into_iter().collect(),
            n_deps: self.n_deps.into_iter().collect(),
            n_dependents: self.n_dependents.into_iter().collect(),
            dependents: self.dependents.into_iter().collect(),
            n_wanted_by: self.n_wanted_by.into_iter().collect(),
            wanted_by: self.wanted_by.into_iter().map(|client| client.0).collect(),
            n_replicas: self.n_replicas.into_iter().collect(),
            replicas: self.replicas.into_iter().collect(),
            bytes: self.bytes.into_iter().collect(),
            errors: self.errors,
            runs: self.runs,
            due: self.due,
            stretches: self.stretches,
        }
    }

    /// Each was the difference to one more than the last.
    fn deps_now(&self) -> Numbers {
        let (mut deps, mut steps, mut next) = (Vec::new(), self.deps.iter(), 0_i64);
        let mut expected = ExpectedDep::default();
        for n in &self.n_deps {
            expected.task(*n);
            for step in steps.by_ref().take(*n as usize) {
                let dep = next.wrapping_add(*step);
                next = dep.wrapping_add(1);
                deps.push(dep.wrapping_sub(expected.get()));
                expected.was(u32::try_from(dep).unwrap_or(u32::MAX));
            }
        }
        signed(deps)
    }

    /// Each was the difference to the task before, in whatever phase that is.
    fn since_now(&self) -> Numbers {
        let (mut steps, mut since) = (Vec::new(), 0_i64);
        let mut before = [0_i64; Phase::ALL.len()];
        for (step, phase) in self.since.iter().zip(self.phases()) {
            since = since.wrapping_add(*step);
            steps.push(since.wrapping_sub(before[phase as usize]));
            before[phase as usize] = since;
        }
        signed(steps)
    }
}

fn signed(numbers: Vec<i64>) -> Numbers {
    let mut column = Numbers::default();
    numbers.into_iter().for_each(|number| column.push_signed(number));
    column
}
