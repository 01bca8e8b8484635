//! A retry comes when its delay is over: not earlier, and not later because the scheduler started again.

use std::collections::BTreeMap;

use taskreel_model::{Change, Event, Nanos, TaskId};

use super::Entry;

/// Timers are exact to a millisecond, and a turn takes its time.
const LATE: Nanos = Nanos::from_millis(5);

pub(super) fn check(log: &[Entry]) {
    let mut due: BTreeMap<TaskId, Nanos> = BTreeMap::new();
    let mut started = Nanos::ZERO;
    for (event, changes) in log {
        match event.what {
            Event::SchedulerStarted { .. } => started = event.logged_at,
            Event::RetryDue { task } => {
                let due_at = due.remove(&task).expect("it was put off");
                let at = event.logged_at;
                assert!(at >= due_at, "task {task} is tried again at {at}, before {due_at}");
                let latest = due_at.max(started) + LATE;
                assert!(at <= latest, "task {task} is tried again at {at}, after {latest}");
            }
            _ => {}
        }
        for change in changes {
            if let Change::RetryScheduled { task, due_at } = *change {
                // What a worker tells late may be over by then.
                due.insert(task, due_at.max(event.logged_at));
            }
        }
    }
}
