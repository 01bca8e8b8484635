//! Gathers the moments of a few tasks from the whole log.

use std::collections::BTreeMap;

use taskreel_model::{
    Change, Event, HumanBytes, Nanos, Outcome, Phase, Stamped, State, TaskId, WorkerId,
};

use super::names::Names;
use super::{Before, Cause, Moment, Need, Story, Wait, seconds};

/// What is gathered of one task.
#[derive(Debug, Default)]
pub(super) struct Life {
    key: String,
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
        if let Change::Stopped { task, worker: on, started_at, outcome, .. } = *change
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
            last.what = format!("{how} on {} after {ran}{}", worker(state, on), rest(&last.what));
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
        let (key, submitted_at, moments) = match self.lives.get_mut(&task) {
            Some(life) => (life.key.clone(), life.submitted_at, std::mem::take(&mut life.moments)),
            None => (task.to_string(), Nanos::ZERO, Vec::new()),
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
        Story { task: key, id: task.to_string(), moments, waited_for, needed_by, n_needed_by: 0 }
    }
}

fn worker(state: &State, id: WorkerId) -> String {
    state.worker(id).map_or_else(|| id.to_string(), |known| known.info.name.clone())
}

fn phase_of(task: TaskId, changes: &[Change]) -> Option<&'static str> {
    changes.iter().rev().find_map(|change| match change {
        Change::Task { task: of, to, .. } if *of == task => Some(to.name()),
        _ => None,
    })
}

/// What an event says of its own task.
fn own_words(event: &Event, state: &State) -> String {
    let name = |id| worker(state, id);
    if let Event::TaskSubmitted { deps, wanted, .. } = event {
        let needs = match deps.len() {
            0 => "needs no other".to_owned(),
            1 => "needs one other".to_owned(),
            n => format!("needs {n} others"),
        };
        return format!(
            "submitted; {needs}{}",
            if *wanted { ", wanted by its client" } else { "" }
        );
    }
    match *event {
        Event::TaskAssigned { worker, attempt, reason, .. } => {
            let reason = format!("{reason:?}").to_lowercase();
            format!("assigned to {} for the {} time ({reason})", name(worker), ordinal(attempt))
        }
        Event::TaskStarted { worker, slot, .. } => {
            format!("starts on {}, slot {slot}", name(worker))
        }
        Event::TaskFinished { bytes, .. } => format!("; its result has {}", HumanBytes(bytes)),
        Event::TaskFailed { kind, error, retry, .. } => {
            let kind = format!("{kind:?}").to_lowercase();
            let then = match retry {
                None => "for good".to_owned(),
                Some(delay) => format!("tried again in {delay}"),
            };
            format!("; {kind}, {then}: {}", state.text(error))
        }
        Event::TaskCancelled { reason, .. } => {
            format!("given up ({})", format!("{reason:?}").to_lowercase())
        }
        Event::TaskUnplaceable { .. } => "no worker that is here may run it".to_owned(),
        Event::StealRequested { from, to, .. } => {
            format!("{} is asked to give it back, for {}", name(from), name(to))
        }
        Event::StealConfirmed { from, .. } => format!("{} gave it back", name(from)),
        Event::StealRefused { from, .. } => format!("{} kept it: it had begun", name(from)),
        Event::RetryDue { .. } => "its delay is over".to_owned(),
        Event::TransferStarted { from, to, .. } => {
            format!("{} begins to fetch its result from {}", name(to), name(from))
        }
        Event::TransferFinished { to, bytes, .. } => {
            format!("{} has a copy of its result, {}", name(to), HumanBytes(bytes))
        }
        Event::TransferFailed { to, reason, .. } => {
            format!("{} got no copy ({})", name(to), format!("{reason:?}").to_lowercase())
        }
        Event::ActivityRecorded { activity, took, worker, .. } => {
            format!("{} on {} took {took}", format!("{activity:?}").to_lowercase(), name(worker))
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
        ref other => other.name().to_owned(),
    }
}

/// What an end says behind `finished on w after 3 s`.
fn rest(what: &str) -> &str {
    what.find(';').map_or("", |at| &what[at..])
}

/// What a phase means for a task that another's event put into it.
fn consequence(to: Phase) -> &'static str {
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
fn cause_words(event: &Stamped<Event>, before: &Before, state: &State) -> String {
    let task = || before.key.clone().unwrap_or_default();
    let on = |id| worker(state, id);
    match event.what {
        Event::TaskFinished { worker, .. } => format!("{} finished on {}", task(), on(worker)),
        Event::TaskFailed { worker, .. } => format!("{} failed on {}", task(), on(worker)),
        Event::TaskCancelled { .. } => format!("{} was given up", task()),
        Event::WorkerLost { worker, reason } => {
            format!("{} was lost ({})", on(worker), format!("{reason:?}").to_lowercase())
        }
        Event::WorkerJoined { worker, .. } => format!("{} joined", on(worker)),
        Event::ResultReleased { .. } => format!("a client let go of {}", task()),
        Event::ReplicaDropped { worker, .. } => {
            format!("{} no longer held {}", on(worker), task())
        }
        ref other => match before.key {
            Some(ref key) => format!("{} of {key}", other.name()),
            None => other.name().to_owned(),
        },
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
