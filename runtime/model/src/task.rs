//! What the state knows of one task.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::{
    ClientId, FailureKind, GraphId, Key, Last, Nanos, OptionsId, Phase, Stage, StrId, TaskId,
    WorkerId,
};

/// A live task. Its fields agree with the indexes of `State`; `State::validate` checks how.
///
/// A run may have millions, and every event reads one or two that are in no cache, so that size and
/// order count: what assignment and start need is in the first 64 bytes, what few tasks have in
/// [`Rare`].
#[derive(Clone, Debug, PartialEq)]
#[repr(C, align(64))]
pub struct Task {
    /// The user's name for it.
    pub key: Key,
    /// The graph it came with.
    pub graph: GraphId,
    /// How it wants to be run.
    pub options: OptionsId,
    /// Where it is in its life.
    pub phase: Phase,
    /// Why it runs (again): the reason of its next assignment, if it is not placement's choice.
    pub again: Again,
    /// Whether it is counted in its graph's `n_ended`: it finished, erred or was cancelled once.
    pub ended: bool,
    /// Whether it is counted in its prefix's `n_finished`: its result was there once.
    pub finished: bool,
    /// How often it was assigned.
    pub attempt: u32,
    /// How many of `deps` are not in memory (only in `Waiting`, else 0).
    pub n_missing: u32,
    /// Where it is processing, with its place in that worker's lists.
    pub run: Option<Run>,
    /// The `seq` of the event that last changed its phase.
    pub since_seq: u64,
    /// Size of the result, once it was finished.
    pub bytes: u64,
    /// `None` if there is nothing in it.
    rare: Option<Box<Rare>>,
    /// How many of `dependents` are live.
    pub n_dependents: u32,
    /// How many of `dependents` are active (see `Phase::is_active`): they need the result.
    pub n_waiters: u32,
    /// Who holds its result; not empty exactly in `Memory`.
    pub replicas: SmallVec<[Replica; 1]>,
    /// Clients that hold on to the result.
    pub wanted_by: SmallVec<[ClientId; 4]>,
    /// What it depends on, in the order of their ids; each is live as long as this task is.
    pub deps: SmallVec<[TaskId; 4]>,
    /// Who depends on it; may list tasks that are forgotten by now.
    pub dependents: SmallVec<[TaskId; 4]>,
}

const _: () = assert!(size_of::<Option<Task>>() == 192);

/// What few tasks have.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rare {
    /// When the delay before its retry is over, if it waits for that (only in `Waiting`).
    pub due_at: Option<Nanos>,
    /// How often it failed.
    pub n_failures: u32,
    /// How many workers were lost that it executed on, or was next to (see `State::suspects`).
    pub n_deaths: u32,
    /// Why it erred (only in `Erred`, or while it waits for a retry).
    pub error: Option<Blame>,
    /// The worker that is to have it, once that of its run has given it back (only in `Processing`).
    pub thief: Option<WorkerId>,
    /// What its execution consists of, if it waits or waited for tasks that it submitted (only while it executes).
    pub broken: Option<Broken>,
}

/// An execution that did not compute without a break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Since when it waits, or computes again.
    pub since: Nanos,
    /// How long it had computed by then.
    pub computed: Nanos,
}

impl Task {
    /// A task that was just submitted.
    pub(crate) fn new(key: Key, graph: GraphId, options: OptionsId) -> Self {
        Self {
            key,
            graph,
            options,
            phase: Phase::Released,
            again: Again::No,
            ended: false,
            finished: false,
            attempt: 0,
            deps: SmallVec::new(),
            dependents: SmallVec::new(),
            n_dependents: 0,
            n_waiters: 0,
            n_missing: 0,
            wanted_by: SmallVec::new(),
            run: None,
            replicas: SmallVec::new(),
            bytes: 0,
            since_seq: 0,
            rare: None,
        }
    }

    /// What few tasks have; of most, nothing.
    pub fn rare(&self) -> Rare {
        self.rare.as_deref().copied().unwrap_or_default()
    }

    /// Why it erred, or failed before the retry that it waits for.
    pub fn error(&self) -> Option<Blame> {
        self.rare.as_ref()?.error
    }

    /// When the delay before its retry is over, if it waits for that.
    pub fn due_at(&self) -> Option<Nanos> {
        self.rare.as_ref()?.due_at
    }

    /// The worker that is to have it, once the one that has it has given it back.
    pub fn thief(&self) -> Option<WorkerId> {
        self.rare.as_ref()?.thief
    }

    /// Since when it computes without a break, or waits for tasks that it submitted, if it has begun.
    pub fn since(&self) -> Option<Nanos> {
        self.stretch(Nanos::ZERO).map(|last| last.since)
    }

    /// What it does at an instant, if it has begun.
    pub fn stretch(&self, at: Nanos) -> Option<Last> {
        let Executing { seceded, started_at, .. } = self.run?.executing()?;
        let whole = Broken { since: started_at, computed: Nanos::ZERO };
        let broken = self.rare.as_ref().and_then(|rare| rare.broken);
        let Broken { since, computed } = broken.unwrap_or(whole);
        let more = if seceded { Nanos::ZERO } else { at.since(since) };
        Some(Last { since, seceded, computed: computed + more })
    }

    /// Changes what few tasks have.
    pub(crate) fn amend(&mut self, change: impl FnOnce(&mut Rare)) {
        let mut rare = self.rare();
        change(&mut rare);
        self.rare = (rare != Rare::default()).then(|| Box::new(rare));
    }

    /// Empties a field of what few tasks have: for most there is nothing to do.
    #[inline]
    pub(crate) fn clear(&mut self, change: impl FnOnce(&mut Rare)) {
        if self.rare.is_some() {
            self.amend(change);
        }
    }
}

/// Whether, and why, a task runs again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Again {
    /// It does not.
    No,
    /// It failed.
    Retry,
    /// Its worker or its result was lost.
    Recompute,
    /// It was given back to be run elsewhere.
    Rebalanced,
}

/// One assignment of a task.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// Where.
    pub worker: WorkerId,
    /// Position in that worker's `assigned`.
    pub position: u32,
    /// Inputs on their way to the worker for this task.
    pub n_fetching: u32,
    /// How long it was thought to take when it was assigned; part of the worker's `occupancy`.
    pub estimate: Nanos,
    /// What `executing` gives, side by side: so a run takes 32 bytes, not 48.
    progress: Progress,
    slot: u16,
    started_at: Nanos,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Progress {
    Chained,
    Waiting,
    Executing,
    Seceded,
}

impl Run {
    /// An assignment that has not begun.
    pub(crate) fn new(worker: WorkerId, position: u32, estimate: Nanos) -> Self {
        Self {
            worker,
            position,
            n_fetching: 0,
            estimate,
            progress: Progress::Waiting,
            slot: 0,
            started_at: Nanos::ZERO,
        }
    }

    /// One input is still to be made, on the same worker.
    pub(crate) fn chain(&mut self) {
        self.progress = Progress::Chained;
    }

    /// That input is there.
    pub(crate) fn unchain(&mut self) {
        self.progress = Progress::Waiting;
    }

    /// It begins.
    pub(crate) fn begin(&mut self, slot: u16, started_at: Nanos) {
        (self.progress, self.slot, self.started_at) = (Progress::Executing, slot, started_at);
    }

    /// It waits for tasks that it submitted.
    pub(crate) fn secede(&mut self) {
        self.progress = Progress::Seceded;
    }

    /// It goes on.
    pub(crate) fn rejoin(&mut self, slot: u16) {
        (self.progress, self.slot) = (Progress::Executing, slot);
    }

    /// Where and since when it executes, or waits for tasks that it submitted.
    pub fn executing(&self) -> Option<Executing> {
        let Self { slot, started_at, .. } = *self;
        match self.progress {
            Progress::Chained | Progress::Waiting => None,
            Progress::Executing => Some(Executing { slot, seceded: false, started_at }),
            Progress::Seceded => Some(Executing { slot, seceded: true, started_at }),
        }
    }

    /// Whether one of its inputs is still to be made, by a task that the same worker has.
    pub fn is_chained(&self) -> bool {
        self.progress == Progress::Chained
    }

    /// What it does on its worker.
    pub fn stage(&self) -> Stage {
        match (self.progress, self.n_fetching) {
            (Progress::Chained, _) => Stage::Chained,
            (Progress::Waiting, 0) => Stage::Ready,
            (Progress::Waiting, _) => Stage::Fetching,
            (Progress::Executing, _) => Stage::Executing,
            (Progress::Seceded, _) => Stage::Seceded,
        }
    }
}

/// An execution that is going on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Executing {
    /// The slot; the one it left, if it has seceded.
    pub slot: u16,
    /// Whether it waits for tasks that it submitted, and has given its slot back.
    pub seceded: bool,
    /// When it began.
    pub started_at: Nanos,
}

/// One worker's copy of a result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Replica {
    /// The holder.
    pub worker: WorkerId,
    /// Position in that worker's `held`.
    pub position: u32,
    /// Whether it is on disk rather than in memory.
    pub spilled: bool,
}

/// Why a task erred.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Blame {
    /// What made the culprit fail.
    pub kind: FailureKind,
    /// The message.
    pub error: StrId,
    /// The task that failed: itself, or one it depends on.
    pub culprit: TaskId,
}
