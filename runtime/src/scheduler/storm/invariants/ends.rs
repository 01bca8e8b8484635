//! Every task ends, and nothing is left of what nobody wants any more. That every client had an answer for every task
//! is seen by the storm's coming to its end.

use taskreel_model::State;

pub(super) fn check(state: &State) {
    let active = state.tasks().iter().filter(|(_, task)| task.phase.is_active()).count();
    assert_eq!(active, 0, "tasks are still active");
    assert_eq!(state.tasks().iter().count(), 0, "tasks that nobody wants are still known");
    assert!(state.clients().is_empty(), "clients that have left are still known");
}

#[test]
#[should_panic(expected = "tasks are still active")]
fn sees_a_task_that_does_not_end() {
    check(&half());
}

#[test]
#[should_panic(expected = "tasks that nobody wants are still known")]
fn sees_a_task_that_is_left() {
    let (_world, log) = super::sound();
    let is_over = |state: &State| state.tasks().iter().all(|(_, task)| !task.phase.is_active());
    let (mut state, mut changes) = (State::new(), Vec::new());
    for (event, _) in &log {
        state.apply(event, &mut changes).expect("it was legal");
        if state.tasks().len() > 1 && is_over(&state) {
            return check(&state);
        }
    }
}

/// The state in the middle of a run.
fn half() -> State {
    let (_world, log) = super::sound();
    let (mut state, mut changes) = (State::new(), Vec::new());
    for (event, _) in &log {
        state.apply(event, &mut changes).expect("it was legal");
        if state.tasks().iter().any(|(_, task)| task.phase.is_active()) {
            break;
        }
    }
    state
}
