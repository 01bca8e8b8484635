//! The scheduler starts again on its log: it waits for those who were there.
//!
//! Workers keep what they hold and run, clients keep what they wait for. Both come back by
//! themselves; until the workers have, or their time is up, nothing is placed.

use std::cmp::Reverse;

use taskreel_model::{ClientId, Input, LossReason, Nanos, WorkerId, WorkerStatus};
use tracing::info;

use super::core::Core;
use super::specs::SpecStore;

impl Core {
    /// Begins, on the log so far if there is one.
    pub(super) fn resume(&mut self) {
        let Some(log) = self.config.resumed.take() else {
            self.decide(Input::SchedulerStarted).expect("it is always allowed");
            return;
        };
        self.state = log.state;
        let next = self.state.tasks().next_id();
        // A submission that the log ends in the middle of is sent again, and goes on from there.
        let end = self.state.end_of_submitted();
        let state = &self.state;
        self.specs = SpecStore::restore(log.specs, |task| {
            state.task(task).is_some() || (next <= task && task < end)
        });
        self.decide(Input::SchedulerStarted).expect("it is always allowed");
        self.wait_for_all();
        self.set_retry_timers();
    }

    fn wait_for_all(&mut self) {
        let now = self.now();
        let until = now + Nanos(self.config.patience.workers.as_nanos() as u64);
        let present = self.state.present_workers();
        let (remote, local): (Vec<_>, Vec<_>) = present
            .map(|(id, worker)| (id, worker.info.address.starts_with("tcp://")))
            .partition(|(_, is_remote)| *is_remote);
        let retiring = self.state.present_workers();
        self.retiring = retiring
            .filter(|(_, worker)| worker.status == WorkerStatus::Retiring)
            .map(|(id, _)| id)
            .collect();
        self.awaited = remote.into_iter().map(|(id, _)| (id, until)).collect();
        for (worker, _) in local {
            // Its threads ended with the scheduler's process.
            self.lose_worker(worker, LossReason::NotBack);
        }
        let until = now + Nanos(self.config.patience.clients.as_nanos() as u64);
        self.away = self.state.clients().keys().map(|client| (*client, until)).collect();
        let (n_workers, n_clients) = (self.awaited.len(), self.away.len());
        let n_events = self.state.next_seq();
        info!(n_events, n_workers, n_clients, "started again on the log");
    }

    /// Delays before retries go on: one that ended meanwhile is over at once.
    fn set_retry_timers(&mut self) {
        let tasks = self.state.tasks().iter();
        let due = tasks.filter_map(|(id, task)| Some(Reverse((task.due_at()?, id))));
        self.retries = due.collect();
    }

    /// Gives up those who have not come back in time.
    pub(super) fn stop_waiting(&mut self, now: Nanos) {
        if self.awaited.is_empty() && self.away.is_empty() {
            return;
        }
        let is_over = |until: &Nanos| *until <= now;
        let lost: Vec<WorkerId> =
            self.awaited.iter().filter(|(_, until)| is_over(until)).map(|(id, _)| *id).collect();
        for worker in lost {
            self.awaited.remove(&worker);
            self.lose_worker(worker, LossReason::NotBack);
        }
        let left: Vec<ClientId> =
            self.away.iter().filter(|(_, until)| is_over(until)).map(|(id, _)| *id).collect();
        for client in left {
            self.client_left(client);
        }
    }
}
