//! What the parts of a restored state must say of each other, and what follows from it.

use std::collections::BTreeMap;

use super::ensure;
use crate::graph::{Graph, OpenPart};
use crate::keyframe::BadKeyframe;
use crate::{ClientId, GraphId, Phase, Stage, State, Task, TaskId, WorkerId, WorkerStatus};

/// No task runs or fails so often: counters stay far from their limits.
const MAX_ATTEMPTS: u32 = 1 << 30;

impl State {
    /// Graphs: who they belong to, and that their ranges of tasks do not overlap. How many of their tasks
    /// are forgotten follows, and which one is open; `open_at` is where what it gets begins.
    pub(super) fn check_graphs(&mut self, open_at: Option<TaskId>) -> Result<(), BadKeyframe> {
        let mut live: BTreeMap<GraphId, u32> = BTreeMap::new();
        // Tasks of a graph mostly lie side by side.
        let mut run = (GraphId(0), 0);
        for (_, task) in self.tasks.iter() {
            if task.graph != run.0 {
                *live.entry(run.0).or_default() += run.1;
                run = (task.graph, 0);
            }
            run.1 += 1;
        }
        *live.entry(run.0).or_default() += run.1;
        self.open = self.find_open(open_at)?;
        let mut n_forgotten = Vec::with_capacity(self.graphs.len());
        for (id, graph) in self.graphs.iter() {
            ensure(self.check_string(graph.name).is_ok(), "a graph has no name")?;
            ensure(self.has_client(graph.client), "a graph is nobody's")?;
            ensure(graph.local.checked_add(graph.n_tasks).is_some(), "a range")?;
            ensure(
                graph.n_erred <= graph.n_ended && graph.n_ended <= graph.n_tasks,
                "more tasks ended than a graph has",
            )?;
            let open = self.open.filter(|open| open.graph == id);
            let n_missing = open.map_or(0, |open| open.end.0 - self.tasks.next_id().0);
            let n_live = live.get(&id).copied().unwrap_or(0);
            ensure(n_live > 0 || open.is_some(), "a graph without tasks is kept")?;
            let n_gone = (graph.n_tasks - n_missing).checked_sub(n_live);
            let n_gone =
                n_gone.ok_or(BadKeyframe::Contradiction("a graph has more tasks than it may"))?;
            n_forgotten.push((id, n_gone));
        }
        let n_ended = self.graphs.iter().map(|(_, graph)| u64::from(graph.n_ended)).sum::<u64>();
        let n_tasks = u64::from(self.tasks.next_id().0);
        let in_range = n_ended <= self.n_ended && self.n_ended <= n_tasks;
        ensure(in_range && self.n_erred <= self.n_ended, "more tasks ended than there are")?;
        for (id, n) in n_forgotten {
            self.graphs.get_mut(id).expect("it was just looked at").n_forgotten = n;
        }
        Ok(())
    }

    /// What is being submitted: the one range of tasks that ends behind the last task there is.
    fn find_open(&self, open_at: Option<TaskId>) -> Result<Option<OpenPart>, BadKeyframe> {
        let next = self.tasks.next_id();
        let of = |(id, graph): (GraphId, &Graph)| {
            graph.ranges().map(move |(first, n_tasks)| (first, n_tasks, id)).collect::<Vec<_>>()
        };
        let mut ranges: Vec<(TaskId, u32, GraphId)> = self.graphs.iter().flat_map(of).collect();
        ranges.sort_unstable();
        let (mut begin, mut open) = (0, None);
        for (first, n_tasks, graph) in ranges {
            ensure(first.0 >= begin && first <= next && n_tasks > 0, "graphs overlap")?;
            ensure(open.is_none(), "a graph is open that is not the last")?;
            let end = first.0.checked_add(n_tasks);
            begin = end.ok_or(BadKeyframe::Contradiction("a range"))?;
            if begin > next.0 {
                // Older layouts do not say where it begins: graphs were submitted in one part.
                let first_open = open_at.unwrap_or(first);
                ensure(first <= first_open && first_open <= next, "what is open is not there")?;
                open = Some(OpenPart { graph, first: first_open, end: TaskId(begin) });
            }
        }
        if let Some(open) = open {
            let is_there = |task| self.tasks.get(TaskId(task)).is_some();
            ensure((open.first.0..next.0).all(is_there), "a task of an open graph is gone")?;
        }
        ensure(open.is_some() || open_at.is_none(), "nothing is open")?;
        Ok(open)
    }

    /// Clients, and which graphs are theirs.
    pub(super) fn relate_clients(&mut self) -> Result<(), BadKeyframe> {
        ensure(self.n_clients < u32::MAX, "it has too many clients")?;
        for (id, client) in &self.clients {
            ensure(self.has_client(*id), "a client was never there")?;
            ensure(self.check_string(client.name).is_ok(), "a client has no name")?;
        }
        let mut next_local: BTreeMap<ClientId, u32> = BTreeMap::new();
        for (id, graph) in self.graphs.iter() {
            let Some(client) = self.clients.get_mut(&graph.client) else { continue };
            let next = next_local.entry(graph.client).or_default();
            ensure(graph.local >= *next, "a client's graphs")?;
            *next = graph.local + graph.n_tasks;
            ensure(*next <= client.next_local, "a client's graphs")?;
            client.graphs.insert(graph.local, id);
        }
        Ok(())
    }

    /// What a task says of itself.
    pub(super) fn check_task(&self, id: TaskId, task: &Task) -> Result<(), BadKeyframe> {
        let phase = task.phase;
        ensure(phase != Phase::Forgotten, "a forgotten task is there")?;
        ensure(task.options.index() < self.options.len(), "a task has no options")?;
        let graph = self.graphs.get(task.graph);
        let in_graph = graph.is_some_and(|graph| graph.index(id).is_some());
        ensure(in_graph, "a task is outside its graph")?;
        if let crate::Suffix::Name(name) = task.key.suffix {
            ensure(self.check_string(name).is_ok(), "a task has no name")?;
        }
        let rare = task.rare();
        let few = task.attempt.max(rare.n_failures).max(rare.n_deaths) <= MAX_ATTEMPTS;
        ensure(few, "a task ran too often")?;
        let may_be_due = rare.due_at.is_none() || phase == Phase::Waiting;
        ensure(may_be_due, "a task is put off and does not wait")?;
        ensure(task.replicas.is_empty() == (phase != Phase::Memory), "a result is nowhere")?;
        ensure(phase != Phase::Erred || rare.error.is_some(), "a task erred without a reason")?;
        if let Some(blame) = rare.error {
            ensure(self.check_string(blame.error).is_ok(), "an error has no text")?;
        }
        let ascending = |list: &[TaskId]| list.is_sorted_by(|a, b| a < b);
        ensure(ascending(&task.deps) && ascending(&task.dependents), "a list has no order")?;
        let clients = &task.wanted_by;
        let known = clients.iter().all(|client| self.has_client(*client));
        let twice = clients.iter().enumerate().any(|(i, client)| clients[..i].contains(client));
        ensure(known && !twice, "a result is wanted by nobody")
    }

    /// Positions in the workers' lists, their slots and sums.
    pub(super) fn relate_workers(&mut self) -> Result<(), BadKeyframe> {
        let Self { tasks, workers, .. } = self;
        for (id, worker) in (0..).map(WorkerId).zip(workers.iter_mut()) {
            let idle = worker.assigned.is_empty() && worker.held.is_empty();
            ensure(idle || worker.status != WorkerStatus::Lost, "a lost worker has tasks")?;
            for (position, &task) in (0..).zip(&worker.assigned) {
                let run = tasks.get_mut(task).and_then(|task| task.run.as_mut());
                let Some(run) = run.filter(|run| run.worker == id && run.position == u32::MAX)
                else {
                    return ensure(false, "a worker has a task that is elsewhere");
                };
                run.position = position;
                match run.stage() {
                    Stage::Seceded => worker.n_seceded += 1,
                    Stage::Chained => worker.n_chained += 1,
                    Stage::Ready | Stage::Fetching | Stage::Executing => {
                        worker.occupancy = worker.occupancy + run.estimate;
                    }
                }
                if let Some(executing) = run.executing().filter(|executing| !executing.seceded) {
                    match worker.slots.get_mut(usize::from(executing.slot)) {
                        Some(slot @ None) => *slot = Some(task),
                        Some(Some(_)) | None => return ensure(false, "a slot is taken twice"),
                    }
                }
            }
            for (position, &task) in (0..).zip(&worker.held) {
                let found = tasks.get_mut(task).and_then(|task| {
                    let bytes = task.bytes;
                    let copy = task.replicas.iter_mut().find(|copy| copy.worker == id)?;
                    (copy.position == u32::MAX).then_some((bytes, copy))
                });
                let Some((bytes, copy)) = found else {
                    return ensure(false, "a worker holds what it does not");
                };
                copy.position = position;
                let sum =
                    if copy.spilled { &mut worker.disk_bytes } else { &mut worker.memory_bytes };
                *sum = sum.saturating_add(bytes);
            }
        }
        Ok(())
    }

    /// Copies on their way, and how many of them each task waits for.
    pub(super) fn check_flights(&mut self) -> Result<(), BadKeyframe> {
        for ((to, _), flight) in &self.flights {
            ensure(self.check_here(*to).is_ok(), "a copy is on its way to nobody")?;
            ensure(flight.from.index() < self.workers.len(), "a copy is on its way from nobody")?;
            if let Some(task) = self.tasks.get_mut(flight.dependent)
                && task.attempt == flight.attempt
                && let Some(run) = task.run.as_mut()
            {
                run.n_fetching += 1;
            }
        }
        Ok(())
    }

    /// Where a task runs and who holds its result.
    pub(super) fn check_places(&self, task: &Task) -> Result<(), BadKeyframe> {
        let copies = &task.replicas;
        let twice = copies
            .iter()
            .enumerate()
            .any(|(i, copy)| copies[..i].iter().any(|other| other.worker == copy.worker));
        ensure(!twice, "a worker holds a result twice")?;
        if let Some(executing) = task.run.and_then(|run| run.executing()) {
            let begun = task.since().is_some_and(|since| executing.started_at <= since);
            ensure(begun, "a task went on before it began")?;
            let worker = task.run.and_then(|run| self.workers.get(run.worker.index()));
            let slot = usize::from(executing.slot);
            let is_there = worker.is_some_and(|worker| slot < worker.slots.len());
            ensure(is_there, "a task is in a slot that is not there")?;
        }
        let named = task.run.map(|run| run.worker).into_iter().chain(task.thief());
        let known = |worker: WorkerId| worker.index() < self.workers.len();
        ensure(named.chain(copies.iter().map(|c| c.worker)).all(known), "a worker is unknown")
    }
}
