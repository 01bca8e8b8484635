//! Data: results move between workers, and between memory and disk.

use std::collections::btree_map::Entry;

use super::steps::Step;
use super::{Flight, State, Why};
use crate::{Activity, Again, Change, Nanos, Outcome, Phase, Replica, Storage, TaskId, WorkerId};

impl State {
    pub(super) fn transfer_started(
        &mut self,
        step: &mut Step<'_>,
        task: TaskId,
        from: WorkerId,
        to: WorkerId,
        dependent: TaskId,
    ) -> Result<(), Why> {
        self.check_here(to)?;
        if from.index() >= self.workers.len() {
            return Err(Why::UnknownWorker(from));
        }
        let Entry::Vacant(place) = self.flights.entry((to, task)) else {
            return Err(Why::Transfer(task, to));
        };
        let mut attempt = 0;
        if let Some(waiting) = self.tasks.get_mut(dependent)
            && let Some(run) = waiting.run.as_mut()
            && run.worker == to
        {
            run.n_fetching += 1;
            attempt = waiting.attempt;
        }
        place.insert(Flight { from, dependent, attempt, started_at: step.at });
        step.changes.push(Change::TransferStarted { task, from, to });
        Ok(())
    }

    pub(super) fn transfer_finished(
        &mut self,
        step: &mut Step<'_>,
        task: TaskId,
        to: WorkerId,
        bytes: u64,
    ) -> Result<(), Why> {
        self.check_here(to)?;
        self.end_flight(step, task, to, Some(bytes))?;
        // A result that was freed meanwhile is no replica; the effects tell the worker to free it.
        let arrived = self.tasks.get(task).is_some_and(|found| {
            found.phase == Phase::Memory && found.replicas.iter().all(|r| r.worker != to)
        });
        if arrived {
            self.add_replica(step, task, to, false);
        }
        Ok(())
    }

    pub(super) fn transfer_failed(
        &mut self,
        step: &mut Step<'_>,
        task: TaskId,
        to: WorkerId,
    ) -> Result<(), Why> {
        self.end_flight(step, task, to, None)
    }

    /// Ends a copy's way; `bytes`: it arrived.
    fn end_flight(
        &mut self,
        step: &mut Step<'_>,
        task: TaskId,
        to: WorkerId,
        bytes: Option<u64>,
    ) -> Result<(), Why> {
        let Entry::Occupied(found) = self.flights.entry((to, task)) else {
            return Err(Why::Transfer(task, to));
        };
        if step.at < found.get().started_at {
            return Err(Why::Time);
        }
        let flight = found.remove();
        if let Some(waiting) = self.tasks.get_mut(flight.dependent)
            && waiting.attempt == flight.attempt
            && let Some(run) = waiting.run.as_mut()
        {
            run.n_fetching -= 1;
        }
        step.changes.push(Change::Activity {
            task,
            dependent: flight.dependent,
            worker: to,
            peer: Some(flight.from),
            activity: Activity::Transfer,
            started_at: flight.started_at,
            bytes: bytes.unwrap_or(0),
            ok: bytes.is_some(),
        });
        Ok(())
    }

    /// Ends the copies on their way to a worker that is gone. Those from it end when their
    /// receivers say so.
    pub(super) fn drop_flights(&mut self, step: &mut Step<'_>, worker: WorkerId) {
        let to_worker = (worker, TaskId(0))..=(worker, TaskId(u32::MAX));
        let tasks: Vec<TaskId> =
            self.flights.range(to_worker).map(|((_, task), _)| *task).collect();
        for task in tasks {
            let flight = &self.flights[&(worker, task)];
            // Its clock may be ahead of the scheduler's by a little.
            let at = step.at.max(flight.started_at);
            let mut step = Step { seq: step.seq, at, changes: step.changes };
            let ended = self.end_flight(&mut step, task, worker, None);
            debug_assert!(ended.is_ok(), "the flight was listed and does not end before it began");
        }
    }

    pub(super) fn activity_recorded(
        &mut self,
        step: &mut Step<'_>,
        task: TaskId,
        worker: WorkerId,
        activity: Activity,
        (took, bytes): (Nanos, u64),
    ) -> Result<(), Why> {
        self.check_here(worker)?;
        let (started_at, ok) = (step.at - took, true);
        let dependent = task;
        step.changes.push(Change::Activity {
            task,
            dependent,
            worker,
            peer: None,
            activity,
            started_at,
            bytes,
            ok,
        });
        Ok(())
    }

    /// A worker's copy went to disk (`spilled`) or came back.
    pub(super) fn result_moved(
        &mut self,
        step: &mut Step<'_>,
        task: TaskId,
        worker: WorkerId,
        spilled: bool,
        (took, bytes): (Nanos, u64),
    ) -> Result<(), Why> {
        let index = self.check_replica(task, worker)?;
        let found = self.live_mut(task);
        if found.replicas[index].spilled == spilled {
            return Err(Why::Replica(task, worker));
        }
        found.replicas[index].spilled = spilled;
        let size = found.bytes;
        let holder = &mut self.workers[worker.index()];
        let (from, to, activity) = if spilled {
            holder.memory_bytes = holder.memory_bytes.saturating_sub(size);
            holder.disk_bytes = holder.disk_bytes.saturating_add(size);
            (Storage::Memory, Storage::Disk, Activity::DiskWrite)
        } else {
            holder.disk_bytes = holder.disk_bytes.saturating_sub(size);
            holder.memory_bytes = holder.memory_bytes.saturating_add(size);
            (Storage::Disk, Storage::Memory, Activity::DiskRead)
        };
        step.changes.push(Change::Replica { task, worker, bytes: size, from, to });
        self.activity_recorded(step, task, worker, activity, (took, bytes))
    }

    pub(super) fn replica_added(
        &mut self,
        step: &mut Step<'_>,
        task: TaskId,
        worker: WorkerId,
        bytes: u64,
    ) -> Result<(), Why> {
        self.check_here(worker)?;
        let found = self.tasks.get(task).ok_or(Why::UnknownTask(task))?;
        match found.phase {
            Phase::Memory if found.replicas.iter().all(|r| r.worker != worker) => {
                self.add_replica(step, task, worker, false);
                Ok(())
            }
            Phase::Waiting | Phase::NoWorker | Phase::Queued | Phase::Processing => {
                self.finish(step, task, (worker, bytes), Outcome::Cancelled);
                Ok(())
            }
            Phase::Memory => Err(Why::Replica(task, worker)),
            Phase::Released | Phase::Erred | Phase::Forgotten => Err(Why::Phase(task, found.phase)),
        }
    }

    pub(super) fn replica_dropped(
        &mut self,
        step: &mut Step<'_>,
        task: TaskId,
        worker: WorkerId,
    ) -> Result<(), Why> {
        let index = self.check_replica(task, worker)?;
        self.remove_replica(step, task, index);
        if self.live(task).replicas.is_empty() {
            self.lose_result(step, task);
        }
        Ok(())
    }

    fn check_replica(&self, task: TaskId, worker: WorkerId) -> Result<usize, Why> {
        let found = self.tasks.get(task).ok_or(Why::UnknownTask(task))?;
        let index = found.replicas.iter().position(|r| r.worker == worker);
        index.ok_or(Why::Replica(task, worker))
    }

    /// Adds a copy of a result in memory to a worker that has none.
    pub(super) fn add_replica(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        worker: WorkerId,
        spilled: bool,
    ) {
        let holder = &mut self.workers[worker.index()];
        let position = holder.held.len() as u32;
        holder.held.push(id);
        let task = self.tasks.get_mut(id).expect("the state's indexes hold live tasks only");
        task.replicas.push(Replica { worker, position, spilled });
        let bytes = task.bytes;
        holder.memory_bytes = holder.memory_bytes.saturating_add(bytes);
        let (from, to) = (Storage::None, Storage::Memory);
        step.changes.push(Change::Replica { task: id, worker, bytes, from, to });
    }

    /// Removes one copy of a result.
    pub(super) fn remove_replica(&mut self, step: &mut Step<'_>, id: TaskId, index: usize) {
        let task = self.live_mut(id);
        let replica = task.replicas.swap_remove(index);
        let bytes = task.bytes;
        let holder = &mut self.workers[replica.worker.index()];
        holder.held.swap_remove(replica.position as usize);
        let held = if replica.spilled { &mut holder.disk_bytes } else { &mut holder.memory_bytes };
        *held = held.saturating_sub(bytes);
        let from = if replica.spilled { Storage::Disk } else { Storage::Memory };
        if let Some(&moved) = holder.held.get(replica.position as usize) {
            let found =
                self.live_mut(moved).replicas.iter_mut().find(|r| r.worker == replica.worker);
            found.expect("a held task has a replica there").position = replica.position;
        }
        step.changes.push(Change::Replica {
            task: id,
            worker: replica.worker,
            bytes,
            from,
            to: Storage::None,
        });
    }

    pub(super) fn free_replicas(&mut self, step: &mut Step<'_>, id: TaskId) {
        for index in (0..self.live(id).replicas.len()).rev() {
            self.remove_replica(step, id, index);
        }
    }

    /// The last copy of a result is gone: what waits for it waits again, and if it is still needed
    /// it is computed again.
    pub(super) fn lose_result(&mut self, step: &mut Step<'_>, id: TaskId) {
        self.set_phase(step, id, Phase::Released, None);
        let dependents = self.live(id).dependents.clone();
        for dependent in dependents {
            let Some(task) = self.tasks.get_mut(dependent) else { continue };
            match task.phase {
                Phase::Waiting => task.n_missing += 1,
                Phase::Queued | Phase::NoWorker => {
                    task.n_missing = 1;
                    self.set_phase(step, dependent, Phase::Waiting, None);
                }
                // One that executes has its inputs already.
                Phase::Processing if task.run.is_some_and(|run| run.executing().is_none()) => {
                    task.again = Again::Recompute;
                    let run = self.unassign(step, dependent, Outcome::Lost);
                    self.live_mut(dependent).n_missing = 1 + u32::from(run.is_chained());
                    self.set_phase(step, dependent, Phase::Waiting, Some(run.worker));
                    self.put_back_chained(step, dependent);
                }
                Phase::Processing
                | Phase::Released
                | Phase::Memory
                | Phase::Erred
                | Phase::Forgotten => {}
            }
        }
        let task = self.live(id);
        if task.n_waiters > 0 || !task.wanted_by.is_empty() {
            self.activate(step, id);
        } else {
            self.sweep(step, id);
        }
    }
}
