//! Workers that are to leave: their results are moved first.

use taskreel_model::{Input, LossReason, Nanos, TaskId, WorkerId, WorkerStatus, copy_target};

use super::core::Core;
use crate::wire::message::{InputRef, ToWorker};

/// How long a worker has to fetch a copy before another is asked.
const COPY_TIME: Nanos = Nanos::from_millis(10_000);

impl Core {
    /// A worker is to be emptied and let go.
    pub(super) fn begin_retiring(&mut self, worker: WorkerId) {
        match self.decide(Input::RetireRequested { worker }) {
            Ok(()) => drop(self.retiring.insert(worker)),
            Err(why) => tracing::warn!(%worker, %why, "cannot retire a worker"),
        }
    }

    /// Takes the next step with each worker that is to leave: it goes once it runs nothing and
    /// every result that it holds is held by another, too.
    pub(super) fn retire(&mut self) {
        let retiring: Vec<WorkerId> = self.retiring.iter().copied().collect();
        for worker in retiring {
            let n_left = self.ask_for_copies(worker);
            let is_idle = self.state.worker(worker).is_some_and(|w| w.assigned.is_empty());
            if n_left == 0 && is_idle {
                if let Some(peer) = self.peers.workers.get_mut(&worker) {
                    peer.out.push(ToWorker::Shutdown);
                }
                self.lose_worker(worker, LossReason::Retired);
            }
        }
        if self.retiring.is_empty() {
            self.copies.clear();
        }
    }

    /// Has others fetch what only retiring workers hold; gives how much there is.
    fn ask_for_copies(&mut self, worker: WorkerId) -> usize {
        let now = self.now();
        let held = self.state.worker(worker).map_or(&[][..], |found| &found.held).to_vec();
        let mut n_left = 0;
        for task in held {
            if !self.only_retiring_hold(task) {
                continue;
            }
            n_left += 1;
            let asked_at = self.copies.get(&(worker, task));
            if asked_at.is_some_and(|asked_at| now < *asked_at + COPY_TIME) {
                continue;
            }
            let Some(target) = copy_target(&self.state, task) else { continue };
            let bytes = self.state.task(task).map_or(0, |found| found.bytes);
            let holders = self.holders(task);
            self.ask_for_copy(target, InputRef { task, bytes, holders, data: None });
            self.copies.insert((worker, task), now);
        }
        n_left
    }

    fn only_retiring_hold(&self, task: TaskId) -> bool {
        let replicas = self.state.task(task).map_or(&[][..], |found| &found.replicas);
        let status = |id: WorkerId| self.state.worker(id).map(|found| found.status);
        replicas.iter().all(|replica| status(replica.worker) == Some(WorkerStatus::Retiring))
    }

    fn ask_for_copy(&mut self, target: WorkerId, input: InputRef) {
        let Some(peer) = self.peers.workers.get_mut(&target) else { return };
        match peer.out.last_mut() {
            Some(ToWorker::Copy(inputs)) => inputs.push(input),
            _ => peer.out.push(ToWorker::Copy(vec![input])),
        }
    }
}
