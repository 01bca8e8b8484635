//! Events in words, as a story tells them.

use taskreel_model::{Event, HumanBytes, Phase, Stamped, State, TaskId, WorkerId};

use super::{Before, title};
use crate::fields::spelled;

/// A worker's name, or its id.
pub(super) fn worker(state: &State, id: WorkerId) -> String {
    state.worker(id).map_or_else(|| id.to_string(), |known| known.info.name.clone())
}

/// What an event says of its own task.
#[expect(clippy::too_many_lines, reason = "a table: one row per event")]
pub(super) fn own_words(event: &Event, state: &State) -> String {
    let name = |id| worker(state, id);
    if let Event::TaskSubmitted { task, deps, wanted, .. } = event {
        let parent = state.parent(*task).map(|parent| title(&state.task_name(parent), parent));
        return submitted_words(parent, deps.len(), *wanted);
    }
    match *event {
        Event::TaskAssigned { worker, attempt, reason, .. } => {
            let reason = spelled(&reason);
            format!("assigned to {} for the {} time ({reason})", name(worker), ordinal(attempt))
        }
        Event::TaskStarted { worker, slot, .. } => {
            format!("starts on {}, slot {slot}", name(worker))
        }
        Event::TaskSeceded { worker, .. } => {
            format!("waits for tasks that it submitted; its slot on {} is free", name(worker))
        }
        Event::TaskRejoined { worker, slot, .. } => {
            format!("goes on, on {}, slot {slot}", name(worker))
        }
        Event::TaskFinished { bytes, .. } => format!("; its result has {}", HumanBytes(bytes)),
        Event::TaskFailed { kind, error, retry, .. } => {
            let kind = spelled(&kind);
            let then = match retry {
                None => "for good".to_owned(),
                Some(delay) => format!("tried again in {delay}"),
            };
            format!("; {kind}, {then}: {}", state.text(error))
        }
        Event::TaskCancelled { reason, .. } => {
            format!("given up ({})", spelled(&reason))
        }
        Event::TaskUnplaceable { .. } => "no worker that is here may run it".to_owned(),
        Event::StealRequested { from, to, .. } => {
            format!("{} is asked to give it back, for {}", name(from), name(to))
        }
        Event::StealConfirmed { from, .. } => format!("{} gave it back", name(from)),
        Event::StealRefused { from, .. } => format!("{} kept it: it had begun", name(from)),
        Event::RetryDue { .. } => "its delay is over".to_owned(),
        Event::TasksNested { first, n_tasks: 1, .. } => format!("submits a task ({first})"),
        Event::TasksNested { first, n_tasks, .. } => {
            format!("submits {n_tasks} tasks ({first} to {})", TaskId(first.0 + (n_tasks - 1)))
        }
        Event::TransferStarted { from, to, .. } => {
            format!("{} begins to fetch its result from {}", name(to), name(from))
        }
        Event::TransferFinished { to, bytes, .. } => {
            format!("{} has a copy of its result, {}", name(to), HumanBytes(bytes))
        }
        Event::TransferFailed { to, reason, .. } => {
            format!("{} got no copy ({})", name(to), spelled(&reason))
        }
        Event::ActivityRecorded { activity, took, worker, .. } => {
            format!("{} on {} took {took}", spelled(&activity), name(worker))
        }
        Event::ResultSpilled { worker, bytes, took, .. } => {
            format!("{} wrote its result to disk, {} in {took}", name(worker), HumanBytes(bytes))
        }
        Event::ResultRestored { worker, bytes, took, .. } => {
            format!("{} read its result back, {} in {took}", name(worker), HumanBytes(bytes))
        }
        Event::ReplicaAdded { worker, .. } => {
            format!("{} holds a copy of its result", name(worker))
        }
        Event::ReplicaDropped { worker, .. } => format!("{} dropped its copy", name(worker)),
        Event::ResultWanted { .. } => "a client asks for its result".to_owned(),
        Event::ResultReleased { .. } => "its client lets go of its result".to_owned(),
        Event::Marked { name, .. } => format!("marker {}", state.text(name)),
        Event::SpanRecorded { name, took, .. } => format!("span {}, {took}", state.text(name)),
        Event::TaskSubmitted { .. }
        | Event::SchedulerStarted { .. }
        | Event::Interned { .. }
        | Event::PrefixDeclared { .. }
        | Event::OptionsDeclared { .. }
        | Event::ClientConnected { .. }
        | Event::ClientLeft { .. }
        | Event::GraphSubmitted { .. }
        | Event::GraphExtended { .. }
        | Event::WorkerJoined { .. }
        | Event::WorkerLost { .. }
        | Event::WorkerPaused { .. }
        | Event::WorkerResumed { .. }
        | Event::WorkerRetiring { .. }
        | Event::ClockEstimated { .. }
        | Event::ReportsAccepted { .. }
        | Event::Unknown { .. } => event.name().to_owned(),
    }
}

fn submitted_words(parent: Option<String>, n_deps: usize, wanted: bool) -> String {
    let by = parent.map_or_else(String::new, |parent| format!(" by {parent}"));
    let needs = match n_deps {
        0 => "needs no other".to_owned(),
        1 => "needs one other".to_owned(),
        n => format!("needs {n} others"),
    };
    format!("submitted{by}; {needs}{}", if wanted { ", wanted by its client" } else { "" })
}

/// What an end says behind `finished on w after 3 s`.
pub(super) fn rest(what: &str) -> &str {
    what.find(';').map_or("", |at| &what[at..])
}

/// What a phase means for a task that another's event put into it.
pub(super) fn consequence(to: Phase) -> &'static str {
    match to {
        Phase::Released => "its result is let go",
        Phase::Waiting => "waits again",
        Phase::NoWorker => "finds no worker",
        Phase::Queued => "is ready",
        Phase::Processing => "is assigned",
        Phase::Memory => "its result is there",
        Phase::Erred => "errs",
        Phase::Forgotten => "is forgotten",
    }
}

/// An event as the cause of something else.
pub(super) fn cause_words(event: &Stamped<Event>, before: &Before, state: &State) -> String {
    let task = || before.key.clone().unwrap_or_default();
    let on = |id| worker(state, id);
    if let Event::TaskFinished { worker, .. } = event.what {
        format!("{} finished on {}", task(), on(worker))
    } else if let Event::TaskFailed { worker, .. } = event.what {
        format!("{} failed on {}", task(), on(worker))
    } else if let Event::TaskCancelled { .. } = event.what {
        format!("{} was given up", task())
    } else if let Event::WorkerLost { worker, reason } = event.what {
        format!("{} was lost ({})", on(worker), spelled(&reason))
    } else if let Event::WorkerJoined { worker, .. } = event.what {
        format!("{} joined", on(worker))
    } else if let Event::ResultReleased { .. } = event.what {
        format!("a client let go of {}", task())
    } else if let Event::ReplicaDropped { worker, .. } = event.what {
        format!("{} no longer held {}", on(worker), task())
    } else {
        let name = event.what.name();
        before.key.as_ref().map_or_else(|| name.to_owned(), |key| format!("{name} of {key}"))
    }
}

fn ordinal(n: u32) -> String {
    let end = match (n % 10, n % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{n}{end}")
}
