//! Graphs of extreme shapes: no step may cost the square of their size, or the stack.
//!
//! Nothing is timed. A hundred thousand tasks end in well under a second each even in a debug
//! build; what is quadratic here takes minutes, and recursion overflows.

use std::collections::BTreeMap;

use taskreel_model::{
    CancelReason, ClientId, FailureKind, Input, LocalityThenIdle, LossReason, Nanos, NewGraph,
    NewTask, Output, Phase, Report, Reported, Stage, State, SuffixText, TaskId, TaskOptions, Turn,
    WorkerId, WorkerInfo, decide, place,
};

const N: u32 = 100_000;
const C0: ClientId = ClientId(0);
const LAST: TaskId = TaskId(N - 1);

struct Cluster {
    state: State,
    output: Output,
}

impl Cluster {
    /// One client, one worker, and a graph whose tasks have the dependencies given.
    fn new(wanted: fn(u32) -> bool, deps: fn(u32) -> Vec<u32>) -> Self {
        let mut cluster = Self { state: State::new(), output: Output::default() };
        cluster.input(Input::ClientConnected { client: C0, name: "ann".to_owned() });
        cluster.join();
        let task = |number| NewTask {
            prefix: 0,
            suffix: SuffixText::Index(number),
            options: 0,
            wanted: wanted(number),
            deps: deps(number),
        };
        let graph = NewGraph {
            name: "shape".to_owned(),
            local: 0,
            continues: false,
            nested: Vec::new(),
            prefixes: vec!["p".to_owned()],
            options: vec![TaskOptions::new("f")],
            tasks: (0..N).map(task).collect(),
        };
        cluster.input(Input::GraphSubmitted { client: C0, graph });
        cluster
    }

    fn join(&mut self) -> WorkerId {
        let worker = self.state.next_worker();
        let info = WorkerInfo {
            name: worker.to_string(),
            address: String::new(),
            host: String::new(),
            pid: 0,
            slots: 8,
            memory_limit: 0,
            resources: BTreeMap::new(),
            version: String::new(),
        };
        self.input(Input::WorkerJoined { worker, info });
        worker
    }

    fn input(&mut self, input: Input) {
        self.output.clear();
        let now = self.state.now() + Nanos(100);
        let mut turn = Turn::new(&mut self.state, now, &mut self.output);
        decide(&mut turn, input).expect("it is accepted");
        place(&LocalityThenIdle, &mut turn);
    }

    /// A worker ends a task that is assigned to it: well, or with an error.
    fn end(&mut self, task: TaskId, is_well: bool) {
        let found = self.state.task(task).expect("it is live");
        let (attempt, slot, at) = (found.attempt, 0, self.state.now());
        let worker = found.run.expect("it is assigned").worker;
        let ended = if is_well {
            Reported::Finished { task, attempt, bytes: 8 }
        } else {
            let (kind, error) = (FailureKind::Error, "no".to_owned());
            Reported::Failed { task, attempt, kind, error }
        };
        let started = Reported::Started { task, attempt, slot };
        let reports = [started, ended].map(|what| Report { at, what }).to_vec();
        self.input(Input::WorkerReported { worker, reports });
    }

    /// Runs everything that can run.
    fn drain(&mut self) {
        for _ in 0..2 * N {
            let mut assigned = self.state.workers().iter().flat_map(|found| &found.assigned);
            // One that is chained to another begins when that has ended.
            let can_begin = |task: &&TaskId| {
                let run = self.state.task(**task).and_then(|found| found.run);
                run.is_some_and(|run| run.stage() != Stage::Chained)
            };
            let Some(&task) = assigned.find(can_begin) else { return };
            self.end(task, true);
        }
        panic!("it does not end");
    }

    fn lose(&mut self, worker: WorkerId) {
        self.input(Input::WorkerLost { worker, reason: LossReason::Left });
    }

    fn count(&self, phase: Phase) -> u64 {
        self.state.totals().get(phase)
    }
}

fn chain(wanted: fn(u32) -> bool) -> Cluster {
    Cluster::new(wanted, |number| number.checked_sub(1).into_iter().collect())
}

fn fan_out() -> Cluster {
    Cluster::new(|number| number > 0, |number| if number == 0 { vec![] } else { vec![0] })
}

#[test]
fn a_chain_is_cancelled() {
    let mut cluster = chain(|_| true);
    let (tasks, reason) = (vec![TaskId(0)], CancelReason::Requested);
    cluster.input(Input::CancelRequested { tasks, reason });
    assert!(cluster.state.tasks().is_empty());
    cluster.state.validate();
}

#[test]
fn a_chain_of_which_the_end_is_wanted_is_released() {
    let mut cluster = chain(|number| number == LAST.0);
    cluster.input(Input::ResultReleased { client: C0, tasks: vec![LAST] });
    assert!(cluster.state.tasks().is_empty());
    cluster.state.validate();
}

#[test]
fn a_chain_is_blamed_on_its_first() {
    let mut cluster = chain(|_| true);
    cluster.end(TaskId(0), false);
    assert_eq!(cluster.count(Phase::Erred), u64::from(N));
    cluster.state.validate();
}

#[test]
fn a_chain_is_computed_lost_and_computed_again() {
    let mut cluster = chain(|number| number == LAST.0);
    cluster.drain();
    assert_eq!(cluster.count(Phase::Released), u64::from(N) - 1);
    cluster.lose(WorkerId(0));
    assert_eq!(cluster.count(Phase::Waiting), u64::from(N) - 1);
    cluster.join();
    cluster.drain();
    assert_eq!(cluster.count(Phase::Memory), 1);
    cluster.state.validate();
}

#[test]
fn a_chain_of_held_results_is_lost() {
    let mut cluster = chain(|_| true);
    cluster.drain();
    cluster.lose(WorkerId(0));
    assert_eq!(cluster.count(Phase::Waiting), u64::from(N) - 1);
    cluster.input(Input::ClientLeft { client: C0 });
    assert!(cluster.state.tasks().is_empty());
    cluster.state.validate();
}

#[test]
fn a_fan_out_is_computed_and_its_client_leaves() {
    let mut cluster = fan_out();
    cluster.drain();
    assert_eq!(cluster.count(Phase::Memory), u64::from(N) - 1);
    cluster.input(Input::ClientLeft { client: C0 });
    assert!(cluster.state.tasks().is_empty());
    cluster.state.validate();
}

#[test]
fn a_fan_out_whose_root_is_lost_time_and_again() {
    let mut cluster = fan_out();
    for _ in 0..4 {
        cluster.end(TaskId(0), true);
        let worker = cluster.state.task(TaskId(0)).expect("it is needed").replicas[0].worker;
        cluster.join();
        cluster.lose(worker);
    }
    cluster.end(TaskId(0), false);
    assert_eq!(cluster.count(Phase::Erred), u64::from(N));
    cluster.state.validate();
}

#[test]
fn all_of_many_are_cancelled_in_no_order() {
    let mut cluster = fan_out();
    let tasks = (0..N).rev().map(|number| TaskId(number.wrapping_mul(7) % N)).collect();
    cluster.input(Input::CancelRequested { tasks, reason: CancelReason::Requested });
    assert!(cluster.state.tasks().is_empty());
    cluster.state.validate();
}

#[test]
fn many_inputs_of_one() {
    let mut cluster = Cluster::new(
        |number| number == LAST.0,
        |number| if number == LAST.0 { (0..LAST.0).collect() } else { vec![] },
    );
    cluster.drain();
    assert_eq!(cluster.count(Phase::Memory), 1);
    cluster.input(Input::ResultReleased { client: C0, tasks: vec![LAST] });
    assert!(cluster.state.tasks().is_empty());
    cluster.state.validate();
}

/// A result that serves short-lived tasks for ever does not grow for ever.
#[test]
fn one_result_serves_task_after_task() {
    let mut cluster = chain(|number| number == 0);
    cluster.drain();
    for local in N..N + 2_000 {
        let task = NewTask {
            prefix: 0,
            suffix: SuffixText::Index(local),
            options: 0,
            wanted: false,
            deps: vec![0],
        };
        let graph = NewGraph {
            name: "one".to_owned(),
            local,
            continues: false,
            nested: Vec::new(),
            prefixes: vec!["p".to_owned()],
            options: vec![TaskOptions::new("f")],
            tasks: vec![task],
        };
        cluster.input(Input::GraphSubmitted { client: C0, graph });
        cluster.drain();
    }
    let root = cluster.state.task(TaskId(0)).expect("it is wanted");
    assert!(root.dependents.len() < 200, "{} are listed", root.dependents.len());
    cluster.state.validate();
}

#[test]
fn graphs_that_nobody_needs_are_not_kept() {
    let mut cluster = fan_out();
    let graph = |local: u32| NewGraph {
        name: "small".to_owned(),
        local,
        continues: false,
        nested: Vec::new(),
        prefixes: vec!["p".to_owned()],
        options: vec![TaskOptions::new("f")],
        tasks: vec![NewTask {
            prefix: 0,
            suffix: SuffixText::Index(local),
            options: 0,
            wanted: true,
            deps: vec![],
        }],
    };
    // The first one, which lives on, does not keep the others.
    for local in N..N + 2_000 {
        cluster.input(Input::GraphSubmitted { client: C0, graph: graph(local) });
        let task = cluster.state.local_task(C0, local).expect("it was submitted");
        let reason = CancelReason::Requested;
        cluster.input(Input::CancelRequested { tasks: vec![task], reason });
        assert_eq!(cluster.state.local_task(C0, local), None);
    }
    assert_eq!((cluster.state.next_graph().0, cluster.state.graphs().len()), (2_001, 1));
    assert_eq!(cluster.state.n_ended(), 2_000);
    cluster.state.validate();
    let restored = cluster.state.keyframe().restore(u64::MAX).expect("it is whole");
    assert_eq!(restored, cluster.state);
}
