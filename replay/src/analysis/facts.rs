//! What a run left behind: rows of tasks, attempts, other work, pauses, failures and losses.
//!
//! | rows     | one per                                              | order             |
//! |----------|------------------------------------------------------|-------------------|
//! | tasks    | task, dense by id                                    | id                |
//! | attempts | assignment of a task                                 | when assigned     |
//! | moves    | transfer, (de)serialisation or disk access           | when it ended     |
//! | pauses   | stretch in which a worker started nothing new        | when it began     |
//! | failures | failed attempt                                       | when it failed    |

mod observe;

use std::collections::BTreeMap;

use taskreel_model::{
    Activity, AssignReason, FailureKind, LossReason, Nanos, Outcome, PauseReason, State, TaskId,
    WorkerId,
};
use taskreel_recorder::{Source, Warning};

use crate::FoldError;
use crate::chain::Chain;
use crate::figure::Window;
use crate::timeline::Places;

/// Rows about one run.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The run's name.
    pub name: String,
    /// Names of prefixes, by id.
    pub prefixes: Vec<String>,
    /// Workers, by id; also those that are lost.
    pub workers: Vec<WorkerRow>,
    /// Tasks, by id; see [`Facts::task`].
    pub tasks: Vec<TaskRow>,
    /// Which row a task has.
    places: Places,
    /// Rows of `waits` that have not ended.
    waiting: BTreeMap<TaskId, usize>,
    /// When it begins, if it is a part of a run.
    pub begins_at: Option<Nanos>,
    /// What had ended before its begin; of a whole run, nothing.
    before: observe::Ended,
    /// What each task depends on, task after task; see [`Facts::deps`].
    deps: Vec<TaskId>,
    /// Assignments.
    pub attempts: Vec<Attempt>,
    /// What executions waited for.
    pub(super) chain: Chain,
    /// Work around tasks.
    pub moves: Vec<Move>,
    /// Stretches in which a task on a worker waited for tasks that it submitted, without a slot; the
    /// second instant is missing where it waits to the end.
    pub waits: Vec<(WorkerId, Nanos, Option<Nanos>)>,
    /// Stretches in which a worker started nothing new.
    pub pauses: Vec<Pause>,
    /// Failed attempts.
    pub failures: Vec<Failure>,
    /// Stretches in which no task was active: nobody had asked for anything.
    pub unasked: Vec<Window>,
    /// How late the scheduler's loop was, at each of its samples.
    pub lags: Vec<(Nanos, Nanos)>,
    /// From the first submission to the last end; of a run that goes on, to its last event.
    pub window: Window,
    /// Events folded.
    pub n_events: u64,
    /// What was skipped or cut, and the error that ended the fold early.
    pub warnings: Vec<String>,
    /// When the last event was logged.
    pub end: Nanos,
    /// Tasks that finished, each counted once, as the state counts them at the end.
    pub n_finished: u64,
    /// Tasks that erred, with those that depended on them, likewise.
    pub n_erred: u64,
    /// Bytes of all results, likewise.
    pub result_bytes: u64,
}

/// A worker.
#[derive(Clone, Debug)]
pub struct WorkerRow {
    /// Its name, as it came.
    pub name: String,
    /// How many tasks it runs at once.
    pub slots: u16,
    /// When it joined.
    pub joined_at: Nanos,
    /// When it went, and how.
    pub left: Option<(Nanos, LossReason)>,
}

impl WorkerRow {
    /// Whether it went without having been sent away, and when.
    pub fn lost_at(&self) -> Option<Nanos> {
        let (at, reason) = self.left?;
        reason.is_unplanned().then_some(at)
    }
}

/// A task.
#[derive(Clone, Copy, Debug)]
pub struct TaskRow {
    /// Position in [`Facts::prefixes`].
    pub prefix: u32,
    /// Where its dependencies begin in the list of all.
    first_dep: u32,
    /// Where they end.
    end_dep: u32,
    /// When it was submitted.
    pub submitted_at: Nanos,
    /// When it last became ready to be placed.
    pub queued_at: Nanos,
    /// Position of its last attempt in [`Facts::attempts`]; `u32::MAX`: none.
    pub last_attempt: u32,
    /// Position of the last attempt that finished; `u32::MAX`: none.
    pub finished_attempt: u32,
    /// Whether only some workers may run it.
    pub restricted: bool,
}

/// No row.
pub(super) const NONE: u32 = u32::MAX;

/// One assignment of a task.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Of which task.
    pub task: TaskId,
    /// Position in [`Facts::prefixes`].
    pub prefix: u32,
    /// Where.
    pub worker: WorkerId,
    /// In which slot, once it started.
    pub slot: u16,
    /// Its number among the task's attempts, from 1.
    pub number: u32,
    /// Why there.
    pub reason: AssignReason,
    /// When the task had become ready.
    pub queued_at: Nanos,
    /// When the scheduler gave it to the worker; of one that was chained, when its last input had come.
    pub assigned_at: Nanos,
    /// When it began to execute.
    pub started_at: Option<Nanos>,
    /// When it ended, or was taken back.
    pub ended_at: Option<Nanos>,
    /// How it ended, if it had started.
    pub outcome: Option<Outcome>,
    /// Whether the task had finished before: its result was lost.
    pub again: bool,
    /// Whether it is chained: its last input has not come, and may never have.
    pub chained: bool,
}

impl Attempt {
    /// From start to end of its execution; what goes on ends at `now`. `None`: it did not start.
    pub fn executed(&self, now: Nanos) -> Option<Window> {
        let from = self.started_at?;
        Some(Window { from, to: self.ended_at.unwrap_or(now).max(from) })
    }

    /// How long it executed.
    pub fn duration(&self, now: Nanos) -> Nanos {
        self.executed(now).map_or(Nanos::ZERO, Window::length)
    }

    /// Whether it ended well.
    pub fn finished(&self) -> bool {
        self.outcome == Some(Outcome::Finished)
    }
}

/// Work around a task that is not its execution.
#[derive(Clone, Copy, Debug)]
pub struct Move {
    /// Whose result.
    pub task: TaskId,
    /// For which task.
    pub dependent: TaskId,
    /// Where; of a transfer the receiver.
    pub worker: WorkerId,
    /// Of a transfer, the sender.
    pub peer: Option<WorkerId>,
    /// What.
    pub activity: Activity,
    /// When.
    pub window: Window,
    /// How much; 0 when it failed.
    pub bytes: u64,
    /// Whether it was done: a transfer may fail.
    pub ok: bool,
}

/// A stretch in which a worker started nothing new.
#[derive(Clone, Copy, Debug)]
pub struct Pause {
    /// Which worker.
    pub worker: WorkerId,
    /// Why.
    pub reason: PauseReason,
    /// From when.
    pub from: Nanos,
    /// Until when; `None`: it goes on.
    pub to: Option<Nanos>,
}

/// A failed attempt.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Which task.
    pub task: TaskId,
    /// Position in [`Facts::prefixes`].
    pub prefix: u32,
    /// Where.
    pub worker: WorkerId,
    /// When.
    pub at: Nanos,
    /// What kind.
    pub kind: FailureKind,
    /// The message.
    pub error: String,
    /// After what delay it is tried again; `None`: it has erred for good.
    pub retry: Option<Nanos>,
}

/// Rows of a run that may still go on: what has come since is added to them.
#[derive(Debug, Default)]
pub struct GrowingFacts {
    facts: Facts,
    state: State,
    failed: bool,
}

impl GrowingFacts {
    /// The rows so far. What goes on has no end yet, and nothing that only the end can tell is told.
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// `seq` of the event that would come next; of a part of a run more than there are rows of.
    pub fn next_seq(&self) -> u64 {
        self.state.next_seq()
    }

    /// Adds what the source has by now; `false`: nothing, or the log contradicts itself.
    pub fn grow(&mut self, source: &mut dyn Source) -> bool {
        let n_before = self.facts.n_events;
        if !self.failed
            && let Err(error) = self.facts.fold(&mut self.state, source)
        {
            self.failed = true;
            self.facts.warnings.push(error.to_string());
        }
        self.facts.end = self.state.now();
        self.facts.n_events > n_before
    }
}

impl Facts {
    /// Folds a source to its end, or to where it is damaged; what was folded by then stands.
    pub fn read(source: &mut dyn Source) -> Self {
        let name = source.run_info().name.clone();
        let mut growing =
            GrowingFacts { facts: Self { name, ..Self::default() }, ..Default::default() };
        growing.grow(source);
        let GrowingFacts { mut facts, state, .. } = growing;
        facts.warnings.extend(source.warnings().iter().map(Warning::to_string));
        facts.close(&state);
        facts
    }

    fn fold(&mut self, state: &mut State, source: &mut dyn Source) -> Result<(), FoldError> {
        let mut changes = Vec::new();
        if self.n_events == 0
            && let Some(opening) = source.opening_state()?
        {
            *state = self.open(opening);
        }
        loop {
            let batch = match source.next_batch() {
                Ok(Some(batch)) => batch,
                Ok(None) => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            let mut illegal = None;
            for event in &batch.events {
                if let Err(error) = state.apply(event, &mut changes) {
                    illegal = Some(FoldError::illegal(&self.name, event, error));
                    break;
                }
                self.observe(event, &changes, state);
                changes.clear();
            }
            let of_scheduler = batch.samples.iter().filter(|sample| sample.worker.is_none());
            self.lags.extend(of_scheduler.map(|sample| (sample.at, sample.lag)));
            if let Some(error) = illegal {
                return Err(error);
            }
        }
    }

    /// A task; of a window of a run, those that were gone at its begin have no row.
    pub fn task(&self, task: TaskId) -> Option<&TaskRow> {
        self.tasks.get(self.places.row(task)?)
    }

    /// Position of a task's prefix in [`Facts::prefixes`]; of an unknown one the first.
    pub fn prefix_of(&self, task: TaskId) -> u32 {
        self.task(task).map_or(0, |row| row.prefix)
    }

    fn task_mut(&mut self, task: TaskId) -> Option<&mut TaskRow> {
        self.tasks.get_mut(self.places.row(task)?)
    }

    /// What a task depends on.
    pub fn deps(&self, task: TaskId) -> &[TaskId] {
        self.task(task).map_or(&[], |row| &self.deps[row.first_dep as usize..row.end_dep as usize])
    }

    /// The attempt of a row, if there is one.
    pub fn attempt(&self, row: u32) -> Option<&Attempt> {
        self.attempts.get(row as usize)
    }

    /// From the first submission to the last end.
    pub fn makespan(&self) -> Nanos {
        self.window.length()
    }

    /// Slots of all workers that were there at some time.
    pub fn n_slots(&self) -> u64 {
        self.workers.iter().map(|worker| u64::from(worker.slots)).sum()
    }

    /// Durations of the executions that ended well, by prefix.
    pub(super) fn durations(&self) -> Vec<Vec<Nanos>> {
        let mut durations = vec![Vec::new(); self.prefixes.len()];
        for attempt in self.attempts.iter().filter(|attempt| attempt.finished()) {
            durations[attempt.prefix as usize].push(attempt.duration(self.window.to));
        }
        durations
    }

    /// Name of a prefix.
    pub fn prefix(&self, prefix: u32) -> &str {
        self.prefixes.get(prefix as usize).map_or("", String::as_str)
    }

    /// Name of a worker.
    pub fn worker(&self, worker: WorkerId) -> &str {
        self.workers.get(worker.index()).map_or("", |row| row.name.as_str())
    }
}
