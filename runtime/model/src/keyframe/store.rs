//! A state to columns.

use super::{
    ClientRow, ExpectedDep, GraphRow, Keyframe, RunRow, StretchRow, TaskColumns, WorkerRow,
};
use crate::{
    Client, ClientId, Executing, Graph, GraphId, Nested, Phase, Stage, State, Suffix, Task, TaskId,
    TaskTable, Worker,
};

impl State {
    /// What must be stored to have this state again.
    pub fn keyframe(&self) -> Keyframe {
        Keyframe {
            next_seq: self.next_seq,
            now: self.now,
            incarnation: self.incarnation,
            strings: self.strings.clone(),
            prefixes: self.prefixes.clone(),
            options: self.options.clone(),
            n_clients: self.n_clients,
            clients: self.clients.iter().map(client_row).collect(),
            n_graphs: self.graphs.next_id().0,
            graphs: self.graphs.iter().map(graph_row).collect(),
            n_ended: self.n_ended,
            n_erred: self.n_erred,
            workers: self.worker_rows(),
            flights: self.flights.iter().map(|(&(to, task), f)| (to, task, *f)).collect(),
            n_tasks: self.tasks.next_id().0,
            tasks: self.task_columns(),
            jumps: self.graphs.iter().flat_map(jumps).collect(),
            open_at: self.open.map(|open| open.first),
            nested: self.graphs.iter().flat_map(nested).collect(),
        }
    }

    fn worker_rows(&self) -> Vec<WorkerRow> {
        let places = |tasks: &[TaskId]| Places { of: vec![0; tasks.len()], next: 0 };
        let both = |worker: &Worker| [places(&worker.assigned), places(&worker.held)];
        let mut all: Vec<_> = self.workers.iter().map(both).collect();
        for (_, task) in self.tasks.iter() {
            if let Some(run) = task.run {
                all[run.worker.index()][0].take(run.position);
            }
            for copy in &task.replicas {
                all[copy.worker.index()][1].take(copy.position);
            }
        }
        self.workers.iter().zip(all).map(|(worker, places)| worker_row(worker, places)).collect()
    }

    fn task_columns(&self) -> TaskColumns {
        let mut columns = TaskColumns::default();
        let mut expected = 0;
        let (mut suffix, mut since, mut dep) =
            (0, [0_u64; Phase::ALL.len()], ExpectedDep::default());
        for (id, task) in self.tasks.iter() {
            columns.gaps.push(id.0 - expected);
            expected = id.0 + 1;
            columns.key(task, &mut suffix);
            let before = std::mem::replace(&mut since[task.phase as usize], task.since_seq);
            columns.since.push_signed(task.since_seq.wrapping_sub(before) as i64);
            columns.lists(id, task, &self.tasks, &mut dep);
            columns.errors.extend(task.error());
            columns.runs.extend(task.run.map(|run| RunRow {
                worker: run.worker,
                executing: run.executing().map(|Executing { slot, started_at, .. }| {
                    (slot, self.now.0.wrapping_sub(started_at.0) as i64)
                }),
                estimate: run.estimate,
                thief: task.thief(),
            }));
            columns.stretches.extend(task.rare().broken.map(|broken| StretchRow {
                seceded: task.run.is_some_and(|run| run.stage() == Stage::Seceded),
                since: self.now.0.wrapping_sub(broken.since.0) as i64,
                computed: broken.computed,
            }));
            columns.due.extend(task.due_at().map(|at| at.0.wrapping_sub(self.now.0) as i64));
        }
        columns
    }
}

fn client_row((&id, client): (&ClientId, &Client)) -> ClientRow {
    ClientRow { id, name: client.name, next_local: client.next_local }
}

fn graph_row((id, graph): (GraphId, &Graph)) -> (GraphId, GraphRow) {
    let Graph { name, client, first, n_tasks, n_ended, n_erred, local, .. } = *graph;
    (id, GraphRow { name, client, first, n_tasks, n_ended, n_erred, local })
}

fn jumps((id, graph): (GraphId, &Graph)) -> impl Iterator<Item = (GraphId, u32, TaskId)> {
    graph.jumps.iter().map(move |&(from, first)| (id, from, first))
}

fn nested((id, graph): (GraphId, &Graph)) -> impl Iterator<Item = (GraphId, Nested)> {
    graph.nested.iter().map(move |nested| (id, *nested))
}

impl TaskColumns {
    /// Key and numbers. `expected`: the suffix that should come next.
    fn key(&mut self, task: &Task, expected: &mut u32) {
        let flags = [(task.due_at().is_some(), 3), (task.ended, 4), (task.finished, 5)];
        let bits = flags.iter().map(|&(flag, bit)| u8::from(flag) << bit).sum::<u8>();
        self.flags.push(task.phase as u8 | bits | (task.again as u8) << 6);
        let (kind, suffix) = match task.key.suffix {
            Suffix::None => (0, None),
            Suffix::Index(index) => (1, Some(index)),
            Suffix::Name(name) => (2, Some(name.0)),
        };
        let rare = task.rare();
        let bits = u8::from(rare.error.is_some()) << 2 | u8::from(rare.broken.is_some()) << 3;
        self.shapes.push(kind | bits);
        self.prefixes.push(task.key.prefix.0);
        if let Some(suffix) = suffix {
            self.suffixes.push_signed(i64::from(suffix) - i64::from(*expected));
            *expected = suffix.wrapping_add(1);
        }
        self.graphs.push(task.graph.0);
        self.options.push(task.options.0);
        self.attempts.push(task.attempt);
        self.n_failures.push(task.rare().n_failures);
        self.n_deaths.push(task.rare().n_deaths);
        self.bytes.push(task.bytes);
    }

    /// Lists. `expected`: the dependency that should come next.
    fn lists(&mut self, id: TaskId, task: &Task, table: &TaskTable, expected: &mut ExpectedDep) {
        self.n_deps.push(task.deps.len() as u64);
        expected.task(task.deps.len() as u32);
        for dep in &task.deps {
            self.deps.push_signed(i64::from(dep.0) - expected.get());
            expected.was(dep.0);
        }
        // The live ones name it among their dependencies.
        let n_stored = self.dependents.len();
        for dependent in task.dependents.iter().filter(|id| table.get(**id).is_none()) {
            self.dependents.push(dependent.0 - id.0);
        }
        self.n_dependents.push(self.dependents.len() - n_stored);
        self.n_wanted_by.push(task.wanted_by.len() as u64);
        task.wanted_by.iter().for_each(|client| self.wanted_by.push(client.0));
        self.n_replicas.push(task.replicas.len() as u64);
        for copy in &task.replicas {
            self.replicas.push(u64::from(copy.worker.0) << 1 | u64::from(copy.spilled));
        }
    }
}

/// The tasks in a worker's list, each as its place among them in the order of their ids.
struct Places {
    of: Vec<u32>,
    next: u32,
}

impl Places {
    /// The next task is at that position of the list.
    fn take(&mut self, position: u32) {
        self.of[position as usize] = self.next;
        self.next += 1;
    }
}

fn worker_row(worker: &Worker, [assigned, held]: [Places; 2]) -> WorkerRow {
    WorkerRow {
        info: (*worker.info).clone(),
        status: worker.status,
        joined_at: worker.joined_at,
        since: worker.since,
        assigned: assigned.of.into_iter().collect(),
        held: held.of.into_iter().collect(),
        n_finished: worker.n_finished,
        n_failed: worker.n_failed,
        busy: worker.busy,
        clock_offset_ns: worker.clock_offset_ns,
        clock_error_ns: worker.clock_error_ns,
        freed_seq: worker.freed_seq,
        reports_through: worker.reports_through,
        lacks: worker.lacks.iter().cloned().collect(),
    }
}
