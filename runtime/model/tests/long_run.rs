//! What a cluster that runs for months keeps of workers that once were.

use taskreel_model::{
    AssignReason, ClientId, Event, GraphId, Key, LossReason, Nanos, OptionsId, PrefixId, Stamped,
    State, StrId, Suffix, TaskId, TaskOptions, WorkerId, WorkerInfo, WorkerStatus,
};

const N_TASKS: u32 = 1_000;

fn apply(state: &mut State, what: Event) {
    let (seq, at) = (state.next_seq(), Nanos::from_millis(1));
    let event = Stamped { seq, logged_at: at, at, cause: None, what };
    state.apply(&event, &mut Vec::new()).expect("it is legal");
}

/// A state with a worker that holds many results, and has many tasks to do.
fn busy(worker: WorkerId) -> State {
    let mut state = State::new();
    let (id, name, client) = (StrId(0), StrId(0), ClientId(0));
    let info = Box::new(WorkerInfo {
        name: "worker".to_owned(),
        address: String::new(),
        host: String::new(),
        pid: 1,
        slots: 1,
        memory_limit: 0,
        resources: [].into(),
        version: String::new(),
    });
    apply(&mut state, Event::SchedulerStarted { incarnation: 0 });
    apply(&mut state, Event::Interned { id, text: "program".into() });
    apply(&mut state, Event::PrefixDeclared { id: PrefixId(0), name: "step".into() });
    let options = Box::new(TaskOptions::new("step"));
    apply(&mut state, Event::OptionsDeclared { id: OptionsId(0), options });
    apply(&mut state, Event::WorkerJoined { worker, info });
    apply(&mut state, Event::ClientConnected { client, name });
    let (graph, first, n_tasks, local) = (GraphId(0), TaskId(0), 2 * N_TASKS, 0);
    apply(&mut state, Event::GraphSubmitted { graph, client, name, first, n_tasks, local });
    let (options, attempt, slot) = (OptionsId(0), 1, 0);
    for task in (0..n_tasks).map(TaskId) {
        let key = Key { prefix: PrefixId(0), suffix: Suffix::Index(task.0) };
        let (wanted, deps) = (true, [].into());
        apply(&mut state, Event::TaskSubmitted { task, graph, key, options, wanted, deps });
    }
    for task in (0..n_tasks).map(TaskId) {
        let reason = AssignReason::Idle;
        apply(&mut state, Event::TaskAssigned { task, worker, attempt, reason });
        if task.0 < N_TASKS {
            apply(&mut state, Event::TaskStarted { task, worker, attempt, slot });
            apply(&mut state, Event::TaskFinished { task, worker, attempt, bytes: 8 });
        }
    }
    state
}

#[test]
fn a_lost_worker_leaves_no_lists() {
    let worker = WorkerId(0);
    let mut state = busy(worker);
    let found = state.worker(worker).expect("it joined");
    assert!(found.held.capacity() >= N_TASKS as usize && found.assigned.spilled());
    apply(&mut state, Event::WorkerLost { worker, reason: LossReason::Disconnected });
    state.validate();
    let found = state.worker(worker).expect("it is known for ever");
    assert_eq!(found.status, WorkerStatus::Lost);
    assert!(found.held.capacity() == 0 && !found.assigned.spilled());
}
