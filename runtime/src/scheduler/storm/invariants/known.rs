//! Nothing acknowledged is lost: what a client was told is in the log, also right after a crash.

use std::collections::BTreeSet;

use taskreel_model::{Change, Phase, State, TaskId};

use super::{World, read};

/// Holds what clients know against the log so far, which gives `state`.
pub(in super::super) fn acknowledged(world: &World, state: &State) {
    // By its worker's report, or because a worker came back with the result.
    let finished: BTreeSet<TaskId> = read(world)
        .iter()
        .flat_map(|(_, changes)| changes)
        .filter_map(|change| match *change {
            Change::Task { task, to: Phase::Memory, .. } => Some(task),
            _ => None,
        })
        .collect();
    let truth = world.truth();
    let lost: Vec<_> = truth.told_finished.difference(&finished).collect();
    assert!(
        lost.is_empty(),
        "clients were told that these finished, and the log has it not: {lost:?}"
    );
    for &(client, local) in &truth.accepted {
        let is_there =
            state.graphs().iter().any(|graph| graph.client == client && graph.local == local);
        assert!(is_there, "the graph of {client} at {local} was accepted and is not in the log");
    }
}
