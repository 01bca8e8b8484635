//! Tasks that tasks submit: who submitted them is in the log, also where a scheduler was killed in the middle of it.

use taskreel_model::{
    ClientId, Event, Input, Nanos, NewGraph, NewNested, NewTask, Output, Rejection, State,
    SuffixText, TaskId, TaskOptions, Turn, decide,
};

const CLIENT: ClientId = ClientId(0);

/// A graph of so many tasks, of which some were submitted by others: parent, the first of them, how many.
fn graph(local: u32, n_tasks: u32, nested: &[(u32, u32, u32)]) -> NewGraph {
    let task = |index| NewTask {
        prefix: 0,
        suffix: SuffixText::Index(index),
        options: 0,
        wanted: true,
        deps: Vec::new(),
    };
    let nested = nested.iter().map(|&(parent, first, n_tasks)| NewNested {
        parent: TaskId(parent),
        first,
        n_tasks,
    });
    NewGraph {
        local,
        prefixes: vec!["step".to_owned()],
        options: vec![TaskOptions::new("f")],
        tasks: (local..local + n_tasks).map(task).collect(),
        nested: nested.collect(),
        ..NewGraph::default()
    }
}

fn tell(state: &mut State, input: Input) -> Result<Output, Rejection> {
    let mut output = Output::default();
    let mut turn = Turn::new(state, Nanos::from_millis(1), &mut output);
    decide(&mut turn, input)?;
    state.validate();
    Ok(output)
}

/// A state with a client and two tasks of its program.
fn begun() -> State {
    let mut state = State::new();
    let name = "program".to_owned();
    tell(&mut state, Input::ClientConnected { client: CLIENT, name }).expect("it may come");
    tell(&mut state, Input::GraphSubmitted { client: CLIENT, graph: graph(0, 2, &[]) })
        .expect("it is well formed");
    state
}

fn parents(state: &State) -> Vec<Option<u32>> {
    state.tasks().iter().map(|(id, _)| state.parent(id).map(|parent| parent.0)).collect()
}

#[test]
fn who_submitted_a_task_outlives_a_log_that_ends_in_the_middle() {
    let nested = [(0, 1, 2), (1, 3, 1)];
    let submit = || Input::GraphSubmitted { client: CLIENT, graph: graph(2, 5, &nested) };
    let expected = [None, None, None, Some(0), Some(0), Some(1), None];
    let mut whole = begun();
    let events = tell(&mut whole, submit()).expect("it is well formed").events;
    assert_eq!(parents(&whole), expected);
    let n_said = |event: &&taskreel_model::Stamped<Event>| event.what.name() == "TasksNested";
    assert_eq!(events.iter().filter(n_said).count(), 2);
    for n_kept in 0..events.len() {
        let mut state = begun();
        for event in &events[..n_kept] {
            state.apply(event, &mut Vec::new()).expect("it was decided");
        }
        let restored = state.keyframe().restore(1 << 20).expect("it is whole");
        assert_eq!(restored, state);
        tell(&mut state, submit()).expect("it is sent again");
        assert_eq!(parents(&state), expected, "after {n_kept} events");
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let cases: [&[(u32, u32, u32)]; 6] = [
        &[(0, 0, 3)],
        &[(0, 0, 0)],
        &[(0, 2, 1)],
        &[(0, 1, 1), (1, 0, 1)],
        &[(0, 0, 2), (1, 1, 1)],
        &[(2, 0, 1)],
    ];
    for nested in cases {
        let mut state = begun();
        let refused =
            tell(&mut state, Input::GraphSubmitted { client: CLIENT, graph: graph(2, 2, nested) });
        assert!(matches!(refused, Err(Rejection::BadGraph { .. })), "{nested:?}: {refused:?}");
        assert_eq!(state, begun());
    }
}
