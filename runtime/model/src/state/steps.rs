//! What follows from what: the moves that the event families share.
//!
//! A task needs its dependencies while it is active; a result is kept while something active or a
//! client needs it; a task is kept while a live task depends on it or a client wants it. Chains of
//! consequences run over work lists, never by recursion: graphs may be a million tasks deep.

use smallvec::{SmallVec, smallvec};

use super::{ReadyRank, State};
use crate::{
    Again, Blame, Change, Executing, Graph, Nanos, Outcome, Phase, Run, Task, TaskId, WorkerId,
};

/// Tasks still to be looked at: mostly one or none, which needs no memory of its own.
pub(super) type Work = SmallVec<[TaskId; 8]>;

/// Why a task is there that a list or an index names.
pub(super) const LIVE: &str = "the state's indexes hold live tasks only";

/// The event that is being applied, and the changes so far.
pub(crate) struct Step<'a> {
    pub(crate) seq: u64,
    pub(crate) at: Nanos,
    pub(crate) changes: &'a mut Vec<Change>,
}

impl State {
    /// A task that the indexes of the state say is live.
    pub(crate) fn live(&self, task: TaskId) -> &Task {
        self.tasks.get(task).expect(LIVE)
    }

    pub(super) fn live_mut(&mut self, task: TaskId) -> &mut Task {
        self.tasks.get_mut(task).expect(LIVE)
    }

    /// Moves a task to another phase: the counts, the queues and the change.
    pub(super) fn set_phase(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        to: Phase,
        worker: Option<WorkerId>,
    ) {
        let task = self.tasks.get_mut(id).expect(LIVE);
        let from = std::mem::replace(&mut task.phase, to);
        task.since_seq = step.seq;
        step.changes.push(Change::Task { task: id, from, to, worker, attempt: task.attempt });
        self.totals.shift(from, to);
        self.prefixes[task.key.prefix.index()].counts.shift(from, to);
        if from == Phase::Queued || to == Phase::Queued {
            let priority = self.options[task.options.index()].priority;
            let rank = ReadyRank::new(priority, task.deps.is_empty());
            if to == Phase::Queued {
                self.ready.insert(rank, id.0);
            } else {
                self.ready.remove(rank, id.0);
            }
        }
        if from == Phase::NoWorker {
            self.unplaceable.remove(&id);
        } else if to == Phase::NoWorker {
            self.unplaceable.insert(id);
        }
    }

    /// Sets a task on its way to a result, if it is released, and with it all it needs that is.
    pub(super) fn activate(&mut self, step: &mut Step<'_>, id: TaskId) {
        let mut work = Work::new();
        let mut blamed = Vec::new();
        let mut next = Some(id);
        while let Some(id) = next {
            if self.live(id).phase == Phase::Released {
                self.set_phase(step, id, Phase::Waiting, None);
                let task = self.live_mut(id);
                if task.attempt > 0 {
                    task.again = Again::Recompute;
                }
                let deps = std::mem::take(&mut task.deps);
                let mut n_missing = 0;
                for &dep in &deps {
                    let task = self.live_mut(dep);
                    task.n_waiters += 1;
                    n_missing += u32::from(task.phase != Phase::Memory);
                    match task.phase {
                        Phase::Released => work.push(dep),
                        Phase::Erred => blamed.push((id, task.error())),
                        Phase::Waiting
                        | Phase::NoWorker
                        | Phase::Queued
                        | Phase::Processing
                        | Phase::Memory
                        | Phase::Forgotten => {}
                    }
                }
                let task = self.live_mut(id);
                task.deps = deps;
                task.n_missing = n_missing;
                if n_missing == 0 {
                    self.queue_if_ready(step, id, None);
                }
            }
            next = work.pop();
        }
        for (id, blame) in blamed {
            let blame = blame.expect("an erred task knows why");
            if self.tasks.get(id).is_some_and(|task| task.phase.is_active()) {
                self.err(step, id, blame);
            }
        }
    }

    /// A waiting task that misses nothing becomes ready.
    pub(super) fn queue_if_ready(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        worker: Option<WorkerId>,
    ) {
        let task = self.live(id);
        if task.phase == Phase::Waiting && task.n_missing == 0 && task.due_at().is_none() {
            self.set_phase(step, id, Phase::Queued, worker);
        }
    }

    /// Puts a task that was processing back: it waits again, or is ready.
    pub(super) fn put_back(&mut self, step: &mut Step<'_>, id: TaskId, worker: WorkerId) {
        let deps = std::mem::take(&mut self.live_mut(id).deps);
        let mut n_missing = 0;
        let mut released = Vec::new();
        for &dep in &deps {
            let phase = self.live(dep).phase;
            n_missing += u32::from(phase != Phase::Memory);
            if phase == Phase::Released {
                released.push(dep);
            }
        }
        let task = self.live_mut(id);
        task.deps = deps;
        task.n_missing = n_missing;
        let ready = n_missing == 0 && task.due_at().is_none();
        let to = if ready { Phase::Queued } else { Phase::Waiting };
        self.set_phase(step, id, to, Some(worker));
        for dep in released {
            self.activate(step, dep);
        }
        self.put_back_chained(step, id);
    }

    /// A task is not on its way on its worker any more: what was chained to it waits again, and what was
    /// chained to that.
    pub(super) fn put_back_chained(&mut self, step: &mut Step<'_>, id: TaskId) {
        let mut work: Work = self.chained_to(id);
        while let Some(id) = work.pop() {
            let run = self.unassign(step, id, Outcome::Cancelled);
            self.live_mut(id).n_missing = 1;
            self.set_phase(step, id, Phase::Waiting, Some(run.worker));
            work.extend(self.chained_to(id));
        }
    }

    /// The tasks that are chained and miss the result of this one.
    fn chained_to(&self, id: TaskId) -> Work {
        let is_chained = |id: &TaskId| {
            let run = self.tasks.get(*id).and_then(|task| task.run);
            run.is_some_and(|run| run.is_chained())
        };
        self.live(id).dependents.iter().copied().filter(is_chained).collect()
    }

    /// Ends a task's assignment: its worker's lists, its slot and, if it executed, the change.
    pub(super) fn unassign(&mut self, step: &mut Step<'_>, id: TaskId, outcome: Outcome) -> Run {
        let task = self.tasks.get_mut(id).expect(LIVE);
        let last = task.stretch(step.at);
        task.clear(|rare| (rare.thief, rare.broken) = (None, None));
        let run = task.run.take().expect("a processing task has a run");
        let worker = &mut self.workers[run.worker.index()];
        worker.assigned.swap_remove(run.position as usize);
        worker.freed_seq = step.seq;
        if last.is_some_and(|last| last.seceded) {
            worker.n_seceded -= 1;
        } else if run.is_chained() {
            worker.n_chained -= 1;
        } else {
            worker.occupancy = worker.occupancy - run.estimate;
        }
        if let (Some(Executing { slot, started_at, seceded }), Some(last)) = (run.executing(), last)
        {
            if !seceded {
                worker.slots[usize::from(slot)] = None;
                worker.busy = worker.busy + step.at.since(last.since);
            }
            let worker = run.worker;
            let stopped = Change::Stopped { task: id, worker, slot, started_at, last, outcome };
            step.changes.push(stopped);
        }
        if let Some(&moved) = worker.assigned.get(run.position as usize) {
            let moved = self.tasks.get_mut(moved).and_then(|task| task.run.as_mut());
            moved.expect("an assigned task has a run").position = run.position;
        }
        self.loads.note(run.worker);
        run
    }

    /// An active task gives up its dependencies; those nothing needs any more go into `work`. Returns
    /// where it was processing.
    fn leave(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        outcome: Outcome,
        work: &mut Work,
    ) -> Option<WorkerId> {
        let is_processing = self.live(id).phase == Phase::Processing;
        let ran_on = is_processing.then(|| self.unassign(step, id, outcome).worker);
        let task = self.live_mut(id);
        task.n_missing = 0;
        task.clear(|rare| rare.due_at = None);
        task.again = Again::No;
        if task.deps.is_empty() {
            return ran_on;
        }
        let deps = std::mem::take(&mut task.deps);
        for &dep in &deps {
            let task = self.live_mut(dep);
            task.n_waiters -= 1;
            if task.n_waiters == 0 {
                work.push(dep);
            }
        }
        self.live_mut(id).deps = deps;
        ran_on
    }

    /// An active task has its result, on `worker`; `outcome` is that of its assignment, if it has
    /// one.
    pub(super) fn finish(
        &mut self,
        step: &mut Step<'_>,
        id: TaskId,
        (worker, bytes): (WorkerId, u64),
        outcome: Outcome,
    ) {
        let mut work = Work::new();
        let ran_on = self.leave(step, id, outcome, &mut work).unwrap_or(worker);
        let task = self.live_mut(id);
        task.bytes = bytes;
        task.clear(|rare| rare.error = None);
        let prefix = task.key.prefix;
        if !std::mem::replace(&mut task.finished, true) {
            self.prefixes[prefix.index()].n_finished += 1;
        }
        self.set_phase(step, id, Phase::Memory, Some(ran_on));
        self.add_replica(step, id, worker, false);
        self.count_ended(step, id);
        self.supply(step, id, worker);
        work.push(id);
        self.sweep_all(step, work);
    }

    /// The result of a task is there, on `worker`: what waits for it misses one input less.
    fn supply(&mut self, step: &mut Step<'_>, id: TaskId, worker: WorkerId) {
        let task = self.live_mut(id);
        if task.n_waiters == 0 {
            return;
        }
        let dependents = std::mem::take(&mut task.dependents);
        for &dependent in &dependents {
            let Some(task) = self.tasks.get_mut(dependent) else { continue };
            if task.phase == Phase::Waiting {
                task.n_missing -= 1;
                if task.n_missing == 0 {
                    self.queue_if_ready(step, dependent, None);
                }
            } else if task.run.is_some_and(|run| run.is_chained()) {
                self.supply_chained(step, dependent, worker);
            }
        }
        self.live_mut(id).dependents = dependents;
    }

    /// The last input of a chained task is there, on `at`: if that is where the task is, it can begin.
    fn supply_chained(&mut self, step: &mut Step<'_>, id: TaskId, at: WorkerId) {
        let run = self.live_mut(id).run.as_mut().expect("a chained task is assigned");
        if run.worker != at {
            let run = self.unassign(step, id, Outcome::Cancelled);
            self.put_back(step, id, run.worker);
            return;
        }
        run.unchain();
        let estimate = run.estimate;
        let worker = &mut self.workers[at.index()];
        worker.n_chained -= 1;
        worker.occupancy = worker.occupancy + estimate;
        self.loads.note(at);
        step.changes.push(Change::Unchained { task: id, worker: at });
    }

    /// A task errs, and with it every active task that depends on it.
    pub(super) fn err(&mut self, step: &mut Step<'_>, id: TaskId, blame: Blame) {
        let mut work = Work::new();
        let mut erring = vec![id];
        while let Some(id) = erring.pop() {
            if !self.live(id).phase.is_active() {
                continue;
            }
            let worker = self.leave(step, id, Outcome::Failed, &mut work);
            let task = self.live_mut(id);
            task.amend(|rare| rare.error = Some(blame));
            let prefix = task.key.prefix;
            let dependents = task.dependents.clone();
            self.prefixes[prefix.index()].n_erred += 1;
            self.set_phase(step, id, Phase::Erred, worker);
            self.count_ended(step, id);
            // Also one that had ended well, and was to be computed again.
            self.n_erred += 1;
            self.graph_of(id).n_erred += 1;
            erring.extend(
                dependents
                    .into_iter()
                    .filter(|d| self.tasks.get(*d).is_some_and(|t| t.phase.is_active())),
            );
            work.push(id);
        }
        self.sweep_all(step, work);
    }

    fn count_ended(&mut self, step: &mut Step<'_>, id: TaskId) {
        let task = self.live_mut(id);
        if std::mem::replace(&mut task.ended, true) {
            return;
        }
        let graph = task.graph;
        self.n_ended += 1;
        let found = self.graph_of(id);
        found.n_ended += 1;
        if found.n_ended == found.n_tasks {
            step.changes.push(Change::Graph { graph, done: true });
        }
    }

    fn graph_of(&mut self, id: TaskId) -> &mut Graph {
        let graph = self.live(id).graph;
        self.graphs.get_mut(graph).expect("a graph is kept as long as it has tasks")
    }

    /// Lets go of what nothing needs: see [`State::sweep_all`].
    pub(super) fn sweep(&mut self, step: &mut Step<'_>, id: TaskId) {
        self.sweep_all(step, smallvec![id]);
    }

    /// For each task that nothing active and no client needs: frees its result or gives it up, and
    /// forgets it once no live task depends on it.
    pub(super) fn sweep_all(&mut self, step: &mut Step<'_>, mut work: Work) {
        while let Some(id) = work.pop() {
            let Some(task) = self.tasks.get(id) else { continue };
            if task.n_waiters > 0 || !task.wanted_by.is_empty() {
                continue;
            }
            match task.phase {
                Phase::Memory => {
                    self.free_replicas(step, id);
                    self.set_phase(step, id, Phase::Released, None);
                }
                Phase::Waiting | Phase::NoWorker | Phase::Queued | Phase::Processing => {
                    let worker = self.leave(step, id, Outcome::Cancelled, &mut work);
                    self.set_phase(step, id, Phase::Released, worker);
                    self.count_ended(step, id);
                }
                Phase::Released | Phase::Erred | Phase::Forgotten => {}
            }
            let task = self.live(id);
            if task.n_dependents == 0 && !self.is_in_open_part(id) {
                self.forget(step, id, &mut work);
            }
        }
    }

    fn forget(&mut self, step: &mut Step<'_>, id: TaskId, work: &mut Work) {
        let task = self.live_mut(id);
        let deps = std::mem::take(&mut task.deps);
        if !task.ended {
            self.count_ended(step, id);
        }
        self.set_phase(step, id, Phase::Forgotten, None);
        let graph_id = self.live_mut(id).graph;
        self.tasks.remove(id);
        let graph = self.graphs.get_mut(graph_id).expect("it had this task");
        graph.n_forgotten += 1;
        if graph.n_forgotten == graph.n_tasks {
            self.drop_graph(graph_id);
        }
        for &dep in &deps {
            let task = self.live_mut(dep);
            task.n_dependents -= 1;
            if task.n_dependents == 0 {
                work.push(dep);
            }
        }
    }
}
