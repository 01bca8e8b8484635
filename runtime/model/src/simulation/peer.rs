//! One simulated worker: what it has, and what it does next.

use std::collections::{BTreeMap, VecDeque};

use super::Work;
use crate::{Nanos, Report, Reported, TaskId, WorkerId};

/// A task for a worker.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) task: TaskId,
    pub(super) attempt: u32,
    pub(super) work: Work,
    /// Its inputs with their sizes, and somebody who holds each.
    pub(super) inputs: Vec<(TaskId, u64, WorkerId)>,
    /// The task that it is chained to: one that the worker has, or had.
    pub(super) after: Option<TaskId>,
}

/// An execution that began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Begun {
    pub(super) task: TaskId,
    pub(super) attempt: u32,
    pub(super) slot: u16,
    pub(super) work: Work,
}

/// A fetch that began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fetch {
    pub(super) task: TaskId,
    pub(super) bytes: u64,
}

#[derive(Clone, Debug)]
struct Held {
    job: Job,
    n_missing: usize,
    is_executing: bool,
    /// What is chained to it.
    chained: Vec<TaskId>,
}

/// A worker.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// With their sizes.
    results: BTreeMap<TaskId, u64>,
    jobs: BTreeMap<TaskId, Held>,
    ready: VecDeque<(TaskId, u32)>,
    incoming: BTreeMap<TaskId, Vec<TaskId>>,
    free_slots: Vec<u16>,
    /// When its link is done with the results that are on their way to it.
    pub(super) link_free_at: Nanos,
    /// What it has not reported yet.
    pub(super) reports: Vec<Report>,
    /// Whether a flush of its reports is due.
    pub(super) is_flush_due: bool,
    /// Whether it is gone: nothing happens to it any more.
    pub(super) is_gone: bool,
}

impl Peer {
    pub(super) fn new(n_slots: u16) -> Self {
        Self {
            results: BTreeMap::new(),
            jobs: BTreeMap::new(),
            ready: VecDeque::new(),
            incoming: BTreeMap::new(),
            free_slots: (0..n_slots).rev().collect(),
            link_free_at: Nanos::ZERO,
            reports: Vec::new(),
            is_flush_due: false,
            is_gone: false,
        }
    }

    /// Takes a task; gives what it has to fetch for it.
    pub(super) fn take(&mut self, at: Nanos, job: Job) -> Vec<Fetch> {
        let mut fetches = Vec::new();
        let mut n_missing = 0;
        let (task, attempt) = (job.task, job.attempt);
        for &(input, bytes, from) in &job.inputs {
            if self.results.contains_key(&input) {
                continue;
            }
            n_missing += 1;
            let waiting = self.incoming.entry(input).or_insert_with(|| {
                fetches.push(Fetch { task: input, bytes });
                let what = Reported::TransferStarted { task: input, from, dependent: task };
                self.reports.push(Report { at, what });
                Vec::new()
            });
            waiting.push(task);
        }
        // One that failed or was revoked before this arrived: then this is revoked, too.
        if let Some(after) = job.after.filter(|after| !self.results.contains_key(after)) {
            n_missing += 1;
            self.jobs.entry(after).and_modify(|held| held.chained.push(task));
        }
        if n_missing == 0 {
            self.ready.push_back((task, attempt));
        }
        self.jobs.insert(task, Held { job, n_missing, is_executing: false, chained: Vec::new() });
        fetches
    }

    /// A result arrived.
    pub(super) fn fetched(&mut self, at: Nanos, Fetch { task, bytes }: Fetch) {
        self.results.insert(task, bytes);
        self.reports.push(Report { at, what: Reported::TransferFinished { task, bytes } });
        let waiting = self.incoming.remove(&task).unwrap_or_default();
        self.supply(waiting);
    }

    /// One more input of these tasks is there.
    fn supply(&mut self, waiting: Vec<TaskId>) {
        for waiting in waiting {
            let Some(held) = self.jobs.get_mut(&waiting) else { continue };
            held.n_missing = held.n_missing.saturating_sub(1);
            if held.n_missing == 0 {
                self.ready.push_back((waiting, held.job.attempt));
            }
        }
    }

    /// Begins what it has a free slot for.
    pub(super) fn begin(&mut self, at: Nanos) -> Option<Begun> {
        let slot = self.free_slots.pop()?;
        while let Some((task, attempt)) = self.ready.pop_front() {
            let Some(held) = self.jobs.get_mut(&task) else { continue };
            if held.job.attempt != attempt || held.is_executing {
                continue;
            }
            held.is_executing = true;
            self.reports.push(Report { at, what: Reported::Started { task, attempt, slot } });
            return Some(Begun { task, attempt, slot, work: held.job.work });
        }
        self.free_slots.push(slot);
        None
    }

    /// An execution ended; its slot is free when that is said.
    pub(super) fn ended(&mut self, at: Nanos, begun: Begun) {
        let Begun { task, attempt, slot: _, work } = begun;
        if self.jobs.get(&task).is_some_and(|held| held.job.attempt == attempt) {
            let chained = self.jobs.remove(&task).map_or_else(Vec::new, |held| held.chained);
            let what = match work.failure {
                None => {
                    self.results.insert(task, work.result_bytes);
                    self.supply(chained);
                    Reported::Finished { task, attempt, bytes: work.result_bytes }
                }
                Some(kind) => Reported::Failed { task, attempt, kind, error: String::new() },
            };
            self.reports.push(Report { at, what });
        }
    }

    /// A slot can take the next task.
    pub(super) fn free_slot(&mut self, slot: u16) {
        self.free_slots.push(slot);
    }

    /// Drops a task, whatever its stage.
    pub(super) fn revoke(&mut self, task: TaskId, attempt: u32) {
        if self.jobs.get(&task).is_some_and(|held| held.job.attempt == attempt) {
            self.jobs.remove(&task);
        }
    }

    /// Gives a task back unless it has begun.
    pub(super) fn ask_back(&mut self, at: Nanos, task: TaskId, attempt: u32) {
        let held = self.jobs.get(&task).filter(|held| held.job.attempt == attempt);
        let is_given = held.is_some_and(|held| !held.is_executing);
        if is_given {
            self.jobs.remove(&task);
        }
        let what = if is_given {
            Reported::GaveBack { task, attempt }
        } else {
            Reported::Kept { task, attempt }
        };
        self.reports.push(Report { at, what });
    }

    /// Drops a result.
    pub(super) fn free(&mut self, task: TaskId) {
        self.results.remove(&task);
    }

    /// It is gone, with all that it had; gives its results.
    pub(super) fn leave(&mut self) -> BTreeMap<TaskId, u64> {
        let results = std::mem::take(&mut self.results);
        *self = Self { is_gone: true, ..Self::new(0) };
        results
    }

    /// Takes over a result of one that leaves; gives whether it has it for the first time.
    pub(super) fn inherit(&mut self, task: TaskId, bytes: u64) -> bool {
        self.results.insert(task, bytes).is_none()
    }

    /// Whether a slot has nothing to do: it then sends what was reported.
    pub(super) fn has_free_slot(&self) -> bool {
        !self.free_slots.is_empty()
    }
}
