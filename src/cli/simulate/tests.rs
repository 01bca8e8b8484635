//! Runs that are made up, recorded, and predicted again on another cluster.

use taskreel_model::simulation::{Core, World};
use taskreel_model::{
    ClientId, Input, LocalityThenIdle, LossReason, NewGraph, NewTask, SuffixText, TaskId,
    TaskOptions, WorkerId,
};

use super::predict::PredictError;
use super::*;

const fn ms(ms: u64) -> Nanos {
    Nanos::from_millis(ms)
}

/// What a client submits: when, which of its numbers comes first, and for each task what it depends on.
type Submitted<'a> = (u64, u32, u32, &'a [&'a [u32]]);

fn graph((_, _, local, tasks): Submitted<'_>) -> NewGraph {
    let task = |deps: &&[u32]| NewTask {
        prefix: 0,
        suffix: SuffixText::None,
        options: 0,
        wanted: true,
        deps: deps.to_vec(),
    };
    NewGraph {
        name: "graph".to_owned(),
        local,
        prefixes: vec!["t".to_owned()],
        options: vec![TaskOptions::new("f")],
        tasks: tasks.iter().map(task).collect(),
        ..NewGraph::default()
    }
}

/// A run of these graphs on one worker of two slots, whose tasks take so many milliseconds and give so
/// many bytes; as it is read from a trace.
fn recorded(
    network: Network,
    graphs: &[Submitted<'_>],
    work: &'static [(u64, u64)],
) -> Arc<Workload> {
    recorded_on(network, graphs, work, |_| {})
}

/// The same with what else happens to the cluster.
fn recorded_on(
    network: Network,
    graphs: &[Submitted<'_>],
    work: &'static [(u64, u64)],
    happen: impl FnOnce(&mut World),
) -> Arc<Workload> {
    let mut core = Core::new(Box::new(LocalityThenIdle));
    let mut world = World::new(network, move |_: &State, task: TaskId| {
        let (took, result_bytes) = work[task.index()];
        taskreel_model::simulation::Work { duration: ms(took), result_bytes, failure: None }
    });
    world.add_workers(1, 2);
    happen(&mut world);
    for client in [0, 1].map(ClientId) {
        world.tell(Input::ClientConnected { client, name: "c".to_owned() });
    }
    for submitted in graphs {
        let (at, client, ..) = *submitted;
        let graph = graph(*submitted);
        world.tell_at(ms(at), Input::GraphSubmitted { client: ClientId(client), graph });
    }
    let (mut gather, mut state, mut changes) = (Gather::default(), State::new(), Vec::new());
    let mut take = |core: &Core| {
        for event in core.events() {
            changes.clear();
            state.apply(event, &mut changes).unwrap();
            gather.take(event, &changes, &state);
        }
    };
    take(&core);
    while let Some((at, inputs)) = world.next() {
        core.turn(at, inputs).unwrap();
        world.carry_out(core.state(), core.effects(), core.events().len());
        take(&core);
    }
    Arc::new(gather.finish(0))
}

fn with_latency(latency: Nanos) -> Network {
    Network { latency, report: latency, fetch: latency, ..Network::default() }
}

fn predicted(workload: &Arc<Workload>, network: Network) -> Result<Prediction, PredictError> {
    let workers = workload.workers.clone();
    let cluster = Cluster { workers, network, policy: Box::new(LocalityThenIdle) };
    predict(workload, cluster, &mut None).map(|(prediction, _)| prediction)
}

/// The first client waits for its first graph; on a slow network the second one comes before it.
#[test]
fn tasks_take_as_long_as_they_did_in_whatever_order_clients_come() {
    let graphs: [Submitted<'_>; 3] = [(0, 0, 0, &[&[]]), (150, 0, 1, &[&[]]), (160, 1, 0, &[&[]])];
    let workload = recorded(Network::default(), &graphs, &[(100, 8), (400, 8), (10, 8)]);
    assert!((ms(545)..ms(555)).contains(&workload.makespan), "{}", workload.makespan);
    let prediction = predicted(&workload, with_latency(ms(200))).unwrap();
    // There and back and 100 ms, then a pause of 50 ms, then there and 400 ms.
    assert!((ms(1_145)..ms(1_155)).contains(&prediction.makespan), "{}", prediction.makespan);
}

/// The third graph comes after the end of the first one, and needs the second, which is on its way when
/// the first one ends on a quicker network.
#[test]
fn a_client_s_graphs_do_not_overtake_each_other() {
    let graphs: [Submitted<'_>; 3] = [(0, 0, 0, &[&[]]), (10, 0, 1, &[&[]]), (20, 0, 2, &[&[1]])];
    let workload = recorded(with_latency(ms(5)), &graphs, &[(1, 8), (1, 8), (1, 8)]);
    let prediction = predicted(&workload, with_latency(Nanos::ZERO)).unwrap();
    assert_eq!(prediction.n_stuck, 0);
    assert!((ms(18)..ms(21)).contains(&prediction.makespan), "{}", prediction.makespan);
}

#[test]
fn what_would_go_on_for_centuries_is_not_predicted() {
    let graphs: [Submitted<'_>; 1] = [(0, 0, 0, &[&[], &[0]])];
    let workload = recorded(Network::default(), &graphs, &[(1, 8), (1, 8)]);
    let endless = predicted(&workload, with_latency(Nanos(u64::MAX / 3)));
    assert!(matches!(endless, Err(PredictError::Endless)), "{endless:?}");
}

/// What a worker took with it when it went is no cost of the cluster.
#[test]
fn workers_go_when_they_went() {
    let tasks: [&[u32]; 20] = [&[]; 20];
    for reason in [LossReason::Disconnected, LossReason::Retired] {
        let workload =
            recorded_on(Network::default(), &[(0, 0, 0, &tasks)], &[(50, 8); 20], |world| {
                world.add_workers(1, 2);
                world.leave(ms(120), WorkerId(1), reason);
            });
        // 250 ms with both of them to the end.
        assert!(workload.makespan > ms(350), "{}", workload.makespan);
        let network = fit(&workload).unwrap();
        assert!(network.per_event < Nanos::from_micros(10), "{network:?}");
        let prediction = predicted(&workload, network).unwrap();
        let off = prediction.makespan.as_secs_f64() / workload.makespan.as_secs_f64() - 1.0;
        assert!(off.abs() < 0.02, "{} for {}", prediction.makespan, workload.makespan);
    }
}
