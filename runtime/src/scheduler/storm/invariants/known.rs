//! Nothing acknowledged is lost: what a client was told is in the log, also right after a crash.

use std::collections::{BTreeMap, BTreeSet};

use taskreel_model::{Change, ClientId, Event, Phase, TaskId};

use super::{World, read};

/// Holds what clients know against the log so far.
pub(in super::super) fn acknowledged(world: &World) {
    // By its worker's report, or because a worker came back with the result.
    let log = read(world);
    let finished: BTreeSet<TaskId> = log
        .iter()
        .flat_map(|(_, changes)| changes)
        .filter_map(|change| {
            let Change::Task { task, to: Phase::Memory, .. } = *change else { return None };
            Some(task)
        })
        .collect();
    let truth = world.truth();
    let known = truth.recorded();
    let lost: Vec<_> = known.finished.difference(&finished).collect();
    assert!(
        lost.is_empty(),
        "clients were told that these finished, and the log has it not: {lost:?}"
    );
    let events = log.iter().map(|(event, _)| &event.what);
    let submitted = submitted(events);
    let lost: Vec<_> = known.accepted.difference(&submitted).collect();
    assert!(lost.is_empty(), "these graphs were accepted, and the log has them not: {lost:?}");
}

/// The client's number of the first task of each graph, and of each part of one.
fn submitted<'a>(events: impl Iterator<Item = &'a Event>) -> BTreeSet<(ClientId, u32)> {
    let (mut submitted, mut ends) = (BTreeSet::new(), BTreeMap::new());
    for event in events {
        let (graph, client, local, n_tasks) = match *event {
            Event::GraphSubmitted { graph, client, local, n_tasks, .. } => {
                (graph, client, local, n_tasks)
            }
            Event::GraphExtended { graph, n_tasks, .. } => {
                let (client, local) = ends[&graph];
                (graph, client, local, n_tasks)
            }
            _ => continue,
        };
        ends.insert(graph, (client, local + n_tasks));
        submitted.insert((client, local));
    }
    submitted
}

#[test]
#[should_panic(expected = "clients were told that these finished")]
fn sees_a_result_that_is_not_in_the_log() {
    let (world, _log) = super::sound();
    world.truth().told.finished.insert(TaskId(u32::MAX));
    acknowledged(&world);
}

#[test]
#[should_panic(expected = "these graphs were accepted")]
fn sees_a_graph_that_is_not_in_the_log() {
    let (world, _log) = super::sound();
    world.truth().told.accepted.insert((ClientId(0), u32::MAX));
    acknowledged(&world);
}
