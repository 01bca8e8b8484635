//! Clients at the scheduler: they connect, submit, release, cancel, and go.

use taskreel_model::{CancelReason, ClientId, Ended, Input, Phase, TaskId};
use taskreel_recorder::SpecBatch;
use tracing::{info, warn};

use super::core::Core;
use super::inbound::ConnId;
use super::peers::{ClientPeer, Outbox};
use crate::wire::LinkSender;
use crate::wire::message::{ClientHello, EndedHow, FromClient, SubmitGraph, TaskEnd, ToClient};

impl Core {
    pub(super) fn client_connected(
        &mut self,
        conn: ConnId,
        hello: ClientHello,
        tx: LinkSender<ToClient>,
    ) {
        let client = self.state.next_client();
        let name = hello.name;
        info!(%client, %name, "client connected");
        self.decide(Input::ClientConnected { client, name }).expect("its id is the next one");
        let mut out = Outbox::new(tx);
        out.push(ToClient::Welcome { client });
        self.peers.add_client(client, ClientPeer { conn, out });
    }

    pub(super) fn client_message(&mut self, conn: ConnId, message: FromClient) {
        let Some(client) = self.peers.client_of(conn) else { return };
        match message {
            FromClient::Submit(submit) => self.submitted(client, *submit),
            FromClient::Release(locals) => {
                let tasks = self.tasks_of(client, &locals);
                let released = self.decide(Input::ResultReleased { client, tasks });
                released.expect("the client is connected");
            }
            FromClient::Cancel(locals) => {
                let tasks = self.tasks_of(client, &locals);
                let reason = CancelReason::Requested;
                let cancelled = self.decide(Input::CancelRequested { tasks, reason });
                cancelled.expect("cancelling is always allowed");
            }
            FromClient::Locate(locals) => self.locate(client, &locals),
            FromClient::Shutdown => self.stop("a client stopped the cluster"),
            FromClient::Goodbye => self.client_gone(conn),
        }
    }

    pub(super) fn client_gone(&mut self, conn: ConnId) {
        let Some(client) = self.peers.client_of(conn) else { return };
        info!(%client, "client left");
        self.decide(Input::ClientLeft { client }).expect("the client was connected");
        self.peers.remove_client(client);
    }

    fn submitted(&mut self, client: ClientId, submit: SubmitGraph) {
        let (local, n_tasks) = (submit.graph.local, submit.graph.tasks.len() as u32);
        let first = self.state.tasks().next_id();
        let refused = match submit.split_specs() {
            None => "its specs do not fit its tasks".to_owned(),
            Some(specs) => {
                let mut batch = SpecBatch::new(first);
                specs.iter().for_each(|spec| batch.push(spec));
                match self.decide(Input::GraphSubmitted { client, graph: submit.graph }) {
                    Ok(()) => {
                        self.new_specs.push(batch);
                        self.specs.add(first, specs);
                        return;
                    }
                    Err(why) => why.to_string(),
                }
            }
        };
        warn!(%client, %refused, "refused a graph");
        if let Some(peer) = self.peers.clients.get_mut(&client) {
            peer.out.push(ToClient::Rejected { local, n_tasks, reason: refused });
        }
    }

    fn tasks_of(&self, client: ClientId, locals: &[u32]) -> Vec<TaskId> {
        locals.iter().filter_map(|local| self.state.local_task(client, *local)).collect()
    }

    /// Says again how tasks ended; those that have not will be told of when they do.
    fn locate(&mut self, client: ClientId, locals: &[u32]) {
        for &local in locals {
            let task = self.state.local_task(client, local);
            let phase = task.and_then(|task| self.state.task(task)).map(|found| found.phase);
            match (task, phase) {
                (Some(task), Some(Phase::Memory)) => self.notify(client, task, Ended::Finished),
                (Some(task), Some(Phase::Erred)) => self.notify(client, task, Ended::Erred),
                (Some(_), Some(_)) => {}
                (_, None) | (None, Some(_)) => {
                    self.tell_end(client, TaskEnd { local, how: EndedHow::Cancelled });
                }
            }
        }
    }

    /// Tells a client how a task ended.
    pub(super) fn notify(&mut self, client: ClientId, task: TaskId, ended: Ended) {
        let Some(local) = self.local_number(task) else { return };
        let how = match ended {
            Ended::Cancelled => Some(EndedHow::Cancelled),
            Ended::Finished => self.finished_how(task),
            Ended::Erred => self.erred_how(task),
        };
        // None: it is no longer so at the end of the turn; what it is now is told on its own.
        if let Some(how) = how {
            self.tell_end(client, TaskEnd { local, how });
        }
    }

    /// A client's own number of a task, also of one that is forgotten.
    fn local_number(&self, task: TaskId) -> Option<u32> {
        let graphs = self.state.graphs();
        let position = graphs.partition_point(|graph| graph.first <= task).checked_sub(1)?;
        Some(graphs[position].local + (task.0 - graphs[position].first.0))
    }

    fn finished_how(&self, task: TaskId) -> Option<EndedHow> {
        let found = self.state.task(task).filter(|found| found.phase == Phase::Memory)?;
        Some(EndedHow::Finished { task, bytes: found.bytes, holders: self.holders(task) })
    }

    fn erred_how(&self, task: TaskId) -> Option<EndedHow> {
        let found = self.state.task(task).filter(|found| found.phase == Phase::Erred)?;
        let blame = found.error?;
        let culprit = (blame.culprit != task).then(|| self.state.task_name(blame.culprit));
        let message = self.state.text(blame.error).to_owned();
        Some(EndedHow::Erred { kind: Some(blame.kind), message, culprit })
    }

    fn tell_end(&mut self, client: ClientId, end: TaskEnd) {
        let Some(peer) = self.peers.clients.get_mut(&client) else { return };
        match peer.out.last_mut() {
            Some(ToClient::Ended(ends)) => ends.push(end),
            _ => peer.out.push(ToClient::Ended(vec![end])),
        }
    }
}
