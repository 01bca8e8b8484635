//! One look at every task of a restored state: what it says is checked against the others, and what
//! follows from it is gathered. A state may have a million tasks, so that each further look counts.

use super::ensure;
use crate::keyframe::BadKeyframe;
use crate::state::ReadyRank;
use crate::{Phase, PhaseCounts, State, Task, TaskId};

/// What follows from the tasks together.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// Live tasks by phase, of each prefix.
    pub(super) live: Vec<PhaseCounts>,
    /// The tasks in `Queued`.
    pub(super) ready: Vec<(ReadyRank, u32)>,
    /// The tasks in `NoWorker`.
    pub(super) unplaceable: Vec<TaskId>,
    /// Each dependency with its dependent, and whether that is active; dependents ascend.
    edges: Vec<(TaskId, TaskId, bool)>,
    /// How many dependencies the tasks in `Waiting` miss.
    missing: Vec<(TaskId, u32)>,
    /// The tasks in `Processing` that miss one.
    chained: Vec<TaskId>,
}

impl State {
    /// Looks at each task.
    pub(super) fn survey(&self) -> Result<Survey, BadKeyframe> {
        let mut survey =
            Survey { live: vec![PhaseCounts::default(); self.prefixes.len()], ..Survey::default() };
        for (id, task) in self.tasks.iter() {
            self.check_task(id, task)?;
            self.check_places(task)?;
            survey.count(task)?;
            if task.phase == Phase::Queued {
                let priority = self.options[task.options.index()].priority;
                let rank = ReadyRank::new(priority, task.deps.is_empty());
                survey.ready.push((rank, id.0));
            } else if task.phase == Phase::NoWorker {
                survey.unplaceable.push(id);
            }
            self.survey_needs(id, task, &mut survey)?;
        }
        Ok(survey)
    }

    /// What a task depends on. Tasks on their way have it, or something that brings it.
    fn survey_needs(
        &self,
        id: TaskId,
        task: &Task,
        survey: &mut Survey,
    ) -> Result<(), BadKeyframe> {
        let (is_active, waits) = (task.phase.is_active(), task.phase == Phase::Waiting);
        let needs_all = is_active && task.run.is_none_or(|run| run.executing().is_none());
        let at = task.run.map(|run| run.worker);
        let mut n_missing = 0;
        for &dep in &task.deps {
            let Some(found) = self.tasks.get(dep) else {
                return ensure(false, "a task depends on one that is gone");
            };
            let is_there = found.phase == Phase::Memory;
            let is_made_there = at.is_some() && found.run.map(|run| run.worker) == at;
            let served =
                is_there || !needs_all || is_made_there || waits && found.phase.is_active();
            ensure(served, "a task waits for what nobody computes")?;
            n_missing += u32::from(!is_there);
            survey.edges.push((dep, id, is_active));
        }
        ensure(!waits || n_missing > 0 || task.due_at().is_some(), "a task waits for nothing")?;
        survey.missing.extend((n_missing > 0 && waits).then_some((id, n_missing)));
        let is_chained = n_missing > 0 && needs_all && task.run.is_some();
        ensure(!is_chained || n_missing == 1, "a task is chained to several")?;
        survey.chained.extend(is_chained.then_some(id));
        Ok(())
    }

    /// Marks the tasks that are chained.
    pub(super) fn chain_tasks(&mut self, survey: &Survey) {
        for &id in &survey.chained {
            let run = self.tasks.get_mut(id).and_then(|task| task.run.as_mut());
            run.expect("the survey looked it up").chain();
        }
    }

    /// How many depend on each task, need it, and are missing; and that both ends of a relation
    /// know of it. The workers' lists are related already.
    pub(super) fn relate_tasks(&mut self, survey: &Survey) -> Result<(), BadKeyframe> {
        let live = "the survey looked it up";
        for &(id, n_missing) in &survey.missing {
            self.tasks.get_mut(id).expect(live).n_missing = n_missing;
        }
        let mut mixed = Vec::new();
        for &(dep, dependent, is_active) in &survey.edges {
            let task = self.tasks.get_mut(dep).expect(live);
            task.n_dependents += 1;
            task.n_waiters += u32::from(is_active);
            // Those that are gone are there already, and may have come between.
            let in_order = task.dependents.last().is_none_or(|last| *last < dependent);
            mixed.extend((!in_order).then_some(dep));
            task.dependents.push(dependent);
        }
        mixed.dedup();
        for id in mixed {
            let dependents = &mut self.tasks.get_mut(id).expect(live).dependents;
            if !dependents.is_sorted() {
                dependents.sort_unstable();
            }
            dependents.dedup();
        }
        for (_, task) in self.tasks.iter() {
            let live = task.dependents.iter().filter(|id| self.tasks.get(**id).is_some());
            ensure(live.count() == task.n_dependents as usize, "a dependent is one-sided")?;
            let placed = task.run.is_none_or(|run| run.position != u32::MAX)
                && task.replicas.iter().all(|copy| copy.position != u32::MAX);
            ensure(placed, "a worker does not know of its task")?;
        }
        Ok(())
    }
}

impl Survey {
    fn count(&mut self, task: &Task) -> Result<(), BadKeyframe> {
        let live = self.live.get_mut(task.key.prefix.index());
        live.ok_or(BadKeyframe::Contradiction("a task has no prefix"))?.add(task.phase);
        Ok(())
    }
}
