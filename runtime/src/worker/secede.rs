//! Tasks that wait for tasks that they submitted: their threads give their slots to others, and get
//! free ones when the wait is over.
//!
//! A thread keeps its task for as long as that takes; what changes hands is the number of the slot. So
//! no more threads compute than the worker has slots, however many wait.

use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use taskreel_model::Reported;

use super::{Shared, slots};
use crate::executor::Cancellation;
use crate::wire::message::Assignment;

/// The task of the calling thread gives its slot back. `false`: it has none to give, or the system
/// refuses a thread for another task; then it waits in its slot.
pub(super) fn secede(
    shared: &Arc<Shared>,
    assignment: Assignment,
    cancellation: &Cancellation,
) -> bool {
    let Assignment { task, attempt } = assignment;
    let mut board = shared.board();
    if !board.is_current(assignment) {
        return false;
    }
    let Some(slot) = cancellation.leave_behind() else { return false };
    // The other thread waits for the board, and so comes after the report.
    if let Err(error) = slots::start_slot(shared, slot) {
        tracing::warn!(%error, "a task waits in its slot: there is no thread for another one");
        cancellation.holds(slot);
        return false;
    }
    shared.n_busy.fetch_sub(1, Ordering::Relaxed);
    shared.report(Reported::Seceded { task, attempt });
    drop(board);
    // What it waits for may be the next thing that this worker does.
    shared.reports.flush();
    true
}

/// The wait is over: gives the task of the calling thread the next slot that is free. A task that was
/// given up meanwhile gets none.
pub(super) fn rejoin(shared: &Arc<Shared>, assignment: Assignment, cancellation: &Cancellation) {
    let Assignment { task, attempt } = assignment;
    let mut board = shared.board();
    board.returning.n_waiting += 1;
    shared.idle.tell(1);
    let slot = loop {
        if !board.is_current(assignment) {
            break None;
        }
        if let Some(slot) = board.returning.free.pop() {
            break Some(slot);
        }
        board = shared.returned.wait(board).unwrap_or_else(PoisonError::into_inner);
    };
    board.returning.n_waiting -= 1;
    let Some(slot) = slot else {
        let spare = board.returning.take_spare();
        drop(board);
        spare.into_iter().for_each(|slot| slots::start_again(shared, slot));
        return;
    };
    cancellation.holds(slot);
    shared.n_busy.fetch_add(1, Ordering::Relaxed);
    shared.report(Reported::Rejoined { task, attempt, slot });
}

/// Assignments ended whose tasks may wait for others: their threads are to notice.
pub(super) fn wake(shared: &Shared) {
    shared.returned.notify_all();
    shared.clients.wake();
}

/// Threads whose tasks waited for others and go on, and slots for them.
#[derive(Debug, Default)]
pub(super) struct Returning {
    /// How many want a slot.
    n_waiting: usize,
    /// Slots whose threads have ended for them.
    free: Vec<u16>,
}

impl Returning {
    /// Takes a slot for one of those that want one; `false`: there is none without.
    pub(super) fn offer(&mut self, slot: u16) -> bool {
        let is_wanted = self.n_waiting > self.free.len();
        self.free.extend(is_wanted.then_some(slot));
        is_wanted
    }

    /// A slot that was offered to one that wants it no more.
    fn take_spare(&mut self) -> Option<u16> {
        if self.free.len() > self.n_waiting { self.free.pop() } else { None }
    }
}
