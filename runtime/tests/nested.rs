//! Tasks that submit tasks and wait for them, deeper than there are slots: those that wait give
//! their slots back. End to end with worker processes of one slot each.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

extern crate taskreel_runtime as taskreel;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};

use taskreel::{
    Cluster, Credentials, Operator, TaskError, TaskErrorKind, TaskFuture, as_completed,
    current_client, task, wait,
};
use taskreel_model::{Change, Event, FailureKind, Stage, State, TaskId};
use taskreel_recorder::{Source, TraceReader};

/// Longer than any test takes on a slow machine: what is not done by then hangs.
const PATIENCE: Duration = Duration::from_secs(100);

/// The two before, each a task of its own.
fn parts(n: u32) -> Vec<TaskFuture<u64>> {
    current_client().expect("it is called as a task").map([n - 1, n - 2], fib)
}

/// The `n`th Fibonacci number, in about as many tasks as it is large.
#[task]
fn fib(n: u32) -> Result<u64, TaskError> {
    if n < 2 {
        return Ok(n.into());
    }
    let parts = parts(n);
    // Each way to wait is good.
    match n % 4 {
        0 => Ok(current_client().unwrap().gather(&parts)?.iter().sum()),
        1 => Ok(parts[0].wait()? + parts[1].wait()?),
        2 => as_completed(parts).map(|part| part.wait()).sum(),
        _ => {
            assert!(wait(&parts, PATIENCE).pending.is_empty());
            parts.iter().map(TaskFuture::wait).sum()
        }
    }
}

#[task]
async fn fib_async(n: u32) -> Result<u64, TaskError> {
    if n < 2 {
        return Ok(n.into());
    }
    let client = current_client().expect("it is called as a task");
    let parts = client.map([n - 1, n - 2], fib_async);
    let all = futures_util::future::join_all(parts.into_iter().map(IntoFuture::into_future)).await;
    // Something else is awaited, too.
    tokio::time::sleep(Duration::from_micros(100)).await;
    all.into_iter().sum()
}

/// Names the thread that runs it.
#[task]
fn thread_name(_again: u32) -> String {
    format!("{:?}", std::thread::current().id())
}

/// Waits for so many tasks, one after the other; on how many threads they ran.
#[task]
fn waits_often(n: u32) -> Result<u64, TaskError> {
    let client = current_client().expect("it is called as a task");
    let mut threads = BTreeSet::new();
    for again in 0..n {
        threads.insert(client.submit(thread_name(again)).wait()?);
    }
    Ok(threads.len() as u64)
}

/// Waits until a file is there.
#[task]
fn when_there(path: &str) {
    while !Path::new(path).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Says that it waits, waits for a task that waits for a file, and says that it goes on.
#[task]
fn outer(folder: &str) -> Result<(), String> {
    let folder = Path::new(folder);
    let client = current_client().expect("it is called as a task");
    let inner = client.submit(when_there(folder.join("go").to_str().expect("it is text")));
    let ended = inner.wait();
    std::fs::write(folder.join("over"), "").map_err(|error| error.to_string())?;
    ended.map_err(|error| error.to_string())
}

#[task]
fn id(x: u64) -> u64 {
    x
}

#[test]
fn worker_process() {
    taskreel::init();
}

fn cluster(workers: usize, trace: Option<&Path>) -> Cluster {
    let program = std::env::current_exe().unwrap();
    let args = ["--exact", "worker_process", "--nocapture"];
    let builder = Cluster::local().workers(workers).threads(1).processes(true);
    let builder = builder.worker_command(program, &args);
    match trace {
        Some(path) => builder.record(path),
        None => builder.no_record(),
    }
    .start()
    .unwrap()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !is_so() {
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// What a trace says of what waited.
#[derive(Default)]
struct Waits {
    n_seceded: usize,
    n_rejoined: usize,
    /// Tasks that waited at once, at the most.
    most: usize,
    /// Whether another task ran in a slot that one had left.
    others: BTreeSet<TaskId>,
    /// By each task that a program submitted (`None`) or a task: those that it submitted.
    children: BTreeMap<Option<TaskId>, usize>,
}

fn waits(trace: &Path) -> Waits {
    let mut reader = TraceReader::open(trace).unwrap();
    let (mut state, mut changes, mut waits) = (State::new(), Vec::new(), Waits::default());
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in batch.events {
            changes.clear();
            state.apply(&event, &mut changes).unwrap();
            if let Event::TaskSubmitted { task, .. } = event.what {
                *waits.children.entry(state.parent(task)).or_default() += 1;
            }
            let n_waiting = state.workers().iter().map(|w| w.n_seceded as usize).sum::<usize>();
            waits.most = waits.most.max(n_waiting);
            for change in &changes {
                match *change {
                    Change::Seceded { .. } => waits.n_seceded += 1,
                    Change::Rejoined { .. } => waits.n_rejoined += 1,
                    Change::Started { task, .. } if n_waiting > 0 => {
                        waits.others.insert(task);
                    }
                    _ => {}
                }
            }
        }
    }
    assert!(reader.warnings().is_empty(), "{:?}", reader.warnings());
    state.validate();
    waits
}

#[test]
fn tasks_wait_for_tasks_deeper_than_there_are_slots() {
    for workers in [1, 2] {
        let folder = tempfile::tempdir().unwrap();
        let trace = folder.path().join("run.reel");
        let cluster = cluster(workers, Some(&trace));
        assert_eq!(cluster.client().submit(fib(14)).wait().unwrap(), 377);
        assert_eq!(cluster.client().submit(fib_async(9)).wait().unwrap(), 34);
        cluster.close().unwrap().state.validate();
        let mut waits = waits(&trace);
        assert_eq!(waits.n_seceded, waits.n_rejoined);
        // Two are the program's own, and each of the others that is not small has two parts.
        assert_eq!(waits.children.remove(&None), Some(2));
        assert!(waits.children.values().all(|&n| n == 2), "{:?}", waits.children);
        assert!(waits.n_seceded > 300 && waits.others.len() > 300, "{}", waits.n_seceded);
        // Depth first: only few of them wait at a time.
        let few = waits.n_seceded / 2;
        assert!((12..few).contains(&waits.most), "{} of {few} waited at once", waits.most);
    }
}

#[test]
fn a_task_that_waits_often_needs_one_thread_more() {
    let cluster = cluster(1, None);
    let n_threads = cluster.client().submit(waits_often(100)).wait().unwrap();
    // One, unless the machine stood still for seconds in between.
    assert!(n_threads < 50, "{n_threads} threads for 100 waits");
}

#[test]
fn what_is_cancelled_while_it_waits_ends_with_what_it_waits_for() {
    let folder = tempfile::tempdir().unwrap();
    let cluster = cluster(1, None);
    let client = cluster.client();
    let waiting = client.submit(outer(folder.path().to_str().unwrap()));
    let credentials = Credentials::new(cluster.token(), None);
    let operator = Operator::new(cluster.address().unwrap(), credentials);
    let stage = || {
        let worker = operator.status().unwrap().workers.remove(0);
        (worker.waiting, worker.assigned, worker.executing)
    };
    wait_until("one waits and one runs", || stage() == (1, 1, 1));
    waiting.cancel();
    // Nobody writes the file that the inner one waits for.
    wait_until("the outer one goes on", || folder.path().join("over").exists());
    wait_until("both are gone", || stage() == (0, 0, 0));
    assert_eq!(client.submit(id(7)).wait().unwrap(), 7);
    assert_eq!(waiting.wait().unwrap_err().kind(), TaskErrorKind::Cancelled);
}

#[test]
fn what_takes_too_long_while_it_waits_fails() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("run.reel");
    let cluster = cluster(1, Some(&trace));
    let client = cluster.client();
    let call = outer(folder.path().to_str().unwrap()).timeout(Duration::from_millis(300));
    let error = client.submit(call).wait().unwrap_err();
    assert_eq!(error.kind(), TaskErrorKind::Failed(Some(FailureKind::Timeout)), "{error}");
    assert_eq!(client.submit(id(7)).wait().unwrap(), 7);
    let state = cluster.close().unwrap().state;
    assert!(state.is_idle());
    let mut reader = TraceReader::open(&trace).unwrap();
    let (mut state, mut seceded) = (State::new(), false);
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in batch.events {
            if let Event::TaskFailed { task, .. } = event.what {
                let run = state.task(task).unwrap().run.unwrap();
                seceded |= run.stage() == Stage::Seceded;
            }
            state.apply(&event, &mut Vec::new()).unwrap();
        }
    }
    assert!(seceded, "it waited when its time was up");
}
