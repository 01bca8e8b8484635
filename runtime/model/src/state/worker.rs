//! Workers: they join, pause, resume, retire and are lost.

use std::collections::BTreeSet;

use smallvec::{SmallVec, smallvec};

use super::steps::Step;
use super::{State, Why};
use crate::{Again, Change, Nanos, Outcome, Phase, TaskId, WorkerId, WorkerInfo, WorkerStatus};

/// What the state knows of one worker. There may be ten thousand, each read when a task is assigned,
/// starts and ends: what that needs comes first.
#[derive(Clone, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Worker {
    /// The tasks assigned to it, in no order; each knows its position (`Run::position`).
    pub assigned: SmallVec<[TaskId; 8]>,
    /// What runs in each slot; its length is `info.slots`.
    pub slots: SmallVec<[Option<TaskId>; 4]>,
    /// Time that the tasks assigned to it, but for the seceded and the chained ones, are thought to take
    /// together.
    pub occupancy: Nanos,
    /// The `seq` of the last event that gave it room for another task.
    pub freed_seq: u64,
    /// Whether it takes tasks.
    pub status: WorkerStatus,
    /// How many of the assigned tasks have seceded: they wait, and need no slot.
    pub n_seceded: u32,
    /// How many of the assigned tasks are chained: they cannot begin yet, and need no slot.
    pub n_chained: u32,
    /// Time its slots spent executing.
    pub busy: Nanos,
    /// Tasks that finished on it.
    pub n_finished: u64,
    /// The results it holds, in no order; each knows its position (`Replica::position`).
    pub held: Vec<TaskId>,
    /// Bytes of the results it holds in memory.
    pub memory_bytes: u64,
    /// Bytes of the results it holds on disk.
    pub disk_bytes: u64,
    /// Tasks that failed on it.
    pub n_failed: u64,
    /// What it said of itself.
    pub info: Box<WorkerInfo>,
    /// When it joined.
    pub joined_at: Nanos,
    /// When its status last changed.
    pub since: Nanos,
    /// Its clock plus this is the scheduler's.
    pub clock_offset_ns: i64,
    /// How wrong that may be.
    pub clock_error_ns: u64,
    /// The number of its last report that is in the log; 0: none is, or they are not numbered.
    pub reports_through: u64,
    /// Functions that it turned out not to have; each is in `State::lacked`.
    pub lacks: BTreeSet<Box<str>>,
}

impl Worker {
    /// Slots that execute a task.
    pub fn n_executing(&self) -> usize {
        self.slots.iter().flatten().count()
    }

    /// Assigned tasks that have a slot or wait for one: those that have seceded, or are chained, need none.
    pub fn demand(&self) -> usize {
        self.assigned.len() - (self.n_seceded + self.n_chained) as usize
    }

    /// Tasks per slot that have it or wait for it, in 1/256.
    pub(crate) fn load(&self) -> u32 {
        (self.demand() as u32).saturating_mul(256) / (self.slots.len() as u32).max(1)
    }
}

impl State {
    pub(super) fn worker_joined(
        &mut self,
        step: &mut Step<'_>,
        worker: WorkerId,
        info: &WorkerInfo,
    ) -> Result<(), Why> {
        if worker != self.next_worker() {
            return Err(Why::IdOutOfOrder);
        }
        if info.slots == 0 {
            return Err(Why::Slot(worker, 0));
        }
        self.workers.push(Worker {
            slots: smallvec![None; usize::from(info.slots)],
            info: Box::new(info.clone()),
            status: WorkerStatus::Running,
            joined_at: step.at,
            since: step.at,
            assigned: SmallVec::new(),
            n_seceded: 0,
            n_chained: 0,
            held: Vec::new(),
            memory_bytes: 0,
            disk_bytes: 0,
            occupancy: Nanos::ZERO,
            n_finished: 0,
            n_failed: 0,
            busy: Nanos::ZERO,
            clock_offset_ns: 0,
            clock_error_ns: 0,
            freed_seq: step.seq,
            reports_through: 0,
            lacks: BTreeSet::new(),
        });
        self.loads.join();
        step.changes.push(Change::Worker { worker, from: None, to: WorkerStatus::Running });
        self.queue_unplaceable(step, worker);
        Ok(())
    }

    /// Tasks that nobody could run, and this worker may, are ready now.
    fn queue_unplaceable(&mut self, step: &mut Step<'_>, worker: WorkerId) {
        let info = &self.workers[worker.index()].info;
        let allowed: Vec<TaskId> = self
            .unplaceable
            .iter()
            .copied()
            .filter(|id| self.options[self.live(*id).options.index()].allows(info))
            .collect();
        for id in allowed {
            self.set_phase(step, id, Phase::Queued, None);
        }
    }

    pub(super) fn worker_lost(&mut self, step: &mut Step<'_>, worker: WorkerId) -> Result<(), Why> {
        self.check_here(worker)?;
        let suspects = self.suspects(worker);
        self.set_status(step, worker, WorkerStatus::Lost);
        self.drop_flights(step, worker);
        // Results first: a task assigned here must not look ready because of a copy that is gone.
        while let Some(&id) = self.workers[worker.index()].held.last() {
            let index = self.live(id).replicas.iter().position(|r| r.worker == worker);
            self.remove_replica(step, id, index.expect("a held task has a replica there"));
            if self.live(id).replicas.is_empty() {
                self.lose_result(step, id);
            }
        }
        while let Some(&id) = self.workers[worker.index()].assigned.last() {
            self.unassign(step, id, Outcome::Lost);
            let task = self.live_mut(id);
            if suspects.binary_search(&id).is_ok() {
                task.amend(|rare| rare.n_deaths += 1);
            }
            task.again = Again::Recompute;
            self.put_back(step, id, worker);
        }
        // It is kept for ever: what it had room for is not.
        let lost = &mut self.workers[worker.index()];
        (lost.held, lost.assigned) = (Vec::new(), SmallVec::new());
        Ok(())
    }

    /// The tasks that may be what ended a worker, in the order of their ids: those that it executed,
    /// and for each slot one that was to be next, since what a worker that ends at once would have
    /// reported is lost. Only a first attempt is held to be next: workers report the begin of a
    /// later one before it begins.
    pub(crate) fn suspects(&self, worker: WorkerId) -> Vec<TaskId> {
        let Some(found) = self.workers.get(worker.index()) else { return Vec::new() };
        let mut suspects: Vec<TaskId> = found.slots.iter().flatten().copied().collect();
        let waits = |id: &TaskId| {
            let task = self.live(*id);
            task.attempt == 1 && task.run.is_some_and(|run| run.executing().is_none())
        };
        let mut waiting: Vec<TaskId> = found.assigned.iter().copied().filter(waits).collect();
        waiting.sort_unstable_by_key(|id| (self.live(*id).since_seq, *id));
        suspects.extend(waiting.into_iter().take(found.slots.len()));
        suspects.sort_unstable();
        suspects
    }

    pub(super) fn worker_paused(
        &mut self,
        step: &mut Step<'_>,
        worker: WorkerId,
    ) -> Result<(), Why> {
        self.check_status(worker, WorkerStatus::Running)?;
        self.set_status(step, worker, WorkerStatus::Paused);
        Ok(())
    }

    pub(super) fn worker_resumed(
        &mut self,
        step: &mut Step<'_>,
        worker: WorkerId,
    ) -> Result<(), Why> {
        self.check_status(worker, WorkerStatus::Paused)?;
        self.workers[worker.index()].freed_seq = step.seq;
        self.set_status(step, worker, WorkerStatus::Running);
        Ok(())
    }

    pub(super) fn worker_retiring(
        &mut self,
        step: &mut Step<'_>,
        worker: WorkerId,
    ) -> Result<(), Why> {
        self.check_here(worker)?;
        if self.workers[worker.index()].status == WorkerStatus::Retiring {
            return Err(Why::Status(worker));
        }
        self.set_status(step, worker, WorkerStatus::Retiring);
        Ok(())
    }

    pub(super) fn clock_estimated(
        &mut self,
        worker: WorkerId,
        offset_ns: i64,
        error_ns: u64,
    ) -> Result<(), Why> {
        self.check_here(worker)?;
        let found = &mut self.workers[worker.index()];
        found.clock_offset_ns = offset_ns;
        found.clock_error_ns = error_ns;
        Ok(())
    }

    pub(super) fn reports_accepted(&mut self, worker: WorkerId, through: u64) -> Result<(), Why> {
        // A lost one's may come late, by way of another.
        let found = self.workers.get_mut(worker.index()).ok_or(Why::UnknownWorker(worker))?;
        if through <= found.reports_through {
            return Err(Why::IdOutOfOrder);
        }
        found.reports_through = through;
        Ok(())
    }

    fn set_status(&mut self, step: &mut Step<'_>, worker: WorkerId, to: WorkerStatus) {
        let found = &mut self.workers[worker.index()];
        let from = std::mem::replace(&mut found.status, to);
        found.since = step.at;
        self.loads.note(worker);
        step.changes.push(Change::Worker { worker, from: Some(from), to });
    }

    /// Checks that a worker joined and is not lost.
    pub(crate) fn check_here(&self, worker: WorkerId) -> Result<(), Why> {
        match self.workers.get(worker.index()) {
            Some(found) if found.status != WorkerStatus::Lost => Ok(()),
            _ => Err(Why::UnknownWorker(worker)),
        }
    }

    pub(super) fn check_status(&self, worker: WorkerId, status: WorkerStatus) -> Result<(), Why> {
        self.check_here(worker)?;
        let found = self.workers[worker.index()].status;
        if found == status { Ok(()) } else { Err(Why::Status(worker)) }
    }
}
