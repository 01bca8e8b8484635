//! What is recorded is what happened: folding the trace gives the state the run ended with.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::time::Duration;

use taskreel::{Cluster, ClusterBuilder, Command, task};
use taskreel_model::State;
use taskreel_recorder::{Source, TraceReader};

#[task]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

/// Fails for two of three seeds.
#[task]
fn moody(seed: u64) -> Result<u64, String> {
    if seed.is_multiple_of(3) { Ok(seed) } else { Err(format!("seed {seed}")) }
}

#[test]
fn worker_process() {
    taskreel::init();
}

fn check(builder: ClusterBuilder) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let cluster = builder.workers(3).threads(2).record(&path).start().unwrap();
    let client = cluster.client();
    let leaves = client.map(0..300_u64, |i| add(i, i));
    let sums: Vec<_> =
        leaves.windows(2).step_by(7).map(|pair| client.submit(add(&pair[0], &pair[1]))).collect();
    let moods =
        client.map(0..30_u64, |i| moody(i).retries(2).retry_delay(Duration::from_millis(i % 3)));
    let blamed: Vec<_> = moods.iter().map(|mood| client.submit(add(mood, 1))).collect();
    let echo = client.submit(Command::new("echo").arg("hello"));
    assert_eq!(client.gather(&sums).unwrap().len(), sums.len());
    assert_eq!(blamed.iter().filter(|future| future.wait().is_err()).count(), 20);
    assert_eq!(echo.wait().unwrap().text(), "hello\n");
    drop(leaves);
    let summary = cluster.close().unwrap();
    let (state, outputs) = fold(&path);
    assert_eq!(state, summary.state);
    assert_eq!(outputs, ["hello"]);
    assert_eq!(summary.record.unwrap().events, state.next_seq());
}

fn fold(path: &std::path::Path) -> (State, Vec<String>) {
    let mut reader = TraceReader::open(path).unwrap();
    let (mut state, mut changes, mut outputs) = (State::new(), Vec::new(), Vec::new());
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in &batch.events {
            changes.clear();
            state.apply(event, &mut changes).unwrap();
        }
        outputs.extend(batch.logs.into_iter().map(|line| line.text));
    }
    assert!(reader.is_finished());
    state.validate();
    (state, outputs)
}

#[test]
fn embedded() {
    check(Cluster::local());
}

#[test]
fn with_processes() {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "worker_process", "--nocapture"];
    check(Cluster::local().processes(true).worker_command(program, &args));
}
