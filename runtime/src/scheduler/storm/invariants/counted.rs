//! A report counts once, however often it comes: after a broken connection, a restarted scheduler or a killed worker
//! whose journal another finds, much is told again.

use std::collections::{BTreeMap, BTreeSet};

use taskreel_model::{Change, Event, Phase, State, TaskId, WorkerId};

use super::{Entry, World};

pub(super) fn check(world: &World, log: &[Entry], state: &State) {
    let (mut marks, mut begun, mut ended) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut through: BTreeMap<WorkerId, u64> = BTreeMap::new();
    for (event, _) in log {
        match event.what {
            Event::Marked { name, .. } => {
                assert!(marks.insert(name), "{} was told once, and counts twice", state.text(name));
            }
            Event::TaskStarted { task, attempt, .. } => {
                assert!(begun.insert((task, attempt)), "attempt {attempt} of {task} begins twice");
            }
            Event::TaskFinished { task, attempt, .. } | Event::TaskFailed { task, attempt, .. } => {
                assert!(ended.insert((task, attempt)), "attempt {attempt} of {task} ends twice");
            }
            Event::ReportsAccepted { worker, through: now } => {
                let before = through.insert(worker, now).unwrap_or(0);
                assert!(now > before, "reports of {worker} up to {now} are accepted twice");
            }
            _ => {}
        }
    }
    counts(log, state);
    executions(world, log);
}

/// What the state counts is what happened, each task once.
fn counts(log: &[Entry], state: &State) {
    let reached = |phase: Phase| -> BTreeSet<TaskId> {
        let changes = log.iter().flat_map(|(_, changes)| changes);
        let to = |change: &Change| match *change {
            Change::Task { task, to, .. } if to == phase => Some(task),
            _ => None,
        };
        changes.filter_map(to).collect()
    };
    let (finished, erred) = (reached(Phase::Memory).len(), reached(Phase::Erred).len());
    let n_finished: u64 = state.prefixes().iter().map(|prefix| prefix.n_finished).sum();
    assert_eq!(n_finished, finished as u64, "tasks that finished are not counted once each");
    assert_eq!(state.n_erred(), erred as u64, "tasks that erred are not counted once each");
}

/// No task finished more often than somebody executed it.
fn executions(world: &World, log: &[Entry]) {
    let mut finished: BTreeMap<TaskId, u32> = BTreeMap::new();
    for (event, _) in log {
        if let Event::TaskFinished { task, .. } = event.what {
            *finished.entry(task).or_default() += 1;
        }
    }
    let truth = world.truth();
    for (task, n) in finished {
        let executed = truth.executions.get(&task).copied().unwrap_or(0);
        assert!(n <= executed, "{task} finished {n} times, and was executed {executed} times");
    }
}

/// Puts the first event of a kind into a log a second time.
fn twice(is_it: impl Fn(&Event) -> bool) {
    let (world, mut log) = super::sound();
    let state = super::fold::check(&world, &log);
    let position = log.iter().position(|(event, _)| is_it(&event.what)).expect("there is one");
    let (event, _) = &log[position];
    log.insert(position + 1, (event.clone(), Vec::new()));
    check(&world, &log, &state);
}

#[test]
#[should_panic(expected = "was told once, and counts twice")]
fn sees_a_mark_that_counts_twice() {
    twice(|event| matches!(event, Event::Marked { .. }));
}

#[test]
#[should_panic(expected = "ends twice")]
fn sees_a_result_that_counts_twice() {
    twice(|event| matches!(event, Event::TaskFinished { .. }));
}

#[test]
#[should_panic(expected = "ends twice")]
fn sees_a_failure_that_counts_twice() {
    twice(|event| matches!(event, Event::TaskFailed { .. }));
}

#[test]
#[should_panic(expected = "are accepted twice")]
fn sees_reports_that_are_accepted_twice() {
    twice(|event| matches!(event, Event::ReportsAccepted { .. }));
}

#[test]
#[should_panic(expected = "tasks that finished are not counted once each")]
fn sees_a_count_that_is_too_high() {
    let (world, mut log) = super::sound();
    let state = super::fold::check(&world, &log);
    let is_end = |change: &Change| matches!(change, Change::Task { to: Phase::Memory, .. });
    log.iter_mut().for_each(|(_, changes)| changes.retain(|change| !is_end(change)));
    check(&world, &log, &state);
}

#[test]
#[should_panic(expected = "and was executed 0 times")]
fn sees_a_result_of_nobody() {
    let (world, log) = super::sound();
    let state = super::fold::check(&world, &log);
    world.truth().executions.clear();
    check(&world, &log, &state);
}
