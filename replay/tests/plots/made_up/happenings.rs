//! What happens in the made-up cluster once it is due: ends of tasks and transfers, samples.

use taskreel_model::{
    Event, FailureKind, LogLevel, LossReason, Nanos, Phase, Sample, StrId, TaskId, WorkerId,
};

use super::cluster::{Cluster, Due};

impl Cluster<'_> {
    pub(super) fn handle(&mut self, due: Due) {
        match due {
            Due::Arrived { task, to } => {
                if self.state.flights().contains_key(&(to, task)) {
                    let bytes = self.state.task(task).map_or(0, |t| t.bytes);
                    let held = self.state.task(task).is_some_and(|t| t.phase == Phase::Memory);
                    if held {
                        self.emit(Event::TransferFinished { task, to, bytes });
                    } else {
                        let reason = taskreel_model::TransferFailure::Missing;
                        self.emit(Event::TransferFailed { task, to, reason });
                    }
                }
            }
            Due::Ended { task, worker, attempt } => self.ended(task, worker, attempt),
            Due::Retry { task } => {
                if self.state.task(task).is_some_and(|t| t.due_at().is_some()) {
                    self.emit(Event::RetryDue { task });
                }
            }
            Due::Lost { worker } => {
                self.emit(Event::WorkerLost { worker, reason: LossReason::Disconnected });
            }
            Due::Sampled { worker } => self.sampled(worker),
        }
    }

    fn ended(&mut self, task: TaskId, worker: WorkerId, attempt: u32) {
        let runs = self.state.task(task).is_some_and(|found| {
            found.attempt == attempt && found.run.as_ref().is_some_and(|run| run.worker == worker)
        });
        if !runs {
            return;
        }
        if self.made.fails_every > 0 && self.draw(self.made.fails_every) == 0 {
            let retry = Nanos::from_micros(self.made.task_us * 2);
            let (level, task) = (LogLevel::Warn, Some(task));
            self.say(worker, task, level, "no luck today: the dice fell badly, trying again");
            let task = task.expect("it was set a line ago");
            self.emit(Event::TaskFailed {
                task,
                worker,
                attempt,
                kind: FailureKind::Error,
                error: StrId(1),
                retry: Some(retry),
            });
            self.after(retry, Due::Retry { task });
            return;
        }
        let bytes = 1_000_000 + self.draw(6_000_000);
        self.emit(Event::TaskFinished { task, worker, attempt, bytes });
        if task.0 % 40 == 20 {
            self.emit(Event::Marked { name: StrId(2), task: Some(task) });
        }
        if task.0 % 50 == 30 {
            let took = Nanos::from_micros(self.made.task_us * 3);
            self.emit(Event::SpanRecorded { name: StrId(3), task: None, took });
        }
        if self.draw(9) == 0 {
            let took = Nanos::from_micros(self.made.task_us / 5);
            let activity = taskreel_model::Activity::Serialize;
            self.emit(Event::ActivityRecorded { task, worker, activity, took, bytes });
        }
        if self.draw(17) == 0 && self.state.task(task).is_some_and(|t| t.phase == Phase::Memory) {
            let took = Nanos::from_micros(self.made.task_us / 3);
            self.emit(Event::ResultSpilled { task, worker, bytes, took });
        }
    }

    pub(super) fn sampled(&mut self, id: WorkerId) {
        let Some(worker) = self.state.worker(id) else { return };
        if worker.status == taskreel_model::WorkerStatus::Lost {
            return;
        }
        let busy = worker.n_executing() as u32;
        let (managed, spilled) = (worker.memory_bytes, worker.disk_bytes);
        let noise = self.draw(200) as u32;
        self.samples.push(Sample {
            at: self.now,
            worker: Some(id),
            cpu_permille: busy * 850 + noise,
            rss_bytes: managed + 90_000_000 + u64::from(noise) * 400_000,
            managed_bytes: managed,
            spilled_bytes: spilled,
            slots_busy: busy as u16,
            received_per_s: u64::from(noise) * 300_000,
            sent_per_s: u64::from(noise ^ 0x55) * 200_000,
            read_per_s: u64::from(noise % 20) * 90_000,
            written_per_s: spilled / 8 + u64::from(noise) * 4_000,
            lag: Nanos::from_micros(u64::from(noise) * 3),
            ..Sample::default()
        });
        if id == WorkerId(0) {
            self.samples.push(Sample {
                at: self.now,
                cpu_permille: 40 + noise,
                rss_bytes: 60_000_000,
                lag: Nanos::from_micros(40 + u64::from(noise * noise) / 4),
                ..Sample::default()
            });
        }
        self.after(Nanos::from_millis(500), Due::Sampled { worker: id });
    }
}
