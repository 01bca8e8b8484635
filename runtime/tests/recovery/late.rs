//! What a worker did not get to tell is told by the one that follows it: once, and marked where the
//! worker was given up meanwhile.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use taskreel::task;
use taskreel_model::{Event, LossReason, WorkerId};

use crate::scene::{Scene, Trace, count, wait_until};

const N_MARKS: usize = 50;

/// Waits for a file, and leaves marks: more reports than there are without them.
#[task]
fn marked(file: &str, number: i64) -> i64 {
    while !Path::new(file).exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    for _ in 0..N_MARKS {
        taskreel::mark("mark");
    }
    number
}

/// Two workers run a task each, which ends while there is no scheduler: what they have to tell is on
/// their disks. The first worker is killed.
fn ended_without_a_scheduler(scene: &mut Scene) -> Vec<taskreel::TaskFuture<i64>> {
    scene.start_workers(2);
    let client = scene.client("ann");
    let file = scene.path("go");
    let name = file.to_str().unwrap().to_owned();
    let tasks = client.map(0..2_i64, |number| marked(name.clone(), number));
    for worker in [WorkerId(0), WorkerId(1)] {
        let begun = |e: &Event| matches!(e, Event::TaskStarted { worker: on, .. } if *on == worker);
        scene.wait_for_event("its task has begun", begun);
    }
    scene.kill_scheduler();
    std::fs::write(file, "").unwrap();
    wait_until("both have written what they have to tell", || {
        let told = scene.journals().into_iter().filter(|bytes| *bytes > 10 * N_MARKS as u64);
        (told.count() == 2).then_some(())
    });
    scene.kill_worker(0);
    tasks
}

fn first_attempts(trace: &Trace) -> Vec<WorkerId> {
    let ended = trace.events.iter().filter_map(|event| match event.what {
        Event::TaskFinished { worker, attempt: 1, .. } => Some(worker),
        _ => None,
    });
    ended.collect()
}

fn marks(trace: &Trace) -> usize {
    count(trace, |event| matches!(event, Event::Marked { .. }))
}

#[test]
fn a_worker_killed_while_there_is_no_scheduler_has_told_all_it_did() {
    let mut scene = Scene::new();
    let tasks = ended_without_a_scheduler(&mut scene);
    scene.replace_worker(0);
    scene.start_scheduler();
    let sum: i64 = tasks.iter().map(|task| task.wait().unwrap()).sum();
    assert_eq!(sum, 1);
    drop(tasks);
    let trace = scene.shut_down();
    assert_eq!(trace.lost(), [LossReason::Disconnected]);
    // Both attempts ended once, each on its worker; the result that died with the first is made anew.
    let ended = first_attempts(&trace);
    assert_eq!(ended.len(), 2, "{ended:?}");
    assert_eq!(BTreeSet::from_iter(ended), [WorkerId(0), WorkerId(1)].into());
    assert_eq!(marks(&trace), 3 * N_MARKS);
}

#[test]
fn what_comes_after_a_worker_was_lost_is_recorded_once_and_marked() {
    let mut scene = Scene::new();
    let tasks = ended_without_a_scheduler(&mut scene);
    scene.start_scheduler();
    scene.wait_for_event("it is given up", |e| matches!(e, Event::WorkerLost { .. }));
    scene.replace_worker(0);
    wait_until("what it left was taken", || scene.journals().is_empty().then_some(()));
    // Whoever comes now finds nothing to tell.
    scene.start_workers(1);
    let sum: i64 = tasks.iter().map(|task| task.wait().unwrap()).sum();
    assert_eq!(sum, 1);
    drop(tasks);
    let trace = scene.shut_down();
    assert_eq!(trace.lost(), [LossReason::NotBack]);
    // The first of that name; ids go by who joins first.
    let named = trace.state.workers().iter().position(|w| w.info.name == "worker-0").unwrap();
    let (dead, other) = (WorkerId(named as u32), WorkerId(1 - named as u32));
    assert_eq!(first_attempts(&trace), [other]);
    let late: Vec<_> =
        trace.logs.iter().filter(|line| line.text.starts_with("told after")).collect();
    let says = |text: &str| late.iter().filter(|line| line.text.contains(text)).count();
    assert!(late.iter().all(|line| line.worker == Some(dead)));
    assert_eq!((says("mark"), says("attempt 1 finished")), (N_MARKS, 1), "{late:?}");
    assert_eq!(marks(&trace), 2 * N_MARKS, "of the two attempts that count");
    let accepted =
        |e: &Event| matches!(e, Event::ReportsAccepted { worker, .. } if *worker == dead);
    let lost_at = trace.events.iter().position(|e| matches!(e.what, Event::WorkerLost { .. }));
    let after = trace.events[lost_at.unwrap()..].iter().filter(|e| accepted(&e.what)).count();
    assert_eq!(after, 1);
}
