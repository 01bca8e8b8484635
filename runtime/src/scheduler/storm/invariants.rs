//! What must hold of every storm. One thing a file; each reads the log from its begin.

mod delays;
mod dependencies;
mod ends;
mod fold;
mod known;
mod once;
mod slots;

use taskreel_model::{Change, Event, Stamped, State};
use taskreel_recorder::{Source, TraceReader};

use super::world::World;

pub(super) use known::acknowledged;

/// Holds one recorded run against all of them.
pub(super) fn check(world: &World) {
    let log = read(world);
    let state = fold::check(world, &log);
    ends::check(&state);
    once::check(world, &log);
    delays::check(&log);
    dependencies::check(&log);
    slots::check(&log);
    acknowledged(world, &state);
}

/// An event with what it changed.
pub(super) type Entry = (Stamped<Event>, Vec<Change>);

/// All events of the trace, with their changes.
fn read(world: &World) -> Vec<Entry> {
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
