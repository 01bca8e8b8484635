//! Workers that come and go with the work, end to end: as processes and as threads.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::path::Path;
use std::time::{Duration, Instant};

use taskreel::{Client, Cluster, task};
use taskreel_model::{Event, LossReason, WorkerStatus};
use taskreel_recorder::{Source, TraceReader};

#[task]
fn slept(number: u64, ms: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    number
}

#[test]
fn worker_process() {
    taskreel::init();
}

#[test]
fn processes_come_and_go() {
    comes_and_goes(true);
}

#[test]
fn threads_come_and_go() {
    comes_and_goes(false);
}

/// Two bursts of work with nothing to do in between.
fn comes_and_goes(processes: bool) {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let program = std::env::current_exe().unwrap();
    let cluster = Cluster::local()
        .adapt(1, 3)
        .processes(processes)
        .worker_command(program, &["--exact", "worker_process", "--nocapture"])
        .record(&trace)
        .start()
        .unwrap();
    let client = cluster.client();
    let first = burst(&client, 0);
    // All results are wanted still: they move when their workers leave.
    wait_for(&trace, "two have left", |seen| seen.n_retired >= 2);
    assert_eq!(client.gather(&first).unwrap(), (0..40).collect::<Vec<u64>>());
    let second = burst(&client, 100);
    assert_eq!(client.gather(&first).unwrap(), (0..40).collect::<Vec<u64>>());
    drop((first, second));
    cluster.close().unwrap().state.validate();
    let seen = Seen::of(&trace);
    assert!(seen.n_most == 3 && seen.n_joined >= 5, "{seen:?}");
    assert_eq!(seen.n_finished, 80, "none ran twice: {seen:?}");
    assert!(seen.others_lost.is_empty(), "{seen:?}");
}

fn burst(client: &Client, first: u64) -> Vec<taskreel::TaskFuture<u64>> {
    let tasks = client.map(first..first + 40, |number| slept(number, 50));
    assert_eq!(client.gather(&tasks).unwrap().len(), 40);
    tasks
}

/// What a trace tells of workers.
#[derive(Debug, Default)]
struct Seen {
    n_joined: usize,
    n_retired: usize,
    n_most: usize,
    n_finished: usize,
    others_lost: Vec<LossReason>,
}

impl Seen {
    fn of(trace: &Path) -> Self {
        let mut seen = Self::default();
        let mut state = taskreel_model::State::new();
        let Ok(mut reader) = TraceReader::open(trace) else { return seen };
        while let Some(batch) = reader.next_batch().unwrap() {
            for event in batch.events {
                state.apply(&event, &mut Vec::new()).unwrap();
                match event.what {
                    Event::WorkerJoined { .. } => seen.n_joined += 1,
                    Event::WorkerLost { reason: LossReason::Retired, .. } => seen.n_retired += 1,
                    Event::WorkerLost { reason, .. } => seen.others_lost.push(reason),
                    Event::TaskFinished { .. } => seen.n_finished += 1,
                    _ => {}
                }
                let here = state.workers().iter().filter(|w| w.status != WorkerStatus::Lost);
                seen.n_most = seen.n_most.max(here.count());
            }
        }
        seen
    }
}

fn wait_for(trace: &Path, what: &str, is_it: impl Fn(&Seen) -> bool) {
    let begin = Instant::now();
    while !is_it(&Seen::of(trace)) {
        assert!(begin.elapsed() < Duration::from_secs(200), "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}
