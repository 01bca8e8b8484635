use super::*;
use crate::{
    ClientId, LocalityThenIdle, LossReason, NewGraph, NewTask, Random, SuffixText, TaskId,
    TaskOptions, WorkerId, WorkerStatus,
};

/// Layers of `width` tasks; each depends on two of the layer before.
fn layers(n_layers: u32, width: u32) -> NewGraph {
    let tasks = (0..n_layers * width).map(|local| {
        let above = local.checked_sub(width);
        let mut deps: Vec<u32> = above.into_iter().collect();
        deps.extend(
            above
                .filter(|_| width > 1)
                .map(|above| above / width * width + (above % width + 1) % width),
        );
        deps.sort_unstable();
        let suffix = SuffixText::Index(local);
        NewTask { prefix: 0, suffix, options: 0, wanted: local >= (n_layers - 1) * width, deps }
    });
    NewGraph {
        name: "layers".to_owned(),
        local: 0,
        continues: false,
        nested: Vec::new(),
        prefixes: vec!["t".to_owned()],
        options: vec![TaskOptions::new("f")],
        tasks: tasks.collect(),
    }
}

fn simulated(policy: Box<dyn Policy>, n_workers: u32) -> (Core, Nanos) {
    let duration = |task: TaskId| Nanos::from_micros(500 + u64::from(task.0 % 7) * 100);
    simulated_graph(policy, n_workers, layers(20, 16), duration)
}

fn simulated_graph(
    policy: Box<dyn Policy>,
    n_workers: u32,
    graph: NewGraph,
    duration: impl Fn(TaskId) -> Nanos + 'static,
) -> (Core, Nanos) {
    let mut core = Core::new(policy);
    let work = move |_: &State, task: TaskId| Work {
        duration: duration(task),
        result_bytes: 1 << 20,
        failure: None,
    };
    let mut world = World::new(Network::default(), work);
    world.add_workers(n_workers, 2);
    let client = ClientId(0);
    world.tell(Input::ClientConnected { client, name: "c".to_owned() });
    world.tell(Input::GraphSubmitted { client, graph });
    let end = run(&mut core, &mut world).unwrap();
    (core, end)
}

#[test]
fn a_graph_ends_in_no_less_time_than_its_work_takes() {
    let (core, end) = simulated(Box::new(LocalityThenIdle), 4);
    let state = core.state();
    assert!(state.is_idle());
    assert_eq!(state.workers().iter().map(|worker| worker.n_finished).sum::<u64>(), 320);
    let busy: u64 = state.workers().iter().map(|worker| worker.busy.0).sum();
    assert!(end.0 >= busy / 8, "{end} for {busy} ns of work in eight slots");
    assert!(end.0 < busy, "{end}: slower than one slot alone");
}

#[test]
fn the_same_settings_give_the_same_run() {
    let (first, second) =
        (simulated(Box::new(LocalityThenIdle), 3), simulated(Box::new(LocalityThenIdle), 3));
    assert_eq!(first.1, second.1);
    assert_eq!(first.0.state(), second.0.state());
}

#[test]
fn placing_where_the_inputs_are_beats_the_lot() {
    let n_moved = |core: &Core| core.state().next_seq();
    let (locality, random) =
        (simulated(Box::new(LocalityThenIdle), 4), simulated(Box::new(Random { seed: 1 }), 4));
    assert!(locality.1 < random.1, "{} against {}", locality.1, random.1);
    assert!(n_moved(&locality.0) < n_moved(&random.0), "fewer transfers are fewer events");
}

#[test]
fn a_row_of_short_tasks_does_not_go_by_way_of_the_scheduler_each_time() {
    const N: u32 = 640;
    let row = |policy, duration| simulated_graph(policy, 4, layers(N, 1), move |_| duration);
    // There and back, and the turn.
    let way = Nanos(u64::from(N) * Nanos::from_micros(200).0);
    let (core, end) = row(Box::new(LocalityThenIdle), Nanos::from_micros(2));
    assert!(core.state().is_idle() && end.0 < way.0 / 8, "{end} for {N} tasks");
    let (_, by_lot) = row(Box::new(Random { seed: 1 }), Nanos::from_micros(2));
    assert!(by_lot > way, "{by_lot}: the yardstick draws for each");
}

#[test]
fn the_order_of_workers_is_the_same_before_and_after_placement_asks_for_it() {
    let mut core = Core::new(Box::new(LocalityThenIdle));
    let duration = Nanos::from_micros(700);
    let work = move |_: &State, _| Work { duration, result_bytes: 8, failure: None };
    let mut world = World::new(Network::default(), work);
    world.add_workers(9, 3);
    let client = ClientId(0);
    world.tell(Input::ClientConnected { client, name: "c".to_owned() });
    world.tell(Input::GraphSubmitted { client, graph: layers(6, 40) });
    // A replay never brings the order up to date; the live state does so in each turn.
    let (mut state, mut changes, mut n_unequal) = (State::new(), Vec::new(), 0);
    core.events().iter().for_each(|event| state.apply(event, &mut changes).unwrap());
    while let Some((at, inputs)) = world.next() {
        core.turn(at, inputs).unwrap();
        world.carry_out(core.state(), core.effects(), core.events().len());
        core.events().iter().for_each(|event| state.apply(event, &mut changes).unwrap());
        let order: Vec<_> = state.by_load().collect();
        assert_eq!(core.state().by_load().collect::<Vec<_>>(), order);
        assert!(state.by_load().rev().eq(order.iter().rev().copied()));
        n_unequal += usize::from(order.first().map(|w| w.0) != order.last().map(|w| w.0));
    }
    assert!(n_unequal > 9, "loads differed now and then");
}

#[test]
fn what_a_worker_takes_with_it_is_made_again_and_what_it_leaves_is_not() {
    let left = |reason: LossReason| {
        let mut core = Core::new(Box::new(LocalityThenIdle));
        let work = |_: &State, _| Work {
            duration: Nanos::from_micros(700),
            result_bytes: 1 << 10,
            failure: None,
        };
        let mut world = World::new(Network::default(), work);
        world.add_workers(3, 2);
        let client = ClientId(0);
        world.tell(Input::ClientConnected { client, name: "c".to_owned() });
        world.tell(Input::GraphSubmitted { client, graph: layers(20, 16) });
        world.leave(Nanos::from_millis(9), WorkerId(1), reason);
        run(&mut core, &mut world).unwrap();
        assert!(core.state().is_idle());
        assert_eq!(core.state().workers()[1].status, WorkerStatus::Lost);
        core.state().workers().iter().map(|worker| worker.n_finished).sum::<u64>()
    };
    assert_eq!(left(LossReason::Retired), 320);
    assert!(left(LossReason::Disconnected) > 320);
}
