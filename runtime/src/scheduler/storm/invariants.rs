//! What must hold of every storm. One thing a file; each reads the log from its begin.

mod counted;
mod delays;
mod dependencies;
mod ends;
mod fold;
mod known;
mod once;
mod slots;

use std::sync::Arc;

use taskreel_model::{Change, Event, Stamped, State};
use taskreel_recorder::{Source, TraceReader};

use super::world::World;

pub(super) use known::acknowledged;

/// Holds one recorded run against all of them.
pub(super) fn check(world: &World) {
    let log = read(world);
    let state = fold::check(world, &log);
    if world.last.lock().expect("one thread").is_some() {
        ends::check(&state);
    }
    counted::check(world, &log, &state);
    once::check(world, &log);
    delays::check(&log);
    dependencies::check(&log);
    slots::check(&log);
    acknowledged(world);
}

/// An event with what it changed.
pub(super) type Entry = (Stamped<Event>, Vec<Change>);

/// All events of the trace, with their changes.
pub(super) fn read(world: &World) -> Vec<Entry> {
    let mut reader = TraceReader::open(&world.path()).expect("the trace opens");
    let (mut log, mut state) = (Vec::new(), State::new());
    while let Some(batch) = reader.next_batch().expect("the trace can be read") {
        for event in batch.events {
            let mut changes = Vec::new();
            state.apply(&event, &mut changes).expect("the log is legal");
            log.push((event, changes));
        }
    }
    log
}

/// A run in which all went as it should, and its log: to be broken. It has results on several workers, and a
/// retry that was put off.
fn sound() -> (Arc<World>, Vec<Entry>) {
    (0..200)
        .find_map(|seed| {
            let world = super::play(seed, super::Mischief::None);
            let is_whole = world.last.lock().expect("one thread").is_some();
            let log = read(&world);
            let is_due = |(event, _): &Entry| matches!(event.what, Event::RetryDue { .. });
            (is_whole && log.iter().any(is_due)).then_some((world, log))
        })
        .expect("a run with a retry")
}

/// The first change of a kind, and the list that it is in.
fn first<'a>(
    mut lists: impl Iterator<Item = &'a mut Vec<Change>>,
    is_it: impl Fn(&Change) -> bool,
) -> (&'a mut Vec<Change>, Change) {
    let list = lists.find(|list| list.iter().any(&is_it)).expect("there is one");
    let found = *list.iter().find(|change| is_it(change)).expect("it was just found");
    (list, found)
}
