//! The board: which tasks a worker has, and how far each is. Plain data behind one lock.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque, hash_map};
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use taskreel_model::{TaskId, WorkerId};

use super::secede::Returning;
use crate::executor::{Cancellation, StopReason};
use crate::task::Spec;
use crate::wire::message::{Assignment, Holder, InputRef, RunTask};

/// The assignments of a worker.
#[derive(Debug, Default)]
pub(crate) struct Board {
    tasks: FxHashMap<TaskId, Entry>,
    ready: ReadyTasks,
    /// Results on their way here, with the assignments that wait for them.
    incoming: FxHashMap<TaskId, Vec<Assignment>>,
    /// Slots that change hands.
    pub(super) returning: Returning,
}

#[derive(Debug)]
struct Entry {
    attempt: u32,
    stage: Stage,
    /// The assignments that wait for its result. If none comes of it, the scheduler revokes them.
    chained: Vec<Assignment>,
}

#[derive(Debug)]
enum Stage {
    /// Waits for so many inputs: to be fetched, or made here.
    Fetching(u32, Box<RunTask>),
    Ready(Box<RunTask>),
    Executing(Arc<Cancellation>),
}

/// Ready tasks in the order in which they are to run; those that went away are passed over.
#[derive(Debug, Default)]
struct ReadyTasks {
    /// The highest priority first, and of each the first that came.
    by_priority: BTreeMap<Reverse<i32>, VecDeque<Assignment>>,
}

impl ReadyTasks {
    fn push(&mut self, priority: i32, assignment: Assignment) {
        let rank = Reverse(priority);
        if !self.by_priority.contains_key(&rank) {
            // Nearly always there is one only, whose room is kept.
            self.by_priority.retain(|_, tasks| !tasks.is_empty());
        }
        self.by_priority.entry(rank).or_default().push_back(assignment);
    }

    fn pop(&mut self) -> Option<Assignment> {
        self.by_priority.values_mut().find_map(VecDeque::pop_front)
    }

    fn len(&self) -> usize {
        self.by_priority.values().map(VecDeque::len).sum()
    }

    fn clear(&mut self) {
        self.by_priority.clear();
    }
}

/// A task to execute.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) run: Box<RunTask>,
    pub(crate) cancellation: Arc<Cancellation>,
}

/// A result to fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) task: TaskId,
    /// Its size.
    pub(crate) bytes: u64,
    /// The task it is fetched for.
    pub(crate) dependent: TaskId,
    /// Whom to ask, in this order.
    pub(crate) holders: Vec<Holder>,
    /// The scheduler thinks that it is here, and is to be told that it is not: else it would send the
    /// dependent here again and again for the sake of it.
    pub(crate) is_lost: bool,
    /// It came with the task: nobody has to be asked.
    pub(crate) data: Option<Bytes>,
}

/// What a worker answers when it is asked for a task back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AskedBack {
    Given,
    Kept,
}

impl Board {
    /// Takes an assignment. Inputs that are not here go to `wanted`, unless they are on their way
    /// already, or nobody has them and a task of this board is to make them. `me` is passed over as a
    /// holder: what it does not have it cannot fetch from itself.
    pub(crate) fn add(
        &mut self,
        run: RunTask,
        me: WorkerId,
        is_here: impl Fn(TaskId) -> bool,
        wanted: &mut Vec<Wanted>,
    ) {
        let assignment = Assignment { task: run.task, attempt: run.attempt };
        if self.current(assignment).is_some() {
            // Sent again by a scheduler that could not know that it had arrived.
            return;
        }
        self.tasks.remove(&run.task).inspect(Entry::give_up);
        // An unreadable spec is the executor's to report: it has no inputs.
        let positions = Spec::parse(&run.spec).into_iter().flat_map(|spec| spec.positions());
        let used = positions.filter_map(|position| run.inputs.get(position));
        // What nobody has is waited for in any case, also by a task that only is to run after it.
        let is_made = |input: &&InputRef| !input.holders.is_empty();
        let unmade = run.inputs.iter().filter(|input| !is_made(input));
        let mut n_missing = 0;
        for input in used.filter(is_made).chain(unmade) {
            if is_here(input.task) {
                continue;
            }
            n_missing += 1;
            let maker = self.tasks.get_mut(&input.task).filter(|_| !is_made(&input));
            if let Some(maker) = maker {
                maker.chained.push(assignment);
                continue;
            }
            let waiting = self.incoming.entry(input.task).or_insert_with(|| {
                let others = input.holders.iter().filter(|holder| holder.worker != me);
                let (task, bytes, dependent) = (input.task, input.bytes, run.task);
                let holders: Vec<Holder> = others.cloned().collect();
                let is_lost = holders.len() < input.holders.len();
                let data = input.data.clone();
                wanted.push(Wanted { task, bytes, dependent, holders, is_lost, data });
                Vec::new()
            });
            waiting.push(assignment);
        }
        let run = Box::new(run);
        let stage = if n_missing == 0 {
            self.ready.push(run.priority, assignment);
            Stage::Ready(run)
        } else {
            Stage::Fetching(n_missing, run)
        };
        let entry = Entry { attempt: assignment.attempt, stage, chained: Vec::new() };
        self.tasks.insert(assignment.task, entry);
    }

    /// The next ready task, if there is one; it counts as executing from now on.
    pub(crate) fn take_ready(&mut self) -> Option<Ready> {
        while let Some(assignment) = self.ready.pop() {
            let Some(entry) = self.current(assignment) else { continue };
            let cancellation = Arc::new(Cancellation::default());
            let executing = Stage::Executing(Arc::clone(&cancellation));
            if let Stage::Ready(run) = std::mem::replace(&mut entry.stage, executing) {
                return Some(Ready { run, cancellation });
            }
            unreachable!("the ready queue lists each assignment once, when it becomes ready");
        }
        None
    }

    /// How many tasks are ready, or were and went away.
    pub(crate) fn n_ready(&self) -> usize {
        self.ready.len()
    }

    /// Whether an assignment has not ended.
    pub(crate) fn is_current(&mut self, assignment: Assignment) -> bool {
        self.current(assignment).is_some()
    }

    /// The assignment ended here. `false`: it was not this worker's any more.
    pub(crate) fn end(&mut self, assignment: Assignment) -> bool {
        self.take(assignment).is_some()
    }

    /// The assignment ended here, and its result is here: as [`Board::end`], with how many tasks that made
    /// ready.
    pub(crate) fn finish(&mut self, assignment: Assignment) -> Option<usize> {
        let ended = self.take(assignment)?;
        Some(self.supply(ended.chained))
    }

    /// Tells an executing task to stop; `None`: it is not executing here.
    pub(crate) fn stop(
        &mut self,
        assignment: Assignment,
        reason: StopReason,
    ) -> Option<Arc<Cancellation>> {
        match self.current(assignment).map(|entry| &entry.stage) {
            Some(Stage::Executing(cancellation)) => {
                cancellation.cancel(reason);
                Some(Arc::clone(cancellation))
            }
            Some(Stage::Fetching(..) | Stage::Ready(_)) | None => None,
        }
    }

    /// Drops an assignment, whatever its stage. `Some`: a slot that needs another thread, since what
    /// executes there does not stop.
    pub(crate) fn revoke(&mut self, assignment: Assignment) -> Option<u16> {
        let executing = self.stop(assignment, StopReason::Revoked);
        self.end(assignment);
        executing?.leave_behind()
    }

    /// The assignments that have not ended.
    pub(crate) fn assignments(&self) -> Vec<Assignment> {
        let all = self.tasks.iter();
        let mut all: Vec<Assignment> =
            all.map(|(&task, entry)| Assignment { task, attempt: entry.attempt }).collect();
        all.sort_unstable_by_key(|assignment| assignment.task);
        all
    }

    /// Drops all assignments: the worker stops.
    #[expect(clippy::iter_over_hash_type, reason = "the order in which they are told is no matter")]
    pub(crate) fn stop_all(&mut self) {
        for (_, entry) in self.tasks.drain() {
            entry.give_up();
        }
        self.ready.clear();
        self.incoming.clear();
    }

    /// Gives an assignment back unless it has begun, or ended.
    pub(crate) fn ask_back(&mut self, assignment: Assignment) -> AskedBack {
        match self.current(assignment).map(|entry| &entry.stage) {
            Some(Stage::Fetching(..) | Stage::Ready(_)) => {
                self.end(assignment);
                AskedBack::Given
            }
            Some(Stage::Executing(_)) | None => AskedBack::Kept,
        }
    }

    /// Gives back all that has not begun.
    pub(crate) fn give_back(&mut self) -> Vec<Assignment> {
        let has_begun = |stage: &Stage| matches!(stage, Stage::Executing(_));
        let mut given: Vec<Assignment> = self
            .tasks
            .extract_if(|_, entry| !has_begun(&entry.stage))
            .map(|(task, entry)| Assignment { task, attempt: entry.attempt })
            .collect();
        self.ready.clear();
        given.sort_unstable_by_key(|assignment| assignment.task);
        given
    }

    /// A result arrived; whether that made a task ready.
    pub(crate) fn arrived(&mut self, task: TaskId) -> bool {
        let mut waiting = self.incoming.remove(&task).unwrap_or_default();
        // It was to be made here, and a copy of an earlier one was on its way.
        if let Some(maker) = self.tasks.get_mut(&task) {
            waiting.append(&mut maker.chained);
        }
        self.supply(waiting) > 0
    }

    /// One more input of each of these is here; how many are ready by that.
    fn supply(&mut self, waiting: Vec<Assignment>) -> usize {
        let mut n_ready = 0;
        for assignment in waiting {
            let Some(entry) = self.current(assignment) else { continue };
            let Stage::Fetching(n_missing, run) = &mut entry.stage else { continue };
            *n_missing -= 1;
            if *n_missing == 0 {
                let priority = run.priority;
                entry.make_ready();
                self.ready.push(priority, assignment);
                n_ready += 1;
            }
        }
        n_ready
    }

    /// A result can be had from nobody; gives up the assignments that wait for it.
    pub(crate) fn missing(&mut self, task: TaskId) -> Vec<Assignment> {
        let mut waiting = self.incoming.remove(&task).unwrap_or_default();
        waiting.retain(|&assignment| self.end(assignment));
        waiting
    }

    /// Takes an assignment that has not ended off the board.
    fn take(&mut self, assignment: Assignment) -> Option<Entry> {
        match self.tasks.entry(assignment.task) {
            hash_map::Entry::Occupied(found) if found.get().attempt == assignment.attempt => {
                Some(found.remove())
            }
            hash_map::Entry::Occupied(_) | hash_map::Entry::Vacant(_) => None,
        }
    }

    fn current(&mut self, assignment: Assignment) -> Option<&mut Entry> {
        self.tasks.get_mut(&assignment.task).filter(|entry| entry.attempt == assignment.attempt)
    }
}

impl Entry {
    /// Tells it to stop, if it executes.
    fn give_up(&self) {
        if let Stage::Executing(cancellation) = &self.stage {
            cancellation.cancel(StopReason::Revoked);
        }
    }

    fn make_ready(&mut self) {
        // A stage that holds no task, for the moment of the exchange.
        let empty = Stage::Executing(Arc::default());
        self.stage = match std::mem::replace(&mut self.stage, empty) {
            Stage::Fetching(_, run) | Stage::Ready(run) => Stage::Ready(run),
            executing @ Stage::Executing(_) => executing,
        };
    }
}

#[cfg(test)]
mod tests;
