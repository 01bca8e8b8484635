//! Threads without a slot, kept for a while: a task that waits for others needs one for its slot, and a
//! worker whose tasks wait often would else start and end a thread for each wait.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A thread that got no slot for so long ends.
const PATIENCE: Duration = Duration::from_secs(2);

/// The threads of a worker that have no slot and no task.
#[derive(Debug)]
pub(super) struct Spares {
    /// So many are kept at the most.
    n_most: usize,
    state: Mutex<State>,
    /// A slot was handed over, or the worker stops.
    told: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many threads wait, or are about to; never fewer than slots.
    n_waiting: usize,
    /// The slots that were handed to them, and not taken yet.
    slots: Vec<u16>,
    stopping: bool,
}

impl Spares {
    /// For a worker with so many slots: more threads than it can have slots to give are not kept.
    pub(super) fn new(n_slots: u16) -> Self {
        let n_most = usize::from(n_slots.max(1));
        Self { n_most, state: Mutex::default(), told: Condvar::new() }
    }

    /// The calling thread has no slot any more, and calls [`Self::wait`] next: from now on a slot can be
    /// handed to it. `false`: there are enough, and it is to end.
    pub(super) fn enter(&self) -> bool {
        let mut state = self.lock();
        let is_kept = !state.stopping && state.n_waiting - state.slots.len() < self.n_most;
        state.n_waiting += usize::from(is_kept);
        is_kept
    }

    /// Hands a slot to a thread that has entered. `false`: there is none.
    pub(super) fn hand_over(&self, slot: u16) -> bool {
        let mut state = self.lock();
        if state.n_waiting == state.slots.len() {
            return false;
        }
        state.slots.push(slot);
        self.told.notify_one();
        true
    }

    /// Waits for a slot, after [`Self::enter`]. `None`: none came for long, or the worker stops.
    pub(super) fn wait(&self) -> Option<u16> {
        let begin = Instant::now();
        let mut state = self.lock();
        loop {
            let slot = state.slots.pop();
            let left = PATIENCE.saturating_sub(begin.elapsed());
            if slot.is_some() || state.stopping || left.is_zero() {
                state.n_waiting -= 1;
                return slot;
            }
            let told = self.told.wait_timeout(state, left);
            state = told.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends all threads that wait.
    pub(super) fn stop(&self) {
        self.lock().stopping = true;
        self.told.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_goes_to_a_thread_that_has_entered_and_to_no_other() {
        let spares = Spares::new(2);
        assert!(!spares.hand_over(0), "nobody is there");
        assert!(spares.enter() && spares.enter());
        assert!(!spares.enter(), "two are enough");
        assert!(spares.hand_over(0) && spares.hand_over(1));
        assert!(!spares.hand_over(2), "both have one");
        // Those two have slots: others may come in their place.
        assert!(spares.enter());
        assert_eq!([spares.wait(), spares.wait()].iter().flatten().count(), 2);
        spares.stop();
        assert_eq!(spares.wait(), None);
        assert!(!spares.enter(), "the worker stops");
    }
}
