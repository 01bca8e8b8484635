//! Gathers the moments of a few tasks from the whole log.

use std::collections::BTreeMap;

use taskreel_model::{Change, Event, Nanos, Outcome, Phase, Stamped, State, TaskId};

use super::names::Names;
use super::words::{cause_words, consequence, own_words, rest, worker};
use super::{Before, Cause, Moment, Need, Parent, Story, Wait, seconds};

/// What is gathered of one task.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    key: String,
    parent: Option<Parent>,
    submitted_at: Nanos,
    ready_at: Option<Nanos>,
    moments: Vec<Moment>,
}

/// The lives of the tasks that a story tells of.
pub(super) struct Gather {
    lives: BTreeMap<TaskId, Life>,
    /// Causes that are named, and what they were.
    causes: BTreeMap<u64, String>,
    /// What depends on the task that was asked for.
    needs: BTreeMap<TaskId, Need>,
}

impl Gather {
    pub(super) fn new(
        lives: BTreeMap<TaskId, Life>,
        dependents: impl Iterator<Item = TaskId>,
    ) -> Self {
        let need = |task: TaskId| (task, Need { id: task.to_string(), ..Need::default() });
        Self { lives, causes: BTreeMap::new(), needs: dependents.map(need).collect() }
    }

    /// Whether any moment names a cause that is to be explained.
    pub(super) fn has_causes(&self) -> bool {
        !self.causes.is_empty()
    }

    /// Takes in how its tasks stand when a part of a run begins.
    pub(super) fn open(&mut self, state: &State) {
        for (task, life) in &mut self.lives {
            let Some(known) = state.task(*task) else { continue };
            life.key = state.task_name(*task);
            life.parent = parent(state, *task);
            life.submitted_at = state.now();
            life.ready_at = (known.phase == Phase::Memory).then(|| state.now());
            let on = known.run.map(|run| worker(state, run.worker));
            life.moments.push(Moment {
                seq: state.next_seq(),
                at_s: seconds(state.now()),
                event: "PartBegins",
                what: format!("the trace begins here, with attempt {}", known.attempt),
                phase: Some(known.phase.name()),
                worker: on,
                cause: None,
            });
        }
        for (task, need) in &mut self.needs {
            need.task = state.task(*task).map_or_else(String::new, |_| state.task_name(*task));
        }
    }

    /// Takes an event in: what it says of a task, and what followed from it for others.
    pub(super) fn take(
        &mut self,
        event: &Stamped<Event>,
        changes: &[Change],
        before: &Before,
        state: &State,
    ) {
        let own = event.what.task();
        if let Some(task) = own.filter(|task| self.lives.contains_key(task)) {
            self.add(task, event, own_words(&event.what, state), phase_of(task, changes), state);
        }
        if let Event::TransferStarted { task, from, to, dependent } = event.what
            && self.lives.contains_key(&dependent)
        {
            let (input, from, to) = (state.task_name(task), worker(state, from), worker(state, to));
            let what = format!("{to} begins to fetch its input {input} from {from}");
            self.add(dependent, event, what, None, state);
        }
        if let Some(need) = own.and_then(|task| self.needs.get_mut(&task)) {
            if need.task.is_empty() {
                need.task = own.map_or_else(String::new, |task| state.task_name(task));
            }
            if let Event::TaskStarted { .. } = event.what {
                need.began_at_s.get_or_insert_with(|| seconds(event.at));
            }
        }
        for change in changes {
            self.follow(event, change, before, state);
        }
        if let Some(task) = own
            && let Some(life) = self.lives.get_mut(&task)
            && life.key.is_empty()
        {
            life.key = state.task_name(task);
            life.parent = parent(state, task);
            life.submitted_at = event.at;
        }
    }

    /// What another task's event meant for one of ours.
    fn follow(&mut self, event: &Stamped<Event>, change: &Change, before: &Before, state: &State) {
        if let Change::Task { task, to, .. } = *change
            && let Some(life) = self.lives.get_mut(&task)
        {
            if to == Phase::Memory {
                life.ready_at.get_or_insert(event.at);
            }
            if event.what.task() != Some(task) {
                let what = format!("{}: {}", consequence(to), cause_words(event, before, state));
                self.add(task, event, what, Some(to.name()), state);
            }
        }
        if let Change::Stopped { task, worker: on, started_at, last: stretch, outcome, .. } =
            *change
            && let Some(life) = self.lives.get_mut(&task)
            && event.what.task() == Some(task)
            && let Some(last) = life.moments.last_mut()
        {
            let ran = event.at.since(started_at);
            let how = match outcome {
                Outcome::Finished => "finished",
                Outcome::Failed => "failed",
                Outcome::Lost => "was cut off",
                Outcome::Cancelled => "was ended",
            };
            let waited = match ran.since(stretch.computed) {
                Nanos::ZERO => String::new(),
                waited => format!(", of which it waited {waited} for tasks that it submitted"),
            };
            let rest = rest(&last.what);
            last.what = format!("{how} on {} after {ran}{waited}{rest}", worker(state, on));
        }
    }

    fn add(
        &mut self,
        task: TaskId,
        event: &Stamped<Event>,
        what: String,
        phase: Option<&'static str>,
        state: &State,
    ) {
        let Some(life) = self.lives.get_mut(&task) else { return };
        let cause = event.cause.map(|seq| Cause { seq, what: String::new() });
        if let Some(cause) = &cause {
            self.causes.insert(cause.seq, String::new());
        }
        life.moments.push(Moment {
            seq: event.seq,
            at_s: seconds(event.at),
            event: event.what.name(),
            what,
            phase,
            worker: event.what.worker().map(|id| worker(state, id)),
            cause,
        });
    }

    /// Puts a cause into words.
    pub(super) fn explain(&mut self, event: &Stamped<Event>, before: &Before, state: &State) {
        if let Some(words) = self.causes.get_mut(&event.seq) {
            *words = cause_words(event, before, state);
        }
    }

    /// The story of a task, with those of what it waited for.
    pub(super) fn story(mut self, names: &Names<'_>, task: TaskId, depth: usize) -> Story {
        let causes = std::mem::take(&mut self.causes);
        for life in self.lives.values_mut() {
            for cause in life.moments.iter_mut().filter_map(|moment| moment.cause.as_mut()) {
                cause.what = causes.get(&cause.seq).cloned().unwrap_or_default();
            }
        }
        let needed_by = std::mem::take(&mut self.needs).into_values().collect();
        Story { needed_by, ..self.tell(names, task, depth) }
    }

    /// Deep chains are cut by `depth`; a task that several wait for is told once.
    fn tell(&mut self, names: &Names<'_>, task: TaskId, depth: usize) -> Story {
        let Life { key, parent, submitted_at, moments, .. } = match self.lives.get_mut(&task) {
            Some(life) => {
                let moments = std::mem::take(&mut life.moments);
                Life { moments, ..life.clone() }
            }
            None => Life { key: task.to_string(), ..Life::default() },
        };
        let ready_at = |dep: &TaskId| self.lives.get(dep).and_then(|life| life.ready_at);
        let mut deps = names.deps(task).to_vec();
        deps.sort_by_key(|dep| std::cmp::Reverse(ready_at(dep).unwrap_or(Nanos::MAX)));
        let mut waited_for = Vec::new();
        for dep in deps {
            let Some(life) = self.lives.get(&dep) else { continue };
            let ready_at = life.ready_at;
            let wait = Wait {
                task: life.key.clone(),
                id: dep.to_string(),
                ready_at_s: ready_at.map(seconds),
                waited_s: seconds(ready_at.unwrap_or_default().since(submitted_at)),
                story: None,
            };
            let is_told = life.moments.is_empty();
            let story = (depth > 0 && !is_told).then(|| self.tell(names, dep, depth - 1));
            waited_for.push(Wait { story: story.map(Box::new), ..wait });
        }
        let needed_by = Vec::new();
        let id = task.to_string();
        let submitted_by = parent;
        Story { task: key, id, submitted_by, moments, waited_for, needed_by, n_needed_by: 0 }
    }
}

fn parent(state: &State, task: TaskId) -> Option<Parent> {
    let parent = state.parent(task)?;
    Some(Parent { task: state.task_name(parent), id: parent.to_string() })
}

fn phase_of(task: TaskId, changes: &[Change]) -> Option<&'static str> {
    changes.iter().rev().find_map(|change| match change {
        Change::Task { task: of, to, .. } if *of == task => Some(to.name()),
        _ => None,
    })
}
