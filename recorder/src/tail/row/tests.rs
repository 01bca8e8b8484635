use proptest::prelude::*;
use taskreel_model::{Activity, AssignReason};

use super::*;
use crate::bytes::Sink;

fn rows(events: &[Stamped<Event>]) -> Vec<u8> {
    let (mut out, mut last) = (Sink::default(), None);
    for event in events {
        put_event(&mut out, event, &mut last).unwrap();
    }
    out.bytes().to_vec()
}

fn read_all(bytes: &[u8], n: usize) -> Result<Vec<Stamped<Event>>, Malformed> {
    let (mut rows, mut last) = (Cursor::new(bytes), 0);
    (0..n as u64)
        .map(|seq| {
            let event = read_event(&mut rows, seq, last)?;
            last = event.logged_at.0;
            Ok(event)
        })
        .collect()
}

/// Each frequent kind, its small fields with the value given, its large ones with another.
fn frequent(small: u32, large: u64) -> Vec<Event> {
    let (task, dependent) = (TaskId(u32::MAX), TaskId(3));
    let (worker, from, to) = (WorkerId(small), WorkerId(small), WorkerId(1));
    let (attempt, slot, bytes) = (small, u16::MAX, large);
    let key = Key { prefix: PrefixId(small), suffix: Suffix::Name(StrId(u32::MAX)) };
    let deps = (0..40).map(|step| TaskId(u32::MAX - step)).collect();
    let (graph, options) = (GraphId(u32::MAX), OptionsId(small));
    vec![
        Event::TaskSubmitted { task, graph, key, options, wanted: false, deps },
        Event::ResultReleased { client: ClientId(small), task },
        Event::TaskAssigned { task, worker, attempt, reason: AssignReason::Random },
        Event::TransferStarted { task, from, to, dependent },
        Event::TransferFinished { task, to: from, bytes },
        Event::TaskStarted { task, worker, attempt, slot },
        Event::TaskFinished { task, worker, attempt, bytes },
        Event::ActivityRecorded {
            task,
            worker,
            activity: Activity::Transfer,
            took: Nanos(large),
            bytes,
        },
    ]
}

#[test]
fn events_come_back_and_cut_ones_do_not() {
    let mut events = crate::run::turns(5, 40, 2, 2).concat();
    let narrow = (u32::from(u16::MAX), u64::from(u32::MAX));
    let wide = [(narrow.0 + 1, 0), (0, narrow.1 + 1), (u32::MAX, u64::MAX)];
    let what = [narrow].into_iter().chain(wide).flat_map(|(small, large)| frequent(small, large));
    for what in what.chain([Event::Marked { name: StrId(3), task: None }]) {
        // Instants that go back, or far ahead, and causes that are near, far or impossible.
        for (logged_at, at, cause) in [
            (u64::MAX - 3, 7, Some(0)),
            (u64::MAX - 3, u64::MAX - 3, None),
            (9, 9_000_000_000, Some(u64::MAX)),
            (9 + u64::from(u32::MAX), 9, Some(events.len() as u64 + 3)),
        ] {
            let (seq, what) = (events.len() as u64, what.clone());
            let (logged_at, at) = (Nanos(logged_at), Nanos(at));
            events.push(Stamped { seq, logged_at, at, cause, what });
        }
    }
    let bytes = rows(&events);
    assert_eq!(read_all(&bytes, events.len()), Ok(events.clone()));
    for len in 0..bytes.len() {
        assert!(read_all(&bytes[..len], events.len()).is_err(), "cut at {len}");
    }
}

/// What makes up nearly all of a run is short: else writing it were slow.
#[test]
fn frequent_events_have_rows_of_fixed_width() {
    let now = Nanos(5_000_000_000);
    let widths = [20 + 4 * 40, 8, 14, 18, 16, 16, 18, 20];
    for (what, width) in frequent(u32::from(u16::MAX), u64::from(u32::MAX)).iter().zip(widths) {
        let is_reported = !matches!(
            what,
            Event::TaskSubmitted { .. } | Event::ResultReleased { .. } | Event::TaskAssigned { .. }
        );
        let at = if is_reported { now - Nanos(u64::from(u32::MAX)) } else { now };
        let cause = matches!(what, Event::TaskAssigned { .. }).then_some(3);
        let event = Stamped { seq: 8, logged_at: now, at, cause, what: what.clone() };
        let mut out = Sink::default();
        put_event(&mut out, &event, &mut Some(now)).unwrap();
        assert_eq!(out.len(), width, "{what:?}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        let _ = read_all(&bytes, 4);
    }
}
