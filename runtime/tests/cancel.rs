//! Giving up very much at once, over worker processes: all of it stops, and its memory comes back.
//! `TASKREEL_CANCEL_TASKS` says how many tasks, by default 100,000; `examples/cancel.rs` measures.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::time::{Duration, Instant};

use taskreel::wire::operate::Target;
use taskreel::{Cluster, Credentials, Operator, Part, TaskErrorKind, task};

#[task]
fn spin(micros: u64) -> u64 {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
    micros
}

#[test]
fn worker_process() {
    taskreel::init();
}

#[test]
fn a_hundred_thousand_tasks_are_given_up_at_half() {
    if std::env::var_os("MALLOC_TRIM_THRESHOLD_").is_none() {
        // Starts this test over, as `reel scheduler` starts itself over.
        taskreel::give_memory_back(Part::Scheduler);
        panic!("it could not be started over");
    }
    let n_tasks = std::env::var("TASKREEL_CANCEL_TASKS").ok().and_then(|text| text.parse().ok());
    let n_tasks: u64 = n_tasks.unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let program = std::env::current_exe().unwrap();
    let cluster = Cluster::local()
        .workers(2)
        .threads(1)
        .processes(true)
        .worker_command(program, &["--exact", "worker_process", "--nocapture"])
        .record(folder.path().join("run.reel"))
        .start()
        .unwrap();
    let client = cluster.client();
    let credentials = Credentials::new(cluster.token(), None);
    let operator = Operator::new(cluster.address().unwrap(), credentials);
    client.gather(client.map(0..1000_u64, |_| spin(0))).unwrap();
    let before = memory();
    let tasks = client.map(0..n_tasks, |_| spin(20));
    let n_finished = || operator.status().unwrap().workers.iter().map(|w| w.finished).sum::<u64>();
    while n_finished() < n_tasks / 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let client_id = operator.status().unwrap().clients[0].id;
    let n_given_up = operator.cancel(Target::Client(client_id)).unwrap();
    assert!(n_given_up > 0);
    // From now on nothing begins, and what runs takes 20 microseconds.
    let begin = Instant::now();
    while operator.status().unwrap().workers.iter().any(|worker| worker.assigned > 0) {
        assert!(begin.elapsed() < Duration::from_secs(30), "something still runs");
    }
    let last = tasks.last().unwrap().wait().unwrap_err();
    assert_eq!(last.kind(), TaskErrorKind::Cancelled, "{last}");
    drop(tasks);
    let returned = || {
        let after = memory();
        let grown = after.iter().zip(&before).map(|(after, before)| after.saturating_sub(*before));
        (grown.max().unwrap() < 64 << 20).then_some(())
    };
    while returned().is_none() {
        let (after, wait) = (memory(), begin.elapsed());
        assert!(wait < Duration::from_secs(30), "memory: {before:?}, {after:?} after {wait:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
    let state = cluster.close().unwrap().state;
    state.validate();
    assert_eq!(state.tasks().iter().count(), 0, "the scheduler remembers some");
}

/// Resident bytes of this process, which has the scheduler and the client, and of the workers.
fn memory() -> Vec<u64> {
    let me = std::process::id();
    let path = format!("/proc/{me}/task");
    let threads = std::fs::read_dir(path).unwrap().flatten();
    let children =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<String> = children.collect();
    let pids = children.iter().flat_map(|pids| pids.split_whitespace());
    let mut pids: Vec<u32> = pids.filter_map(|pid| pid.parse().ok()).collect();
    pids.sort_unstable();
    pids.insert(0, me);
    pids.into_iter().map(resident).collect()
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0 kB");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) << 10
}
