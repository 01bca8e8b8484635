//! Clients: they come, submit graphs, want results, and go.

use std::collections::BTreeMap;

use super::steps::Step;
use super::{Client, State, Why};
use crate::graph::{Graph, Nested, OpenPart};
use crate::{Change, ClientId, GraphId, Key, OptionsId, Phase, StrId, Suffix, Task, TaskId};

impl State {
    pub(super) fn client_connected(
        &mut self,
        step: &mut Step<'_>,
        client: ClientId,
        name: StrId,
    ) -> Result<(), Why> {
        self.check_string(name)?;
        if client != self.next_client() {
            return Err(Why::IdOutOfOrder);
        }
        self.n_clients += 1;
        self.clients.insert(client, Client { name, graphs: BTreeMap::new(), next_local: 0 });
        step.changes.push(Change::Client { client, connected: true });
        Ok(())
    }

    pub(super) fn client_left(&mut self, step: &mut Step<'_>, client: ClientId) -> Result<(), Why> {
        self.clients.remove(&client).ok_or(Why::Unknown)?;
        step.changes.push(Change::Client { client, connected: false });
        Ok(())
    }

    pub(super) fn graph_submitted(
        &mut self,
        step: &mut Step<'_>,
        graph: GraphId,
        client: ClientId,
        name: StrId,
        (first, n_tasks, local): (TaskId, u32, u32),
    ) -> Result<(), Why> {
        self.check_string(name)?;
        if graph != self.next_graph() || first != self.tasks.next_id() {
            return Err(Why::IdOutOfOrder);
        }
        let owner = self.clients.get(&client).ok_or(Why::Unknown)?;
        if first.0.checked_add(n_tasks).is_none() || local.checked_add(n_tasks).is_none() {
            return Err(Why::Overflow);
        }
        if local < owner.next_local {
            return Err(Why::IdOutOfOrder);
        }
        self.close_part(step);
        let owner = self.clients.get_mut(&client).expect("found above");
        owner.next_local = local + n_tasks;
        owner.graphs.insert(local, graph);
        let (n_ended, n_erred, n_forgotten) = (0, 0, 0);
        self.graphs.push(Graph {
            name,
            client,
            first,
            n_tasks,
            n_ended,
            n_erred,
            n_forgotten,
            local,
            jumps: Vec::new(),
            nested: Vec::new(),
        });
        step.changes.push(Change::Graph { graph, done: false });
        if n_tasks == 0 {
            step.changes.push(Change::Graph { graph, done: true });
            self.drop_graph(graph);
        } else {
            self.open = Some(OpenPart { graph, first, end: TaskId(first.0 + n_tasks) });
        }
        Ok(())
    }

    pub(super) fn graph_extended(
        &mut self,
        step: &mut Step<'_>,
        graph: GraphId,
        first: TaskId,
        n_tasks: u32,
    ) -> Result<(), Why> {
        let found = self.graphs.get(graph).ok_or(Why::UnknownGraph(graph))?;
        let owner = self.clients.get(&found.client).ok_or(Why::Unknown)?;
        let is_open = self.open.is_some_and(|open| open.graph == graph);
        if first != self.tasks.next_id() || owner.next_local != found.next_local() || is_open {
            return Err(Why::IdOutOfOrder);
        }
        let end = first.0.checked_add(n_tasks).filter(|_| n_tasks > 0).ok_or(Why::Overflow)?;
        let next_local = found.next_local().checked_add(n_tasks).ok_or(Why::Overflow)?;
        let client = found.client;
        self.close_part(step);
        let found = self.graphs.get_mut(graph).expect("it is another one that was closed");
        found.extend(first, n_tasks);
        self.clients.get_mut(&client).expect("found above").next_local = next_local;
        self.open = Some(OpenPart { graph, first, end: TaskId(end) });
        step.changes.push(Change::Graph { graph, done: false });
        Ok(())
    }

    pub(super) fn tasks_nested(&mut self, nested: Nested) -> Result<(), Why> {
        let next = self.tasks.next_id();
        if nested.first != next || nested.parent >= next {
            return Err(Why::IdOutOfOrder);
        }
        let open = self.open.ok_or(Why::UnknownTask(next))?;
        if nested.n_tasks == 0 || nested.n_tasks > open.end.0 - next.0 {
            return Err(Why::Overflow);
        }
        let graph = self.graphs.get_mut(open.graph).ok_or(Why::UnknownGraph(open.graph))?;
        graph.nest(nested);
        Ok(())
    }

    /// Whether a task is of the part of a graph that is being submitted. It is not forgotten, even if
    /// it erred at once: a task that follows may depend on it.
    pub(crate) fn is_in_open_part(&self, task: TaskId) -> bool {
        // Of a part that has got its last task nothing is held back any more.
        self.open.is_some_and(|open| open.first <= task && self.tasks.next_id() < open.end)
    }

    /// Nothing is left of it that anybody could ask for.
    pub(super) fn drop_graph(&mut self, id: GraphId) {
        let Graph { client, local, .. } = *self.kept_graph(id);
        if let Some(owner) = self.clients.get_mut(&client) {
            owner.graphs.remove(&local);
        }
        self.graphs.remove(id);
    }

    /// No task follows in the part that was being submitted, if there is one: lets go of what nothing in
    /// it turned out to need. The log of a scheduler that was killed may end in the middle of it.
    fn close_part(&mut self, step: &mut Step<'_>) {
        let end = self.tasks.next_id();
        let Some(open) = self.open.take() else { return };
        // One whose last task erred at once may be gone already.
        let Some(graph) = self.graphs.get_mut(open.graph) else { return };
        let n_missing = open.end.0 - end.0;
        graph.cut(n_missing);
        if n_missing > 0
            && let Some(owner) = self.clients.get_mut(&graph.client)
        {
            owner.next_local = graph.next_local();
        }
        // What has ended is idle: to let go of it ends no more.
        let is_done = n_missing > 0 && graph.n_ended == graph.n_tasks;
        if graph.n_forgotten == graph.n_tasks {
            self.drop_graph(open.graph);
        } else if graph.n_ended > 0 {
            let idle = |id: &TaskId| self.tasks.get(*id).is_some_and(|t| !t.phase.is_active());
            let ended = (open.first.0..end.0).map(TaskId).filter(idle).collect();
            self.sweep_all(step, ended);
        }
        if is_done {
            step.changes.push(Change::Graph { graph: open.graph, done: true });
        }
    }

    pub(super) fn task_submitted(
        &mut self,
        step: &mut Step<'_>,
        task: TaskId,
        graph: GraphId,
        (key, options, wanted): (Key, OptionsId, bool),
        deps: &[TaskId],
    ) -> Result<(), Why> {
        self.check_new_task(task, graph, key, options, deps)?;
        let client = self.kept_graph(graph).client;
        let mut new = Task::new(key, graph, options);
        new.deps = deps.into();
        if wanted {
            new.wanted_by.push(client);
        }
        new.since_seq = step.seq;
        self.tasks.push(new);
        self.totals.add(Phase::Released);
        self.prefixes[key.prefix.index()].counts.add(Phase::Released);
        for &dep in deps {
            self.link_dependent(dep, task);
        }
        self.activate(step, task);
        if self.open.is_some_and(|open| open.end == self.tasks.next_id()) {
            self.close_part(step);
        }
        Ok(())
    }

    fn check_new_task(
        &self,
        task: TaskId,
        graph: GraphId,
        key: Key,
        options: OptionsId,
        deps: &[TaskId],
    ) -> Result<(), Why> {
        if task != self.tasks.next_id() {
            return Err(Why::IdOutOfOrder);
        }
        let owner = self.graphs.get(graph).ok_or(Why::UnknownGraph(graph))?;
        if self.open.is_none_or(|open| open.graph != graph) {
            return Err(Why::UnknownGraph(graph));
        }
        if !self.clients.contains_key(&owner.client)
            || options.index() >= self.options.len()
            || key.prefix.index() >= self.prefixes.len()
        {
            return Err(Why::Unknown);
        }
        if let Suffix::Name(name) = key.suffix {
            self.check_string(name)?;
        }
        if !deps.is_sorted_by(|a, b| a < b) {
            return Err(Why::IdOutOfOrder);
        }
        match deps.iter().find(|dep| self.tasks.get(**dep).is_none()) {
            Some(&dep) => Err(Why::UnknownTask(dep)),
            None => Ok(()),
        }
    }

    /// Enters `dependent` in the list of `dep`, dropping forgotten entries when they abound: a
    /// result that serves new tasks for ever must not grow for ever.
    fn link_dependent(&mut self, dep: TaskId, dependent: TaskId) {
        let task = self.live_mut(dep);
        task.dependents.push(dependent);
        task.n_dependents += 1;
        let n_listed = task.dependents.len();
        if n_listed > 64 && n_listed > 2 * task.n_dependents as usize {
            let mut listed = std::mem::take(&mut task.dependents);
            listed.retain(|id| self.tasks.get(*id).is_some());
            self.live_mut(dep).dependents = listed;
        }
    }

    pub(super) fn result_wanted(
        &mut self,
        step: &mut Step<'_>,
        client: ClientId,
        task: TaskId,
    ) -> Result<(), Why> {
        if !self.clients.contains_key(&client) {
            return Err(Why::Unknown);
        }
        let found = self.tasks.get_mut(task).ok_or(Why::UnknownTask(task))?;
        if found.wanted_by.contains(&client) {
            return Err(Why::Needed(task));
        }
        found.wanted_by.push(client);
        step.changes.push(Change::Interest { task, client, wanted: true });
        self.activate(step, task);
        Ok(())
    }

    pub(super) fn result_released(
        &mut self,
        step: &mut Step<'_>,
        client: ClientId,
        task: TaskId,
    ) -> Result<(), Why> {
        let found = self.tasks.get_mut(task).ok_or(Why::UnknownTask(task))?;
        let position = found.wanted_by.iter().position(|c| *c == client).ok_or(Why::Unknown)?;
        found.wanted_by.remove(position);
        step.changes.push(Change::Interest { task, client, wanted: false });
        self.sweep(step, task);
        Ok(())
    }

    pub(super) fn task_cancelled(&mut self, step: &mut Step<'_>, task: TaskId) -> Result<(), Why> {
        let found = self.tasks.get_mut(task).ok_or(Why::UnknownTask(task))?;
        if found.n_waiters > 0 {
            return Err(Why::Needed(task));
        }
        let wanted_by = std::mem::take(&mut found.wanted_by);
        let local = self.local_number(task).expect("found above");
        for client in wanted_by {
            step.changes.push(Change::Cancelled { task, client, local });
        }
        self.sweep(step, task);
        Ok(())
    }
}
