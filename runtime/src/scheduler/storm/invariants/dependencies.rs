//! A task starts only where all its inputs are, and after they were made. What is told of a start may come after a
//! copy was given up on the word of somebody who could not reach it: what counts is when it started. And the worker
//! has the copy until it hears of that, so that what it was given to run before may start still.

use std::collections::BTreeMap;

use taskreel_model::{Change, Event, Nanos, Storage, TaskId, TransferFailure, WorkerId};

use super::Entry;

/// A copy of a result.
struct Held {
    /// Until when the log says that it is there.
    until: Nanos,
    /// The event that gave it up on the word of another worker.
    given_up: Option<u64>,
}

pub(super) fn check(log: &[Entry]) {
    let mut deps: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
    let mut held: BTreeMap<(WorkerId, TaskId), Held> = BTreeMap::new();
    let mut assigned: BTreeMap<TaskId, u64> = BTreeMap::new();
    let mut unreachable = None;
    for (event, changes) in log {
        match &event.what {
            Event::TaskSubmitted { task, deps: of_task, .. } => {
                deps.insert(*task, of_task.to_vec());
            }
            Event::TaskAssigned { task, .. } => {
                assigned.insert(*task, event.seq);
            }
            _ => {}
        }
        for change in changes {
            match *change {
                Change::Replica { task, worker, from: Storage::None, .. } => {
                    held.insert((worker, task), Held { until: Nanos::MAX, given_up: None });
                }
                Change::Replica { task, worker, to: Storage::None, .. } => {
                    let is_given_up = unreachable == Some(task);
                    let given_up = is_given_up.then_some(event.seq);
                    held.insert((worker, task), Held { until: event.logged_at, given_up });
                }
                Change::Started { task, worker, .. } => {
                    let came_after = |given_up| given_up > assigned[&task];
                    let is_there = |copy: &Held| {
                        event.at <= copy.until || copy.given_up.is_some_and(came_after)
                    };
                    for dep in &deps[&task] {
                        let copy = held.get(&(worker, *dep));
                        assert!(copy.is_some_and(is_there), "{worker} runs {task} without {dep}");
                    }
                }
                _ => {}
            }
        }
        unreachable = match event.what {
            Event::TransferFailed { task, reason: TransferFailure::Unreachable, .. } => Some(task),
            _ => None,
        };
    }
}

#[test]
#[should_panic(expected = "without")]
fn sees_a_task_without_its_inputs() {
    let (_world, mut log) = super::sound();
    for (_, changes) in &mut log {
        changes.retain(|change| !matches!(change, Change::Replica { .. }));
    }
    check(&log);
}
