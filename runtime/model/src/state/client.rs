//! Clients: they come, submit graphs, want results, and go.

use std::collections::BTreeMap;

use super::steps::Step;
use super::{Client, Graph, State, Why};
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
        // The log of a scheduler that was killed may end in the middle of a submission.
        if self.open_graph().is_some() {
            self.close_graph(step);
        }
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
        });
        step.changes.push(Change::Graph { graph, done: false });
        if n_tasks == 0 {
            step.changes.push(Change::Graph { graph, done: true });
            self.drop_graph(graph);
        }
        Ok(())
    }

    /// The graph that has not got all its tasks yet. What it brought is not forgotten, even if it
    /// erred at once: a task that follows may depend on it.
    pub(crate) fn open_graph(&self) -> Option<GraphId> {
        let id = GraphId(self.graphs.next_id().0.checked_sub(1)?);
        let last = self.graphs.get(id)?;
        let n_submitted = self.tasks.next_id().0 - last.first.0;
        (n_submitted < last.n_tasks).then_some(id)
    }

    /// Nothing is left of it that anybody could ask for.
    pub(super) fn drop_graph(&mut self, id: GraphId) {
        let Graph { client, local, .. } = *self.kept_graph(id);
        if let Some(owner) = self.clients.get_mut(&client) {
            owner.graphs.remove(&local);
        }
        self.graphs.remove(id);
    }

    /// No task follows in the last graph: lets go of what nothing in it turned out to need.
    fn close_graph(&mut self, step: &mut Step<'_>) {
        let end = self.tasks.next_id().0;
        let id = GraphId(self.graphs.next_id().0 - 1);
        // One whose last task erred at once may be gone already.
        let Some(graph) = self.graphs.get_mut(id) else { return };
        let was_cut_short = graph.first.0 + graph.n_tasks > end;
        graph.n_tasks = end - graph.first.0;
        let (first, n_ended) = (graph.first.0, graph.n_ended);
        let next_local = graph.local + graph.n_tasks;
        if let Some(owner) = self.clients.get_mut(&graph.client).filter(|_| was_cut_short) {
            owner.next_local = next_local;
        }
        // What has ended is idle: to let go of it ends no more.
        let is_done = was_cut_short && n_ended == graph.n_tasks;
        if graph.n_tasks == 0 {
            self.drop_graph(id);
        } else if n_ended > 0 {
            let idle = |id: &TaskId| self.tasks.get(*id).is_some_and(|t| !t.phase.is_active());
            let ended = (first..end).map(TaskId).filter(idle).collect();
            self.sweep_all(step, ended);
        }
        if is_done {
            step.changes.push(Change::Graph { graph: id, done: true });
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
        if self.open_graph().is_none() {
            self.close_graph(step);
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
        let is_last = graph.0 + 1 == self.graphs.next_id().0;
        if !is_last || task.0 - owner.first.0 >= owner.n_tasks {
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
