//! Placement, end to end with worker processes: which task runs where, and what that keeps.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::path::Path;
use std::time::Duration;

use taskreel::{Cluster, ClusterBuilder, task};
use taskreel_model::{AssignReason, Event, State, policy_by_name};
use taskreel_recorder::{Source, TraceReader};

#[task]
fn process_id() -> u32 {
    std::process::id()
}

/// Waits until a file of that name is there.
#[task]
fn waited_for(path: &str) -> u32 {
    while !Path::new(path).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    std::process::id()
}

/// Fails if it is not alone, and makes sure that it would notice.
#[task]
fn alone(path: &str) -> Result<(), std::io::Error> {
    std::fs::File::create_new(path)?;
    std::thread::sleep(Duration::from_millis(3));
    std::fs::remove_file(path)
}

#[task]
fn load(number: u64) -> Vec<u64> {
    std::thread::sleep(Duration::from_millis(2));
    vec![number; 10_000]
}

#[task]
fn total(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

#[task]
fn next(number: u64) -> u64 {
    number + 1
}

#[test]
fn worker_process() {
    taskreel::init();
}

fn processes(workers: usize) -> ClusterBuilder {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "worker_process", "--nocapture"];
    Cluster::local().workers(workers).threads(1).processes(true).worker_command(program, &args)
}

/// Folds a trace, and shows each event with the state after it.
fn fold(path: &Path, mut see: impl FnMut(&Event, &State)) {
    let mut reader = TraceReader::open(path).unwrap();
    let (mut state, mut changes) = (State::new(), Vec::new());
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in batch.events {
            changes.clear();
            state.apply(&event, &mut changes).unwrap();
            see(&event.what, &state);
        }
    }
    state.validate();
}

#[test]
fn what_waits_behind_a_long_task_moves_to_an_idle_worker() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let cluster = processes(2).record(&trace).start().unwrap();
    let client = cluster.client();
    let gate = folder.path().join("gate");
    let path = gate.to_str().unwrap();
    let blocked = client.submit(waited_for(path).workers(["worker-0"]));
    // More than both workers take at once: some wait behind the one that is blocked.
    let others = client.map(0..6, |_| process_id());
    let pids = client.gather(&others).unwrap();
    assert!(!blocked.is_done());
    std::fs::write(&gate, "").unwrap();
    let blocked_at = blocked.wait().unwrap();
    assert!(pids.iter().all(|pid| *pid != blocked_at), "{pids:?}, not {blocked_at}");
    drop((blocked, others));
    cluster.close().unwrap();
    let (mut requested, mut rebalanced) = (0, 0);
    fold(&trace, |event, _| match event {
        Event::StealRequested { .. } => requested += 1,
        Event::TaskAssigned { reason: AssignReason::Rebalanced, .. } => rebalanced += 1,
        _ => {}
    });
    assert!(requested > 0 && rebalanced > 0, "{requested} requested, {rebalanced} moved");
}

#[test]
fn no_more_tasks_use_a_resource_than_there_is_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("in-use");
    let cluster = processes(1).threads(4).resource("gpu", 1.0).no_record().start().unwrap();
    let client = cluster.client();
    let all = client.map(0..12, |_| alone(path.to_str().unwrap()).resource("gpu", 0.6));
    client.gather(&all).unwrap();
    // Nobody has so much of it: it waits, and others do not wait for it.
    let never = client.submit(process_id().resource("gpu", 2.0));
    client.submit(process_id()).wait().unwrap();
    assert!(!never.is_done());
    never.cancel();
}

#[test]
fn a_task_runs_where_it_must() {
    let cluster = processes(3).no_record().start().unwrap();
    let client = cluster.client();
    let mut seen = Vec::new();
    for name in ["worker-0", "worker-1", "worker-2"] {
        let pids = client.gather(client.map(0..5, |_| process_id().workers([name]))).unwrap();
        assert!(pids.iter().all(|pid| *pid == pids[0]), "{name}: {pids:?}");
        assert!(!seen.contains(&pids[0]));
        seen.push(pids[0]);
    }
}

#[test]
fn a_wide_graph_keeps_little_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let cluster = processes(2).record(&trace).start().unwrap();
    let client = cluster.client();
    // All loads come before all totals in the order of submission.
    let loads = client.map(0..60, load);
    let totals: Vec<_> = loads.into_iter().map(|load| client.submit(total(load))).collect();
    let expected: Vec<u64> = (0..60).map(|number| number * 10_000).collect();
    assert_eq!(client.gather(&totals).unwrap(), expected);
    drop(totals);
    cluster.close().unwrap();
    let mut n_most = 0;
    fold(&trace, |_, state| {
        let in_memory = state.workers().iter().map(|worker| worker.memory_bytes).sum::<u64>();
        n_most = n_most.max(in_memory / 10_000);
    });
    assert!((1..20).contains(&n_most), "{n_most} of 60 were in memory at once");
}

#[test]
fn a_row_of_short_tasks_is_sent_ahead_of_its_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let cluster = processes(2).record(&trace).start().unwrap();
    let client = cluster.client();
    let mut last = client.submit(next(0));
    for _ in 1..300 {
        last = client.submit(next(last));
    }
    assert_eq!(last.wait().unwrap(), 300);
    drop(last);
    cluster.close().unwrap();
    let (mut n_chained, mut started) = (0, Vec::new());
    fold(&trace, |event, _| {
        if let Event::TaskAssigned { reason: AssignReason::Chained, .. } = event {
            n_chained += 1;
        }
        if let Event::TaskStarted { task, .. } = event {
            started.push(*task);
        }
    });
    assert!(started.is_sorted() && started.len() == 300, "each after the one before: {started:?}");
    assert!(n_chained > 0);
}

#[test]
fn the_yardstick_draws_lots_and_comes_to_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let policy = policy_by_name("random", 7).unwrap();
    let cluster = processes(2).policy(policy).record(&trace).start().unwrap();
    let client = cluster.client();
    let loads = client.map(0..40, load);
    let totals: Vec<_> = loads.iter().map(|load| client.submit(total(load))).collect();
    assert_eq!(client.gather(&totals).unwrap()[39], 390_000);
    cluster.close().unwrap();
    let mut n_by_lot = [0, 0];
    fold(&trace, |event, _| {
        if let Event::TaskAssigned { worker, reason: AssignReason::Random, .. } = event {
            n_by_lot[worker.index()] += 1;
        }
    });
    assert!(n_by_lot[0] > 10 && n_by_lot[1] > 10, "{n_by_lot:?}");
}
