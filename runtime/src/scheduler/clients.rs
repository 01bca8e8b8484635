//! Clients at the scheduler: they connect, submit, release, cancel, and go.

use std::sync::Arc;

use taskreel_model::{CancelReason, ClientId, Ended, Input, Nanos, Phase, TaskId};
use taskreel_recorder::SpecBatch;
use tracing::{info, warn};

use super::core::Core;
use super::inbound::ConnId;
use super::peers::{ClientPeer, Outbox};
use crate::wire::LinkSender;
use crate::wire::message::{
    ClientBefore, ClientHello, EndedHow, FromClient, SubmitGraph, TaskEnd, ToClient,
};

/// A client is told that its messages are in the log with each beat, or when they are so many.
const MESSAGES_UNTOLD: u64 = 64;

impl Core {
    pub(super) fn client_connected(
        &mut self,
        conn: ConnId,
        hello: ClientHello,
        tx: LinkSender<ToClient>,
    ) {
        let mut out = Outbox::new(tx);
        let ClientHello { name, embedded, before } = hello;
        let (client, n_messages) = match &before {
            None => {
                let client = self.state.next_client();
                let input = Input::ClientConnected { client, name: name.clone() };
                self.decide(input).expect("its id is the next one");
                (client, 0)
            }
            Some(before) => {
                if !self.knows(before, &name) {
                    let reason =
                        "the scheduler does not know the client any more: it was away for \
                                  too long, or it is another run"
                            .to_owned();
                    out.push(ToClient::Closing { reason });
                    out.flush();
                    return;
                }
                (before.client, before.n_accepted)
            }
        };
        info!(%client, %name, again = before.is_some(), "client connected");
        self.away.remove(&client);
        let silence = Nanos(self.config.patience.silence.as_nanos() as u64);
        out.push(ToClient::Welcome {
            client,
            run: self.config.run.run_id.clone(),
            resumed: before.is_some(),
            silence: (!embedded).then_some(silence),
        });
        let heard_at = self.config.clock.now();
        let n_told = n_messages;
        let peer = ClientPeer { conn, out, embedded, heard_at, n_messages, n_told };
        self.peers.add_client(client, peer);
    }

    /// Whether a client that comes back is one of this run, which has not left.
    fn knows(&self, before: &ClientBefore, name: &str) -> bool {
        let known = self.state.clients().get(&before.client);
        before.run == self.config.run.run_id
            && known.is_some_and(|known| self.state.text(known.name) == name)
    }

    pub(super) fn client_message(&mut self, conn: ConnId, message: FromClient) {
        let now = self.config.clock.now();
        let Some(client) = self.peers.client_of(conn) else { return };
        if let Some(peer) = self.peers.clients.get_mut(&client) {
            peer.heard_at = now;
            let n_new = u64::from(message != FromClient::Pong);
            peer.n_messages = peer.n_messages.saturating_add(n_new);
        }
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
            FromClient::Marked { name, took } => {
                let marked = self.decide(Input::Marked { client, name, took });
                marked.expect("the client is connected");
            }
            FromClient::Locate(locals) => self.locate(client, &locals),
            FromClient::Pong => {}
            FromClient::Shutdown => self.stop("a client stopped the cluster"),
            FromClient::Goodbye => self.client_left(client),
        }
        self.acknowledge(client, MESSAGES_UNTOLD);
    }

    /// A connection ended. A client elsewhere is waited for: it may only have lost its way.
    pub(super) fn client_gone(&mut self, conn: ConnId) {
        let Some(client) = self.peers.client_of(conn) else { return };
        if self.peers.clients.get(&client).is_none_or(|peer| peer.embedded) {
            return self.client_left(client);
        }
        info!(%client, "the connection of a client broke");
        self.peers.remove_client(client);
        let patience = Nanos(self.config.patience.clients.as_nanos() as u64);
        self.away.insert(client, self.now() + patience);
    }

    /// A client is gone for good.
    pub(super) fn client_left(&mut self, client: ClientId) {
        info!(%client, "client left");
        self.decide(Input::ClientLeft { client }).expect("the client was there");
        self.away.remove(&client);
        self.given_up.remove(&client);
        self.peers.remove_client(client);
    }

    /// Twice a second: asks clients elsewhere for a sign, and gives up those that gave none.
    pub(super) fn beat_clients(&mut self) {
        let now = self.config.clock.now();
        let silence = Nanos(self.config.patience.silence.as_nanos() as u64);
        let mut silent = Vec::new();
        let mut here = Vec::new();
        for (id, peer) in self.peers.clients.iter_mut().filter(|(_, peer)| !peer.embedded) {
            if now > peer.heard_at + silence {
                silent.push(peer.conn);
            } else {
                peer.out.push(ToClient::Ping);
                here.push(*id);
            }
        }
        silent.into_iter().for_each(|conn| self.client_gone(conn));
        here.into_iter().for_each(|client| self.acknowledge(client, 1));
    }

    /// Tells a client elsewhere what of it is in the log by the end of the turn, if it is so much.
    fn acknowledge(&mut self, client: ClientId, at_least: u64) {
        let Some(peer) = self.peers.clients.get_mut(&client) else { return };
        if !peer.embedded && peer.n_messages.saturating_sub(peer.n_told) >= at_least {
            peer.out.push(ToClient::Accepted { n_messages: peer.n_messages });
            peer.n_told = peer.n_messages;
        }
    }

    fn submitted(&mut self, client: ClientId, submit: SubmitGraph) {
        let (local, n_tasks) = (submit.graph.local, submit.graph.tasks.len() as u32);
        if self.state.has_graph(client, &submit.graph) {
            // Sent again by a client that could not know that it had arrived.
            return;
        }
        let first = self.state.tasks().next_id();
        let refused = match submit.split_specs() {
            None => "its specs do not fit its tasks".to_owned(),
            Some(specs) => {
                // Of such a one, the specs are in the log.
                let has_begun = self.state.has_begun(client, &submit.graph);
                let SubmitGraph { graph, spec_lens, specs: joined } = submit;
                let is_given_up = graph.continues && self.given_up.get(&client) == Some(&local);
                let graph = Arc::unwrap_or_clone(graph);
                match self.decide(Input::GraphSubmitted { client, graph }) {
                    Ok(()) if has_begun => return,
                    Ok(()) => {
                        if self.config.recorder.is_some() {
                            let batch = SpecBatch::joined(first, spec_lens, joined.to_vec());
                            self.new_specs.push(batch);
                        }
                        self.specs.add(first, specs);
                        if is_given_up {
                            self.give_up_part(client, first, local + n_tasks);
                        }
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

    /// The tasks from `first` on are a part of a graph that an operator gave up; `next_local`: the
    /// client's own number of the task behind it.
    fn give_up_part(&mut self, client: ClientId, first: TaskId, next_local: u32) {
        let tasks = (first.0..self.state.tasks().next_id().0).map(TaskId).collect();
        let input = Input::CancelRequested { tasks, reason: CancelReason::Requested };
        self.decide(input).expect("cancelling is always allowed");
        self.given_up.insert(client, next_local);
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
                (Some(task), Some(Phase::Memory)) => {
                    self.notify(client, (task, local), Ended::Finished)
                }
                (Some(task), Some(Phase::Erred)) => {
                    self.notify(client, (task, local), Ended::Erred)
                }
                (Some(_), Some(_)) => {}
                (_, None) | (None, Some(_)) => {
                    self.tell_end(client, TaskEnd { local, how: EndedHow::Cancelled });
                }
            }
        }
    }

    /// Tells a client how a task ended, which is `local` to it.
    pub(super) fn notify(&mut self, client: ClientId, (task, local): (TaskId, u32), ended: Ended) {
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

    fn finished_how(&self, task: TaskId) -> Option<EndedHow> {
        let found = self.state.task(task).filter(|found| found.phase == Phase::Memory)?;
        let data = self.small_results.get(task, found.attempt);
        Some(EndedHow::Finished { task, bytes: found.bytes, holders: self.holders(task), data })
    }

    fn erred_how(&self, task: TaskId) -> Option<EndedHow> {
        let found = self.state.task(task).filter(|found| found.phase == Phase::Erred)?;
        let blame = found.error()?;
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
