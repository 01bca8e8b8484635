//! The story of a task: every event about it, what it waited for and who waited for it, read from
//! the trace on demand.

use std::collections::BTreeMap;

use taskreel_model::{Event, Nanos, Stamped, State, TaskId, WorkerId};
use taskreel_recorder::Source;

use crate::text::{visible, visible_message};

/// Most events, dependencies and dependents listed.
const ROWS_MAX: usize = 500;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// Its key; empty: it was not submitted.
    pub key: String,
    pub rows: Vec<Row>,
    /// What it depends on, with when each result was there.
    pub deps: Vec<Relative>,
    /// Who depends on it, with when each began.
    pub dependents: Vec<Relative>,
    /// How many rows, dependencies and dependents are not listed.
    pub n_more: usize,
    /// When its last attempt began and ended, for a link to there.
    pub executed: Option<(Nanos, Nanos)>,
}

/// An event about the task.
#[derive(Debug)]
pub(crate) struct Row {
    pub seq: u64,
    pub at: Nanos,
    pub event: &'static str,
    pub text: String,
}

/// A task that it depends on, or that depends on it.
#[derive(Debug)]
pub(crate) struct Relative {
    pub task: TaskId,
    pub key: String,
    /// When its result was there, or when it began; `None`: never so far.
    pub at: Option<Nanos>,
}

impl Story {
    /// Reads a trace to its end, or to where it contradicts itself.
    pub(crate) fn read(task: TaskId, source: &mut dyn Source) -> Self {
        let (mut state, mut changes) = (State::new(), Vec::new());
        let mut reading = Reading { task, ..Reading::default() };
        while let Ok(Some(batch)) = source.next_batch() {
            for event in &batch.events {
                reading.event(event, &state);
                if state.apply(event, &mut changes).is_err() {
                    return reading.story;
                }
                changes.clear();
            }
        }
        reading.story
    }
}

/// A story so far.
#[derive(Debug, Default)]
struct Reading {
    task: TaskId,
    story: Story,
    /// Places in the story's lists.
    deps: BTreeMap<TaskId, usize>,
    dependents: BTreeMap<TaskId, usize>,
}

impl Reading {
    /// Takes an event in; `before` is the state before it.
    fn event(&mut self, event: &Stamped<Event>, before: &State) {
        let at = event.at;
        if let Event::TaskSubmitted { task, key, deps, .. } = &event.what {
            if *task == self.task {
                self.story.key = visible(&before.key_text(*key));
                for dep in deps {
                    let name = visible(&before.task_name(*dep));
                    self.relative(*dep, name, true);
                }
            } else if deps.binary_search(&self.task).is_ok() {
                self.relative(*task, visible(&before.key_text(*key)), false);
            }
        }
        match event.what {
            Event::TaskFinished { task, .. } => {
                if let Some(&dep) = self.deps.get(&task) {
                    self.story.deps[dep].at.get_or_insert(at);
                }
            }
            Event::TaskStarted { task, .. } => {
                if let Some(&dependent) = self.dependents.get(&task) {
                    self.story.dependents[dependent].at.get_or_insert(at);
                }
                if task == self.task {
                    self.story.executed = Some((at, at));
                }
            }
            _ => {}
        }
        let is_for_it = matches!(event.what, Event::TransferStarted { dependent, .. } if dependent == self.task);
        if event.what.task() != Some(self.task) && !is_for_it {
            return;
        }
        if let Some((_, end)) = &mut self.story.executed {
            *end = at.max(*end);
        }
        if self.story.rows.len() >= ROWS_MAX {
            self.story.n_more += 1;
            return;
        }
        let text = describe(&event.what, before);
        self.story.rows.push(Row { seq: event.seq, at, event: event.what.name(), text });
    }

    fn relative(&mut self, task: TaskId, key: String, is_dep: bool) {
        let (list, places) = match is_dep {
            true => (&mut self.story.deps, &mut self.deps),
            false => (&mut self.story.dependents, &mut self.dependents),
        };
        if list.len() >= ROWS_MAX {
            self.story.n_more += 1;
            return;
        }
        places.insert(task, list.len());
        list.push(Relative { task, key, at: None });
    }
}

/// What an event says beyond its name and its task.
pub(crate) fn describe(event: &Event, state: &State) -> String {
    let worker = |id: WorkerId| {
        state.worker(id).map_or_else(|| id.to_string(), |found| visible(&found.info.name))
    };
    let task = |id: TaskId| visible(&state.task_name(id));
    let text = |id| visible_message(state.text(id));
    let size = |bytes| taskreel_model::HumanBytes(bytes).to_string();
    let word = |value: &dyn std::fmt::Debug| format!("{value:?}").to_lowercase();
    match event {
        Event::TaskSubmitted { deps, wanted, .. } => {
            let wanted = if *wanted { ", its result is wanted" } else { "" };
            format!("with {} dependencies{wanted}", deps.len())
        }
        Event::TaskCancelled { reason, .. } => word(reason),
        Event::WorkerJoined { info, .. } => {
            format!("{} with {} slots", visible(&info.name), info.slots)
        }
        Event::WorkerLost { worker: id, reason } => format!("{}: {}", worker(*id), word(reason)),
        Event::WorkerPaused { worker: id, reason } => format!("{}: {}", worker(*id), word(reason)),
        Event::TaskAssigned { worker: id, attempt, reason, .. } => {
            format!("to {}, attempt {attempt}: {}", worker(*id), word(reason))
        }
        Event::StealRequested { from, to, .. } => {
            format!("from {} to {}", worker(*from), worker(*to))
        }
        Event::StealConfirmed { from, .. } | Event::StealRefused { from, .. } => {
            format!("by {}", worker(*from))
        }
        Event::TransferStarted { task: id, from, to, dependent } => format!(
            "{} from {} to {}, for {}",
            task(*id),
            worker(*from),
            worker(*to),
            task(*dependent)
        ),
        Event::TransferFinished { to, bytes, .. } => format!("{} to {}", size(*bytes), worker(*to)),
        Event::TransferFailed { to, reason, .. } => format!("to {}: {}", worker(*to), word(reason)),
        Event::TaskStarted { worker: id, slot, .. } => format!("on {}, slot {slot}", worker(*id)),
        Event::TaskFinished { worker: id, bytes, .. } => {
            format!("on {}, {}", worker(*id), size(*bytes))
        }
        Event::TaskFailed { worker: id, kind, error, retry, .. } => {
            let then = retry.map_or_else(String::new, |delay| format!(", again in {delay}"));
            format!("on {}{then}, {}: {}", worker(*id), word(kind), text(*error))
        }
        Event::ActivityRecorded { worker: id, activity, took, bytes, .. } => {
            format!("{} on {}: {} in {took}", word(activity), worker(*id), size(*bytes))
        }
        Event::ResultSpilled { worker: id, bytes, took, .. }
        | Event::ResultRestored { worker: id, bytes, took, .. } => {
            format!("on {}: {} in {took}", worker(*id), size(*bytes))
        }
        Event::ReplicaAdded { worker: id, bytes, .. } => {
            format!("on {}, {}", worker(*id), size(*bytes))
        }
        Event::Marked { name, .. } => text(*name),
        Event::SpanRecorded { name, took, .. } => format!("{}: {took}", text(*name)),
        Event::GraphSubmitted { name, n_tasks, .. } => format!("{}: {n_tasks} tasks", text(*name)),
        Event::ClientConnected { name, .. } => text(*name),
        _ => event.worker().map_or_else(String::new, |id| format!("on {}", worker(id))),
    }
}
