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
