//! A viewer that follows a run for days keeps no more in memory than one that follows it for minutes.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use client::get;
use taskreel_model::{
    AssignReason, ClientId, Event, GraphId, Key, Nanos, OptionsId, PrefixId, Stamped, StrId,
    Suffix, TaskId, TaskOptions, WorkerId, WorkerInfo,
};
use taskreel_recorder::{Batch, ReadError, RunInfo, Source, Warning};
use taskreel_replay::Reopen;
use taskreel_viewer::{ViewerConfig, ViewerHandle, serve};

#[path = "support/client.rs"]
#[expect(clippy::unwrap_used, dead_code, reason = "shared with tests that need more of it")]
mod client;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Kinds of tasks, in no order: sums of them are sums of each kind.
const N_PREFIXES: u32 = 12;
/// Tasks of a graph.
const N_EACH: u32 = 1_000;
/// By then what is old is more than what stays in memory.
const N_BEFORE: u32 = 300_000;
const N_AFTER: u32 = 200_000;
/// Of which most is the allocator's. When all that was packed stayed in memory it was 20, before anything was packed 57.
const BYTES_EACH_MAX: u64 = 4;

/// A run of short tasks, as long as somebody wants it: graph after graph, on one worker.
struct Endless {
    info: RunInfo,
    next_seq: u64,
    now: Nanos,
    next_task: u32,
    /// How many tasks there are by now.
    n_tasks: Arc<AtomicU32>,
}

impl Endless {
    fn new(n_tasks: Arc<AtomicU32>) -> Self {
        let (info, now) = (RunInfo::default(), Nanos::ZERO);
        Self { info, next_seq: 0, now, next_task: 0, n_tasks }
    }

    fn add(&mut self, events: &mut Vec<Stamped<Event>>, took: u64, what: Event) {
        self.now = self.now + Nanos(took);
        let (seq, at) = (self.next_seq, self.now);
        self.next_seq += 1;
        events.push(Stamped { seq, logged_at: at, at, cause: None, what });
    }

    fn begin(&mut self, events: &mut Vec<Stamped<Event>>) {
        let info = Box::new(WorkerInfo {
            name: "worker-0".to_owned(),
            address: String::new(),
            host: "laptop".to_owned(),
            pid: 1,
            slots: 1,
            memory_limit: 0,
            resources: BTreeMap::new(),
            version: String::new(),
        });
        let options = Box::new(TaskOptions::new("demo"));
        self.add(events, 0, Event::SchedulerStarted { incarnation: 0 });
        self.add(events, 0, Event::Interned { id: StrId(0), text: "name".into() });
        for id in (0..N_PREFIXES).map(PrefixId) {
            let name = if id.0 == 0 { "step".into() } else { format!("other-{}", id.0).into() };
            self.add(events, 0, Event::PrefixDeclared { id, name });
        }
        self.add(events, 0, Event::OptionsDeclared { id: OptionsId(0), options });
        self.add(events, 0, Event::WorkerJoined { worker: WorkerId(0), info });
        self.add(events, 0, Event::ClientConnected { client: ClientId(0), name: StrId(0) });
    }

    fn graph(&mut self, events: &mut Vec<Stamped<Event>>) {
        let (first, graph) = (TaskId(self.next_task), GraphId(self.next_task / N_EACH));
        let (client, name, n_tasks, local) = (ClientId(0), StrId(0), N_EACH, first.0);
        let submitted = Event::GraphSubmitted { graph, client, name, first, n_tasks, local };
        self.add(events, 1_000, submitted);
        let tasks = first.0..first.0 + N_EACH;
        for task in tasks.clone().map(TaskId) {
            let prefix = PrefixId((task.0.wrapping_mul(2_246_822_519) >> 16) % N_PREFIXES);
            let key = Key { prefix, suffix: Suffix::Index(task.0) };
            let (options, wanted, deps) = (OptionsId(0), false, [].into());
            let what = Event::TaskSubmitted { task, graph, key, options, wanted, deps };
            self.add(events, 0, what);
        }
        for task in tasks.map(TaskId) {
            let (worker, attempt, reason) = (WorkerId(0), 1, AssignReason::Idle);
            let took = 3_000 + u64::from(task.0.wrapping_mul(2_654_435_769) >> 18);
            self.add(events, 300, Event::TaskAssigned { task, worker, attempt, reason });
            self.add(events, 900, Event::TaskStarted { task, worker, attempt, slot: 0 });
            self.add(events, took, Event::TaskFinished { task, worker, attempt, bytes: 8 });
        }
        self.next_task += N_EACH;
    }
}

impl Source for Endless {
    fn run_info(&self) -> &RunInfo {
        &self.info
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        if self.next_task >= self.n_tasks.load(Ordering::Relaxed) {
            return Ok(None);
        }
        let mut batch = Batch::default();
        if self.next_seq == 0 {
            self.begin(&mut batch.events);
        }
        self.graph(&mut batch.events);
        Ok(Some(batch))
    }

    fn is_finished(&self) -> bool {
        false
    }

    fn warnings(&self) -> &[Warning] {
        &[]
    }
}

/// Waits until so many tasks are shown as done.
fn wait_for(viewer: &ViewerHandle, n_tasks: u32) -> Outcome {
    for _ in 0..100_000 {
        let state: serde_json::Value =
            serde_json::from_str(&get(viewer.addr(), "/api/state").body)?;
        if state["totals"]["done"] == n_tasks {
            return Ok(());
        }
        if state["status"]["kind"] == "failed" {
            return Err(state["status"].to_string().into());
        }
    }
    Err(format!("{n_tasks} tasks were never done").into())
}

/// Memory of this process in bytes.
fn resident() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?;
    Ok(kib.parse::<u64>()? << 10)
}

#[test]
fn a_task_of_long_ago_takes_no_memory() -> Outcome {
    let n_tasks = Arc::new(AtomicU32::new(N_BEFORE));
    let again = n_tasks.clone();
    let source = Box::new(Endless::new(n_tasks.clone()));
    // What follows the run has the plots of the status page; the others are fed once somebody looks at them.
    let reopen: Reopen = Box::new(move || Ok(Box::new(Endless::new(again.clone()))));
    let (addr, title) = (([127, 0, 0, 1], 0).into(), String::new());
    let config = ViewerConfig { addr, source, reopen: Some(reopen), token: None, title };
    let viewer = serve(config)?;
    wait_for(&viewer, N_BEFORE)?;
    let before = resident()?;
    n_tasks.store(N_BEFORE + N_AFTER, Ordering::Relaxed);
    wait_for(&viewer, N_BEFORE + N_AFTER)?;
    let each = resident()?.saturating_sub(before) / u64::from(N_AFTER);
    assert!(each <= BYTES_EACH_MAX, "{each} bytes for each task");
    // What is packed is still found.
    let found = get(viewer.addr(), "/api/find?key=-123456").body;
    assert!(found.contains("\"total\":1"), "{found}");
    Ok(())
}
