//! From a key or an id to a task, and from a task to what it depends on.

use std::collections::{BTreeMap, BTreeSet};

use taskreel_model::{Event, Stamped, State, TaskId};

use super::title;
use crate::timeline::{Places, opening_events};

/// How many names a hint lists.
const HINTS: usize = 5;

/// Who is called what was asked for, and who depends on whom.
pub(super) struct Names<'a> {
    name: &'a str,
    /// Tasks of that key or id, with their key.
    found: Vec<(TaskId, String)>,
    /// Keys that begin or end alike.
    near: BTreeSet<String>,
    /// Where each task's dependencies begin in `deps`; one more than there are tasks.
    first_dep: Vec<u32>,
    deps: Vec<TaskId>,
    /// Which place a task has there.
    places: Places,
}

/// Which task is meant.
pub(super) enum Choice {
    One(TaskId),
    None { hint: String },
    Several(Vec<String>),
}

impl<'a> Names<'a> {
    pub(super) fn new(name: &'a str) -> Self {
        let (found, near, deps) = (Vec::new(), BTreeSet::new(), Vec::new());
        Self { name, found, near, first_dep: vec![0], deps, places: Places::default() }
    }

    /// Takes in the tasks that are alive when a part of a run begins.
    pub(super) fn open(&mut self, state: &State) {
        self.places = Places::after(state);
        for event in opening_events(state) {
            self.take(&event, state);
        }
    }

    /// Takes an event in.
    pub(super) fn take(&mut self, event: &Stamped<Event>, state: &State) {
        let Event::TaskSubmitted { task, key, deps, .. } = &event.what else { return };
        self.deps.extend_from_slice(deps);
        self.first_dep.push(self.deps.len() as u32);
        let key = state.key_text(*key);
        if key == self.name || task.to_string() == self.name {
            self.found.push((*task, key));
        } else if self.near.len() < HINTS && (key.contains(self.name) || self.name.contains(&key)) {
            self.near.insert(key);
        }
    }

    pub(super) fn choose(&self) -> Choice {
        // An id is one task's, even where a key looks like it.
        let by_id = self.found.iter().find(|(task, _)| task.to_string() == self.name);
        match (by_id, self.found.as_slice()) {
            (Some((task, _)), _) | (None, [(task, _)]) => Choice::One(*task),
            (None, []) => Choice::None { hint: self.hint() },
            (None, several) => {
                Choice::Several(several.iter().map(|(task, key)| title(key, *task)).collect())
            }
        }
    }

    fn hint(&self) -> String {
        let near: Vec<&str> = self.near.iter().map(String::as_str).collect();
        match near.is_empty() {
            true => "; `reel events FILE --kind TaskSubmitted` lists them".to_owned(),
            false => format!("; there are {}", near.join(", ")),
        }
    }

    /// What a task depends on.
    pub(super) fn deps(&self, task: TaskId) -> &[TaskId] {
        self.deps_of(self.places.row(task).unwrap_or(usize::MAX))
    }

    fn deps_of(&self, row: usize) -> &[TaskId] {
        match self.first_dep.get(row..) {
            Some([from, to, ..]) => &self.deps[*from as usize..*to as usize],
            _ => &[],
        }
    }

    /// What depends on a task, in the order of submission.
    pub(super) fn dependents(&self, task: TaskId) -> Vec<TaskId> {
        let Some(row) = self.places.row(task) else { return Vec::new() };
        // Whatever depends on a task was submitted after it.
        let later = row + 1..self.first_dep.len() - 1;
        let needs = later.filter(|other| self.deps_of(*other).contains(&task));
        needs.map(|row| self.places.task(row)).collect()
    }

    /// A task, and what it depends on, so many steps away; each with an empty place for its story.
    pub(super) fn ancestors<T: Default>(&self, task: TaskId, depth: usize) -> BTreeMap<TaskId, T> {
        let mut all = BTreeMap::from([(task, T::default())]);
        let mut edge = vec![task];
        // One step beyond the depth: of those only when they were ready is told.
        for _ in 0..=depth {
            let next: Vec<TaskId> =
                edge.iter().flat_map(|task| self.deps(*task)).copied().collect();
            edge =
                next.into_iter().filter(|dep| all.insert(*dep, T::default()).is_none()).collect();
        }
        all
    }
}
