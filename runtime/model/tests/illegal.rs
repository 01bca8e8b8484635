//! Events that contradict those before them: each reason is given, and nothing is changed.

#[path = "scenarios/script.rs"]
mod script;

use script::Script;
use taskreel_model::{
    AssignReason, CancelReason, Change, ClientId, Event, FailureKind, GraphId, Key, LossReason,
    Nanos, OptionsId, PauseReason, Phase, PrefixId, Stamped, State, StrId, Suffix, TaskId,
    TaskOptions, TransferFailure, Why, WorkerId, WorkerInfo,
};

const W0: WorkerId = WorkerId(0);
const W1: WorkerId = WorkerId(1);
const C0: ClientId = ClientId(0);
const S0: StrId = StrId(0);
/// Held by w0.
const HELD: TaskId = TaskId(0);
/// Executes on w0, in slot 0.
const RUNS: TaskId = TaskId(1);
/// Assigned to w0.
const READY: TaskId = TaskId(2);
/// Waits for both.
const WAITS: TaskId = TaskId(3);
/// Erred.
const ERRED: TaskId = TaskId(4);
/// Queued: w1, on which alone it may run, is paused.
const QUEUED: TaskId = TaskId(5);
const GONE: TaskId = TaskId(77);

/// w0 with two slots, w1 paused, w2 lost; the result of `HELD` on its way to w1.
fn setting() -> State {
    let text = "
client ann
worker alice slots=2
submit c0
  held!
  runs!
  ready!
  waits! runs ready
  erred!
w0: started held; finished held; started erred slot=1; failed erred; started runs
worker bob
worker carol
lost w2
w1: paused
submit c0
  queued! on=bob
w1: fetches held w0 for t9
";
    let mut script = Script::default();
    script.given(text);
    script.state
}

/// Applies an event as the next one, and says why it is refused.
fn refused(state: &State, what: Event) -> Why {
    let at = state.now();
    stamped(state, &Stamped { seq: state.next_seq(), logged_at: at, at, cause: None, what })
}

fn stamped(state: &State, event: &Stamped<Event>) -> Why {
    let mut after = state.clone();
    let mut changes = Vec::new();
    let illegal = after.apply(event, &mut changes).expect_err("it is illegal");
    assert_eq!(after, *state, "{event:?} is refused and changed the state");
    assert!(changes.is_empty(), "{event:?} is refused and brought {changes:?}");
    let text = illegal.to_string();
    assert!(text.contains(event.what.name()) && text.contains(&event.seq.to_string()), "{text}");
    illegal.why
}

#[track_caller]
fn check(why: Why, events: impl IntoIterator<Item = Event>) {
    let state = setting();
    for event in events {
        let text = format!("{event:?}");
        assert_eq!(refused(&state, event), why, "{text}");
    }
}

fn info(slots: u16) -> Box<WorkerInfo> {
    let state = setting();
    let mut info = state.worker(W0).expect("w0 joined").info.clone();
    info.slots = slots;
    info
}

fn submitted(task: u32, graph: u32, prefix: u32, deps: &[u32]) -> Event {
    Event::TaskSubmitted {
        task: TaskId(task),
        graph: GraphId(graph),
        key: Key { prefix: PrefixId(prefix), suffix: Suffix::None },
        options: OptionsId(0),
        wanted: true,
        deps: deps.iter().copied().map(TaskId).collect(),
    }
}

fn graph(graph: u32, client: ClientId, first: u32, (n_tasks, local): (u32, u32)) -> Event {
    let (graph, first) = (GraphId(graph), TaskId(first));
    Event::GraphSubmitted { graph, client, name: S0, first, n_tasks, local }
}

fn assigned(task: TaskId, worker: WorkerId, attempt: u32) -> Event {
    Event::TaskAssigned { task, worker, attempt, reason: AssignReason::Idle }
}

fn started(task: TaskId, worker: WorkerId, attempt: u32, slot: u16) -> Event {
    Event::TaskStarted { task, worker, attempt, slot }
}

fn finished(task: TaskId, worker: WorkerId, attempt: u32) -> Event {
    Event::TaskFinished { task, worker, attempt, bytes: 1 }
}

fn failed(task: TaskId, attempt: u32, error: StrId) -> Event {
    let kind = FailureKind::Error;
    Event::TaskFailed { task, worker: W0, attempt, kind, error, retry: None }
}

#[test]
fn the_setting_is_as_described() {
    let state = setting();
    let phases: Vec<Phase> = state.tasks().iter().map(|(_, task)| task.phase).collect();
    let (processing, memory) = (Phase::Processing, Phase::Memory);
    let others = [Phase::Waiting, Phase::Erred, Phase::Queued];
    assert_eq!(phases, [[memory, processing, processing].as_slice(), &others].concat());
}

#[test]
fn out_of_sequence() {
    let state = setting();
    for wrong in [0, state.next_seq() - 1, state.next_seq() + 1, u64::MAX] {
        let at = state.now();
        let what = Event::WorkerResumed { worker: W1 };
        let why = stamped(&state, &Stamped { seq: wrong, logged_at: at, at, cause: None, what });
        assert_eq!(why, Why::Sequence { expected: state.next_seq() });
    }
}

#[test]
fn against_the_time() {
    let state = setting();
    let resumed = Event::WorkerResumed { worker: W1 };
    let now = state.now();
    let cases = [
        (now - Nanos(1), now - Nanos(1), resumed.clone()),
        (now, now + Nanos(1), resumed.clone()),
        (Nanos::MAX, now, resumed),
        // Before it began.
        (now, Nanos::from_millis(3), finished(RUNS, W0, 1)),
        (now, Nanos::from_millis(3), failed(RUNS, 1, S0)),
        (now, Nanos(0), Event::TransferFinished { task: HELD, to: W1, bytes: 1 }),
    ];
    for (logged_at, at, what) in cases {
        let seq = state.next_seq();
        assert_eq!(stamped(&state, &Stamped { seq, logged_at, at, cause: None, what }), Why::Time);
    }
}

#[test]
fn ids_out_of_order() {
    let state = setting();
    let (options, text) = (state.options(OptionsId(0)).clone(), state.text(S0));
    let next_string = StrId(state.n_strings() as u32);
    check(
        Why::IdOutOfOrder,
        [
            Event::SchedulerStarted { incarnation: 0 },
            Event::SchedulerStarted { incarnation: 2 },
            Event::Interned { id: S0, text: "new".into() },
            Event::Interned { id: next_string, text: text.into() },
            Event::PrefixDeclared { id: PrefixId(0), name: "new".into() },
            Event::OptionsDeclared { id: OptionsId(9), options: Box::new(TaskOptions::new("g")) },
            Event::OptionsDeclared { id: OptionsId(2), options: Box::new(options) },
            Event::ClientConnected { client: C0, name: S0 },
            Event::WorkerJoined { worker: W0, info: info(1) },
            graph(0, C0, 6, (1, 6)),
            graph(2, C0, 9, (1, 6)),
            graph(2, C0, 6, (1, 5)),
            submitted(9, 1, 0, &[]),
        ],
    );
}

#[test]
fn of_the_unknown() {
    let nowhere = StrId(99);
    check(
        Why::Unknown,
        [
            Event::ClientConnected { client: ClientId(1), name: nowhere },
            Event::ClientLeft { client: ClientId(1) },
            graph(2, ClientId(1), 6, (1, 6)),
            failed(RUNS, 1, nowhere),
            Event::Marked { name: nowhere, task: None },
            Event::SpanRecorded { name: nowhere, task: None, took: Nanos(1) },
            Event::ResultWanted { client: ClientId(7), task: HELD },
            Event::ResultReleased { client: ClientId(7), task: HELD },
        ],
    );
    let spilled = Event::ResultSpilled { task: GONE, worker: W0, bytes: 1, took: Nanos(1) };
    check(
        Why::UnknownTask(GONE),
        [
            Event::ResultWanted { client: C0, task: GONE },
            Event::ResultReleased { client: C0, task: GONE },
            Event::TaskCancelled { task: GONE, reason: CancelReason::Requested },
            assigned(GONE, W0, 1),
            Event::TaskUnplaceable { task: GONE },
            Event::RetryDue { task: GONE },
            started(GONE, W0, 1, 1),
            finished(GONE, W0, 1),
            spilled,
            Event::ReplicaAdded { task: GONE, worker: W0, bytes: 1 },
            Event::ReplicaDropped { task: GONE, worker: W0 },
        ],
    );
    for absent in [WorkerId(2), WorkerId(3), WorkerId(u32::MAX)] {
        check(
            Why::UnknownWorker(absent),
            [
                Event::WorkerLost { worker: absent, reason: LossReason::Left },
                Event::WorkerPaused { worker: absent, reason: PauseReason::Memory },
                Event::WorkerResumed { worker: absent },
                Event::WorkerRetiring { worker: absent },
                Event::ClockEstimated { worker: absent, offset_ns: 0, error_ns: 0 },
                assigned(QUEUED, absent, 1),
                Event::StealRequested { task: READY, from: W0, to: absent },
                Event::ReplicaAdded { task: HELD, worker: absent, bytes: 1 },
                Event::TransferStarted { task: HELD, from: W0, to: absent, dependent: WAITS },
            ],
        );
    }
    let (from, to) = (WorkerId(9), W0);
    let transfer = Event::TransferStarted { task: HELD, from, to, dependent: WAITS };
    check(Why::UnknownWorker(from), [transfer]);
}

#[test]
fn graphs_that_are_full_or_not_there() {
    check(Why::UnknownGraph(GraphId(1)), [submitted(6, 1, 0, &[])]);
    check(Why::UnknownGraph(GraphId(8)), [submitted(6, 8, 0, &[])]);
}

#[test]
fn tasks_of_a_graph_that_contradict_it() {
    let mut state = setting();
    let at = state.now();
    let what = graph(2, C0, 6, (2, 6));
    let event = Stamped { seq: state.next_seq(), logged_at: at, at, cause: None, what };
    state.apply(&event, &mut Vec::new()).expect("it is legal");
    assert_eq!(refused(&state, submitted(6, 2, 99, &[])), Why::Unknown);
    assert_eq!(refused(&state, submitted(6, 2, 0, &[77])), Why::UnknownTask(GONE));
    assert_eq!(refused(&state, submitted(6, 2, 0, &[6])), Why::UnknownTask(TaskId(6)));
    assert_eq!(refused(&state, submitted(6, 2, 0, &[1, 0])), Why::IdOutOfOrder);
    assert_eq!(refused(&state, submitted(6, 2, 0, &[1, 1])), Why::IdOutOfOrder);
}

/// Not illegal: the log of a scheduler that was killed may end in the middle of a submission.
#[test]
fn a_graph_that_was_cut_short_ends_where_the_next_begins() {
    let mut state = setting();
    let mut changes = Vec::new();
    for what in [
        graph(2, C0, 6, (5, 6)),
        submitted(6, 2, 0, &[4]),
        submitted(7, 2, 0, &[6]),
        graph(3, C0, 8, (1, 11)),
        submitted(8, 3, 0, &[7]),
    ] {
        let at = state.now();
        let event = Stamped { seq: state.next_seq(), logged_at: at, at, cause: None, what };
        state.apply(&event, &mut changes).expect("it is legal");
        state.validate();
    }
    let sizes: Vec<u32> = state.graphs().iter().map(|(_, graph)| graph.n_tasks).collect();
    assert_eq!(sizes, [5, 1, 2, 1]);
    let done =
        |graph: &u32| changes.contains(&Change::Graph { graph: GraphId(*graph), done: true });
    assert!([2, 3].iter().all(done), "blamed on t4, all of both have ended");
    assert_eq!(state.local_task(C0, 8), None, "it was never submitted");
}

fn extended(graph: u32, first: u32, n_tasks: u32) -> Event {
    Event::GraphExtended { graph: GraphId(graph), first: TaskId(first), n_tasks }
}

#[test]
fn only_a_clients_last_graph_goes_on_and_only_with_the_next_tasks() {
    check(Why::UnknownGraph(GraphId(9)), [extended(9, 6, 1)]);
    check(Why::IdOutOfOrder, [extended(0, 6, 1), extended(1, 5, 1), extended(1, 7, 1)]);
    check(Why::Overflow, [extended(1, 6, u32::MAX), extended(1, 6, 0)]);
}

/// As [`a_graph_that_was_cut_short_ends_where_the_next_begins`], in a further part of a graph.
#[test]
fn a_part_that_was_cut_short_leaves_the_graph_to_what_came() {
    let mut state = setting();
    for what in [
        graph(2, C0, 6, (1, 6)),
        submitted(6, 2, 0, &[]),
        extended(2, 7, 2),
        submitted(7, 2, 0, &[]),
        graph(3, C0, 8, (1, 9)),
        submitted(8, 3, 0, &[]),
    ] {
        let at = state.now();
        let event = Stamped { seq: state.next_seq(), logged_at: at, at, cause: None, what };
        state.apply(&event, &mut Vec::new()).expect("it is legal");
        state.validate();
        let restored = state.keyframe().restore(1 << 20).expect("it is whole");
        assert_eq!(restored, state);
    }
    assert_eq!(refused(&state, extended(2, 9, 1)), Why::IdOutOfOrder);
    let found = state.graph(GraphId(2)).expect("it is there");
    assert_eq!((found.n_tasks, found.next_local()), (2, 8));
}

#[test]
fn tasks_are_nested_as_they_come_and_only_in_what_is_submitted() {
    let nested = |parent, first, n_tasks| Event::TasksNested {
        parent: TaskId(parent),
        first: TaskId(first),
        n_tasks,
    };
    check(Why::UnknownTask(TaskId(6)), [nested(0, 6, 1)]);
    let mut state = setting();
    for what in [graph(2, C0, 6, (3, 6)), nested(0, 6, 1), nested(1, 6, 2), submitted(6, 2, 0, &[])]
    {
        let at = state.now();
        let event = Stamped { seq: state.next_seq(), logged_at: at, at, cause: None, what };
        state.apply(&event, &mut Vec::new()).expect("it is legal");
        let restored = state.keyframe().restore(1 << 20).expect("it is whole");
        assert_eq!(restored, state);
    }
    for what in [nested(7, 7, 1), nested(0, 6, 1), nested(0, 8, 1)] {
        assert_eq!(refused(&state, what), Why::IdOutOfOrder);
    }
    assert_eq!(refused(&state, nested(0, 7, 3)), Why::Overflow);
    assert_eq!(refused(&state, nested(0, 7, 0)), Why::Overflow);
    assert_eq!(state.parent(TaskId(6)), Some(TaskId(1)), "what was said last");
    assert_eq!(state.parent(TaskId(0)), None);
}

#[test]
fn too_large() {
    check(Why::Overflow, [graph(2, C0, 6, (u32::MAX, 6)), graph(2, C0, 6, (7, u32::MAX - 6))]);
}

#[test]
fn in_the_wrong_phase() {
    for (task, phase) in [(WAITS, Phase::Waiting), (HELD, Phase::Memory), (ERRED, Phase::Erred)] {
        check(
            Why::Phase(task, phase),
            [
                assigned(task, W0, 1),
                Event::TaskUnplaceable { task },
                started(task, W0, 1, 1),
                finished(task, W0, 1),
                Event::StealConfirmed { task, from: W0 },
                Event::StealRefused { task, from: W0 },
                Event::RetryDue { task },
            ],
        );
    }
    let held = Event::ReplicaAdded { task: ERRED, worker: W0, bytes: 1 };
    check(Why::Phase(ERRED, Phase::Erred), [held]);
}

#[test]
fn assigned_otherwise() {
    check(
        Why::Assignment(RUNS),
        [
            started(RUNS, W0, 1, 1),
            finished(RUNS, W1, 1),
            finished(RUNS, W0, 2),
            failed(RUNS, 0, S0),
            Event::StealRequested { task: RUNS, from: W0, to: W0 },
            Event::StealConfirmed { task: RUNS, from: W0 },
            Event::StealRefused { task: RUNS, from: W0 },
        ],
    );
    let stolen = Event::StealRequested { task: READY, from: W1, to: W0 };
    let kept = Event::StealRefused { task: READY, from: W0 };
    check(Why::Assignment(READY), [finished(READY, W0, 1), stolen, kept]);
    check(Why::Assignment(QUEUED), [assigned(QUEUED, W0, 0), assigned(QUEUED, W0, 2)]);
}

#[test]
fn slots_that_are_taken_or_not_there() {
    check(Why::Slot(W0, 0), [started(READY, W0, 1, 0)]);
    check(Why::Slot(W0, 2), [started(READY, W0, 1, 2)]);
    check(Why::Slot(WorkerId(3), 0), [Event::WorkerJoined { worker: WorkerId(3), info: info(0) }]);
}

#[test]
fn against_a_workers_status() {
    let paused = Event::WorkerPaused { worker: W1, reason: PauseReason::Memory };
    let stolen = Event::StealRequested { task: READY, from: W0, to: W1 };
    check(Why::Status(W1), [paused, assigned(QUEUED, W1, 1), stolen]);
    check(Why::Status(W0), [Event::WorkerResumed { worker: W0 }]);
}

#[test]
fn transfers_and_copies_that_are_not_there_or_there_already() {
    let (from, dependent) = (W0, WAITS);
    check(
        Why::Transfer(HELD, W1),
        [Event::TransferStarted { task: HELD, from, to: W1, dependent }],
    );
    check(
        Why::Transfer(RUNS, W1),
        [
            Event::TransferFinished { task: RUNS, to: W1, bytes: 1 },
            Event::TransferFailed { task: RUNS, to: W1, reason: TransferFailure::Busy },
        ],
    );
    let (bytes, took) = (1, Nanos(1));
    check(
        Why::Replica(HELD, W1),
        [
            Event::ReplicaDropped { task: HELD, worker: W1 },
            Event::ResultSpilled { task: HELD, worker: W1, bytes, took },
        ],
    );
    check(
        Why::Replica(HELD, W0),
        [
            Event::ReplicaAdded { task: HELD, worker: W0, bytes },
            Event::ResultRestored { task: HELD, worker: W0, bytes, took },
        ],
    );
}

#[test]
fn of_what_is_needed() {
    let cancelled = Event::TaskCancelled { task: RUNS, reason: CancelReason::Requested };
    check(Why::Needed(RUNS), [cancelled]);
    check(Why::Needed(HELD), [Event::ResultWanted { client: C0, task: HELD }]);
}
