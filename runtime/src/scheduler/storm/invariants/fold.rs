//! The log folds to the live state.

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
    let live = world.last.lock().expect("one thread").take().expect("the scheduler has ended");
    assert_eq!(state, live, "the log does not give the live state");
    state
}
