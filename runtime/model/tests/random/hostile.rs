//! Logs that nobody wrote: events made up, and honest logs with damage.

use std::collections::BTreeMap;

use proptest::prelude::*;
use taskreel_model::{
    Activity, AssignReason, CancelReason, ClientId, Event, FailureKind, GraphId, Key, LossReason,
    Nanos, OptionsId, PauseReason, PrefixId, Stamped, StrId, Suffix, TaskId, TaskOptions,
    TransferFailure, WorkerId, WorkerInfo,
};

/// What makes most of the forged events that follow possible.
pub(crate) fn prelude() -> Vec<Event> {
    let name = StrId(0);
    let (graph, client) = (GraphId(0), ClientId(0));
    let mut events = vec![
        Event::Interned { id: name, text: "name".into() },
        Event::PrefixDeclared { id: PrefixId(0), name: "p".into() },
        Event::OptionsDeclared { id: OptionsId(0), options: Box::new(TaskOptions::new("f")) },
        Event::ClientConnected { client, name },
        Event::WorkerJoined { worker: WorkerId(0), info: info(2) },
        Event::WorkerJoined { worker: WorkerId(1), info: info(1) },
        Event::GraphSubmitted { graph, client, name, first: TaskId(0), n_tasks: 9, local: 0 },
    ];
    // The graph stays open: forged events may add to it.
    events.extend((0..6).map(|task| submitted(task, 0, &[task / 2, task.saturating_sub(1)], true)));
    events
}

/// Any event, with small ids.
pub(crate) fn event() -> impl Strategy<Value = Event> {
    let ids = (0..10_u32, 0..3_u32, 0..4_u32, 0..3_u16);
    (0..44_u8, ids, any::<[u8; 4]>(), prop::collection::vec(0..10_u32, 0..4)).prop_map(
        |(kind, (task, worker, attempt, slot), draw, deps)| {
            forge(kind, (TaskId(task), WorkerId(worker), attempt, slot), draw, &deps)
        },
    )
}

/// A log with a few events dropped, doubled, exchanged, or changed.
pub(crate) fn damaged(log: &[Stamped<Event>], damage: [(u16, u8); 6]) -> Vec<Event> {
    let mut events: Vec<Event> = log.iter().map(|event| event.what.clone()).collect();
    for (place, what) in damage {
        if events.len() < 2 {
            break;
        }
        let place = usize::from(place) % (events.len() - 1);
        match what % 4 {
            0 => drop(events.remove(place)),
            1 => events.insert(place, events[place].clone()),
            2 => events.swap(place, place + 1),
            _ => {
                let ids = (TaskId(u32::from(what) % 12), WorkerId(u32::from(what) % 3), 1, 0);
                events.insert(place, forge(what / 4 % 44, ids, [what; 4], &[]));
            }
        }
    }
    events
}

fn submitted(task: u32, graph: u32, deps: &[u32], wanted: bool) -> Event {
    let key = Key { prefix: PrefixId(0), suffix: Suffix::Index(task) };
    let mut deps: Vec<TaskId> =
        deps.iter().filter(|dep| **dep < task).copied().map(TaskId).collect();
    deps.sort_unstable();
    deps.dedup();
    let (task, graph, deps) = (TaskId(task), GraphId(graph), deps.into());
    Event::TaskSubmitted { task, graph, key, options: OptionsId(0), wanted, deps }
}

fn info(slots: u16) -> Box<WorkerInfo> {
    Box::new(WorkerInfo {
        name: "w".to_owned(),
        address: "local://w".to_owned(),
        host: "here".to_owned(),
        pid: 0,
        slots,
        memory_limit: 0,
        resources: BTreeMap::new(),
        version: String::new(),
    })
}

fn forge(
    kind: u8,
    (task, worker, attempt, slot): (TaskId, WorkerId, u32, u16),
    draw: [u8; 4],
    deps: &[u32],
) -> Event {
    let client = ClientId(u32::from(draw[0] % 2));
    let id = u32::from(draw[0] % 3);
    let error = StrId(u32::from(draw[0] % 2));
    let name = error;
    let other = WorkerId(u32::from(draw[1] % 3));
    let dependent = TaskId(u32::from(draw[2] % 10));
    let bytes = u64::from(draw[3]);
    let took = Nanos(u64::MAX >> (draw[3] % 64));
    let text = || format!("{}", draw[1]).into();
    match kind {
        0 => Event::SchedulerStarted { incarnation: id },
        1 => Event::Interned { id: StrId(id), text: text() },
        2 => Event::PrefixDeclared { id: PrefixId(id), name: text() },
        3 => Event::OptionsDeclared {
            id: OptionsId(id),
            options: Box::new(TaskOptions::new(text())),
        },
        4 => Event::ClientConnected { client, name },
        5 => Event::ClientLeft { client },
        6 => Event::GraphSubmitted {
            graph: GraphId(id),
            client,
            name,
            first: task,
            n_tasks: u32::from(draw[1] % 3),
            local: u32::from(draw[2] % 16),
        },
        7 => submitted(task.0, id, deps, draw[1].is_multiple_of(2)),
        8 => Event::ResultWanted { client, task },
        9 => Event::ResultReleased { client, task },
        10 => Event::TaskCancelled { task, reason: CancelReason::Stopped },
        11 => Event::WorkerJoined { worker, info: info(slot) },
        12 => Event::WorkerLost { worker, reason: LossReason::Left },
        13 => Event::WorkerPaused { worker, reason: PauseReason::DiskFull },
        14 => Event::WorkerResumed { worker },
        15 => Event::WorkerRetiring { worker },
        16 => Event::ClockEstimated { worker, offset_ns: i64::MIN, error_ns: u64::MAX },
        35 => Event::SpanRecorded { name, task: None, took },
        17 | 37 => Event::TaskAssigned { task, worker, attempt, reason: AssignReason::Random },
        18 => Event::TaskUnplaceable { task },
        19 => Event::StealRequested { task, from: worker, to: other },
        20 => Event::StealConfirmed { task, from: worker },
        21 => Event::StealRefused { task, from: worker },
        22 => Event::RetryDue { task },
        23 => Event::TransferStarted { task, from: other, to: worker, dependent },
        24 => Event::TransferFinished { task, to: worker, bytes },
        25 => Event::TransferFailed { task, to: worker, reason: TransferFailure::Busy },
        26 | 38 => Event::TaskStarted { task, worker, attempt, slot },
        27 | 39 => Event::TaskFinished { task, worker, attempt, bytes },
        28 => {
            let retry = (!draw[1].is_multiple_of(3)).then_some(took);
            Event::TaskFailed { task, worker, attempt, kind: FailureKind::Exit, error, retry }
        }
        29 => {
            let activity = Activity::Deserialize;
            Event::ActivityRecorded { task, worker, activity, took, bytes }
        }
        30 => Event::ResultSpilled { task, worker, bytes, took },
        31 => Event::ResultRestored { task, worker, bytes, took },
        32 => Event::ReplicaAdded { task, worker, bytes },
        33 => Event::ReplicaDropped { task, worker },
        34 => Event::Marked { name, task: Some(task) },
        40 | 41 => Event::TaskSeceded { task, worker, attempt },
        42 | 43 => Event::TaskRejoined { task, worker, attempt, slot },
        44 | 45 => Event::TasksNested { parent: task, first: dependent, n_tasks: id },
        _ => Event::ReportsAccepted { worker, through: bytes },
    }
}
