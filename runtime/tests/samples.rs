//! What is read of each process about twice a second is in the trace, and says what happened there.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::time::{Duration, Instant};

use taskreel::task::Captured;
use taskreel::{Cluster, task};
use taskreel_model::{Sample, WorkerId};
use taskreel_recorder::{Source, TraceReader};

const MIB: usize = 1 << 20;

#[task]
fn block(bytes: usize) -> Captured {
    Captured(vec![7; bytes])
}

#[task]
fn length(block: &Captured) -> usize {
    block.0.len()
}

/// Keeps a core busy: long enough for some readings.
#[task]
fn busy(ms: u64) -> u64 {
    let begin = Instant::now();
    let mut n_rounds = 0;
    while begin.elapsed() < Duration::from_millis(ms) {
        n_rounds = std::hint::black_box(n_rounds + 1);
    }
    n_rounds
}

#[test]
fn worker_process() {
    taskreel::init();
}

#[test]
fn every_reading_shows_what_was_done() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let program = std::env::current_exe().unwrap();
    let builder = Cluster::local().workers(2).threads(1).processes(true).record(&trace);
    let cluster = builder
        .memory(96 * MIB as u64)
        .worker_command(program, &["--exact", "worker_process", "--nocapture"])
        .start()
        .unwrap();
    let client = cluster.client();
    // More than the limit on one worker, and some of it fetched by the other.
    let blocks = client.map(0..16, |_| block(8 * MIB).workers(["worker-0"]));
    let lengths = client.map(&blocks[..4], |b| length(b).workers(["worker-1"]));
    assert_eq!(client.gather(lengths).unwrap(), [8 * MIB; 4]);
    let done: Vec<_> = blocks.iter().map(|block| block.wait_done()).collect();
    assert!(done.iter().all(Result::is_ok));
    client
        .gather(["worker-0", "worker-1"].map(|w| client.submit(busy(1_300).workers([w]))).to_vec())
        .unwrap();
    drop(blocks);
    cluster.close().unwrap();
    let all = samples(&trace);
    let of = |worker: Option<WorkerId>| all.iter().filter(move |sample| sample.worker == worker);
    let most = |worker, field: fn(&Sample) -> u64| of(worker).map(field).max().unwrap_or(0);
    let (first, second) = (Some(WorkerId(0)), Some(WorkerId(1)));
    for worker in [first, second] {
        assert!(of(worker).count() >= 2, "{all:?}");
        assert!(most(worker, |s| u64::from(s.cpu_permille)) >= 100, "{all:?}");
        assert_eq!(most(worker, |s| u64::from(s.slots_busy)), 1);
        assert!(most(worker, |s| s.managed_bytes) >= 8 * MIB as u64, "{all:?}");
    }
    for process in [None, first, second] {
        assert!(most(process, |s| s.rss_bytes) > MIB as u64, "{all:?}");
        assert!(most(process, |s| u64::from(s.open_files)) > 3, "{all:?}");
        assert!(most(process, |s| s.lag.0) > 0, "{all:?}");
    }
    assert!(most(first, |s| s.spilled_bytes) >= 8 * MIB as u64, "{all:?}");
    assert!(most(first, |s| s.sent_per_s) > 0, "{all:?}");
    assert!(most(second, |s| s.received_per_s) > 0, "{all:?}");
    assert_eq!(most(first, |s| s.received_per_s), 0, "nothing went there");
}

fn samples(trace: &std::path::Path) -> Vec<Sample> {
    let mut reader = TraceReader::open(trace).unwrap();
    let mut samples = Vec::new();
    while let Some(batch) = reader.next_batch().unwrap() {
        samples.extend(batch.samples);
    }
    samples
}
