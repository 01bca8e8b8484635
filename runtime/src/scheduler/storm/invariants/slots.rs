//! A slot runs one task at a time, and a worker has no more slots than it said.

use std::collections::BTreeMap;

use taskreel_model::{Event, Stretch, TaskId, WorkerId};

use super::Entry;

pub(super) fn check(log: &[Entry]) {
    let mut slots: BTreeMap<WorkerId, u16> = BTreeMap::new();
    let mut busy: BTreeMap<(WorkerId, u16), TaskId> = BTreeMap::new();
    for (event, changes) in log {
        if let Event::WorkerJoined { worker, info, .. } = &event.what {
            slots.insert(*worker, info.slots);
        }
        for change in changes {
            if let Some(Stretch { task, worker, slot, seceded: false, .. }) = change.stretch_ended()
            {
                assert_eq!(busy.remove(&(worker, slot)), Some(task));
            }
            if let Some((task, worker, slot)) = change.slot_taken() {
                assert!(slot < slots[&worker], "{worker} has no slot {slot}");
                let before = busy.insert((worker, slot), task);
                assert_eq!(before, None, "{worker} runs two tasks in slot {slot}, one is {task}");
            }
        }
    }
}
