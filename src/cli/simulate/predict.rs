//! Runs a workload through the simulation.

use std::sync::Arc;

use taskreel_model::{
    Change, Event, Input, LocalityThenIdle, Nanos, Policy, Rejection, State, TaskId, WorkerInfo,
    simulation::{Core, Network, World},
};
use taskreel_recorder::{RecordError, Recorder};
use thiserror::Error;

use super::submissions::Submissions;
use super::workload::Workload;

/// How often costs are tried at the most...
const FITS: usize = 4;

/// ...until the makespan is right but for so small a part.
const CLOSE: f64 = 0.05;

/// The cluster of a prediction.
pub(crate) struct Cluster {
    /// The workers, and when each joins.
    pub(crate) workers: Vec<(Nanos, WorkerInfo)>,
    pub(crate) network: Network,
    pub(crate) policy: Box<dyn Policy>,
}

/// What a workload takes on a cluster.
#[derive(Debug)]
pub(crate) struct Prediction {
    /// From the first submission to the last end of an execution.
    pub(crate) makespan: Nanos,
    /// No cluster with these slots is faster: the work divided by the slots...
    pub(crate) work_bound: Nanos,
    /// ...and the longest chain of tasks that wait for one another.
    pub(crate) path_bound: Nanos,
    pub(crate) n_events: u64,
    /// Tasks that no worker may run, or that wait for such.
    pub(crate) n_stuck: usize,
}

/// Why there is no prediction.
#[derive(Debug, Error)]
pub(crate) enum PredictError {
    /// The core refused what the trace says.
    #[error("the recorded graphs cannot be submitted again: {0}")]
    Rejected(#[from] Rejection),
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// The costs with which the recorded cluster takes as long as it did, or nearly. What cannot be told
/// apart in a trace, since all cores were busy at once, is put down to the scheduler; and where the
/// means are too much, since others went on while one was held up, all costs are lowered alike.
pub(crate) fn fit(workload: &Arc<Workload>) -> Result<Network, PredictError> {
    let mut network = workload.network;
    for _ in 0..FITS {
        let workers = workload.workers.clone();
        let cluster = Cluster { workers, network, policy: Box::new(LocalityThenIdle) };
        let (prediction, _) = predict(workload, cluster, &mut None)?;
        let (recorded, predicted) = (workload.makespan, prediction.makespan);
        let close = Nanos((CLOSE * recorded.0 as f64) as u64);
        if predicted + close < recorded {
            let missing = recorded - predicted;
            network.per_event = network.per_event + Nanos(missing.0 / prediction.n_events.max(1));
        } else if predicted > recorded + close {
            for cost in [
                &mut network.latency,
                &mut network.report,
                &mut network.fetch,
                &mut network.handover,
                &mut network.per_event,
            ] {
                *cost = Nanos(cost.0 * 2 / 3);
            }
        } else {
            break;
        }
    }
    Ok(network)
}

/// Runs it to its end, and records it.
pub(crate) fn predict(
    workload: &Arc<Workload>,
    cluster: Cluster,
    recorder: &mut Option<Recorder>,
) -> Result<(Prediction, State), PredictError> {
    let n_slots: u64 = cluster.workers.iter().map(|(_, info)| u64::from(info.slots)).sum();
    let tasks = Arc::clone(workload);
    let mut core = Core::new(cluster.policy);
    record(recorder, &core)?;
    let mut world = World::new(cluster.network, move |state: &State, task: TaskId| {
        let n_failures = state.task(task).map_or(0, |found| found.rare().n_failures);
        tasks.tasks[task.index()].work(n_failures)
    });
    for (at, info) in cluster.workers {
        world.join(at, info);
    }
    for (number, name) in (0..).zip(&workload.clients) {
        let (client, name) = (taskreel_model::ClientId(number), name.clone());
        world.tell(Input::ClientConnected { client, name });
    }
    let mut submissions = Submissions::new(workload);
    submit(&mut submissions, workload, &mut world);
    let (mut first, mut last) = (None, Nanos::ZERO);
    while let Some((at, inputs)) = world.next() {
        core.turn(at, inputs)?;
        world.carry_out(core.state(), core.effects(), core.events().len());
        record(recorder, &core)?;
        for event in core.events() {
            if let Event::GraphSubmitted { .. } = event.what {
                first = first.or(Some(event.at));
            }
            if let Event::TaskFinished { .. } | Event::TaskFailed { .. } = event.what {
                last = last.max(event.at);
            }
        }
        for change in core.changes() {
            if let Change::Graph { graph, done: true } = *change {
                submissions.ended(workload, graph, at);
            }
        }
        submit(&mut submissions, workload, &mut world);
    }
    let n_stuck = core.state().tasks().iter().filter(|(_, task)| task.phase.is_active()).count();
    let prediction = Prediction {
        makespan: last - first.unwrap_or_default(),
        work_bound: Nanos(work(workload).0 / n_slots.max(1)),
        path_bound: longest_path(workload),
        n_events: core.state().next_seq(),
        n_stuck,
    };
    Ok((prediction, core.into_state()))
}

fn submit(submissions: &mut Submissions, workload: &Workload, world: &mut World) {
    while let Some((at, input)) = submissions.next(workload) {
        world.tell_at(at, input);
    }
}

fn record(recorder: &mut Option<Recorder>, core: &Core) -> Result<(), RecordError> {
    recorder.as_mut().map_or(Ok(()), |recorder| recorder.append(core.events()))
}

fn work(workload: &Workload) -> Nanos {
    workload.tasks.iter().fold(Nanos::ZERO, |sum, task| sum + task.total())
}

/// Over tasks in the order of their ids: dependencies come first.
fn longest_path(workload: &Workload) -> Nanos {
    let mut ends: Vec<Nanos> = Vec::with_capacity(workload.tasks.len());
    for task in &workload.tasks {
        let inputs = task.deps.iter().map(|dep| ends[dep.index()]);
        ends.push(inputs.max().unwrap_or_default() + task.total());
    }
    ends.into_iter().max().unwrap_or_default()
}
