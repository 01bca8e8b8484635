//! Tasks: assigned, started, ended, given back, tried again.

use super::steps::Step;
use super::{State, Why, Worker};
use crate::{
    Again, Blame, Broken, Change, FailureKind, Last, Nanos, Outcome, Phase, Run, StrId, Task,
    TaskId, WorkerId, WorkerStatus,
};

impl State {
    pub(super) fn task_assigned(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        worker: WorkerId,
        attempt: u32,
    ) -> Result<(), Why> {
        let is_chained = self.may_be_chained(id, worker);
        let task = if is_chained { self.live(id) } else { self.check_phase(id, Phase::Queued)? };
        if task.attempt.checked_add(1) != Some(attempt) {
            return Err(Why::Assignment(id));
        }
        self.check_status(worker, WorkerStatus::Running)?;
        let estimate = self.prefix(task.key.prefix).estimate();
        let holder = &mut self.workers[worker.index()];
        let mut run = Run::new(worker, holder.assigned.len() as u32, estimate);
        holder.assigned.push(id);
        if is_chained {
            run.chain();
            holder.n_chained += 1;
        } else {
            holder.occupancy = holder.occupancy + estimate;
        }
        self.loads.note(worker);
        let task = self.live_mut(id);
        task.attempt = attempt;
        task.again = Again::No;
        task.n_missing = 0;
        task.run = Some(run);
        self.set_phase(step, id, Phase::Processing, Some(worker));
        Ok(())
    }

    /// Whether all that a task waits for is one input, which a task is to make that the worker has.
    pub(crate) fn may_be_chained(&self, id: TaskId, worker: WorkerId) -> bool {
        let Some(task) = self.tasks.get(id) else { return false };
        let waits = task.phase == Phase::Waiting && task.n_missing == 1 && task.due_at().is_none();
        waits
            && task
                .deps
                .iter()
                .any(|dep| self.live(*dep).run.is_some_and(|run| run.worker == worker))
    }

    pub(super) fn task_unplaceable(&mut self, step: &mut Step<'_>, id: TaskId) -> Result<(), Why> {
        self.check_phase(id, Phase::Queued)?;
        self.set_phase(step, id, Phase::NoWorker, None);
        Ok(())
    }

    pub(super) fn task_started(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        worker: WorkerId,
        attempt: u32,
        slot: u16,
    ) -> Result<(), Why> {
        let run = self.check_run(id, worker, Some(attempt))?;
        if run.executing().is_some() || run.is_chained() {
            return Err(Why::Assignment(id));
        }
        let slots = &mut self.workers[worker.index()].slots;
        match slots.get_mut(usize::from(slot)) {
            Some(free @ None) => *free = Some(id),
            Some(Some(_)) | None => return Err(Why::Slot(worker, slot)),
        }
        let run = self.live_mut(id).run.as_mut().expect("checked above");
        run.begin(slot, step.at);
        step.changes.push(Change::Started { task: id, worker, slot });
        Ok(())
    }

    /// The task waits for tasks that it submitted: its slot is free, and it is no load meanwhile.
    pub(super) fn task_seceded(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        worker: WorkerId,
        attempt: u32,
    ) -> Result<(), Why> {
        let run = self.check_run(id, worker, Some(attempt))?;
        let executing = run.executing().filter(|e| !e.seceded).ok_or(Why::Assignment(id))?;
        let Last { since, computed, .. } = self.stretch(id, step.at)?;
        let slot = executing.slot;
        let task = self.live_mut(id);
        task.amend(|rare| rare.broken = Some(Broken { since: step.at, computed }));
        task.run.as_mut().expect("checked above").secede();
        self.with_load(worker, |found| {
            found.slots[usize::from(slot)] = None;
            found.busy = found.busy + step.at.since(since);
            found.occupancy = found.occupancy - run.estimate;
            found.n_seceded += 1;
            found.freed_seq = step.seq;
        });
        step.changes.push(Change::Seceded { task: id, worker, slot, since });
        Ok(())
    }

    /// The task goes on, in a slot that is free.
    pub(super) fn task_rejoined(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        (worker, attempt): (WorkerId, u32),
        slot: u16,
    ) -> Result<(), Why> {
        let run = self.check_run(id, worker, Some(attempt))?;
        let executing = run.executing().filter(|e| e.seceded).ok_or(Why::Assignment(id))?;
        let Last { since, computed, .. } = self.stretch(id, step.at)?;
        let left = executing.slot;
        let slots = &self.workers[worker.index()].slots;
        if !matches!(slots.get(usize::from(slot)), Some(None)) {
            return Err(Why::Slot(worker, slot));
        }
        let task = self.live_mut(id);
        task.amend(|rare| rare.broken = Some(Broken { since: step.at, computed }));
        task.run.as_mut().expect("checked above").rejoin(slot);
        self.with_load(worker, |found| {
            found.slots[usize::from(slot)] = Some(id);
            found.occupancy = found.occupancy + run.estimate;
            found.n_seceded -= 1;
        });
        step.changes.push(Change::Rejoined { task: id, worker, slot, left, since });
        Ok(())
    }

    /// What a task that has begun does at an instant; not before that began.
    fn stretch(&self, id: TaskId, at: Nanos) -> Result<Last, Why> {
        let last = self.live(id).stretch(at).ok_or(Why::Assignment(id))?;
        if at < last.since { Err(Why::Time) } else { Ok(last) }
    }

    /// Changes what a worker has to do, and its place in the order of load with it.
    fn with_load(&mut self, id: WorkerId, change: impl FnOnce(&mut Worker)) {
        change(&mut self.workers[id.index()]);
        self.loads.note(id);
    }

    pub(super) fn task_finished(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        worker: WorkerId,
        attempt: u32,
        bytes: u64,
    ) -> Result<(), Why> {
        self.check_run(id, worker, Some(attempt))?;
        let last = self.stretch(id, step.at)?;
        let prefix = self.live(id).key.prefix;
        let prefix = &mut self.prefixes[prefix.index()];
        prefix.n_runs += 1;
        prefix.run_time = prefix.run_time + last.computed;
        prefix.result_bytes = prefix.result_bytes.saturating_add(bytes);
        self.workers[worker.index()].n_finished += 1;
        self.finish(step, id, (worker, bytes), Outcome::Finished);
        Ok(())
    }

    pub(super) fn task_failed(
        &mut self,
        step: &mut Step<'_>,
        (id, worker, attempt): (TaskId, WorkerId, u32),
        (kind, error): (FailureKind, StrId),
        retry: Option<Nanos>,
    ) -> Result<(), Why> {
        self.check_run(id, worker, Some(attempt))?;
        self.check_string(error)?;
        if self.live(id).since().is_some_and(|since| step.at < since) {
            return Err(Why::Time);
        }
        self.workers[worker.index()].n_failed += 1;
        if kind == FailureKind::Missing {
            self.learn_lack(id, worker);
        }
        let blame = Blame { kind, error, culprit: id };
        let task = self.live_mut(id);
        // One that never could run there has all its retries left.
        task.amend(|rare| rare.n_failures += u32::from(kind != FailureKind::Missing));
        let Some(delay) = retry else {
            self.err(step, id, blame);
            return Ok(());
        };
        self.unassign(step, id, Outcome::Failed);
        let task = self.live_mut(id);
        task.again = Again::Retry;
        let due_at = (delay > Nanos::ZERO).then(|| step.at + delay);
        task.amend(|rare| (rare.error, rare.due_at) = (Some(blame), due_at));
        self.put_back(step, id, worker);
        if let Some(due_at) = due_at {
            step.changes.push(Change::RetryScheduled { task: id, due_at });
        }
        Ok(())
    }

    /// The worker does not have what the task runs.
    fn learn_lack(&mut self, id: TaskId, worker: WorkerId) {
        let function: Box<str> = self.options(self.live(id).options).function.as_str().into();
        self.workers[worker.index()].lacks.insert(function.clone());
        self.lacked.insert(function);
    }

    pub(super) fn retry_due(&mut self, step: &mut Step<'_>, id: TaskId) -> Result<(), Why> {
        let task = self.check_phase(id, Phase::Waiting)?;
        if task.due_at().is_none() {
            return Err(Why::Phase(id, Phase::Waiting));
        }
        self.live_mut(id).clear(|rare| rare.due_at = None);
        self.queue_if_ready(step, id, None);
        Ok(())
    }

    pub(super) fn steal_requested(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        from: WorkerId,
        to: WorkerId,
    ) -> Result<(), Why> {
        let run = self.check_run(id, from, None)?;
        if run.executing().is_some() || self.live(id).thief().is_some() {
            return Err(Why::Assignment(id));
        }
        self.check_status(to, WorkerStatus::Running)?;
        self.live_mut(id).amend(|rare| rare.thief = Some(to));
        step.changes.push(Change::StealRequested { task: id, from, to });
        Ok(())
    }

    pub(super) fn steal_confirmed(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        from: WorkerId,
    ) -> Result<(), Why> {
        if self.check_run(id, from, None)?.executing().is_some() {
            return Err(Why::Assignment(id));
        }
        let thief = self.live(id).thief();
        self.unassign(step, id, Outcome::Cancelled);
        // A worker that pauses gives back what it has not begun, without being asked.
        let is_paused = self.workers[from.index()].status == WorkerStatus::Paused;
        let is_moved = thief.is_some() || is_paused;
        let again = if is_moved { Again::Rebalanced } else { Again::Recompute };
        self.live_mut(id).again = again;
        self.put_back(step, id, from);
        Ok(())
    }

    pub(super) fn steal_refused(&mut self, id: TaskId, from: WorkerId) -> Result<(), Why> {
        self.check_run(id, from, None)?;
        if self.live(id).thief().is_none() {
            return Err(Why::Assignment(id));
        }
        self.live_mut(id).clear(|rare| rare.thief = None);
        Ok(())
    }

    fn check_phase(&self, id: TaskId, phase: Phase) -> Result<&Task, Why> {
        let task = self.tasks.get(id).ok_or(Why::UnknownTask(id))?;
        if task.phase == phase { Ok(task) } else { Err(Why::Phase(id, task.phase)) }
    }

    /// The run of a task that is processing on `worker`, for the `attempt`-th time if given.
    fn check_run(&self, id: TaskId, worker: WorkerId, attempt: Option<u32>) -> Result<Run, Why> {
        let task = self.check_phase(id, Phase::Processing)?;
        match task.run {
            Some(run) if run.worker == worker && attempt.is_none_or(|a| a == task.attempt) => {
                Ok(run)
            }
            _ => Err(Why::Assignment(id)),
        }
    }
}
