//! What each execution waited for, and so the chain of executions that led to the last end: the critical path.
//!
//! An execution that waits for tasks that it submitted is several *pieces*: before the wait and after it. What a piece
//! waited for is, of all that could hold it up, what let go of it last:
//!
//! | piece | held up by, until |
//! |---|---|
//! | the first one of an execution | the tasks it depends on and its own earlier attempts, until they ended; the task that submitted it, until then |
//! | one that goes on after a wait | the piece before, until it began to wait; the tasks that it submitted, until they ended |
//!
//! 56 bytes per piece that the chain may yet lead over: that of a task that lives, or one that such a one waited for.

use std::collections::{BTreeMap, BTreeSet};

use taskreel_model::{Change, Key, Last, Nanos, Outcome, Phase, State, TaskId, WorkerId};

use crate::figure::Window;
use crate::live_tasks::LiveTasks;

const NONE: u32 = u32::MAX;

/// So many pieces are kept before it is looked which of them are on no way any more.
const N_PIECES: usize = 4_096;

/// Pieces of executions, and what each waited for.
#[derive(Clone, Debug)]
pub struct Chain {
    /// In the order in which they began to be known.
    pieces: Vec<Piece>,
    /// When there are so many, those that are on no way are let go of.
    n_pieces_max: usize,
    by_task: LiveTasks<OfTask>,
    /// Nested tasks that have not begun: the piece that submitted each, and when.
    submitted: BTreeMap<TaskId, Holdup>,
    /// Of tasks that execute: which of those that they submitted ended last.
    last_child: BTreeMap<TaskId, Holdup>,
    /// The piece that ended last.
    last: u32,
}

/// A piece on the chain, as long as the next one waited for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// Which task.
    pub task: TaskId,
    /// Its key.
    pub key: Key,
    /// On which worker, in which of its slots.
    pub place: (WorkerId, u16),
    /// When it computed.
    pub window: Window,
}

/// Pieces of a task, as places in `pieces`.
#[derive(Clone, Copy, Debug)]
struct OfTask {
    latest: u32,
    /// The latest with which it finished.
    finished: u32,
}

/// What something waited for: a place in `pieces`, and until when.
#[derive(Clone, Copy, Debug)]
struct Holdup {
    place: u32,
    until: Nanos,
}

#[derive(Clone, Copy, Debug)]
struct Piece {
    task: TaskId,
    key: Key,
    worker: WorkerId,
    slot: u16,
    start: Nanos,
    /// `Nanos::MAX` while it computes.
    stop: Nanos,
    /// Its place; `NONE`: nothing held it up.
    before: u32,
    /// Until when that held it up.
    until: Nanos,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            pieces: Vec::new(),
            n_pieces_max: N_PIECES,
            by_task: LiveTasks::default(),
            submitted: BTreeMap::new(),
            last_child: BTreeMap::new(),
            last: NONE,
        }
    }
}

impl Chain {
    /// Whether a chain wants to know of a change: of most changes of phases it does not.
    pub fn is_about(change: &Change) -> bool {
        match *change {
            Change::Task { from, to, .. } => from == Phase::Released || to == Phase::Forgotten,
            Change::Started { .. }
            | Change::Seceded { .. }
            | Change::Rejoined { .. }
            | Change::Stopped { .. } => true,
            _ => false,
        }
    }

    /// Takes in a change; `state` is as just after its event.
    pub fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        self.by_task.update(change, state);
        match *change {
            Change::Task { task, from: Phase::Released, to, .. } if to != Phase::Forgotten => {
                self.submitted(at, task, state);
            }
            Change::Task { task, to: Phase::Forgotten, .. } => {
                self.submitted.remove(&task);
            }
            Change::Started { task, worker, slot } => {
                self.started(at, task, (worker, slot), state);
            }
            Change::Seceded { task, .. } => self.end(at, self.of_task(task).latest),
            Change::Rejoined { task, worker, slot, .. } => self.rejoined(at, task, (worker, slot)),
            Change::Stopped { task, outcome, last, .. } => {
                self.stopped(at, task, (outcome, last), state);
            }
            // Only executions are on the chain.
            _ => {}
        }
    }

    /// The chain to the last end so far, first to last.
    pub fn links(&self) -> Vec<Link> {
        let mut links = Vec::new();
        let (mut next, mut until) = (self.last, Nanos::MAX);
        while let Some(piece) = self.pieces.get(next as usize) {
            let to = piece.stop.min(until).max(piece.start);
            let window = Window { from: piece.start, to };
            let Piece { task, key, worker, slot, .. } = *piece;
            links.push(Link { task, key, place: (worker, slot), window });
            // What it waited for is known for longer, so this ends.
            (next, until) = (piece.before, piece.until);
        }
        links.reverse();
        links
    }

    fn of_task(&self, task: TaskId) -> OfTask {
        self.by_task.get(task).unwrap_or(OfTask { latest: NONE, finished: NONE })
    }

    /// A task is on its way, for the first time or again.
    fn submitted(&mut self, at: Nanos, task: TaskId, state: &State) {
        let Some(parent) = state.parent(task) else { return };
        let place = self.of_task(parent).latest;
        if place != NONE && self.by_task.get(task).is_none() {
            self.submitted.insert(task, Holdup { place, until: at });
        }
    }

    fn started(&mut self, at: Nanos, task: TaskId, place: (WorkerId, u16), state: &State) {
        let Some(found) = state.task(task) else { return };
        let of_deps = found.deps.iter().map(|dep| self.of_task(*dep).finished);
        let ended = of_deps.chain([self.of_task(task).latest]);
        let ended = ended.filter_map(|place| self.held_up_by(place));
        let before = ended.chain(self.submitted.get(&task).copied());
        let before = before.max_by_key(|holdup| holdup.until);
        self.submitted.remove(&task);
        self.begin(at, (task, found.key), place, before);
    }

    fn rejoined(&mut self, at: Nanos, task: TaskId, place: (WorkerId, u16)) {
        let Some(piece) = self.pieces.get(self.of_task(task).latest as usize) else { return };
        let (key, child) = (piece.key, self.last_child.remove(&task));
        let own = self.held_up_by(self.of_task(task).latest);
        let before = own.into_iter().chain(child).max_by_key(|holdup| holdup.until);
        self.begin(at, (task, key), place, before);
    }

    fn stopped(
        &mut self,
        at: Nanos,
        task: TaskId,
        (outcome, last): (Outcome, Last),
        state: &State,
    ) {
        let place = self.of_task(task).latest;
        if !last.seceded {
            self.end(at, place);
        }
        let Some(ended) = self.held_up_by(place) else { return };
        if outcome == Outcome::Finished {
            self.by_task.set(task, OfTask { latest: place, finished: place });
        }
        if self.held_up_by(self.last).is_none_or(|last| ended.until >= last.until) {
            self.last = place;
        }
        self.last_child.remove(&task);
        let executes = |parent: &TaskId| {
            let run = state.task(*parent).and_then(|found| found.run);
            run.is_some_and(|run| run.executing().is_some())
        };
        if let Some(parent) = state.parent(task).filter(executes) {
            let known = self.last_child.entry(parent).or_insert(ended);
            if known.until <= ended.until {
                *known = ended;
            }
        }
    }

    /// A piece as what others wait for until it has ended.
    fn held_up_by(&self, place: u32) -> Option<Holdup> {
        let piece = self.pieces.get(place as usize)?;
        Some(Holdup { place, until: piece.stop })
    }

    fn begin(
        &mut self,
        at: Nanos,
        (task, key): (TaskId, Key),
        (worker, slot): (WorkerId, u16),
        before: Option<Holdup>,
    ) {
        let Holdup { place: before, until } =
            before.unwrap_or(Holdup { place: NONE, until: Nanos::ZERO });
        let latest = self.pieces.len() as u32;
        // Clocks of workers differ a little.
        let until = until.min(at);
        let (start, stop) = (at, Nanos::MAX);
        self.pieces.push(Piece { task, key, worker, slot, start, stop, before, until });
        self.by_task.set(task, OfTask { latest, ..self.of_task(task) });
        if self.pieces.len() >= self.n_pieces_max {
            self.let_go();
        }
    }

    fn end(&mut self, at: Nanos, place: u32) {
        if let Some(piece) = self.pieces.get_mut(place as usize) {
            piece.stop = at.max(piece.start);
        }
    }

    /// Keeps the pieces that a chain may lead over: those of tasks that live, those that submitted what has not begun, the
    /// one that ended last, and all that these waited for.
    fn let_go(&mut self) {
        let mut is_kept = vec![false; self.pieces.len()];
        for place in self.places_mut() {
            if let Some(kept) = is_kept.get_mut(*place as usize) {
                *kept = true;
            }
        }
        // What a piece waited for was known earlier.
        for place in (0..self.pieces.len()).rev() {
            if is_kept[place] && self.pieces[place].before != NONE {
                is_kept[self.pieces[place].before as usize] = true;
            }
        }
        let mut n_kept = 0;
        let place = |is_kept: &bool| {
            n_kept += u32::from(*is_kept);
            if *is_kept { n_kept - 1 } else { NONE }
        };
        let places: Vec<u32> = is_kept.iter().map(place).collect();
        let mut is_kept = is_kept.into_iter();
        self.pieces.retain(|_| is_kept.next().unwrap_or(false));
        self.n_pieces_max = (2 * self.pieces.len()).max(N_PIECES);
        let moved = |place: &mut u32| *place = places.get(*place as usize).copied().unwrap_or(NONE);
        self.pieces.iter_mut().for_each(|piece| moved(&mut piece.before));
        self.places_mut().for_each(moved);
    }

    /// All places but those of which pieces tell.
    fn places_mut(&mut self) -> impl Iterator<Item = &mut u32> {
        let of_tasks = self.by_task.values_mut().flat_map(|of| [&mut of.latest, &mut of.finished]);
        let holdups = self.submitted.values_mut().chain(self.last_child.values_mut());
        of_tasks.chain(holdups.map(|holdup| &mut holdup.place)).chain([&mut self.last])
    }
}

/// How many tasks a chain leads over, each counted once.
pub fn n_tasks(links: &[Link]) -> usize {
    links.iter().map(|link| link.task).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests;
