//! A slot runs one task at a time, and a worker has no more slots than it said.

use std::collections::BTreeMap;

use taskreel_model::{Change, Event, Stretch, TaskId, WorkerId};

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

#[test]
#[should_panic(expected = "runs two tasks in slot")]
fn sees_two_tasks_in_a_slot() {
    let (_world, mut log) = super::sound();
    let changes = log.iter_mut().map(|(_, changes)| changes);
    let (changes, started) =
        super::first(changes, |change| matches!(change, Change::Started { .. }));
    let Change::Started { worker, slot, .. } = started else { unreachable!("it was looked for") };
    changes.push(Change::Started { task: TaskId(u32::MAX), worker, slot });
    check(&log);
}
