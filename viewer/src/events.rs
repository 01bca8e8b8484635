//! The log of a run a page at a time: which events there are of a kind, a task, a worker, or that
//! mention a text. Read from the trace on demand.

use std::collections::VecDeque;

use serde::Serialize;
use serde_json::Value;
use taskreel_model::{Event, Stamped, State, TaskId, WorkerId};
use taskreel_recorder::{OpenError, SeekTo, Source};
use taskreel_replay::fields::fields;
use taskreel_replay::figure::clean;

use crate::desk::Trace;
use crate::text::visible;

/// Most characters of an event's details.
const DETAILS_CHARS_MAX: usize = 600;

/// Which events are wanted. What is empty leaves nothing out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// The kind, as [`Event::name`] calls it.
    pub kind: String,
    /// A part of the task's key, or its id.
    pub task: String,
    /// A part of the worker's name.
    pub worker: String,
    /// A text that the event mentions.
    pub text: String,
    /// Only events before this place in the log.
    pub before: u64,
    /// How many: the last of those.
    pub n_max: usize,
}

/// A page of events.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Listed {
    /// The newest first.
    pub events: Vec<Row>,
    /// Whether there are older ones.
    pub has_older: bool,
    /// Why the trace could not be read to there.
    pub cut: Option<String>,
}

/// An event in words.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    /// Its place in the log.
    pub seq: u64,
    /// When it was logged, in seconds since the run began.
    pub at_s: f64,
    /// Its kind.
    pub event: &'static str,
    /// The task it is about: its number and its key.
    pub task: Option<(u32, String)>,
    /// The worker it is about: its number and its name.
    pub worker: Option<(u32, String)>,
    /// What else it says, as `name=value`.
    pub details: String,
}

/// The last events that are wanted.
///
/// # Errors
/// The trace cannot be opened.
pub(crate) fn list(trace: &Trace, wanted: &Wanted) -> Result<Listed, OpenError> {
    let mut listed = Listed::default();
    let mut places = VecDeque::with_capacity(wanted.n_max + 1);
    if wanted.is_all() {
        places.extend(wanted.before.saturating_sub(wanted.n_max as u64 + 1)..wanted.before);
    } else {
        listed.cut = walk(trace, 0, wanted.before, |event, state| {
            if wanted.takes(event, state) {
                places.push_back(event.seq);
                if places.len() > wanted.n_max + 1 {
                    places.pop_front();
                }
            }
        })?;
    }
    if places.len() > wanted.n_max {
        places.pop_front();
        listed.has_older = true;
    }
    let (Some(first), Some(last)) = (places.front().copied(), places.back().copied()) else {
        return Ok(listed);
    };
    let cut = walk(trace, first, last + 1, |event, state| {
        if places.front() == Some(&event.seq) {
            places.pop_front();
            listed.events.push(Row::new(event, state));
        }
    })?;
    listed.cut = listed.cut.or(cut);
    listed.events.reverse();
    Ok(listed)
}

/// Visits the events from one place to before another, each with the state before it. Begins at the
/// nearest state that is stored. Returns why it ended early, if it did.
fn walk(
    trace: &Trace,
    from: u64,
    before: u64,
    mut visit: impl FnMut(&Stamped<Event>, &State),
) -> Result<Option<String>, OpenError> {
    let mut source = trace.open()?;
    let mut state = match opening(source.as_mut(), from) {
        Ok(state) => state,
        Err(error) => return Ok(Some(error.to_string())),
    };
    let mut changes = Vec::new();
    loop {
        let batch = match source.next_batch() {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(None),
            Err(error) => return Ok(Some(error.to_string())),
        };
        for event in &batch.events {
            if event.seq >= before {
                return Ok(None);
            }
            if event.seq >= from {
                visit(event, &state);
            }
            if let Err(illegal) = state.apply(event, &mut changes) {
                return Ok(Some(illegal.to_string()));
            }
            changes.clear();
        }
    }
}

/// The state before the first event that the source brings next.
fn opening(source: &mut dyn Source, from: u64) -> Result<State, taskreel_recorder::ReadError> {
    if let Some(last) = from.checked_sub(1)
        && let Some(state) = source.seek(SeekTo::Event(last), 0)?
    {
        return Ok(state);
    }
    Ok(source.opening_state()?.unwrap_or_default())
}

impl Wanted {
    fn is_all(&self) -> bool {
        [&self.kind, &self.task, &self.worker, &self.text].iter().all(|text| text.is_empty())
    }

    /// Whether an event is one of those that are wanted. Cheap checks come first.
    fn takes(&self, event: &Stamped<Event>, before: &State) -> bool {
        let what = &event.what;
        (self.kind.is_empty() || what.name() == self.kind)
            && (self.worker.is_empty() || has_worker(what, before, &self.worker))
            && (self.task.is_empty() || has_task(what, before, &self.task))
            && (self.text.is_empty() || mentions(what, before, &self.text))
    }
}

fn has_worker(event: &Event, before: &State, name: &str) -> bool {
    let is_named = |id: WorkerId| {
        id.to_string() == name
            || before.worker(id).is_some_and(|worker| worker.info.name.contains(name))
    };
    if let Event::WorkerJoined { info, .. } = event {
        return info.name.contains(name);
    }
    if let Event::TransferStarted { from, to, .. } | Event::StealRequested { from, to, .. } = event
    {
        return is_named(*from) || is_named(*to);
    }
    event.worker().is_some_and(is_named)
}

fn has_task(event: &Event, before: &State, name: &str) -> bool {
    let is_named = |id: TaskId| id.to_string() == name || before.task_name(id).contains(name);
    if let Event::TaskSubmitted { task, key, .. } = event {
        return task.to_string() == name || before.key_text(*key).contains(name);
    }
    if let Event::TransferStarted { dependent, .. } = event
        && is_named(*dependent)
    {
        return true;
    }
    event.task().is_some_and(is_named)
}

/// Whether a text stands in an event's kind or in any of its details.
fn mentions(event: &Event, before: &State, text: &str) -> bool {
    let has = |value: &Value| match value {
        Value::String(own) => own.contains(text),
        Value::Array(list) => list.iter().any(|one| one.as_str().is_some_and(|s| s.contains(text))),
        other => other.to_string().contains(text),
    };
    event.name().contains(text) || fields(event, before).iter().any(|(_, value)| has(value))
}

impl Row {
    fn new(event: &Stamped<Event>, before: &State) -> Self {
        let key = |task: TaskId| match &event.what {
            Event::TaskSubmitted { key, .. } => before.key_text(*key),
            _ => before.task_name(task),
        };
        let name = |id: WorkerId| match &event.what {
            Event::WorkerJoined { info, .. } => info.name.clone(),
            _ => before.worker(id).map_or_else(|| id.to_string(), |known| known.info.name.clone()),
        };
        let task = event.what.task().map(|task| (task.0, visible(&key(task))));
        let worker = event.what.worker().map(|id| (id.0, visible(&name(id))));
        let (has_task, has_worker) = (task.is_some(), worker.is_some());
        let is_shown = |name: &str| !(name == "task" && has_task || name == "worker" && has_worker);
        let details = fields(&event.what, before)
            .into_iter()
            .filter(|(name, value)| is_shown(name) && is_said(value))
            .map(|(name, value)| format!("{name}={}", text(&value)))
            .collect::<Vec<_>>()
            .join("  ");
        Self {
            seq: event.seq,
            at_s: event.logged_at.as_secs_f64(),
            event: event.what.name(),
            task,
            worker,
            details: clean(&details, DETAILS_CHARS_MAX),
        }
    }
}

fn is_said(value: &Value) -> bool {
    !(value.is_null() || value.as_array().is_some_and(Vec::is_empty))
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => {
            let few = list.iter().take(8).map(text).collect::<Vec<_>>().join(", ");
            if list.len() > 8 { format!("{few}, … ({})", list.len()) } else { few }
        }
        other => other.to_string(),
    }
}
