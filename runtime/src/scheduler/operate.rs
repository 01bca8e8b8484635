//! Operators: they ask how the cluster is, and steer it.

use taskreel_model::{CancelReason, ClientId, Input, Phase, TaskId, WorkerId, WorkerStatus};

use super::core::Core;
use crate::wire::handshake::VERSION;
use crate::wire::operate::{
    Answer, ClientLine, ClusterStatus, GraphLine, Request, Target, WorkerLine,
};

/// Graphs that a status lists at the most.
const MAX_GRAPHS: usize = 1000;

impl Core {
    /// Does what an operator asks.
    pub(super) fn operated(&mut self, request: &Request) -> Answer {
        match request {
            Request::Status => Answer::Status(Box::new(self.status())),
            Request::Cancel(target) => match self.targets(target) {
                Ok(tasks) => {
                    self.expect_no_more(target);
                    self.cancel(tasks)
                }
                Err(reason) => Answer::Refused { reason },
            },
            Request::Retire(name) => match self.worker_called(name) {
                Some(worker) => {
                    self.begin_retiring(worker);
                    Answer::Done { n_tasks: 0 }
                }
                None => Answer::Refused { reason: format!("there is no worker {name} here") },
            },
            Request::Shutdown => {
                self.stop("an operator stopped the cluster");
                Answer::Done { n_tasks: 0 }
            }
        }
    }

    fn cancel(&mut self, tasks: Vec<TaskId>) -> Answer {
        let n_active = |core: &Self| {
            let active = Phase::ALL.into_iter().filter(|phase| phase.is_active());
            active.map(|phase| core.state.totals().get(phase)).sum::<u64>()
        };
        let before = n_active(self);
        let input = Input::CancelRequested { tasks, reason: CancelReason::Requested };
        self.decide(input).expect("cancelling is always allowed");
        Answer::Done { n_tasks: before.saturating_sub(n_active(self)) }
    }

    /// A graph of which a part is to come yet is given up as a whole.
    fn expect_no_more(&mut self, target: &Target) {
        let Target::Graph(graph) = target else { return };
        let Some(graph) = self.state.graph(*graph) else { return };
        let next = self.state.clients().get(&graph.client).map(|client| client.next_local);
        if next == Some(graph.next_local()) {
            self.given_up.insert(graph.client, graph.next_local());
        }
    }

    fn targets(&self, target: &Target) -> Result<Vec<TaskId>, String> {
        let state = &self.state;
        let tasks: Vec<TaskId> = match target {
            Target::Task(task) => state.task(*task).map(|_| *task).into_iter().collect(),
            Target::Key(key) => {
                let named =
                    state.tasks().iter().filter(|(_, task)| state.key_text(task.key) == *key);
                named.map(|(id, _)| id).collect()
            }
            Target::Graph(graph) => {
                let graph = state
                    .graph(*graph)
                    .ok_or_else(|| format!("there is no graph {graph}, or it has ended"))?;
                graph.tasks().collect()
            }
            Target::Client(client) => {
                let wanted = |id: &ClientId| state.clients().contains_key(id);
                if !wanted(client) {
                    return Err(format!("there is no client {client}"));
                }
                let tasks = state.tasks().iter();
                tasks.filter(|(_, t)| t.wanted_by.contains(client)).map(|(id, _)| id).collect()
            }
        };
        if tasks.is_empty() {
            return Err("there is no such task, or it was released".to_owned());
        }
        Ok(tasks)
    }

    fn worker_called(&self, name: &str) -> Option<WorkerId> {
        let mut present = self.state.present_workers();
        present.find(|(id, w)| w.info.name == name || id.to_string() == name).map(|(id, _)| id)
    }

    fn status(&self) -> ClusterStatus {
        let state = &self.state;
        let totals = state.totals();
        let phases = Phase::ALL.into_iter();
        ClusterStatus {
            name: self.config.run.name.clone(),
            version: VERSION.to_owned(),
            elapsed: self.now(),
            incarnation: state.incarnation(),
            n_events: state.next_seq(),
            tasks: phases.map(|phase| (phase.name().to_owned(), totals.get(phase))).collect(),
            workers: self.worker_lines(),
            clients: state
                .clients()
                .iter()
                .map(|(&id, client)| ClientLine {
                    id,
                    name: state.text(client.name).to_owned(),
                    away: self.away.contains_key(&id),
                })
                .collect(),
            graphs: self.graph_lines(),
        }
    }

    /// By name, as people look for them: `worker-2` before `worker-10`.
    fn worker_lines(&self) -> Vec<WorkerLine> {
        let present = self.state.present_workers();
        let mut lines: Vec<WorkerLine> = present.map(|(id, _)| self.worker_line(id)).collect();
        lines.sort_by_cached_key(|line| {
            let stem = line.name.trim_end_matches(|c: char| c.is_ascii_digit());
            let number: u64 = line.name[stem.len()..].parse().unwrap_or(0);
            (stem.to_owned(), number, line.id)
        });
        lines
    }

    fn worker_line(&self, id: WorkerId) -> WorkerLine {
        let worker = &self.state.workers()[id.index()];
        let status = if self.awaited.contains_key(&id) { "away" } else { worker.status.name() };
        debug_assert_ne!(worker.status, WorkerStatus::Lost, "only those that are here are listed");
        WorkerLine {
            id,
            name: worker.info.name.clone(),
            address: worker.info.address.clone(),
            status: status.to_owned(),
            slots: worker.info.slots,
            executing: worker.n_executing() as u32,
            assigned: worker.demand() as u32,
            waiting: worker.n_seceded,
            finished: worker.n_finished,
            memory_bytes: worker.memory_bytes,
            disk_bytes: worker.disk_bytes,
            memory_limit: worker.info.memory_limit,
        }
    }

    fn graph_lines(&self) -> Vec<GraphLine> {
        let graphs = self.state.graphs().iter();
        graphs
            .filter(|(_, graph)| graph.n_ended < graph.n_tasks)
            .take(MAX_GRAPHS)
            .map(|(id, graph)| GraphLine {
                id,
                name: self.state.text(graph.name).to_owned(),
                client: graph.client,
                tasks: graph.n_tasks,
                ended: graph.n_ended,
                erred: graph.n_erred,
            })
            .collect()
    }
}
