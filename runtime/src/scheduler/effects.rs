//! Effects carried out: messages to workers and clients, and timers.

use std::cmp::Reverse;
use std::sync::Arc;

use smallvec::SmallVec;
use taskreel_model::{Effect, OptionsId, Phase, Task, TaskId, TaskOptions, WorkerId};

use super::core::Core;
use crate::wire::message::{Assignment, Holder, InputRef, RunTask, ToWorker};

impl Core {
    /// Queues what an effect asks for; the end of the turn sends it.
    pub(super) fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Run { worker, task, attempt } => self.run_task(worker, task, attempt),
            Effect::Revoke { worker, task, attempt } => {
                let assignment = Assignment { task, attempt };
                self.join(worker, assignment, ToWorker::Revoke, |message| match message {
                    ToWorker::Revoke(items) => Some(items),
                    _ => None,
                });
            }
            Effect::AskBack { worker, task, attempt } => {
                let assignment = Assignment { task, attempt };
                self.join(worker, assignment, ToWorker::AskBack, |message| match message {
                    ToWorker::AskBack(items) => Some(items),
                    _ => None,
                });
            }
            Effect::Free { worker, task } => {
                self.join(worker, task, ToWorker::Free, |message| match message {
                    ToWorker::Free(items) => Some(items),
                    _ => None,
                });
            }
            Effect::Notify { client, task, local, ended } => {
                self.notify(client, (task, local), ended);
            }
            Effect::SetRetryTimer { task, due_at } => self.retries.push(Reverse((due_at, task))),
            Effect::Disconnect { worker } => self.peers.remove_worker(worker),
        }
    }

    fn run_task(&mut self, worker: WorkerId, task: TaskId, attempt: u32) {
        // It may have been unassigned again later in the turn: then there is nothing to send.
        let Some(found) = self.state.task(task) else { return };
        let is_current = found.run.is_some_and(|run| run.worker == worker);
        if !is_current || found.attempt != attempt {
            return;
        }
        // One that has come back is told once it has said what it has.
        if !self.peers.workers.get(&worker).is_some_and(|peer| peer.is_settled) {
            return;
        }
        let Some(spec) = self.specs.get(task) else { return };
        let inputs = found
            .deps
            .iter()
            .map(|&dep| {
                let made = self.state.task(dep);
                let is_there = |made: &&Task| made.replicas.iter().any(|r| r.worker == worker);
                let data = made
                    .filter(|made| made.phase == Phase::Memory && !is_there(made))
                    .and_then(|made| self.small_results.get(dep, made.attempt));
                let bytes = made.map_or(0, |made| made.bytes);
                InputRef { task: dep, bytes, holders: self.holders(dep), data }
            })
            .collect();
        let is_awaited = !found.wanted_by.is_empty() || found.n_waiters > 0;
        let options = found.options;
        let TaskOptions { timeout, priority, .. } = *self.state.options(options);
        let function = self.function_name(options);
        let run = RunTask { task, attempt, function, spec, inputs, timeout, is_awaited, priority };
        self.join(worker, run, ToWorker::Run, |message| match message {
            ToWorker::Run(items) => Some(items),
            _ => None,
        });
    }

    /// The name of what tasks with these options run, shared by all messages that carry it.
    fn function_name(&mut self, options: OptionsId) -> Arc<str> {
        while self.functions.len() <= options.index() {
            let next = OptionsId(self.functions.len() as u32);
            self.functions.push(self.state.options(next).function.as_str().into());
        }
        Arc::clone(&self.functions[options.index()])
    }

    /// Who holds a result.
    pub(super) fn holders(&self, task: TaskId) -> SmallVec<[Holder; 1]> {
        let replicas = self.state.task(task).map_or(&[][..], |found| &found.replicas);
        replicas
            .iter()
            .filter_map(|replica| {
                let address = match self.peers.workers.get(&replica.worker) {
                    Some(peer) => Arc::clone(&peer.address),
                    // Waited for by a scheduler that started again: its results can be had.
                    None => self.state.worker(replica.worker)?.info.address.as_str().into(),
                };
                Some(Holder { worker: replica.worker, address })
            })
            .collect()
    }

    /// Adds an item to the last message queued for a worker, if that is of its kind, or to a new
    /// one: a burst travels as one message, and the order between kinds is kept.
    fn join<T>(
        &mut self,
        worker: WorkerId,
        item: T,
        wrap: fn(Vec<T>) -> ToWorker,
        unwrap: fn(&mut ToWorker) -> Option<&mut Vec<T>>,
    ) {
        let Some(peer) = self.peers.workers.get_mut(&worker) else { return };
        match peer.out.last_mut().and_then(unwrap) {
            Some(items) => items.push(item),
            None => peer.out.push(wrap(vec![item])),
        }
    }
}
