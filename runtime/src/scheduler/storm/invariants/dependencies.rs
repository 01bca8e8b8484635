//! A task starts only where all its inputs are, and after they were made.

use std::collections::{BTreeMap, BTreeSet};

use taskreel_model::{Change, Event, Storage, TaskId, WorkerId};

use super::Entry;

pub(super) fn check(log: &[Entry]) {
    let mut deps: BTreeMap<TaskId, Vec<TaskId>> = BTreeMap::new();
    let mut held: BTreeSet<(WorkerId, TaskId)> = BTreeSet::new();
    for (event, changes) in log {
        if let Event::TaskSubmitted { task, deps: of_task, .. } = &event.what {
            deps.insert(*task, of_task.to_vec());
        }
        for change in changes {
            match *change {
                Change::Replica { task, worker, from: Storage::None, .. } => {
                    held.insert((worker, task));
                }
                Change::Replica { task, worker, to: Storage::None, .. } => {
                    held.remove(&(worker, task));
                }
                Change::Started { task, worker, .. } => {
                    for dep in &deps[&task] {
                        assert!(
                            held.contains(&(worker, *dep)),
                            "{worker} runs {task} without {dep}"
                        );
                    }
                }
                _ => {}
            }
        }
    }
}
