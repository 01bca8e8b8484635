//! Rows of tasks that were sent ahead of their inputs, when what has them dies.

use std::time::Duration;

use taskreel::task;
use taskreel_model::{AssignReason, Event};

use crate::scene::{Scene, Trace, count};

const N_STEPS: u64 = 600;

#[task]
fn step(number: u64) -> u64 {
    std::thread::sleep(Duration::from_micros(500));
    number + 1
}

/// Runs a long row of short tasks, and does something when some of them have run.
fn disturbed(disturb: impl FnOnce(&mut Scene)) -> Trace {
    let mut scene = Scene::new();
    scene.start_workers(2);
    let client = scene.client("ann");
    let mut last = client.submit(step(0));
    for _ in 1..N_STEPS {
        last = client.submit(step(last));
    }
    scene.wait_for_event("a task is chained", is_chained);
    disturb(&mut scene);
    assert_eq!(last.wait().unwrap(), N_STEPS);
    drop((last, client));
    let trace = scene.shut_down();
    let n_chained = count(&trace, is_chained);
    assert!(n_chained > 10, "{n_chained}");
    let failed = count(&trace, |e| matches!(e, Event::TaskFailed { .. }));
    assert_eq!(failed, 0, "nobody is blamed");
    assert!(trace.state.is_idle());
    trace
}

fn is_chained(event: &Event) -> bool {
    matches!(event, Event::TaskAssigned { reason: AssignReason::Chained, .. })
}

#[test]
fn both_workers_die_that_may_have_a_row() {
    let trace = disturbed(|scene| {
        scene.replace_worker(0);
        scene.replace_worker(1);
    });
    assert_eq!(trace.lost().len(), 2);
}

#[test]
fn the_scheduler_dies_that_has_sent_a_row() {
    let trace = disturbed(|scene| {
        scene.kill_scheduler();
        scene.start_scheduler();
    });
    assert!(trace.lost().is_empty(), "{:?}", trace.lost());
    // No result was lost, so each ran once.
    let n_tasks = trace.state.totals().total() as usize;
    assert_eq!(count(&trace, |e| matches!(e, Event::TaskStarted { .. })), n_tasks);
}
