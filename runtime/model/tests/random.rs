//! Random runs: whatever arrives, and in whatever order, the state stays consistent, replay gives
//! the same, and what was asked for ends.

#[path = "random/hostile.rs"]
mod hostile;
#[path = "random/keyframes.rs"]
mod keyframes;
#[path = "random/peer.rs"]
mod peer;
#[path = "random/world.rs"]
mod world;

use proptest::prelude::*;
use taskreel_model::{Event, Phase, Stamped, State};
use world::{Action, Manners, World};

fn actions() -> impl Strategy<Value = Vec<Action>> {
    prop::collection::vec((any::<u8>(), any::<u16>(), any::<u16>()), 1..120)
        .prop_map(|drawn| drawn.into_iter().map(|(what, a, b)| Action { what, a, b }).collect())
}

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config(192))]

    /// Workers that tell the truth, though late: nothing they say is ever refused.
    #[test]
    fn honest_workers(actions in actions()) {
        run(&actions, Manners::Honest);
    }

    /// Workers that also tell what never happened.
    #[test]
    fn lying_workers(actions in actions()) {
        run(&actions, Manners::Lying);
    }

    /// A log with some of its events missing, doubled, exchanged or forged folds to an error or
    /// to a consistent state, and never panics.
    #[test]
    fn damaged_logs(actions in actions(), damage in any::<[(u16, u8); 6]>()) {
        let mut world = World::new(Manners::Honest);
        actions.iter().for_each(|action| world.act(*action));
        fold_what_is_legal(hostile::damaged(&world.log, damage));
    }

    /// A state that was stored and restored is the same, and goes on the same.
    #[test]
    fn keyframes_come_back(actions in actions(), every in 1..40_usize) {
        let mut world = World::new(Manners::Lying);
        actions.iter().for_each(|action| world.act(*action));
        keyframes::restore_along(&world.log, every);
    }

    /// Whatever a stored state says: an error, or a consistent state that folds without a panic.
    #[test]
    fn forged_keyframes(
        actions in actions(),
        at in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut world = World::new(Manners::Lying);
        actions.iter().for_each(|action| world.act(*action));
        let changes: Vec<_> = changes.iter().map(|(at, byte)| (*at, *byte)).collect();
        keyframes::fold_from_forged(&world.log, at.index(world.log.len()), &changes);
    }

    /// Events made up from nothing, with small ids.
    #[test]
    fn forged_logs(forged in prop::collection::vec(hostile::event(), 1..160)) {
        fold_what_is_legal(hostile::prelude().into_iter().chain(forged).collect());
    }
}

fn run(actions: &[Action], manners: Manners) {
    let mut world = World::new(manners);
    for action in actions {
        world.act(*action);
    }
    world.settle();
    let state = &world.state;
    assert!(state.is_idle(), "all that was submitted has ended: {:?}", state.totals());
    assert!(state.flights().is_empty(), "no copy is on its way");
    for (id, task) in state.tasks().iter() {
        let ended = matches!(task.phase, Phase::Memory | Phase::Erred);
        assert!(ended || task.wanted_by.is_empty(), "{id} is wanted and {:?}", task.phase);
    }
    for (id, graph) in state.graphs().iter() {
        assert_eq!(graph.n_ended, graph.n_tasks, "{id} has ended");
    }
    let mut folded = State::new();
    let mut changes = Vec::new();
    for event in &world.log {
        folded.apply(event, &mut changes).expect("live it was legal");
    }
    assert_eq!(folded, *state, "replay gives the state the run ended with");
    assert_eq!(changes, world.changes, "and the same changes");
}

/// Applies events one after the other, each stamped as the next; those refused leave no trace.
fn fold_what_is_legal(events: Vec<Event>) {
    let mut state = State::new();
    let mut changes = Vec::new();
    for (n, what) in events.into_iter().enumerate() {
        let at = taskreel_model::Nanos(1_000 * n as u64);
        let event = Stamped { seq: state.next_seq(), logged_at: at, at, cause: None, what };
        let before = (n % 8 == 0).then(|| state.clone());
        let n_changes = changes.len();
        if state.apply(&event, &mut changes).is_ok() {
            state.validate();
        } else {
            assert_eq!(changes.len(), n_changes, "{event:?} is refused and brought changes");
            assert!(before.is_none_or(|before| before == state), "{event:?} changed the state");
        }
    }
}
