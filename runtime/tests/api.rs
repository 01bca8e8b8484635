//! What a user's program can say, end to end with worker processes.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use taskreel::task::Captured;
use taskreel::{Cluster, TaskErrorKind, as_completed, current_client, task};
use taskreel_model::{Event, LogLevel, State};
use taskreel_recorder::{Source, TraceReader};

#[task]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

/// Waits until a file of that name is there.
#[task]
fn when_there(path: &str, value: u64) -> u64 {
    while !Path::new(path).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    value
}

#[task]
fn refused() -> Result<u64, String> {
    Err("no".to_owned())
}

/// Needs a runtime: its timers are tokio's.
#[task]
async fn slept(value: u64) -> Result<u64, String> {
    tokio::time::sleep(Duration::from_millis(2)).await;
    if value == 13 { Err("unlucky".to_owned()) } else { Ok(value) }
}

#[task]
fn sum_of(numbers: &[u64], from: usize) -> u64 {
    numbers[from..].iter().sum()
}

/// Every 4,001st byte.
fn some(block: &Captured, from: usize) -> u64 {
    block.0[from..].iter().step_by(4_001).map(|byte| u64::from(*byte)).sum()
}

#[task]
fn sum_of_some(block: &Captured, from: usize) -> u64 {
    some(block, from)
}

#[task]
fn talkative(rows: u64) -> u64 {
    let _whole = taskreel::span!("read {rows} rows");
    taskreel::mark!("half of {rows}");
    tracing::info!(rows, file = "a.csv", "read the file");
    tracing::warn!("one row is short");
    tracing::debug!("nobody asked for this");
    rows
}

/// Counts the leaves of a tree by submitting its branches.
#[task]
fn leaves(depth: u32) -> Result<u64, taskreel::TaskError> {
    if depth == 0 {
        return Ok(1);
    }
    let client = current_client().expect("it is called as a task");
    let branches = client.map([depth - 1, depth - 1], leaves);
    Ok(client.gather(&branches)?.iter().sum())
}

#[test]
fn worker_process() {
    taskreel::init();
}

fn processes(workers: usize, threads: u16, trace: Option<&Path>) -> Cluster {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "worker_process", "--nocapture"];
    let builder = Cluster::local().workers(workers).threads(threads).processes(true);
    let builder = builder.worker_command(program, &args);
    match trace {
        Some(path) => builder.record(path),
        None => builder.no_record(),
    }
    .start()
    .unwrap()
}

#[test]
fn tasks_are_given_in_the_order_in_which_they_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: u64| folder.path().join(name.to_string());
    let cluster = processes(2, 2, None);
    let client = cluster.client();
    let all = client.map(0..3_u64, |i| when_there(path(i).to_str().unwrap(), i));
    let mut ended = as_completed(all);
    ended.push(client.submit(refused()));
    let error = ended.next().unwrap().wait().unwrap_err();
    assert!(matches!(error.kind(), TaskErrorKind::Failed(_)), "{error}");
    let mut seen = Vec::new();
    for wanted in [1, 2, 0] {
        std::fs::write(path(wanted), "").unwrap();
        seen.push(ended.next().unwrap().wait().unwrap());
    }
    assert_eq!(seen, [1, 2, 0]);
    assert_eq!((ended.n_left(), ended.next().is_none()), (0, true));
}

#[test]
fn waiting_for_many_ends_when_the_time_is_up() {
    let folder = tempfile::tempdir().unwrap();
    let gate = folder.path().join("gate");
    let cluster = processes(1, 2, None);
    let client = cluster.client();
    let mut all = client.map(0..3_u64, |i| add(i, i));
    client.gather(&all).unwrap();
    all.push(client.submit(when_there(gate.to_str().unwrap(), 7)));
    let waited = taskreel::wait(&all, Duration::from_millis(30));
    assert_eq!((waited.done.len(), waited.pending.len()), (3, 1));
    std::fs::write(&gate, "").unwrap();
    let waited = taskreel::wait(&all, Duration::from_secs(60));
    assert_eq!((waited.done.len(), waited.pending.len()), (4, 0));
}

#[test]
fn functions_may_be_async() {
    let cluster = processes(1, 1, None);
    let client = cluster.client();
    assert_eq!(client.gather(client.map(0..5_u64, slept)).unwrap(), [0, 1, 2, 3, 4]);
    let error = client.submit(slept(13)).wait().unwrap_err();
    assert_eq!(error.message(), "unlucky");
}

#[test]
fn scattered_values_are_taken_by_many() {
    let cluster = processes(2, 1, None);
    let client = cluster.client();
    let numbers: Vec<u64> = (0..20_000).collect();
    let table = client.scatter(&numbers);
    let sums: Vec<_> = (0..10).map(|from| client.submit(sum_of(&table, from))).collect();
    let expected: Vec<u64> = (0..10).map(|from| numbers[from..].iter().sum()).collect();
    assert_eq!(client.gather(&sums).unwrap(), expected);
    assert_eq!(table.wait().unwrap(), numbers);
    table.release();
}

#[test]
fn a_long_scattered_value_goes_to_workers_directly() {
    // 100 MiB in one value: more than a submission may carry.
    let cluster = processes(2, 1, None);
    let client = cluster.client();
    let block = Captured((0..100 << 20).map(|i: u32| (i % 251) as u8).collect());
    let scattered = client.scatter(&block);
    let sums: Vec<_> = (0..4).map(|from| client.submit(sum_of_some(&scattered, from))).collect();
    let expected: Vec<u64> = (0..4).map(|from| some(&block, from)).collect();
    assert_eq!(client.gather(&sums).unwrap(), expected);
    let back = scattered.wait().unwrap();
    assert!(back.0 == block.0, "it comes back as it went");
}

#[test]
fn a_reduction_is_a_tree() {
    let cluster = processes(2, 1, None);
    let client = cluster.client();
    let total = client.reduce(client.map(1..=37_u64, |i| add(i, 0)), add).unwrap();
    assert_eq!(total.wait().unwrap(), 37 * 38 / 2);
    let one = client.reduce([client.submit(add(4, 5))], add).unwrap();
    assert_eq!(one.wait().unwrap(), 9);
    assert!(client.reduce(Vec::new(), add).is_none());
}

#[test]
fn a_map_is_one_graph_though_its_items_come_slowly() {
    let cluster = Cluster::local().workers(1).no_record().start().unwrap();
    let client = cluster.client();
    let tasks = client.map(0..5_u64, |i| {
        std::thread::sleep(Duration::from_millis(4));
        add(i, 1)
    });
    let sum = client.reduce(tasks, add).unwrap();
    assert_eq!(sum.wait().unwrap(), 15);
    drop((sum, client));
    let state = cluster.close().unwrap().state;
    assert_eq!(state.totals().total(), 9);
    // The reduction may have come a moment after it.
    assert!([1, 2].contains(&state.next_graph().0), "{} graphs", state.next_graph().0);
}

#[test]
fn tasks_submit_tasks() {
    let cluster = processes(2, 2, None);
    assert_eq!(cluster.client().submit(leaves(3)).wait().unwrap(), 8);
    assert!(current_client().is_none());
}

#[test]
fn what_tasks_say_is_in_the_trace() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let cluster = processes(1, 1, Some(&trace));
    let client = cluster.client();
    client.submit(talkative(40).key("reads-forty")).wait().unwrap();
    cluster.close().unwrap();
    let mut reader = TraceReader::open(&trace).unwrap();
    let (mut state, mut changes) = (State::new(), Vec::new());
    let (mut said, mut lines) = (BTreeSet::new(), Vec::new());
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in batch.events {
            changes.clear();
            state.apply(&event, &mut changes).unwrap();
            match event.what {
                Event::Marked { name, task: Some(task) } => {
                    said.insert(format!("{} at {}", state.text(name), state.task_name(task)));
                }
                Event::SpanRecorded { name, task: Some(_), .. } => {
                    said.insert(format!("{}, a span", state.text(name)));
                }
                _ => {}
            }
        }
        lines.extend(batch.logs);
    }
    let expected = ["half of 40 at reads-forty", "read 40 rows, a span"];
    assert_eq!(said.iter().map(String::as_str).collect::<Vec<_>>(), expected);
    let lines: Vec<_> =
        lines.iter().map(|line| (line.level, line.text.as_str(), line.task.is_some())).collect();
    assert_eq!(
        lines,
        [
            (LogLevel::Info, "read the file rows=40 file=a.csv", true),
            (LogLevel::Warn, "one row is short", true),
        ]
    );
}
