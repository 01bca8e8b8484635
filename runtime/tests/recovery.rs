//! End to end, over processes that die: schedulers, workers and clients are killed, stopped for a
//! while, or leave, and the run goes on.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

#[path = "recovery/chains.rs"]
mod chains;
#[path = "recovery/chaos.rs"]
mod chaos;
#[path = "recovery/late.rs"]
mod late;
#[path = "recovery/nested.rs"]
mod nested;
#[path = "recovery/parts.rs"]
mod parts;
#[path = "recovery/scene.rs"]
mod scene;

use std::time::Duration;

use scene::{Scene, count, wait_until};
use taskreel::{TaskErrorKind, task};
use taskreel_model::{Event, FailureKind, LossReason, Nanos};

#[task]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[task]
fn slow_add(a: i64, b: i64, ms: u64) -> i64 {
    std::thread::sleep(Duration::from_millis(ms));
    a + b
}

#[task]
fn exit() {
    std::process::exit(9);
}

#[test]
fn the_scheduler_is_killed_and_the_run_goes_on() {
    let mut scene = Scene::new();
    scene.start_workers(2);
    let client = scene.client("ann");
    let first = client.map(0..40_i64, |i| slow_add(i, 1, 5));
    let second: Vec<_> = first.iter().map(|one| client.submit(slow_add(one, 1, 5))).collect();
    wait_until("some have finished", || second[1].is_done().then_some(()));
    scene.kill_scheduler();
    // Submitted while nobody is there: sent when somebody is.
    let third: Vec<_> = second.iter().map(|one| client.submit(add(one, 1))).collect();
    scene.start_scheduler();
    assert_eq!(client.gather(&third).unwrap(), (3..43).collect::<Vec<i64>>());
    drop(first);
    assert_eq!(client.gather(&second).unwrap(), (2..42).collect::<Vec<i64>>());
    drop((second, third, client));
    let trace = scene.shut_down();
    assert_eq!(trace.state.incarnation(), 1);
    assert_eq!(trace.state.workers().len(), 2, "both came back as who they were");
    assert!(trace.lost().is_empty(), "{:?}", trace.lost());
    // No worker was lost, so nothing had to run again, and nothing is told twice.
    assert_eq!(count(&trace, |e| matches!(e, Event::TaskFinished { .. })), 120);
    assert_eq!(count(&trace, |e| matches!(e, Event::TaskStarted { .. })), 120);
    assert_eq!(count(&trace, |e| matches!(e, Event::GraphSubmitted { .. })), trace.n_graphs());
}

/// Fails until the file is there.
#[task]
fn needs_file(path: &str) -> Result<i64, String> {
    if std::path::Path::new(path).exists() { Ok(7) } else { Err("no file".to_owned()) }
}

#[test]
fn a_delay_before_a_retry_goes_on_when_the_scheduler_starts_again() {
    let mut scene = Scene::new();
    scene.start_workers(1);
    let client = scene.client("ann");
    let file = scene.path("file");
    let delay = Duration::from_secs(4);
    let call = needs_file(file.to_str().unwrap()).retries(1).retry_delay(delay);
    let task = client.submit(call);
    scene.wait_for_event("it fails", |e| matches!(e, Event::TaskFailed { .. }));
    scene.kill_scheduler();
    std::fs::write(file, "").unwrap();
    // Half of the delay passes while there is no scheduler.
    std::thread::sleep(delay / 2);
    scene.start_scheduler();
    assert_eq!(task.wait().unwrap(), 7);
    drop(task);
    let trace = scene.shut_down();
    let at = |is_it: fn(&Event) -> bool| {
        trace.events.iter().rfind(|event| is_it(&event.what)).unwrap().at
    };
    let started = at(|e| matches!(e, Event::SchedulerStarted { .. }));
    let failed = at(|e| matches!(e, Event::TaskFailed { .. }));
    let due = at(|e| matches!(e, Event::RetryDue { .. }));
    let delay = Nanos(delay.as_nanos() as u64);
    assert!(failed + delay <= due, "it came early: failed at {failed}, due at {due}");
    assert!(due < started + delay, "it began anew: started at {started}, due at {due}");
}

#[test]
fn workers_that_died_with_the_scheduler_are_given_up() {
    let mut scene = Scene::new();
    scene.start_workers(2);
    let client = scene.client("ann");
    let held = client.map(0..20_i64, |i| add(i, 1));
    client.gather(&held).unwrap();
    scene.kill_scheduler();
    scene.kill_worker(0);
    scene.start_scheduler();
    let sums: Vec<_> = held.iter().map(|one| client.submit(add(one, 1))).collect();
    assert_eq!(client.gather(&sums).unwrap(), (2..22).collect::<Vec<i64>>());
    let trace = scene.shut_down();
    assert_eq!(trace.lost(), [LossReason::NotBack]);
}

#[test]
fn a_worker_that_was_silent_comes_back_with_what_it_holds() {
    let mut scene = Scene::new();
    scene.start_workers(1);
    let client = scene.client("ann");
    let held = client.map(0..20_i64, |i| add(i, 1));
    client.gather(&held).unwrap();
    scene.signal_worker(0, "STOP");
    scene.wait_for_event("its loss", |e| matches!(e, Event::WorkerLost { .. }));
    scene.signal_worker(0, "CONT");
    let sums: Vec<_> = held.iter().map(|one| client.submit(add(one, 1))).collect();
    assert_eq!(client.gather(&sums).unwrap(), (2..22).collect::<Vec<i64>>());
    let trace = scene.shut_down();
    assert_eq!(trace.lost(), [LossReason::Silent]);
    assert_eq!(count(&trace, |e| matches!(e, Event::ReplicaAdded { .. })), 20);
    assert_eq!(count(&trace, |e| matches!(e, Event::TaskStarted { .. })), 40, "each ran once");
}

#[test]
fn a_worker_that_retires_hands_its_results_on() {
    let mut scene = Scene::new();
    scene.start_workers(1);
    let client = scene.client("ann");
    let held = client.map(0..50_i64, |i| add(i, 1));
    client.gather(&held).unwrap();
    scene.start_workers(1);
    scene.operator().retire("worker-0").unwrap();
    scene.wait_for_worker(0);
    let sums: Vec<_> = held.iter().map(|one| client.submit(add(one, 1))).collect();
    assert_eq!(client.gather(&sums).unwrap(), (2..52).collect::<Vec<i64>>());
    let trace = scene.shut_down();
    assert_eq!(trace.lost(), [LossReason::Retired]);
    assert_eq!(count(&trace, |e| matches!(e, Event::WorkerRetiring { .. })), 1);
    assert_eq!(count(&trace, |e| matches!(e, Event::TaskStarted { .. })), 100, "each ran once");
}

#[test]
fn what_a_killed_client_leaves_is_given_up() {
    let mut scene = Scene::new();
    scene.start_workers(1);
    let mut guest = scene.start_client("client_process");
    scene.wait_for_event("its first task runs", |e| matches!(e, Event::TaskStarted { .. }));
    guest.kill().unwrap();
    guest.wait().unwrap();
    scene.wait_for_event("it is taken to have left", |e| matches!(e, Event::ClientLeft { .. }));
    let status = scene.operator().status().unwrap();
    assert!(status.clients.is_empty() && status.graphs.is_empty(), "{status:?}");
    let client = scene.client("ann");
    assert_eq!(client.submit(add(1, 2)).wait().unwrap(), 3);
    scene.shut_down();
}

#[test]
fn a_client_that_leaves_gives_up_what_it_submitted_though_it_has_futures_left() {
    let mut scene = Scene::new();
    scene.start_workers(1);
    let client = scene.client("ann");
    let long = client.map(0..10_i64, |i| slow_add(i, 1, 60_000));
    scene.wait_for_event("the first one runs", |e| matches!(e, Event::TaskStarted { .. }));
    client.leave();
    assert_eq!(long[0].wait().unwrap_err().kind(), TaskErrorKind::Closed);
    scene.wait_for_event("all are given up", |e| matches!(e, Event::ClientLeft { .. }));
    let status = scene.operator().status().unwrap();
    assert!(status.clients.is_empty() && status.graphs.is_empty(), "{status:?}");
    scene.shut_down();
}

/// A program that submits far more than it can wait for, and is killed.
#[test]
fn client_process() {
    let Some(address) = scene::role("client") else { return };
    let client = scene::connect(&address, "guest");
    let endless = client.map(0..1000_i64, |i| slow_add(i, 1, 200));
    client.gather(&endless).unwrap();
}

#[test]
fn a_task_that_kills_three_workers_is_failed_and_the_others_go_on() {
    let mut scene = Scene::new();
    scene.start_workers(4);
    let client = scene.client("ann");
    let poison = client.submit(exit());
    let others = client.map(0..100_i64, |i| slow_add(i, 1, 2));
    let error = poison.wait().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Failed(Some(FailureKind::Poison)), "{error}");
    assert_eq!(client.gather(&others).unwrap(), (1..101).collect::<Vec<i64>>());
    let trace = scene.shut_down();
    assert_eq!(trace.lost(), [LossReason::Disconnected; 3]);
}

#[test]
fn an_operator_sees_and_cancels() {
    let mut scene = Scene::new();
    scene.start_workers(1);
    let client = scene.client("ann");
    let long = client.map(0..100_i64, |i| slow_add(i, 1, 100));
    wait_until("one has finished", || long[0].is_done().then_some(()));
    let status = scene.operator().status().unwrap();
    assert_eq!(status.workers[0].name, "worker-0");
    assert_eq!(status.clients[0].name, "ann");
    let cancel = |target| scene.operator().cancel(target);
    use taskreel::wire::operate::Target;
    assert_eq!(cancel(Target::Key("slow_add-99".to_owned())).unwrap(), 1);
    // One, unless it took longer than a quarter of a second to submit.
    let graphs = status.graphs.iter().map(|graph| Target::Graph(graph.id));
    assert!(graphs.map(|graph| cancel(graph).unwrap()).sum::<u64>() > 10);
    assert_eq!(long[99].wait().unwrap_err().kind(), TaskErrorKind::Cancelled);
    let refused = cancel(Target::Key("nothing".to_owned())).unwrap_err().to_string();
    assert!(refused.contains("no such task"), "{refused}");
    scene.shut_down();
}
