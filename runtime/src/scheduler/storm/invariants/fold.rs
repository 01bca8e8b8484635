//! The log folds to the live state, if all of it could be recorded.

use taskreel_model::State;

use super::{Entry, World};

pub(super) fn check(world: &World, log: &[Entry]) -> State {
    let (mut state, mut changes) = (State::new(), Vec::new());
    for (event, of_event) in log {
        changes.clear();
        state.apply(event, &mut changes).expect("it was legal a moment ago");
        assert_eq!(&changes, of_event, "the same event changes the same");
    }
    state.validate();
    if let Some(live) = world.last.lock().expect("one thread").as_ref() {
        assert_eq!(state, *live, "the log does not give the live state");
    }
    state
}

#[test]
#[should_panic(expected = "the log does not give the live state")]
fn sees_a_state_that_is_not_in_the_log() {
    let (world, log) = super::sound();
    *world.last.lock().expect("one thread") = Some(State::new());
    check(&world, &log);
}

#[test]
#[should_panic(expected = "the same event changes the same")]
fn sees_a_change_that_is_not_in_the_log() {
    let (world, mut log) = super::sound();
    log.iter_mut().find(|(_, changes)| !changes.is_empty()).expect("changes").1.clear();
    check(&world, &log);
}
