//! Chains of made-up runs.

use std::collections::BTreeMap;

use taskreel_model::{
    AssignReason, ClientId, Event, OptionsId, PrefixId, Stamped, StrId, Suffix, TaskOptions,
    WorkerId, WorkerInfo,
};

use super::*;

const N_GRAPHS: u32 = 4_000;

/// A run that is told to some chains as it goes.
struct Run {
    state: State,
    now: Nanos,
    chains: Vec<Chain>,
}

impl Run {
    /// One with a worker of four slots and a client.
    fn new(chains: Vec<Chain>) -> Self {
        let mut run = Self { state: State::new(), now: Nanos::ZERO, chains };
        let info = Box::new(WorkerInfo {
            name: "worker-0".to_owned(),
            address: String::new(),
            host: "laptop".to_owned(),
            pid: 1,
            slots: 4,
            memory_limit: 0,
            resources: BTreeMap::new(),
            version: String::new(),
        });
        run.apply(0, Event::SchedulerStarted { incarnation: 0 });
        run.apply(0, Event::Interned { id: StrId(0), text: "name".into() });
        run.apply(0, Event::PrefixDeclared { id: PrefixId(0), name: "step".into() });
        let options = Box::new(TaskOptions::new("demo"));
        run.apply(0, Event::OptionsDeclared { id: OptionsId(0), options });
        run.apply(0, Event::WorkerJoined { worker: WorkerId(0), info });
        run.apply(0, Event::ClientConnected { client: ClientId(0), name: StrId(0) });
        run
    }

    /// So many nanoseconds later this happens.
    fn apply(&mut self, later: u64, what: Event) {
        self.now = self.now + Nanos(later);
        let (seq, at) = (self.state.next_seq(), self.now);
        let event = Stamped { seq, logged_at: at, at, cause: None, what };
        let mut changes = Vec::new();
        self.state.apply(&event, &mut changes).expect("the run is legal");
        for change in &changes {
            self.chains.iter_mut().for_each(|chain| chain.update(at, change, &self.state));
        }
    }

    /// A graph of tasks, each of which depends on the one before if they are a `row`.
    fn submit(&mut self, later: u64, n_tasks: u32, parent: Option<u32>, is_row: bool) {
        let (graph, first) = (self.state.next_graph(), self.state.tasks().next_id());
        let (client, name, local) = (ClientId(0), StrId(0), first.0);
        self.apply(later, Event::GraphSubmitted { graph, client, name, first, n_tasks, local });
        if let Some(parent) = parent.map(TaskId) {
            self.apply(0, Event::TasksNested { parent, first, n_tasks });
        }
        for task in (first.0..first.0 + n_tasks).map(TaskId) {
            let key = Key { prefix: PrefixId(0), suffix: Suffix::Index(task.0) };
            let needs = is_row && task != first;
            let deps = if needs { [TaskId(task.0 - 1)].into() } else { [].into() };
            let (options, wanted) = (OptionsId(0), parent.is_some());
            self.apply(0, Event::TaskSubmitted { task, graph, key, options, wanted, deps });
        }
    }

    fn start(&mut self, later: u64, task: u32, slot: u16) {
        let (task, worker, attempt) = (TaskId(task), WorkerId(0), 1);
        let reason = AssignReason::Idle;
        self.apply(later, Event::TaskAssigned { task, worker, attempt, reason });
        self.apply(10, Event::TaskStarted { task, worker, attempt, slot });
    }

    fn finish(&mut self, later: u64, task: u32) {
        let (task, worker, attempt) = (TaskId(task), WorkerId(0), 1);
        self.apply(later, Event::TaskFinished { task, worker, attempt, bytes: 8 });
    }

    fn secede(&mut self, later: u64, task: u32) {
        self.apply(
            later,
            Event::TaskSeceded { task: TaskId(task), worker: WorkerId(0), attempt: 1 },
        );
    }

    fn rejoin(&mut self, later: u64, task: u32, slot: u16) {
        let (task, worker, attempt) = (TaskId(task), WorkerId(0), 1);
        self.apply(later, Event::TaskRejoined { task, worker, attempt, slot });
    }

    /// The first chain: tasks, with the begin and the end of each piece.
    fn links(&self) -> Vec<(u32, u64, u64)> {
        let links = self.chains[0].links();
        links.iter().map(|link| (link.task.0, link.window.from.0, link.window.to.0)).collect()
    }
}

/// A chain that lets go of nothing.
fn endless() -> Chain {
    Chain { n_pieces_max: usize::MAX, ..Chain::default() }
}

/// Three tasks in a row, a task of a graph of its own each time, which are forgotten at its end.
#[test]
fn what_is_on_no_way_is_let_go_of_and_the_chain_stays() {
    let mut run = Run::new(vec![Chain::default(), endless()]);
    for graph in 0..N_GRAPHS {
        run.submit(100, 3, None, true);
        for task in 3 * graph..3 * graph + 3 {
            run.start(10, task, 0);
            run.finish(50 + u64::from(task.wrapping_mul(2_654_435_769) >> 20), task);
        }
    }
    let [bounded, all] = &run.chains[..] else { panic!("there are two") };
    assert_eq!(all.pieces.len(), 3 * N_GRAPHS as usize);
    assert!(bounded.pieces.len() <= N_PIECES, "{} are kept", bounded.pieces.len());
    assert_eq!(bounded.links().len(), 3);
    assert_eq!(bounded.links(), all.links());
}

#[test]
fn it_goes_from_a_task_to_those_that_it_submitted_and_back() {
    let mut run = Run::new(vec![Chain::default()]);
    run.submit(100, 1, None, false);
    run.start(0, 0, 0); // at 110
    run.submit(40, 2, Some(0), false); // at 150
    run.secede(5, 0); // at 155
    run.start(5, 1, 0); // at 170
    run.start(0, 2, 1); // at 180
    run.finish(20, 2); // at 200
    run.finish(100, 1); // at 300
    assert_eq!(run.links(), [(0, 110, 150), (1, 170, 300)], "as long as it goes on");
    run.rejoin(7, 0, 2); // at 307
    run.finish(13, 0); // at 320
    assert_eq!(run.links(), [(0, 110, 150), (1, 170, 300), (0, 307, 320)]);
    assert_eq!(n_tasks(&run.chains[0].links()), 2);
}

#[test]
fn who_submits_and_does_not_wait_holds_nothing_up_afterwards() {
    let mut run = Run::new(vec![Chain::default()]);
    run.submit(100, 1, None, false);
    run.start(0, 0, 0); // at 110
    run.submit(40, 2, Some(0), true); // at 150
    run.start(10, 1, 1); // at 170
    run.finish(30, 1); // at 200
    run.finish(50, 0); // at 250
    run.start(0, 2, 1); // at 260
    run.finish(10, 2); // at 270
    assert_eq!(run.links(), [(0, 110, 150), (1, 170, 200), (2, 260, 270)]);
}

/// Deeper than pieces are kept: each submits the next one and waits for it.
#[test]
fn a_deep_nest_is_kept_as_long_as_it_lives() {
    let mut run = Run::new(vec![Chain::default(), endless()]);
    let depth = 3 * N_PIECES as u32;
    run.submit(100, 1, None, false);
    for task in 0..depth {
        run.start(10, task, 0);
        run.submit(10, 1, Some(task), false);
        run.secede(0, task);
    }
    run.start(0, depth, 0);
    run.finish(10, depth);
    for task in (0..depth).rev() {
        run.rejoin(1, task, 0);
        run.finish(1, task);
    }
    let [kept, all] = &run.chains[..] else { panic!("there are two") };
    assert_eq!(kept.links(), all.links());
    assert_eq!(kept.links().len(), 2 * depth as usize + 1);
}
