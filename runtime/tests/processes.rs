//! End to end with worker processes over TCP, by the same calls as in one process.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::time::Duration;

use taskreel_model::{Event, FailureKind};
use taskreel_recorder::{Source, TraceReader};

use taskreel::{Client, ClientOptions, Cluster, Command, TaskErrorKind, WorkerOptions, task};

#[task]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[task]
fn process_id() -> u32 {
    std::process::id()
}

#[task]
fn block(bytes: usize) -> String {
    "x".repeat(bytes)
}

#[task]
fn joined(a: &str, b: &str) -> usize {
    a.len() + b.len()
}

/// The process, once so many wrote theirs into a folder.
#[task]
fn together(folder: &str, n_processes: usize) -> Result<u32, String> {
    let (folder, id) = (std::path::Path::new(folder), std::process::id());
    let text = |error: std::io::Error| error.to_string();
    std::fs::write(folder.join(id.to_string()), "").map_err(text)?;
    while std::fs::read_dir(folder).map_err(text)?.count() < n_processes {
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(id)
}

/// The worker processes of this file are this test binary, started to run only this test, which
/// then is a worker until its cluster closes.
#[test]
fn worker_process() {
    taskreel::init();
}

fn cluster(workers: usize) -> Cluster {
    let program = std::env::current_exe().unwrap();
    Cluster::local()
        .workers(workers)
        .threads(1)
        .processes(true)
        .worker_command(program, &["--exact", "worker_process", "--nocapture"])
        .no_record()
        .start()
        .unwrap()
}

/// More of them than may come to nothing one after the other.
#[test]
fn all_processes_die_at_once_and_others_go_on() {
    const N: usize = 8;
    let cluster = cluster(N);
    let client = cluster.client();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let ids = client.gather(client.map(0..N, |_| together(path, N))).unwrap();
    let mut kill = std::process::Command::new("kill");
    kill.arg("-9").args(ids.iter().map(u32::to_string));
    assert!(kill.status().unwrap().success());
    let again = client.gather(client.map(0..N, |_| process_id())).unwrap();
    assert!(again.iter().all(|id| !ids.contains(id)), "{again:?}");
    cluster.close().unwrap().state.validate();
}

#[test]
fn a_command_is_not_told_what_makes_a_process_a_worker() {
    let cluster = cluster(1);
    let env = Command::new("env").env("TASKREEL_WORKER_NAME", "its own");
    let output = cluster.client().submit(env).wait().unwrap();
    let text = String::from_utf8(output.stdout.0).unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.starts_with("TASKREEL_WORKER")).collect();
    assert_eq!(told, ["TASKREEL_WORKER_NAME=its own"]);
    cluster.close().unwrap();
}

#[test]
fn a_tree_over_two_processes_adds_up() {
    let cluster = cluster(2);
    let client = cluster.client();
    let mut level = client.map(0..200_i64, |i| add(i, 0));
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| {
                client.submit(add(
                    &pair[0],
                    pair.get(1).map_or_else(|| 0.into(), Into::<taskreel::Arg<i64>>::into),
                ))
            })
            .collect();
    }
    assert_eq!(level[0].wait().unwrap(), 199 * 200 / 2);
    let pids = client.gather(client.map(0..20, |_| process_id())).unwrap();
    assert!(!pids.contains(&std::process::id()));
    drop(level);
    cluster.close().unwrap().state.validate();
}

#[test]
fn results_of_many_chunks_travel_between_processes() {
    let cluster = cluster(2);
    let client = cluster.client();
    let sizes = [9_usize << 20, 1 << 20];
    let blocks = client.map(sizes, block);
    let both = client.submit(joined(&blocks[0], &blocks[1]));
    assert_eq!(both.wait().unwrap(), sizes.iter().sum::<usize>());
    assert_eq!(blocks[0].wait().unwrap().len(), sizes[0]);
}

#[test]
fn a_client_from_elsewhere_needs_the_token() {
    let cluster = cluster(1);
    let address = cluster.address().unwrap();
    let options = ClientOptions { name: "visitor".to_owned(), ..ClientOptions::default() };
    let error = Client::connect(address, &options).unwrap_err();
    assert!(error.to_string().contains("token"), "{error}");
    let token = cluster.token().map(str::to_owned);
    let client = Client::connect(address, &ClientOptions { token, ..options }).unwrap();
    let sum = client.submit(add(client.submit(add(1, 2)), 3));
    assert_eq!(sum.wait().unwrap(), 6);
}

#[test]
fn a_program_that_is_no_worker_is_told_so() {
    let started =
        Cluster::local().workers(1).processes(true).worker_command("true", &[]).no_record().start();
    let error = started.unwrap_err().to_string();
    assert!(error.contains("taskreel::init()"), "{error}");
}

/// Ends its process when it runs for the first time.
#[task]
fn deadly(path: &str) -> u32 {
    if std::fs::File::create_new(path).is_ok() {
        std::process::exit(9);
    }
    42
}

#[task]
fn exit() {
    std::process::exit(9);
}

#[test]
fn a_task_whose_worker_died_runs_on_another() {
    let cluster = cluster(2);
    let client = cluster.client();
    let held = client.map(0..20_i64, |i| add(i, 0));
    client.gather(&held).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("died");
    let survivor = client.submit(deadly(path.to_str().unwrap()));
    assert_eq!(survivor.wait().unwrap(), 42);
    // What the dead worker held is computed again where it is needed.
    let sums: Vec<_> = held.iter().map(|one| client.submit(add(one, 1))).collect();
    assert_eq!(client.gather(&sums).unwrap(), (1..=20).collect::<Vec<i64>>());
    assert_eq!(client.gather(&held).unwrap(), (0..20).collect::<Vec<i64>>());
    cluster.close().unwrap().state.validate();
}

#[test]
fn a_task_that_ends_its_workers_is_failed_and_workers_are_started_again() {
    let cluster = cluster(1);
    let client = cluster.client();
    let error = client.submit(exit()).wait().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Failed(Some(FailureKind::Poison)), "{error}");
    assert_eq!(client.submit(add(1, 2)).wait().unwrap(), 3);
    let state = cluster.close().unwrap().state;
    assert_eq!(state.workers().len(), 4);
}

/// A worker process ends with its cluster, and what its commands started goes with it.
#[test]
fn nothing_is_left_behind() {
    let cluster = cluster(1);
    let client = cluster.client();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pid");
    let script = format!("echo $$ > {0}.new; mv {0}.new {0}; sleep 600", path.display());
    let endless = client.submit(Command::new("sh").args(["-c", &script]));
    let pid = loop {
        if let Ok(text) = std::fs::read_to_string(&path) {
            break text.trim().to_owned();
        }
        assert!(!endless.is_done(), "{:?}", endless.wait());
        std::thread::sleep(Duration::from_millis(2));
    };
    cluster.close().unwrap();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    assert!(status.is_empty() || status.contains("State:\tZ"), "still there:\n{status}");
}

/// A cluster of threads that listens: clients and workers from elsewhere join it.
#[test]
fn others_join_a_cluster_that_listens() {
    let builder = || Cluster::local().workers(1).threads(1).no_record();
    let cluster = builder().listen("127.0.0.1:0").token("key").start().unwrap();
    let address = cluster.address().unwrap().to_owned();
    let options = WorkerOptions {
        name: "guest".to_owned(),
        token: Some("key".to_owned()),
        ..WorkerOptions::new(address.clone())
    };
    let guest = std::thread::spawn(move || taskreel::run_worker(&options));
    let options = ClientOptions {
        name: "visitor".to_owned(),
        token: Some("key".to_owned()),
        ..ClientOptions::default()
    };
    let client = Client::connect(&address, &options).unwrap();
    let blocks = client.map([6_usize << 20, 10, 11, 12], block);
    let sums: Vec<_> =
        blocks.windows(2).map(|pair| client.submit(joined(&pair[0], &pair[1]))).collect();
    assert_eq!(client.gather(&sums).unwrap(), [(6 << 20) + 10, 21, 23]);
    assert_eq!(client.gather(&blocks).unwrap()[0].len(), 6 << 20);

    let host = address.trim_start_matches("tcp://");
    let error = builder().listen(host).start().unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen at {host}: ")), "{error}");
    cluster.close().unwrap();
    guest.join().unwrap().unwrap();
    let error = client.submit(add(1, 2)).wait().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Closed);
}

/// Fails until it has run so often.
#[task]
fn flaky(path: &str, n_runs: usize) -> Result<usize, String> {
    let mut runs = std::fs::read_to_string(path).unwrap_or_default();
    runs.push('x');
    std::fs::write(path, &runs).map_err(|error| error.to_string())?;
    if runs.len() < n_runs { Err(format!("run {}", runs.len())) } else { Ok(runs.len()) }
}

#[task]
fn slept(ms: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    ms
}

#[test]
fn what_fails_is_tried_again_after_a_while_and_what_takes_too_long_is_failed() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let program = std::env::current_exe().unwrap();
    let cluster = Cluster::local()
        .workers(1)
        .threads(1)
        .processes(true)
        .worker_command(program, &["--exact", "worker_process", "--nocapture"])
        .record(&trace)
        .start()
        .unwrap();
    let client = cluster.client();
    let path = folder.path().join("runs");
    let call = flaky(path.to_str().unwrap(), 3).retries(2).retry_delay(Duration::from_millis(30));
    assert_eq!(client.submit(call).wait().unwrap(), 3);
    let error = client.submit(flaky(path.to_str().unwrap(), 9).retries(1)).wait().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Failed(Some(FailureKind::Error)), "{error}");
    assert!(error.message().contains("run 5"), "{error}");
    let late = client.submit(slept(60_000).timeout(Duration::from_millis(50)));
    let error = late.wait().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Failed(Some(FailureKind::Timeout)), "{error}");
    assert_eq!(client.submit(slept(1).timeout(Duration::from_secs(100))).wait().unwrap(), 1);
    cluster.close().unwrap();
    let mut reader = TraceReader::open(&trace).unwrap();
    let (mut delays, mut n_due) = (Vec::new(), 0);
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in batch.events {
            match event.what {
                Event::TaskFailed { retry, .. } => delays.push(retry.map(|retry| retry.0)),
                Event::RetryDue { .. } => n_due += 1,
                _ => {}
            }
        }
    }
    let delay = Some(30_000_000);
    assert_eq!(delays, [delay, delay, Some(0), None, None]);
    assert_eq!(n_due, 2);
}
