//! From events and their changes to rows.

use taskreel_model::{
    AssignReason, Change, Event, LossReason, Nanos, Phase, Stamped, State, TaskId, WorkerId,
    WorkerStatus,
};

use super::{Attempt, Facts, Failure, Move, NONE, Pause, TaskRow, WorkerRow};
use crate::figure::Window;
use crate::timeline::{Places, opening_changes, opening_events, part_of_a_run};

impl Facts {
    /// The run is known from a state on: what is alive there counts as come at that instant, and
    /// what ended before is not counted.
    pub(super) fn open(&mut self, opening: State) -> State {
        let begin = opening.now();
        self.begins_at = Some(begin);
        self.warnings.push(part_of_a_run(begin));
        self.places = Places::after(&opening);
        self.window.from = begin;
        for event in opening_events(&opening) {
            self.take_event(&event, &opening);
        }
        for (row, worker) in self.workers.iter_mut().zip(opening.workers()) {
            let is_gone = worker.status == WorkerStatus::Lost;
            row.left = is_gone.then_some((worker.since, LossReason::Left));
        }
        for (at, change) in opening_changes(&opening) {
            self.chain.update(at.max(begin), &change, &opening);
            self.take_change(at.max(begin), &change, AssignReason::Idle);
        }
        if opening.is_idle() {
            self.unasked.push(Window { from: begin, to: Nanos::MAX });
        }
        self.before = Ended::of(&opening);
        opening
    }

    /// Takes one event in; `state` is as just after it.
    pub(super) fn observe(&mut self, event: &Stamped<Event>, changes: &[Change], state: &State) {
        self.n_events += 1;
        let was_idle = self.is_idle();
        let mut reason = AssignReason::Idle;
        if let Event::TaskAssigned { reason: given, .. } = event.what {
            reason = given;
        }
        self.take_event(event, state);
        for change in changes {
            self.chain.update(event.at, change, state);
            self.take_change(event.at, change, reason);
        }
        if was_idle && !state.is_idle() {
            if let Some(last) = self.unasked.last_mut() {
                last.to = event.at.max(last.from);
            }
        } else if !was_idle && state.is_idle() {
            self.unasked.push(Window { from: event.at, to: Nanos::MAX });
        }
    }

    /// Whether no task is active: none was submitted yet, or all have ended.
    fn is_idle(&self) -> bool {
        self.tasks.is_empty() || self.unasked.last().is_some_and(|last| last.to == Nanos::MAX)
    }

    fn take_event(&mut self, event: &Stamped<Event>, state: &State) {
        let at = event.at;
        if let Event::PrefixDeclared { name, .. } = &event.what {
            self.prefixes.push(name.to_string());
        } else if let Event::TaskSubmitted { key, options, deps, .. } = &event.what {
            self.submitted(at, key.prefix.0, deps, !state.options(*options).is_unrestricted());
        } else if let Event::WorkerJoined { info, .. } = &event.what {
            let (name, slots) = (info.name.clone(), info.slots);
            self.workers.push(WorkerRow { name, slots, joined_at: at, left: None });
        } else if let Event::WorkerLost { worker, reason } = event.what {
            if let Some(row) = self.workers.get_mut(worker.index()) {
                row.left = Some((at, reason));
            }
            self.resumed(at, worker);
        } else if let Event::WorkerPaused { worker, reason } = event.what {
            self.pauses.push(Pause { worker, reason, from: at, to: None });
        } else if let Event::WorkerResumed { worker } = event.what {
            self.resumed(at, worker);
        } else if let Event::TaskFailed { task, worker, kind, error, retry, .. } = event.what {
            let prefix = self.prefix_of(task);
            let error = state.text(error).to_owned();
            self.failures.push(Failure { task, prefix, worker, at, kind, error, retry });
        }
    }

    fn submitted(&mut self, at: Nanos, prefix: u32, deps: &[TaskId], restricted: bool) {
        if self.tasks.is_empty() {
            self.window.from = at;
        }
        let first_dep = self.deps.len() as u32;
        self.deps.extend_from_slice(deps);
        let end_dep = self.deps.len() as u32;
        self.tasks.push(TaskRow {
            prefix,
            first_dep,
            end_dep,
            submitted_at: at,
            queued_at: at,
            last_attempt: NONE,
            finished_attempt: NONE,
            restricted,
        });
    }

    fn resumed(&mut self, at: Nanos, worker: WorkerId) {
        let open = |pause: &&mut Pause| pause.worker == worker && pause.to.is_none();
        if let Some(pause) = self.pauses.iter_mut().rev().find(open) {
            pause.to = Some(at.max(pause.from));
        }
    }

    fn take_change(&mut self, at: Nanos, change: &Change, reason: AssignReason) {
        match *change {
            Change::Task { task, to, worker, attempt, from } => {
                self.moved(at, task, (from, to), (worker, attempt), reason);
            }
            Change::Unchained { task, .. } => self.unchained(at, task),
            Change::Started { task, slot, .. } => {
                if let Some(attempt) = self.last_attempt(task) {
                    attempt.started_at = Some(at);
                    attempt.slot = slot;
                }
            }
            Change::Seceded { task, worker, .. } => {
                self.waiting.insert(task, self.waits.len());
                self.waits.push((worker, at, None));
            }
            Change::Rejoined { task, .. } => self.waited(at, task),
            Change::Stopped { task, outcome, .. } => {
                self.waited(at, task);
                let row = self.task(task).map_or(NONE, |row| row.last_attempt);
                if let Some(attempt) = self.last_attempt(task) {
                    attempt.ended_at = Some(at);
                    attempt.outcome = Some(outcome);
                    self.window.to = self.window.to.max(at);
                }
                if outcome == taskreel_model::Outcome::Finished
                    && let Some(of) = self.task_mut(task)
                {
                    of.finished_attempt = row;
                }
            }
            Change::Activity { task, dependent, worker, peer, activity, started_at, bytes, ok } => {
                let window = Window { from: started_at.min(at), to: at };
                let of = Move { task, dependent, worker, peer, activity, window, bytes, ok };
                self.moves.push(of);
            }
            Change::TransferStarted { .. }
            | Change::Replica { .. }
            | Change::Worker { .. }
            | Change::Interest { .. }
            | Change::Cancelled { .. }
            | Change::RetryScheduled { .. }
            | Change::StealRequested { .. }
            | Change::Client { .. }
            | Change::Graph { .. }
            | Change::Mark { .. } => {}
        }
    }

    /// The last input of a chained task is there: from now on it waits as one that is assigned now would.
    fn unchained(&mut self, at: Nanos, task: TaskId) {
        if let Some(row) = self.task_mut(task) {
            row.queued_at = at;
        }
        if let Some(attempt) = self.last_attempt(task) {
            (attempt.queued_at, attempt.assigned_at, attempt.chained) = (at, at, false);
        }
    }

    /// A task waits no more for those that it submitted, if it did.
    fn waited(&mut self, at: Nanos, task: TaskId) {
        if let Some(row) = self.waiting.remove(&task) {
            self.waits[row].2 = Some(at);
        }
    }

    fn moved(
        &mut self,
        at: Nanos,
        task: TaskId,
        (from, to): (Phase, Phase),
        (worker, number): (Option<WorkerId>, u32),
        reason: AssignReason,
    ) {
        if from == Phase::Processing
            && let Some(attempt) = self.last_attempt(task)
            && attempt.ended_at.is_none()
        {
            attempt.ended_at = Some(at.max(attempt.assigned_at));
        }
        let n_attempts = self.attempts.len() as u32;
        let row = self.places.row(task).and_then(|row| self.tasks.get_mut(row));
        let Some(row) = row else { return };
        let is_chained = from == Phase::Waiting && to == Phase::Processing;
        if to == Phase::Queued || is_chained {
            row.queued_at = at;
        }
        if let (Phase::Processing, Some(worker)) = (to, worker) {
            row.last_attempt = n_attempts;
            self.attempts.push(Attempt {
                task,
                prefix: row.prefix,
                worker,
                slot: 0,
                number,
                reason,
                queued_at: row.queued_at,
                assigned_at: at,
                started_at: None,
                ended_at: None,
                outcome: None,
                again: row.finished_attempt != NONE,
                chained: is_chained,
            });
        }
    }

    fn last_attempt(&mut self, task: TaskId) -> Option<&mut Attempt> {
        let row = self.task(task)?.last_attempt;
        self.attempts.get_mut(row as usize)
    }

    /// The fold is at its end: what goes on ends with the last event.
    pub(super) fn close(&mut self, state: &State) {
        self.end = state.now();
        let (ended, before) = (Ended::of(state), &self.before);
        self.n_finished = ended.finished.saturating_sub(before.finished);
        self.n_erred = ended.erred.saturating_sub(before.erred);
        self.result_bytes = ended.result_bytes.saturating_sub(before.result_bytes);
        let now = state.now();
        if !state.is_idle() || self.window.to == Nanos::ZERO {
            self.window.to = now;
        }
        self.window = Window::new(self.window.from, self.window.to);
        let to = self.window.to;
        for unasked in &mut self.unasked {
            unasked.to = unasked.to.min(to).max(unasked.from);
        }
        self.unasked.retain(|unasked| unasked.from < unasked.to);
    }
}

/// What a state counts of all that ended.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Ended {
    finished: u64,
    erred: u64,
    result_bytes: u64,
}

impl Ended {
    fn of(state: &State) -> Self {
        let prefixes = state.prefixes();
        Self {
            finished: prefixes.iter().map(|prefix| prefix.n_finished).sum(),
            erred: state.n_erred(),
            result_bytes: prefixes.iter().map(|prefix| prefix.result_bytes).sum(),
        }
    }
}
