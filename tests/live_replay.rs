//! Live equals replay: what the scheduler's state and the plots were when the run ended is what
//! folding its trace gives.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use taskreel::{Client, Cluster, TaskFuture, task};
use taskreel_model::{Change, Event, Stamped, State};
use taskreel_recorder::{Batch, Source, TraceReader, VecSource};
use taskreel_replay::Timeline;
use taskreel_replay::plots::{self, Plot};

#[expect(dead_code, reason = "its `main` is for people")]
#[path = "../examples/wordcount.rs"]
mod wordcount;

/// Adds its inputs up; one in four numbers fails up to four times before.
#[task]
fn unsteady(number: u64, inputs: Vec<u64>) -> Result<u64, String> {
    static FAILURES: Mutex<BTreeMap<u64, u64>> = Mutex::new(BTreeMap::new());
    let mut failures = FAILURES.lock().expect("no holder of the lock panics");
    let so_far = failures.entry(number).or_default();
    let mut draw = Draw(number);
    let wanted = if draw.below(4) == 0 { 1 + draw.below(4) } else { 0 };
    if *so_far < wanted {
        *so_far += 1;
        return Err(format!("task {number} fails for the {so_far}. time"));
    }
    Ok(number + inputs.into_iter().sum::<u64>() % 1000)
}

/// The last seed whose graph is submitted as a whole.
static SUBMITTED: (Mutex<u64>, Condvar) = (Mutex::new(0), Condvar::new());

/// Holds all tasks of a graph back until it is submitted: a client refuses by itself what depends
/// on a task that it knows to have failed.
#[task]
fn hold_back(seed: u64) {
    let (submitted, changed) = &SUBMITTED;
    let submitted = submitted.lock().expect("no holder of the lock panics");
    let patience = Duration::from_secs(60);
    let waited = changed.wait_timeout_while(submitted, patience, |so_far| *so_far < seed);
    assert!(!waited.expect("no holder of the lock panics").1.timed_out(), "never submitted");
}

/// A small generator of numbers: the same for the same seed (SplitMix64).
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }
}

/// Plots that are fed by the live run, on the scheduler's thread.
type LivePlots = Arc<Mutex<Vec<Box<dyn Plot>>>>;

fn watch(plots: &LivePlots) -> taskreel_model::Watch {
    let plots = Arc::clone(plots);
    Box::new(move |event: &Stamped<Event>, changes: &[Change], state: &State| {
        for plot in plots.lock().expect("plots do not panic").iter_mut() {
            for change in changes {
                plot.update(event.at, change, state);
            }
        }
    })
}

/// The trace folded by a timeline, without its samples: no event tells a live plot of those.
fn replayed(path: &Path) -> Timeline {
    let mut reader = TraceReader::open(path).expect("open the trace");
    let mut events = Vec::new();
    while let Some(batch) = reader.next_batch().expect("read the trace") {
        events.extend(batch.events);
    }
    assert!(reader.is_finished() && reader.warnings().is_empty(), "{:?}", reader.warnings());
    let source = VecSource::new(reader.run_info().clone(), [Batch { events, ..Batch::default() }]);
    let mut timeline = Timeline::new(Box::new(source), plots::all());
    timeline.run_to_end().expect("fold the trace");
    timeline
}

/// Runs `work` on a recorded cluster, and compares what was live with what its trace gives.
fn check(name: &str, work: impl FnOnce(&Client)) -> State {
    let folder = tempfile::tempdir().expect("make a folder");
    let path = folder.path().join("run.reel");
    let live: LivePlots = Arc::new(Mutex::new(plots::all()));
    let builder = Cluster::local().name(name).workers(3).threads(2).record(&path);
    let cluster = builder.watch(watch(&live)).start().expect("start a cluster");
    work(&cluster.client());
    let summary = cluster.close().expect("close the cluster");
    let timeline = replayed(&path);
    assert!(*timeline.state() == summary.state, "{name}: the folded state is another");
    summary.state.validate();
    let mut live = live.lock().expect("plots do not panic");
    for (live, replayed) in live.iter_mut().zip(timeline.plots()) {
        live.settle(&summary.state);
        let id = live.about().id;
        assert!(live.columns().lines().count() >= 2, "{name}: {id} has no columns to compare");
        assert_eq!(live.columns(), replayed.columns(), "{name}: {id}");
    }
    summary.state
}

#[test]
fn of_wordcount() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let paths: Vec<String> = std::fs::read_dir(root.join("runtime/model/src"))
        .expect("read a folder of sources")
        .map(|entry| entry.expect("read an entry").path())
        .filter(|path| path.is_file())
        .map(|path| path.display().to_string())
        .collect();
    let n_files = paths.len();
    let state = check("wordcount", |client| {
        let counts = wordcount::count_words(client, paths).expect("count");
        assert!(counts["task"] > 100, "{counts:?}");
    });
    assert!(state.totals().total() > n_files as u64, "{:?}", state.totals());
}

#[test]
fn of_a_random_graph_with_failures_and_retries() {
    for seed in [1, 2, 3] {
        let state = check("random", |client| random_graph(client, seed));
        let unsteady = state.prefix_id("unsteady").expect("its tasks ran");
        let prefix = state.prefix(unsteady);
        assert!(prefix.n_erred > 10 && prefix.n_finished > 50, "seed {seed}: {prefix:?}");
    }
}

/// 400 tasks with up to three inputs each, many of which fail and are tried again or given up;
/// some are released early, and some cancelled.
fn random_graph(client: &Client, seed: u64) {
    let mut draw = Draw(seed);
    let gate = client.submit(hold_back(seed));
    let mut futures: Vec<TaskFuture<u64>> = Vec::new();
    for number in 0..400_u64 {
        let n_inputs = if futures.is_empty() { 0 } else { draw.below(3) };
        let recent = futures.len().saturating_sub(40) as u64;
        let inputs: Vec<TaskFuture<u64>> = (0..n_inputs)
            .map(|_| recent + draw.below(futures.len() as u64 - recent))
            .map(|index| futures[index as usize].clone())
            .collect();
        let delay = Duration::from_micros(draw.below(3) * 700);
        let call = unsteady(seed * 1000 + number, inputs)
            .retries(1 + draw.below(3) as u32)
            .retry_delay(delay)
            .priority(draw.below(3) as i32)
            .after(&gate);
        futures.push(client.submit(call));
    }
    client.flush();
    for _ in 0..5 {
        futures[300 + draw.below(100) as usize].cancel();
    }
    *SUBMITTED.0.lock().expect("no holder of the lock panics") = seed;
    SUBMITTED.1.notify_all();
    let n_erred = futures.iter().filter(|future| future.wait().is_err()).count();
    assert!(n_erred > 0, "seed {seed}: nothing failed");
}
