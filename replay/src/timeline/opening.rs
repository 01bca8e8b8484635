//! A window of a run opens with a state: what plots must have seen to go on from there.

use taskreel_model::{
    Broken, Change, Event, Executing, Nanos, Phase, PrefixId, Stamped, State, Storage, TaskId,
    WorkerId, WorkerStatus,
};

/// Changes that lead from nothing to what goes on in a state, with their instants: workers, tasks
/// under way, results held, transfers. What had ended before is in the state's counts alone.
pub(crate) fn opening_changes(state: &State) -> Vec<(Nanos, Change)> {
    let mut changes = Vec::new();
    workers(state, &mut changes);
    tasks(state, &mut changes);
    replicas(state, &mut changes);
    for (&(to, task), flight) in state.flights() {
        let from = flight.from;
        changes.push((flight.started_at, Change::TransferStarted { task, from, to }));
    }
    changes
}

/// Events that tell of what is in a state, each as if it came just at the window's begin: prefixes,
/// workers, and tasks that are alive. Only what was later has events of its own.
pub(crate) fn opening_events(state: &State) -> Vec<Stamped<Event>> {
    let prefixes =
        state.prefixes().iter().zip((0..).map(PrefixId)).map(|(prefix, id)| {
            (state.now(), Event::PrefixDeclared { id, name: prefix.name.clone() })
        });
    let workers = state.workers().iter().zip((0..).map(WorkerId)).map(|(known, worker)| {
        let info = known.info.clone();
        (known.joined_at, Event::WorkerJoined { worker, info })
    });
    let tasks = state.tasks().iter().map(|(task, known)| {
        let (graph, key, options, deps) =
            (known.graph, known.key, known.options, known.deps[..].into());
        let wanted = !known.wanted_by.is_empty();
        (state.now(), Event::TaskSubmitted { task, graph, key, options, wanted, deps })
    });
    let (seq, logged_at) = (state.next_seq(), state.now());
    let all = prefixes.chain(workers).chain(tasks);
    all.map(|(at, what)| Stamped { seq, logged_at, at, cause: None, what }).collect()
}

/// What is to be said of a trace that is a window of a run.
pub fn part_of_a_run(at: Nanos) -> String {
    format!("it is a part of a run, from {at} on: what came before is not in it")
}

fn workers(state: &State, changes: &mut Vec<(Nanos, Change)>) {
    for (worker, info) in state.present_workers() {
        let joined = Change::Worker { worker, from: None, to: WorkerStatus::Running };
        changes.push((state.now(), joined));
        if info.status != WorkerStatus::Running {
            let (from, to) = (Some(WorkerStatus::Running), info.status);
            changes.push((state.now(), Change::Worker { worker, from, to }));
        }
    }
}

fn tasks(state: &State, changes: &mut Vec<(Nanos, Change)>) {
    for (task, known) in state.tasks().iter() {
        let worker = known.run.map(|run| run.worker);
        let to = known.phase;
        if to == Phase::Released {
            continue;
        }
        let attempt = known.attempt;
        let entered = Change::Task { task, from: Phase::Released, to, worker, attempt };
        changes.push((state.now(), entered));
        if let Some(executing) = known.run.and_then(|run| run.executing())
            && let Some(worker) = worker
        {
            let slot = executing.slot;
            changes.push((executing.started_at, Change::Started { task, worker, slot }));
            changes.extend(stretches(task, worker, executing, known.rare().broken));
        }
    }
}

/// That an execution waits, or waited, for tasks that it submitted. How often is not known: as if once.
fn stretches(
    task: TaskId,
    worker: WorkerId,
    executing: Executing,
    broken: Option<Broken>,
) -> impl Iterator<Item = (Nanos, Change)> {
    let Executing { slot, seceded, started_at } = executing;
    broken.into_iter().flat_map(move |Broken { since, computed }| {
        let left_at = if seceded { since } else { (started_at + computed).min(since) };
        let left = Change::Seceded { task, worker, slot, since: started_at };
        let came = Change::Rejoined { task, worker, slot, left: slot, since: left_at };
        [Some((left_at, left)), (!seceded).then_some((since, came))].into_iter().flatten()
    })
}

fn replicas(state: &State, changes: &mut Vec<(Nanos, Change)>) {
    for (task, known) in state.tasks().iter() {
        let bytes = known.bytes;
        for replica in &known.replicas {
            let worker: WorkerId = replica.worker;
            let held = |from, to| Change::Replica { task, worker, bytes, from, to };
            changes.push((state.now(), held(Storage::None, Storage::Memory)));
            if replica.spilled {
                changes.push((state.now(), held(Storage::Memory, Storage::Disk)));
            }
        }
    }
}
