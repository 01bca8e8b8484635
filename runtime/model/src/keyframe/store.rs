//! A state to columns.

use super::{ClientRow, GraphRow, Keyframe, RunRow, StretchRow, TaskColumns, WorkerRow};
use crate::{
    Client, ClientId, Executing, Graph, GraphId, Stage, State, Suffix, Task, TaskId, TaskTable,
    Worker,
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
            workers: self.workers.iter().map(worker_row).collect(),
            flights: self.flights.iter().map(|(&(to, task), f)| (to, task, *f)).collect(),
            n_tasks: self.tasks.next_id().0,
            tasks: self.task_columns(),
            jumps: self.graphs.iter().flat_map(jumps).collect(),
            open_at: self.open.map(|open| open.first),
        }
    }

    fn task_columns(&self) -> TaskColumns {
        let mut columns = TaskColumns::default();
        let mut expected = 0;
        let (mut suffix, mut since, mut dep) = (0, 0_u64, 0);
        for (id, task) in self.tasks.iter() {
            columns.gaps.push(id.0 - expected);
            expected = id.0 + 1;
            columns.key(task, &mut suffix);
            columns.since.push(task.since_seq.wrapping_sub(since) as i64);
            since = task.since_seq;
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
    let Graph { name, client, first, n_tasks, n_ended, n_erred, n_forgotten: _, local, jumps: _ } =
        *graph;
    (id, GraphRow { name, client, first, n_tasks, n_ended, n_erred, local })
}

fn jumps((id, graph): (GraphId, &Graph)) -> impl Iterator<Item = (GraphId, u32, TaskId)> {
    graph.jumps.iter().map(move |&(from, first)| (id, from, first))
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
            self.suffixes.push(i64::from(suffix) - i64::from(*expected));
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
    fn lists(&mut self, id: TaskId, task: &Task, table: &TaskTable, expected: &mut u32) {
        self.n_deps.push(task.deps.len() as u32);
        for dep in &task.deps {
            self.deps.push(i64::from(dep.0) - i64::from(*expected));
            *expected = dep.0 + 1;
        }
        // The live ones name it among their dependencies.
        let n_stored = self.dependents.len();
        let gone = task.dependents.iter().filter(|dependent| table.get(**dependent).is_none());
        self.dependents.extend(gone.map(|dependent| dependent.0 - id.0));
        self.n_dependents.push((self.dependents.len() - n_stored) as u32);
        self.n_wanted_by.push(task.wanted_by.len() as u32);
        self.wanted_by.extend(&task.wanted_by);
        self.n_replicas.push(task.replicas.len() as u32);
        let copy = |worker: u32, spilled| u64::from(worker) << 1 | u64::from(spilled);
        self.replicas.extend(task.replicas.iter().map(|r| copy(r.worker.0, r.spilled)));
    }
}

fn worker_row(worker: &Worker) -> WorkerRow {
    WorkerRow {
        info: (*worker.info).clone(),
        status: worker.status,
        joined_at: worker.joined_at,
        since: worker.since,
        assigned: differences(&worker.assigned),
        held: differences(&worker.held),
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

fn differences(tasks: &[TaskId]) -> Vec<i64> {
    let mut last = 0;
    let step = |task: &TaskId| i64::from(task.0) - std::mem::replace(&mut last, i64::from(task.0));
    tasks.iter().map(step).collect()
}
