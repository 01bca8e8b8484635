//! The toy's workers: what they do when something is due.

use taskreel_model::{
    FailureKind, Input, LossReason, Nanos, PauseReason, Reported, TaskId, WorkerId,
};

use super::world::{Due, Work, World};

impl World<'_> {
    pub(super) fn handle(&mut self, due: Due) {
        match due {
            Due::Turn => {
                if let Some((_, input)) = self.inbox.pop_front() {
                    let gone = matches!(&input, Input::WorkerReported { worker, .. }
                        if self.workers[worker.index()].gone);
                    if !gone {
                        self.input(input);
                    }
                }
            }
            Due::Join { worker } => self.join(worker),
            Due::Lose { worker } => {
                self.workers[worker as usize].gone = true;
                let reason = LossReason::Disconnected;
                self.input(Input::WorkerLost { worker: WorkerId(worker), reason });
            }
            Due::Retry { task } => self.input(Input::RetryDue { task }),
            Due::Run { worker, task, attempt, inputs } => {
                self.workers[worker as usize].waiting.push(Work { task, attempt, inputs });
                self.work(worker);
            }
            Due::Revoke { worker, task, attempt } => {
                let waiting = &mut self.workers[worker as usize].waiting;
                waiting.retain(|work| (work.task, work.attempt) != (task, attempt));
            }
            Due::Free { worker, task } => {
                let of = &mut self.workers[worker as usize];
                of.held.retain(|held| *held != task);
                of.spilled.remove(&task);
            }
            Due::Arrived { worker, task } => {
                let bytes = self.toy.jobs[task.index()].bytes;
                self.workers[worker as usize].coming.remove(&task);
                self.workers[worker as usize].held.push_back(task);
                self.tell(worker, Reported::TransferFinished { task, bytes });
                self.work(worker);
            }
            Due::Restored { worker, task, took } => {
                let bytes = self.toy.jobs[task.index()].bytes;
                let of = &mut self.workers[worker as usize];
                of.coming.remove(&task);
                if of.spilled.remove(&task) {
                    of.held.push_back(task);
                    self.tell(worker, Reported::Restored { task, bytes, took });
                }
                self.work(worker);
            }
            Due::Spilled { worker, task, took } => {
                let bytes = self.toy.jobs[task.index()].bytes;
                self.tell(worker, Reported::Spilled { task, bytes, took });
                if std::mem::take(&mut self.workers[worker as usize].paused) {
                    self.tell(worker, Reported::Resumed);
                }
                self.work(worker);
            }
            Due::Ended { worker, task, attempt, slot } => self.ended(worker, task, attempt, slot),
        }
    }

    fn ended(&mut self, worker: u32, task: TaskId, attempt: u32, slot: u16) {
        if self.workers[worker as usize].gone {
            return;
        }
        let job = &self.toy.jobs[task.index()];
        self.workers[worker as usize].slots[usize::from(slot)] = false;
        let n_failed = self.failed.entry(task).or_default();
        if *n_failed < job.fails {
            *n_failed += 1;
            let (kind, error) = (FailureKind::Error, "the toy is broken".to_owned());
            self.tell(worker, Reported::Failed { task, attempt, kind, error });
        } else {
            self.workers[worker as usize].held.push_back(task);
            self.tell(worker, Reported::Finished { task, attempt, bytes: job.bytes });
            self.spill(worker, task);
        }
        self.work(worker);
    }

    /// Sends the oldest results to disk while there are too many.
    fn spill(&mut self, worker: u32, newest: TaskId) {
        let bytes = |task: &TaskId| self.toy.jobs[task.index()].bytes;
        let of = &mut self.workers[worker as usize];
        if of.held.iter().map(bytes).sum::<u64>() <= self.toy.memory {
            return;
        }
        let Some(oldest) = of.held.front().copied().filter(|task| *task != newest) else { return };
        of.held.pop_front();
        of.spilled.insert(oldest);
        let took = Nanos(bytes(&oldest) * 1_000_000_000 / self.toy.disk);
        of.disk_free = of.disk_free.max(self.now) + took;
        let delay = of.disk_free.since(self.now);
        let pauses = self.toy.pauses && !std::mem::replace(&mut of.paused, self.toy.pauses);
        if pauses {
            self.tell(worker, Reported::Paused { reason: PauseReason::Memory });
        }
        self.after(delay, Due::Spilled { worker, task: oldest, took });
    }

    /// Fetches what is missing and starts what can start.
    fn work(&mut self, worker: u32) {
        if self.workers[worker as usize].gone || self.workers[worker as usize].paused {
            return;
        }
        let mut index = 0;
        while let Some(next) = self.workers[worker as usize].waiting.get(index).cloned() {
            let missing: Vec<(TaskId, u32)> = {
                let of = &self.workers[worker as usize];
                next.inputs.iter().filter(|(input, _)| !of.held.contains(input)).copied().collect()
            };
            for (input, from) in &missing {
                self.get(worker, *input, *from, next.task);
            }
            let of = &mut self.workers[worker as usize];
            let free = of.slots.iter().position(|busy| !busy);
            match (missing.is_empty(), free) {
                (true, Some(slot)) => {
                    of.slots[slot] = true;
                    of.waiting.remove(index);
                    self.start(worker, &next, slot as u16);
                }
                _ => index += 1,
            }
        }
    }

    fn get(&mut self, worker: u32, input: TaskId, from: u32, dependent: TaskId) {
        let bytes = self.toy.jobs[input.index()].bytes;
        let latency = self.toy.latency;
        let of = &mut self.workers[worker as usize];
        if of.coming.contains(&input) {
            return;
        }
        if of.spilled.contains(&input) {
            let took = Nanos(bytes * 1_000_000_000 / self.toy.disk);
            of.disk_free = of.disk_free.max(self.now) + took;
            let delay = of.disk_free.since(self.now);
            of.coming.insert(input);
            self.after(delay, Due::Restored { worker, task: input, took });
        } else if from != worker {
            let took = Nanos(bytes * 1_000_000_000 / self.toy.bandwidth);
            of.link_free = of.link_free.max(self.now) + took;
            let delay = of.link_free.since(self.now) + latency;
            of.coming.insert(input);
            let from = WorkerId(from);
            self.tell(worker, Reported::TransferStarted { task: input, from, dependent });
            self.after(delay, Due::Arrived { worker, task: input });
        }
    }

    fn start(&mut self, worker: u32, work: &Work, slot: u16) {
        let (task, attempt) = (work.task, work.attempt);
        self.tell(worker, Reported::Started { task, attempt, slot });
        let took = self.toy.jobs[task.index()].took.0 as f64 * self.toy.pace[worker as usize];
        self.after(Nanos(took as u64), Due::Ended { worker, task, attempt, slot });
    }
}
