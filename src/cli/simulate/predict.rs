//! Runs a workload through the simulation.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use taskreel_model::{
    Change, Event, GraphId, Input, Nanos, Policy, Rejection, State, TaskId, WorkerId,
    policy_by_name,
    simulation::{Core, Network, World},
};
use taskreel_recorder::{RecordError, Recorder};
use thiserror::Error;

use super::submissions::Submissions;
use super::workload::{Presence, Workload};

/// Nothing is predicted beyond: from here on sums of instants may no longer be told apart.
const END_OF_TIME: Nanos = Nanos(u64::MAX / 2);

/// How often costs are tried at the most...
const FITS: usize = 4;

/// ...until the makespan is right but for so small a part.
const CLOSE: f64 = 0.05;

/// The cluster of a prediction.
pub(crate) struct Cluster {
    /// The workers, in the order in which they join.
    pub(crate) workers: Vec<Presence>,
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
    /// Instants count nanoseconds, and there are only so many.
    #[error("it would go on for centuries: allow more --bandwidth or less --latency")]
    Endless,
}

/// The costs with which the recorded cluster takes as long as it did, or nearly. What cannot be told
/// apart in a trace, since all cores were busy at once, is put down to the scheduler; and where the
/// means are too much, since others went on while one was held up, all costs are lowered alike.
pub(crate) fn fit(workload: &Arc<Workload>) -> Result<Network, PredictError> {
    let mut network = workload.network;
    for _ in 0..FITS {
        let workers = workload.workers.clone();
        let policy = recorded_policy(workload);
        let cluster = Cluster { workers, network, policy };
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
            network.bandwidth = network.bandwidth.saturating_add(network.bandwidth / 2);
        } else {
            break;
        }
    }
    Ok(network)
}

/// What is recorded of what is predicted: where several clients submit, graphs may arrive in another
/// order, and ids follow the order.
#[derive(Debug, Default)]
struct Origins {
    /// By predicted graph: its first task, and which recorded graph it is.
    graphs: Vec<(TaskId, GraphId)>,
}

impl Origins {
    fn task(&self, workload: &Workload, predicted: TaskId) -> TaskId {
        let of = self.graphs.partition_point(|(first, _)| *first <= predicted) - 1;
        let (first, graph) = self.graphs[of];
        TaskId(workload.graphs[graph.index()].first.0 + (predicted.0 - first.0))
    }
}

fn recorded_policy(workload: &Workload) -> Box<dyn Policy> {
    policy_by_name(&workload.policy, workload.seed).expect("it is one of ours")
}

/// Runs it to its end, and records it.
pub(crate) fn predict(
    workload: &Arc<Workload>,
    cluster: Cluster,
    recorder: &mut Option<Recorder>,
) -> Result<(Prediction, State), PredictError> {
    let n_slots: u64 = cluster.workers.iter().map(|worker| u64::from(worker.info.slots)).sum();
    let (theirs, origins) = (Arc::clone(workload), Rc::new(RefCell::new(Origins::default())));
    let origins_of = Rc::clone(&origins);
    let mut core = Core::new(cluster.policy);
    record(recorder, &core)?;
    let mut world = World::new(cluster.network, move |state: &State, task: TaskId| {
        let n_failures = state.task(task).map_or(0, |found| found.rare().n_failures);
        let recorded = origins_of.borrow().task(&theirs, task);
        theirs.tasks[recorded.index()].work(n_failures)
    });
    for (id, Presence { info, joined_at, retires_at, gone }) in (0..).zip(cluster.workers) {
        let worker = WorkerId(id);
        world.join(joined_at, info);
        if let Some(at) = retires_at {
            world.tell_at(at, Input::RetireRequested { worker });
        }
        if let Some((at, reason)) = gone {
            world.leave(at, worker, reason);
        }
    }
    for (number, name) in (0..).zip(&workload.clients) {
        let (client, name) = (taskreel_model::ClientId(number), name.clone());
        world.tell(Input::ClientConnected { client, name });
    }
    let mut submissions = Submissions::new(workload);
    submit(&mut submissions, workload, &mut world);
    let (mut first, mut last) = (None, Nanos::ZERO);
    while let Some((at, inputs)) = world.next() {
        if at > END_OF_TIME {
            return Err(PredictError::Endless);
        }
        core.turn(at, inputs)?;
        for event in core.events() {
            if let Event::GraphSubmitted { client, first: first_task, .. } = event.what {
                let graph = submissions.arrived(client);
                origins.borrow_mut().graphs.push((first_task, graph));
                first = first.or(Some(event.at));
            }
            if let Event::TaskFinished { .. } | Event::TaskFailed { .. } = event.what {
                last = last.max(event.at);
            }
        }
        world.carry_out(core.state(), core.effects(), core.events().len());
        record(recorder, &core)?;
        for change in core.changes() {
            if let Change::Graph { graph, done: true } = *change {
                let (_, recorded) = origins.borrow().graphs[graph.index()];
                submissions.ended(workload, recorded, at);
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
