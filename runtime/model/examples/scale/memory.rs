//! Memory of the state for a task.
//!
//! A process of its own applies the events of a run one by one, holding nothing but the state: all tasks
//! are submitted as one graph, then each runs and its result is kept, then all are released and forgotten,
//! and as many are submitted again. How much memory the process has (`VmRSS` in Linux) is read before,
//! when all wait, when all are held, and when as many wait again: that is no more if what is
//! forgotten gives its memory back. In `layers` each task has two dependencies and two dependents.

use std::fs;
use std::io::{Write, stdout};
use std::process::Command;

use taskreel_model::{
    AssignReason, ClientId, Event, GraphId, Key, Nanos, OptionsId, PrefixId, Stamped, State, StrId,
    Suffix, TaskId, TaskOptions, WorkerId, WorkerInfo,
};

use super::graphs::Shape;
use super::{Outcome, SLOTS};

const CLIENT: ClientId = ClientId(0);
const WIDTH: u32 = 4_096;

/// Bytes for each of `n_tasks`: when all wait, when all are held, and when as many wait again.
pub(crate) fn of_state(shape: Shape, n_workers: u32, n_tasks: u32) -> Outcome<[f64; 3]> {
    let args = ["memory", shape.name(), &n_workers.to_string(), &n_tasks.to_string()];
    let output = Command::new(std::env::current_exe()?).args(args).output()?;
    let text = String::from_utf8(output.stdout)?;
    let bytes = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
    bytes.try_into().map_err(|_short| "the measuring process failed".into())
}

/// What [`of_state`] runs: prints the three figures.
pub(crate) fn measure(shape: Shape, n_workers: u32, n_tasks: u32) -> Outcome {
    let mut log = Log { state: State::new(), changes: Vec::new() };
    log.begin(n_workers)?;
    let before = resident()?;
    let print = || -> Outcome {
        let bytes = resident()?.saturating_sub(before) as f64;
        Ok(writeln!(stdout(), "{}", bytes / f64::from(n_tasks))?)
    };
    log.submit(shape, n_tasks)?;
    print()?;
    for task in 0..n_tasks {
        let worker = WorkerId(task % n_workers);
        let (task, attempt, reason, slot) = (TaskId(task), 1, AssignReason::Idle, 0);
        log.add(Event::TaskAssigned { task, worker, attempt, reason })?;
        log.add(Event::TaskStarted { task, worker, attempt, slot })?;
        log.add(Event::TaskFinished { task, worker, attempt, bytes: 8 })?;
    }
    print()?;
    for task in (0..n_tasks).map(TaskId) {
        log.add(Event::ResultReleased { client: CLIENT, task })?;
    }
    assert!(log.state.tasks().is_empty(), "all are forgotten");
    log.submit(shape, n_tasks)?;
    print()
}

/// A state, and nothing of what made it.
struct Log {
    state: State,
    changes: Vec<taskreel_model::Change>,
}

impl Log {
    fn add(&mut self, what: Event) -> Outcome {
        let (seq, at) = (self.state.next_seq(), self.state.now() + Nanos::from_micros(1));
        self.changes.clear();
        let event = Stamped { seq, logged_at: at, at, cause: None, what };
        Ok(self.state.apply(&event, &mut self.changes)?)
    }

    /// One graph.
    fn submit(&mut self, shape: Shape, n_tasks: u32) -> Outcome {
        let (graph, first) = (self.state.next_graph(), self.state.tasks().next_id());
        let (client, name, local) = (CLIENT, StrId(0), first.0);
        self.add(Event::GraphSubmitted { graph, client, name, first, n_tasks, local })?;
        for task in 0..n_tasks {
            let deps = shape.deps(task, n_tasks, WIDTH).into_iter();
            let deps = deps.map(|dep| TaskId(first.0 + dep)).collect();
            self.add(submitted(graph, TaskId(first.0 + task), deps))?;
        }
        Ok(())
    }

    /// All that comes before the tasks.
    fn begin(&mut self, n_workers: u32) -> Outcome {
        self.add(Event::SchedulerStarted { incarnation: 0 })?;
        self.add(Event::Interned { id: StrId(0), text: "scale".into() })?;
        self.add(Event::PrefixDeclared { id: PrefixId(0), name: "task".into() })?;
        let options = Box::new(TaskOptions::new("nothing"));
        self.add(Event::OptionsDeclared { id: OptionsId(0), options })?;
        self.add(Event::ClientConnected { client: CLIENT, name: StrId(0) })?;
        for id in 0..n_workers {
            let info = Box::new(WorkerInfo {
                name: format!("worker-{id}"),
                address: format!("simulated://{id}"),
                host: "simulated".to_owned(),
                pid: id,
                slots: SLOTS,
                memory_limit: 0,
                resources: Default::default(),
                version: String::new(),
            });
            self.add(Event::WorkerJoined { worker: WorkerId(id), info })?;
        }
        Ok(())
    }
}

fn submitted(graph: GraphId, task: TaskId, deps: Box<[TaskId]>) -> Event {
    let key = Key { prefix: PrefixId(0), suffix: Suffix::Index(task.0) };
    let (options, wanted) = (OptionsId(0), true);
    Event::TaskSubmitted { task, graph, key, options, wanted, deps }
}

/// Bytes of memory that this process has.
fn resident() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    Ok(kilobytes.ok_or("the system does not tell")? << 10)
}
