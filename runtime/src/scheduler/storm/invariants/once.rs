//! No task that finished runs again unless its result was lost or given up.

use std::collections::BTreeMap;

use taskreel_model::{Change, Event, Phase, Storage, TaskId};

use super::{Entry, World};

pub(super) fn check(world: &World, log: &[Entry]) {
    // Finished tasks, and how many copies there are of each result.
    let mut copies: BTreeMap<TaskId, usize> = BTreeMap::new();
    for (event, changes) in log {
        if let Event::TaskAssigned { task, .. } = event.what {
            let n_copies = copies.get(&task).copied().unwrap_or(0);
            assert_eq!(n_copies, 0, "task {task} is to run again, and its result is there");
        }
        for change in changes {
            match *change {
                Change::Replica { task, from: Storage::None, .. } => {
                    *copies.entry(task).or_default() += 1
                }
                Change::Replica { task, to: Storage::None, .. } => {
                    let n_copies = copies.get_mut(&task).expect("a copy that goes was there");
                    *n_copies -= 1;
                }
                Change::Task { task, to: Phase::Forgotten, .. } => {
                    assert_eq!(
                        copies.remove(&task).unwrap_or(0),
                        0,
                        "a copy of task {task} is left"
                    );
                }
                _ => {}
            }
        }
    }
    let truth = world.truth();
    if !truth.results_may_be_lost {
        let again: Vec<_> = truth.executions.iter().filter(|(_, n)| **n > 1).collect();
        assert!(again.is_empty(), "only the scheduler failed, and yet tasks ran again: {again:?}");
    }
}

#[test]
#[should_panic(expected = "is to run again, and its result is there")]
fn sees_a_task_run_again() {
    let (world, mut log) = super::sound();
    let is_new = |change: &Change| matches!(change, Change::Replica { from: Storage::None, .. });
    let position = log.iter().position(|(_, changes)| changes.iter().any(is_new)).expect("results");
    let (_, replica) = super::first(log[position..].iter_mut().map(|(_, changes)| changes), is_new);
    let Change::Replica { task, .. } = replica else { unreachable!("it was looked for") };
    let is_it = |event: &Event| matches!(event, Event::TaskAssigned { task: t, .. } if *t == task);
    let again = log.iter().find(|(event, _)| is_it(&event.what)).expect("it ran").0.clone();
    log.insert(position + 1, (again, Vec::new()));
    check(&world, &log);
}

#[test]
#[should_panic(expected = "only the scheduler failed, and yet tasks ran again")]
fn sees_a_task_executed_twice() {
    let (world, log) = super::sound();
    let mut truth = world.truth();
    truth.results_may_be_lost = false;
    *truth.executions.values_mut().next().expect("something was executed") += 1;
    drop(truth);
    check(&world, &log);
}
