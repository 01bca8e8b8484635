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

#[test]
#[should_panic(expected = ", before")]
fn sees_a_retry_that_comes_early() {
    check(&with_retry_at(|due_at, _logged_at| due_at - Nanos::from_millis(1)));
}

#[test]
#[should_panic(expected = ", after")]
fn sees_a_retry_that_comes_late() {
    check(&with_retry_at(|_due_at, logged_at| logged_at + Nanos::from_millis(10)));
}

/// A log whose first retry was put off, and comes at another instant than it should: `at` makes it of when it was due
/// and when it came.
fn with_retry_at(at: impl Fn(Nanos, Nanos) -> Nanos) -> Vec<Entry> {
    let (_world, mut log) = super::sound();
    let (due_task, due_at) = log
        .iter()
        .find_map(|(event, changes)| {
            changes.iter().find_map(|change| match *change {
                Change::RetryScheduled { task, due_at } => {
                    Some((task, due_at.max(event.logged_at)))
                }
                _ => None,
            })
        })
        .expect("a retry");
    let is_it = |event: &Event| matches!(event, Event::RetryDue { task } if *task == due_task);
    let (event, _) = log.iter_mut().find(|(event, _)| is_it(&event.what)).expect("it comes");
    event.logged_at = at(due_at, event.logged_at);
    log
}
