//! A long `map` travels in parts, and is one graph nevertheless, whatever happens between two of them.

use std::collections::BTreeMap;
use std::time::Duration;

use taskreel::TaskErrorKind;
use taskreel::wire::operate::Target;
use taskreel_model::{CancelReason, Event, GraphId};

use super::scene::{Scene, Trace, connect, count, role, wait_until};
use super::{add, slow_add};

/// How many tasks each graph got, fewest first.
fn graphs(trace: &Trace) -> Vec<u32> {
    let mut n_tasks: BTreeMap<GraphId, u32> = BTreeMap::new();
    for event in &trace.events {
        if let Event::TaskSubmitted { graph, .. } = event.what {
            *n_tasks.entry(graph).or_default() += 1;
        }
    }
    assert_eq!(n_tasks.len(), trace.n_graphs());
    let mut n_tasks: Vec<u32> = n_tasks.into_values().collect();
    n_tasks.sort_unstable();
    n_tasks
}

#[test]
fn a_map_of_a_hundred_thousand_is_one_graph() {
    let mut scene = Scene::new();
    scene.start_workers(2);
    let (client, other) = (scene.client("ann"), scene.client("bob"));
    let mut others = Vec::new();
    let sums = client.map(0..100_000_i64, |i| {
        if i == 50_000 {
            let sum = other.submit(add(i, 1));
            assert_eq!(sum.wait().unwrap(), i + 1);
            others.push(sum);
        }
        add(i, 1)
    });
    let status = scene.operator().status().unwrap();
    let of_ann = status.graphs.iter().filter(|graph| graph.name == "ann");
    assert!(of_ann.count() <= 1, "{:?}", status.graphs);
    assert_eq!(client.gather(&sums).unwrap(), (1..100_001).collect::<Vec<i64>>());
    drop((sums, others, client, other));
    let trace = scene.shut_down();
    assert_eq!(graphs(&trace), [1, 100_000]);
    assert!(count(&trace, |e| matches!(e, Event::GraphExtended { .. })) >= 12);
}

#[test]
fn the_scheduler_dies_in_the_middle_of_a_map() {
    let mut scene = Scene::new();
    scene.start_workers(1);
    let client = scene.client("ann");
    let sums = client.map(0..30_000_i64, |i| {
        match i {
            12_000 => {
                scene.wait_for_event("a part came", |e| matches!(e, Event::TaskSubmitted { .. }));
                scene.kill_scheduler();
            }
            20_000 => scene.start_scheduler(),
            _ => {}
        }
        add(i, 1)
    });
    assert_eq!(client.gather(&sums).unwrap(), (1..30_001).collect::<Vec<i64>>());
    drop((sums, client));
    let trace = scene.shut_down();
    assert_eq!(graphs(&trace), [30_000], "nothing came twice");
    assert_eq!(trace.state.incarnation(), 1);
}

#[test]
fn a_graph_is_given_up_of_which_parts_are_to_come() {
    let mut scene = Scene::new();
    scene.start_workers(1);
    let client = scene.client("ann");
    let long = client.map(0..30_000_i64, |i| {
        if i == 12_000 {
            let graph = wait_until("a part came", || {
                let status = scene.operator().status().ok()?;
                status.graphs.first().map(|graph| graph.id)
            });
            assert!(scene.operator().cancel(Target::Graph(graph)).unwrap() > 0);
        }
        slow_add(i, 1, 20)
    });
    for late in &long[12_000..] {
        assert_eq!(late.wait_done().unwrap_err().kind(), TaskErrorKind::Cancelled);
    }
    // What comes next is another graph.
    assert_eq!(client.submit(add(1, 2)).wait().unwrap(), 3);
    drop((long, client));
    let trace = scene.shut_down();
    let given_up =
        |e: &Event| matches!(e, Event::TaskCancelled { reason: CancelReason::Requested, .. });
    assert!(count(&trace, given_up) >= 18_000);
}

#[test]
fn a_client_dies_in_the_middle_of_a_map() {
    let mut scene = Scene::new();
    scene.start_workers(1);
    let mut guest = scene.start_client("parts::endless_client_process");
    scene.wait_for_event("its graph goes on", |e| matches!(e, Event::GraphExtended { .. }));
    guest.kill().unwrap();
    guest.wait().unwrap();
    scene.wait_for_event("it is taken to have left", |e| matches!(e, Event::ClientLeft { .. }));
    let status = scene.operator().status().unwrap();
    assert!(status.clients.is_empty() && status.graphs.is_empty(), "{status:?}");
    let trace = scene.shut_down();
    assert_eq!(graphs(&trace).len(), 1);
    assert!(trace.state.tasks().is_empty(), "nothing is left of it");
}

/// A program that never comes to the end of its `map`.
#[test]
fn endless_client_process() {
    let Some(address) = role("client") else { return };
    let client = connect(&address, "guest");
    // Of unknown length, so that nobody makes room for all of it.
    client.map((0..i64::MAX).filter(|_| true), |i| {
        if i >= 20_000 {
            std::thread::sleep(Duration::from_millis(1));
        }
        slow_add(i, 1, 20)
    });
}
