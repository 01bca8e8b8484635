//! A task starts only where all its inputs are, and after they were made. What is told of a start may come after a
//! copy was given up on the word of somebody who could not reach it: what counts is when it started.

use std::collections::BTreeMap;

use taskreel_model::{Change, Event, Nanos, Storage, TaskId, WorkerId};

use super::Entry;

pub(super) fn check(log: &[Entry]) {
    let mut deps: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
    // Until when each worker had a copy.
    let mut held: BTreeMap<(WorkerId, TaskId), Nanos> = BTreeMap::new();
    for (event, changes) in log {
        if let Event::TaskSubmitted { task, deps: of_task, .. } = &event.what {
            deps.insert(*task, of_task.to_vec());
        }
        for change in changes {
            match *change {
                Change::Replica { task, worker, from: Storage::None, .. } => {
                    held.insert((worker, task), Nanos::MAX);
                }
                Change::Replica { task, worker, to: Storage::None, .. } => {
                    held.insert((worker, task), event.logged_at);
                }
                Change::Started { task, worker, .. } => {
                    for dep in &deps[&task] {
                        assert!(
                            held.get(&(worker, *dep)).is_some_and(|until| event.at <= *until),
                            "{worker} runs {task} without {dep}"
                        );
                    }
                }
                _ => {}
            }
        }
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
