//! End to end in one process: submit, map, gather, failures and their blame.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use taskreel::{
    Client, Cluster, Command, CommandOutput, Patience, TaskError, TaskErrorKind, TaskFuture, task,
};
use taskreel_model::FailureKind;

static HAS_BEGUN: AtomicBool = AtomicBool::new(false);

#[task]
fn begun_and_slow() {
    HAS_BEGUN.store(true, Ordering::Release);
    std::thread::sleep(Duration::from_secs(600));
}

#[task]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[task]
fn total(numbers: &[i64]) -> i64 {
    numbers.iter().sum()
}

#[task]
fn shout(text: &str) -> String {
    text.to_uppercase()
}

#[task]
fn parse(text: String) -> Result<i64, std::num::ParseIntError> {
    Box::<str>::from(text).parse()
}

#[task]
fn burst() {
    panic!("the boiler is {}", "too hot");
}

#[task]
fn sleep_ms(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

/// Fails until the file at `path` has as many bytes as it needs attempts.
#[task]
fn succeed_at(path: &str, attempt: u64) -> Result<u64, String> {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(b"x").unwrap();
    let n = file.metadata().unwrap().len();
    if n < attempt { Err(format!("attempt {n} fails")) } else { Ok(n) }
}

#[task]
fn block(bytes: usize) -> String {
    "x".repeat(bytes)
}

#[task]
fn length(text: &str) -> usize {
    text.len()
}

fn cluster(workers: usize) -> (Cluster, Client) {
    let cluster = Cluster::local().workers(workers).threads(1).no_record().start().unwrap();
    let client = cluster.client();
    (cluster, client)
}

fn failure(error: &TaskError) -> Option<FailureKind> {
    match error.kind() {
        TaskErrorKind::Failed(kind) => kind,
        other => panic!("{other:?}: {error}"),
    }
}

#[test]
fn values_and_futures_are_arguments() {
    let (cluster, client) = cluster(2);
    let three = client.submit(add(1, 2));
    let ten = client.submit(add(&three, 7).key("ten"));
    assert_eq!(ten.key(), "ten");
    assert_eq!(three.key(), "add-0");
    assert_eq!(client.gather(&ten).unwrap(), 10);
    assert_eq!(client.submit(shout("hey")).wait().unwrap(), "HEY");
    let list = client.map(0..10, |i| add(i, 1));
    assert_eq!(client.gather(&list).unwrap(), (1..=10).collect::<Vec<i64>>());
    assert_eq!(client.submit(total(list)).wait().unwrap(), 55);
    let summary = cluster.close().unwrap();
    summary.state.validate();
}

fn reduce(client: &Client, mut level: Vec<TaskFuture<i64>>) -> TaskFuture<i64> {
    while level.len() > 1 {
        level = level
            .chunks(2)
            .map(|pair| match pair {
                [a, b] => client.submit(add(a, b).key(format!("sum-{}", a.key()))),
                rest => rest[0].clone(),
            })
            .collect();
    }
    level.remove(0)
}

#[test]
fn a_tree_over_four_workers_adds_up() {
    let (cluster, client) = cluster(4);
    let leaves = client.map(0..500_i64, |i| add(i, 0).key(format!("leaf-{i}")));
    let sum = reduce(&client, leaves);
    assert_eq!(sum.wait().unwrap(), 499 * 500 / 2);
    drop(sum);
    cluster.close().unwrap().state.validate();
}

#[test]
fn an_error_names_its_culprit() {
    let (cluster, client) = cluster(2);
    let bad = client.submit(parse("seven").key("parse-7"));
    let sum = client.submit(add(&bad, 1).key("sum-3"));
    let error = sum.wait().unwrap_err();
    assert_eq!(
        error.to_string(),
        "sum-3 failed because parse-7 failed: invalid digit found in string"
    );
    assert_eq!(error.culprit(), Some("parse-7"));
    assert_eq!(failure(&error), Some(FailureKind::Error));
    assert_eq!(bad.wait().unwrap_err().culprit(), None);
    drop(cluster);
}

#[test]
fn a_panic_is_an_error_with_its_place() {
    let (_cluster, client) = cluster(1);
    let error = client.submit(burst()).wait().unwrap_err();
    assert_eq!(failure(&error), Some(FailureKind::Panic));
    assert!(error.message().contains("the boiler is too hot"), "{error}");
    assert!(error.message().contains("local.rs:"), "{error}");
    assert_eq!(client.submit(add(1, 1)).wait().unwrap(), 2, "the slot lives on");
}

#[test]
fn retries_run_it_again() {
    let (_cluster, client) = cluster(2);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tries");
    let call = succeed_at(path.to_str().unwrap(), 3).retries(2);
    assert_eq!(client.submit(call.retry_delay(Duration::from_millis(2))).wait().unwrap(), 3);
    std::fs::remove_file(&path).unwrap();
    let error = client.submit(succeed_at(path.to_str().unwrap(), 3).retries(1)).wait().unwrap_err();
    assert_eq!(error.message(), "attempt 2 fails");
}

#[test]
fn a_function_past_its_timeout_fails_and_its_slot_is_free() {
    let (_cluster, client) = cluster(1);
    let slow = client.submit(sleep_ms(600_000).timeout(Duration::from_millis(20)));
    assert_eq!(failure(&slow.wait().unwrap_err()), Some(FailureKind::Timeout));
    assert_eq!(client.submit(add(1, 1)).wait().unwrap(), 2);
}

#[test]
fn a_cancelled_function_leaves_its_slot_to_others() {
    let (_cluster, client) = cluster(1);
    let slow = client.submit(begun_and_slow());
    client.flush();
    while !HAS_BEGUN.load(Ordering::Acquire) {
        std::thread::yield_now();
    }
    slow.cancel();
    assert_eq!(client.submit(add(1, 1)).wait().unwrap(), 2);
}

#[test]
fn large_results_travel_between_workers() {
    let (_cluster, client) = cluster(3);
    let blocks = client.map(0..6, |_| block(3 << 20));
    let lengths: Vec<_> = blocks.iter().map(|b| client.submit(length(b))).collect();
    assert_eq!(client.gather(&lengths).unwrap(), vec![3 << 20; 6]);
    assert_eq!(client.gather(&blocks[0]).unwrap().len(), 3 << 20);
}

#[test]
fn cancelled_tasks_say_so() {
    let (_cluster, client) = cluster(1);
    let first = client.submit(sleep_ms(100));
    let second = client.submit(add(1, 2).after(&first));
    second.cancel();
    let error = second.wait().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Cancelled);
    first.wait().unwrap();
}

#[test]
fn futures_can_be_awaited_on_any_runtime() {
    let (_cluster, client) = cluster(2);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let sum = runtime.block_on(async {
        let a = client.submit(add(1, 2));
        let b = client.submit(add(&a, 3));
        a.await.unwrap() + (&b).await.unwrap()
    });
    assert_eq!(sum, 9);
}

#[test]
fn commands_pipe_into_one_another() {
    let (_cluster, client) = cluster(2);
    let listed = client.submit(Command::new("printf").args(["b\\na\\nb\\n"]));
    let sorted = client.submit(Command::new("sort").arg("-u").stdin(&listed));
    let output: CommandOutput = sorted.wait().unwrap();
    assert_eq!(output.text(), "a\nb\n");
    assert_eq!(sorted.key(), "sort-0");
    let shell = |script: &str| Command::new("sh").args(["-c", script]).env("WHO", "you");
    let output = client.submit(shell("pwd; echo $WHO").cwd("/")).wait().unwrap();
    assert_eq!(output.text(), "/\nyou\n");
    let error = client.submit(shell("echo broken >&2; exit 3")).wait().unwrap_err();
    assert_eq!(failure(&error), Some(FailureKind::Exit));
    assert_eq!(error.message(), "ended with status 3: broken");
    let error = client.submit(Command::new("/no/such/program")).wait().unwrap_err();
    assert_eq!(failure(&error), Some(FailureKind::Unavailable));
    let slow = shell("sleep 600 & sleep 600").timeout(Duration::from_millis(30));
    let error = client.submit(slow).wait().unwrap_err();
    assert_eq!(failure(&error), Some(FailureKind::Timeout));
}

#[test]
fn futures_of_another_client_are_refused() {
    let (cluster, client) = cluster(1);
    let other = cluster.client();
    let a = client.submit(add(1, 2));
    let error = other.submit(add(&a, 1).key("mix")).wait().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Rejected);
    let dependent = other.submit(add(other.submit(add(a, 1).key("mix")), 1).key("next"));
    assert_eq!(dependent.wait().unwrap_err().culprit(), Some("mix"));
}

#[test]
fn results_are_freed_when_nobody_wants_them() {
    let (cluster, client) = cluster(2);
    let blocks = client.map(0..20, |_| block(1 << 10));
    client.gather(&blocks).unwrap();
    drop(blocks);
    let two = client.submit(add(1, 1));
    two.wait().unwrap();
    let summary = cluster.close().unwrap();
    let held: usize = summary.state.workers().iter().map(|worker| worker.held.len()).sum();
    assert_eq!(held, 1, "only the one that is still wanted");
}

#[test]
fn waiting_ends_when_the_cluster_does() {
    let (cluster, client) = cluster(1);
    let slow = client.submit(sleep_ms(50));
    let waiting = std::thread::spawn(move || slow.wait());
    cluster.close().unwrap();
    let error = waiting.join().unwrap().unwrap_err();
    let closed = [TaskErrorKind::Closed, TaskErrorKind::Cancelled];
    assert!(closed.contains(&error.kind()), "{error}");
}

/// Within a process nobody pings, however long a task takes.
#[test]
fn a_client_of_the_same_process_waits_as_long_as_it_takes() {
    let silence = Duration::from_millis(20);
    let patience = Patience { silence, ..Patience::default() };
    let cluster = Cluster::local().workers(1).threads(1).patience(patience).no_record();
    let cluster = cluster.start().unwrap();
    let client = cluster.client();
    let long = client.submit(Command::new("sleep").arg("0.3"));
    assert_eq!(long.wait().unwrap().text(), "");
}
