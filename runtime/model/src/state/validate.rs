//! Cross-checks of every index of the state against every other. For tests and debug builds.

use super::{ReadyRank, State};
use crate::{Phase, PhaseCounts, Stage, Task, TaskId, WorkerId, WorkerStatus};

impl State {
    /// Checks that all fields of the state agree. Cost: the whole state, so not in hot paths.
    ///
    /// # Panics
    /// They do not: a bug in `apply`, named with the task or worker concerned.
    pub fn validate(&self) {
        let mut totals = PhaseCounts::default();
        for (id, task) in self.tasks.iter() {
            totals.add(task.phase);
            self.validate_task(id, task);
            self.validate_counts(id, task);
        }
        for phase in Phase::ALL.into_iter().filter(|phase| *phase != Phase::Forgotten) {
            assert_eq!(totals.get(phase), self.totals.get(phase), "tasks {}", phase.name());
            let by_prefix: u64 = self.prefixes.iter().map(|prefix| prefix.counts.get(phase)).sum();
            assert_eq!(by_prefix, self.totals.get(phase), "prefixes' tasks {}", phase.name());
        }
        assert_eq!(u64::from(self.tasks.next_id().0), self.totals.total(), "tasks submitted");
        let n_erred: u64 = self.prefixes.iter().map(|prefix| prefix.n_erred).sum();
        assert_eq!(n_erred, self.n_erred, "tasks that erred");
        assert_eq!(self.ready.len() as u64, self.totals.get(Phase::Queued), "ready queue");
        assert_eq!(self.unplaceable.len() as u64, self.totals.get(Phase::NoWorker), "no-worker");
        self.validate_loads();
        self.validate_graphs();
        for index in 0..self.workers.len() {
            self.validate_worker(WorkerId(index as u32));
        }
    }

    fn validate_task(&self, id: TaskId, task: &Task) {
        let priority = self.options[task.options.index()].priority;
        let rank = ReadyRank::new(priority, task.deps.is_empty());
        let queued = self.ready.contains(rank, id.0);
        assert_eq!(queued, task.phase == Phase::Queued, "{id} in the ready queue");
        assert_eq!(self.unplaceable.contains(&id), task.phase == Phase::NoWorker, "{id}");
        assert_eq!(task.run.is_some(), task.phase == Phase::Processing, "{id} runs");
        assert_eq!(!task.replicas.is_empty(), task.phase == Phase::Memory, "{id} has copies");
        assert_ne!(task.phase, Phase::Forgotten, "{id} is in the table");
        assert!(task.due_at().is_none() || task.phase == Phase::Waiting, "{id} is put off");
        if task.phase == Phase::Waiting {
            assert!(task.n_missing > 0 || task.due_at().is_some(), "{id} waits for nothing");
        }
        if task.phase == Phase::Erred {
            assert!(task.error().is_some(), "{id} erred without a reason");
        }
        if let Some(run) = task.run {
            let worker = &self.workers[run.worker.index()];
            assert_eq!(worker.assigned.get(run.position as usize), Some(&id), "{id}'s position");
            if let Some(executing) = run.executing() {
                let has_slot = worker.slots[usize::from(executing.slot)] == Some(id);
                assert_eq!(has_slot, !executing.seceded, "{id}'s slot");
                let went_on = task.since().is_some_and(|since| executing.started_at <= since);
                assert!(went_on, "{id} went on before it began");
            }
            let flights = self.flights.iter();
            let n = flights.filter(|(_, f)| f.dependent == id && f.attempt == task.attempt).count();
            assert_eq!(n, run.n_fetching as usize, "{id}'s inputs on their way");
        }
        let has_begun = task.run.is_some_and(|run| run.executing().is_some());
        assert!(has_begun || task.rare().broken.is_none(), "{id} waits and has not begun");
        for replica in &task.replicas {
            let worker = &self.workers[replica.worker.index()];
            assert_eq!(worker.held.get(replica.position as usize), Some(&id), "{id}'s copy");
            let copies = task.replicas.iter().filter(|r| r.worker == replica.worker).count();
            assert_eq!(copies, 1, "{id} is held twice by {}", replica.worker);
        }
    }

    fn validate_counts(&self, id: TaskId, task: &Task) {
        let dependents = || task.dependents.iter().filter_map(|dep| self.tasks.get(*dep));
        assert_eq!(dependents().count(), task.n_dependents as usize, "{id}'s dependents");
        let n_waiters = dependents().filter(|dep| dep.phase.is_active()).count();
        assert_eq!(n_waiters, task.n_waiters as usize, "{id}'s waiters");
        let deps = || task.deps.iter().map(|dep| self.live(*dep));
        if task.phase == Phase::Waiting {
            let n_missing = deps().filter(|dep| dep.phase != Phase::Memory).count();
            assert_eq!(n_missing, task.n_missing as usize, "{id}'s missing inputs");
        } else {
            assert_eq!(task.n_missing, 0, "{id} misses nothing");
        }
        let executing = task.run.is_some_and(|run| run.executing().is_some());
        if matches!(task.phase, Phase::Queued | Phase::NoWorker | Phase::Processing) && !executing {
            let missing = || deps().filter(|dep| dep.phase != Phase::Memory);
            let chained = task.run.filter(|run| run.is_chained());
            assert_eq!(missing().count(), usize::from(chained.is_some()), "{id}'s inputs");
            let at = missing().find_map(|dep| dep.run).map(|run| run.worker);
            assert_eq!(at, chained.map(|run| run.worker), "where {id}'s last input is made");
        }
        if task.phase.is_active() && !executing {
            let idle = |dep: &Task| matches!(dep.phase, Phase::Released | Phase::Erred);
            assert!(!deps().any(idle), "{id} waits for what nobody computes");
        }
        let needed = task.n_waiters > 0 || task.n_dependents > 0 || !task.wanted_by.is_empty();
        if !task.phase.is_active() && !self.is_in_open_part(id) {
            assert!(needed, "{id} is {} and nothing needs it", task.phase.name());
        }
        if task.phase == Phase::Memory {
            assert!(task.n_waiters > 0 || !task.wanted_by.is_empty(), "{id} is held for nothing");
        }
    }

    fn validate_graphs(&self) {
        for (id, graph) in self.graphs.iter() {
            let open = self.open.filter(|open| open.graph == id);
            let n_missing = open.map_or(0, |open| open.end.0 - self.tasks.next_id().0);
            assert!(open.is_none() || n_missing > 0, "{id} has all its tasks and is open");
            let live = graph.tasks().filter(|task| self.tasks.get(*task).is_some());
            let n_live = live.count() as u32;
            let n_submitted = graph.n_tasks - n_missing;
            assert_eq!(n_live + graph.n_forgotten, n_submitted, "{id}'s tasks");
            assert!(n_live > 0 || open.is_some(), "{id} is kept and has no tasks");
            if let Some(owner) = self.clients.get(&graph.client) {
                assert_eq!(owner.graphs.get(&graph.local), Some(&id), "{id} is its client's");
            }
        }
        let n_listed: usize = self.clients.values().map(|client| client.graphs.len()).sum();
        assert!(n_listed <= self.graphs.len(), "clients list graphs that are gone");
    }

    fn validate_worker(&self, id: WorkerId) {
        let worker = &self.workers[id.index()];
        for task in &worker.assigned {
            assert!(self.live(*task).run.is_some_and(|run| run.worker == id), "{id} runs {task}");
        }
        for task in worker.slots.iter().flatten() {
            assert!(worker.assigned.contains(task), "{id} executes {task}");
        }
        let runs = || worker.assigned.iter().filter_map(|task| self.live(*task).run);
        let seceded = runs().filter(|run| run.stage() == Stage::Seceded);
        assert_eq!(seceded.count(), worker.n_seceded as usize, "tasks of {id} that wait");
        let held = |spilled| {
            let copies = worker.held.iter().map(|task| self.live(*task));
            let here = copies.filter(|task| {
                task.replicas.iter().any(|r| r.worker == id && r.spilled == spilled)
            });
            here.map(|task| task.bytes).sum::<u64>()
        };
        assert_eq!(held(false), worker.memory_bytes, "bytes in the memory of {id}");
        assert_eq!(held(true), worker.disk_bytes, "bytes on the disk of {id}");
        let chained = runs().filter(|run| run.stage() == Stage::Chained);
        assert_eq!(chained.count(), worker.n_chained as usize, "tasks of {id} that are chained");
        let in_line = runs().filter(|run| !matches!(run.stage(), Stage::Seceded | Stage::Chained));
        let occupancy: u64 = in_line.map(|run| run.estimate.0).sum();
        assert_eq!(occupancy, worker.occupancy.0, "occupancy of {id}");
        if worker.status == WorkerStatus::Lost {
            assert!(worker.assigned.is_empty() && worker.held.is_empty(), "{id} is gone");
            assert!(self.flights.keys().all(|(to, _)| *to != id), "copies on their way to {id}");
        }
    }
}
