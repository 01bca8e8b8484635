//! Every task ends, and nothing is left of what nobody wants any more. That every client had an answer for every task
//! is seen by the storm's coming to its end.

use taskreel_model::State;

pub(super) fn check(state: &State) {
    let active = state.tasks().iter().filter(|(_, task)| task.phase.is_active()).count();
    assert_eq!(active, 0, "tasks are still active");
    assert_eq!(state.tasks().iter().count(), 0, "tasks that nobody wants are still known");
    assert!(state.clients().is_empty(), "clients that have left are still known");
}
