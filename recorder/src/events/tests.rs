//! Events come back from columns as they went in, and no bytes make the decoder panic.

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use taskreel_model::{
    Activity, AssignReason, ClientId, Event, GraphId, Key, Nanos, OptionsId, PrefixId, Stamped,
    StrId, Suffix, TaskId, TaskOptions, TransferFailure, WorkerId, WorkerInfo,
};

use super::Encoder;
use super::decode::{Decoded, OpenBlock, decode};
use crate::bytes::put_varint;
use crate::format::BlockHeader;

const TICK: u64 = 1_000;

fn header(events: &[Stamped<Event>]) -> BlockHeader {
    BlockHeader {
        n_records: events.len() as u32,
        first: events.first().map_or(0, |event| event.seq),
        first_at: events.first().map_or(0, |event| event.logged_at.0),
        ..BlockHeader::default()
    }
}

fn task() -> impl Strategy<Value = TaskId> {
    prop_oneof![(0..12_u32), any::<u32>()].prop_map(TaskId)
}

fn worker() -> impl Strategy<Value = WorkerId> {
    prop_oneof![4 => 0..3_u32, 1 => any::<u32>()].prop_map(WorkerId)
}

fn attempt() -> impl Strategy<Value = u32> {
    prop_oneof![4 => Just(1), 1 => any::<u32>()]
}

fn suffix() -> impl Strategy<Value = Suffix> {
    prop_oneof![
        Just(Suffix::None),
        any::<u32>().prop_map(Suffix::Index),
        any::<u32>().prop_map(|id| Suffix::Name(StrId(id))),
    ]
}

fn submitted() -> impl Strategy<Value = Event> {
    let ids = (any::<u32>(), any::<u32>(), any::<u32>());
    let deps = proptest::collection::vec(task(), 0..4);
    (task(), ids, suffix(), any::<bool>(), deps).prop_map(|(task, ids, suffix, wanted, deps)| {
        Event::TaskSubmitted {
            task,
            graph: GraphId(ids.0),
            key: Key { prefix: PrefixId(ids.1), suffix },
            options: OptionsId(ids.2),
            wanted,
            deps: deps.into_boxed_slice(),
        }
    })
}

fn hot() -> impl Strategy<Value = Event> {
    let of_task = (task(), worker(), attempt()).boxed();
    prop_oneof![
        submitted(),
        (any::<u32>(), task())
            .prop_map(|(c, task)| Event::ResultReleased { client: ClientId(c), task }),
        of_task.clone().prop_map(|(task, worker, attempt)| Event::TaskAssigned {
            task,
            worker,
            attempt,
            reason: AssignReason::Random,
        }),
        (of_task.clone(), any::<u16>()).prop_map(|((task, worker, attempt), slot)| {
            Event::TaskStarted { task, worker, attempt, slot }
        }),
        (of_task.clone(), 0..3_u16).prop_map(|((task, worker, attempt), slot)| {
            Event::TaskStarted { task, worker, attempt, slot }
        }),
        (of_task, any::<u64>()).prop_map(|((task, worker, attempt), bytes)| {
            Event::TaskFinished { task, worker, attempt, bytes }
        }),
        (task(), worker(), worker(), task()).prop_map(|(task, from, to, dependent)| {
            Event::TransferStarted { task, from, to, dependent }
        }),
        (task(), worker(), any::<u64>()).prop_map(|(task, to, bytes)| Event::TransferFinished {
            task,
            to,
            bytes
        }),
        (task(), worker(), any::<u64>(), any::<u64>()).prop_map(|(task, worker, took, bytes)| {
            Event::ActivityRecorded {
                task,
                worker,
                activity: Activity::Transfer,
                took: Nanos(took),
                bytes,
            }
        }),
    ]
}

fn info(name: String) -> WorkerInfo {
    WorkerInfo {
        name,
        address: "local://0".to_owned(),
        host: "here".to_owned(),
        pid: 7,
        slots: 2,
        memory_limit: 1 << 40,
        resources: [("gpu".to_owned(), 1_000)].into(),
        version: "0".to_owned(),
    }
}

fn cold() -> impl Strategy<Value = Event> {
    prop_oneof![
        ".*".prop_map(|text| Event::Interned { id: StrId(3), text: text.into() }),
        (".*", worker()).prop_map(|(name, worker)| {
            Event::WorkerJoined { worker, info: Box::new(info(name)) }
        }),
        ".*".prop_map(|function| Event::OptionsDeclared {
            id: OptionsId(0),
            options: Box::new(TaskOptions::new(function)),
        }),
        any::<i64>().prop_map(|offset_ns| Event::ClockEstimated {
            worker: WorkerId(1),
            offset_ns,
            error_ns: 7
        }),
        (task(), worker()).prop_map(|(task, to)| Event::TransferFailed {
            task,
            to,
            reason: TransferFailure::Cancelled
        }),
        task().prop_map(|task| Event::SpanRecorded {
            name: StrId(0),
            task: Some(task),
            took: Nanos(1)
        }),
    ]
}

/// Any events, with instants in no order at all.
pub(crate) fn events() -> impl Strategy<Value = Vec<Stamped<Event>>> {
    let instant = prop_oneof![0..5_000_u64, 0..u64::MAX / TICK].prop_map(|t| Nanos(t * TICK));
    let what = prop_oneof![6 => hot(), 1 => cold()];
    let event = (instant.clone(), instant, proptest::option::of(any::<u64>()), what);
    (0..u64::MAX / 2, proptest::collection::vec(event, 0..60)).prop_map(|(first, events)| {
        (first..)
            .zip(events)
            .map(|(seq, (logged_at, at, cause, what))| Stamped { seq, logged_at, at, cause, what })
            .collect()
    })
}

proptest! {
    #[test]
    fn events_come_back(events in events()) {
        let raw = Encoder::new(TICK).encode(&events);
        let decoded = decode(&header(&events), raw, TICK, u64::MAX);
        prop_assert_eq!(decoded, Ok(Decoded { events, ..Decoded::default() }));
    }

    #[test]
    fn events_come_back_some_at_a_time(events in events(), n in 1..9_usize) {
        let raw = Encoder::new(TICK).encode(&events);
        let mut block = OpenBlock::new(&header(&events), raw, TICK, u64::MAX).unwrap();
        let mut back = Vec::new();
        while block.has_more() {
            let part = block.take(n).unwrap().events;
            prop_assert!((1..=n).contains(&part.len()));
            back.extend(part);
        }
        prop_assert_eq!(back, events);
        prop_assert_eq!(block.take(n), Ok(Decoded::default()));
    }

    #[test]
    fn any_damage_is_survived(events in events(), at: prop::sample::Index, byte: u8, n: u32) {
        let mut raw = Encoder::new(TICK).encode(&events);
        let at = at.index(raw.len());
        raw[at] = byte;
        let forged = BlockHeader { n_records: n, ..header(&events) };
        let _ = decode(&header(&events), raw.clone(), TICK, u64::MAX);
        let _ = decode(&forged, raw.clone(), TICK, u64::MAX);
        let _ = decode(&header(&events), raw[..at].to_vec(), TICK, u64::MAX);
    }

    #[test]
    fn any_bytes_are_survived(raw: Vec<u8>, n in 0..64_u32) {
        let _ = decode(&BlockHeader { n_records: n, ..BlockHeader::default() }, raw, TICK, u64::MAX);
    }
}

#[test]
fn instants_are_rounded_down() {
    let mut event = Stamped {
        seq: 4,
        logged_at: Nanos(12_345_678),
        at: Nanos(12_344_999),
        cause: None,
        what: Event::RetryDue { task: TaskId(1) },
    };
    let raw = Encoder::new(TICK).encode(std::slice::from_ref(&event));
    let decoded = decode(&header(std::slice::from_ref(&event)), raw, TICK, u64::MAX).unwrap();
    event.logged_at = Nanos(12_345_000);
    event.at = Nanos(12_344_000);
    assert_eq!(decoded.events, [event]);
}

#[test]
fn an_unknown_event_is_counted_and_keeps_its_place() {
    // Columns: tags 99 and 22, no time passed, and two rows, of which the first is gibberish.
    let mut row = Vec::new();
    crate::codec::put_row(&mut row, &Event::RetryDue { task: TaskId(5) });
    let cold = [&[3, 0xff, 0xff, 0xff, row.len() as u8], row.as_slice()].concat();
    let mut raw = vec![4];
    for (column, len) in [(0, 2), (1, 2), (2, 2), (4, cold.len() as u64)] {
        raw.push(column);
        put_varint(&mut raw, len);
    }
    raw.extend_from_slice(&[99, 22, 0, 0, 0, 0]);
    raw.extend_from_slice(&cold);
    let header = BlockHeader { n_records: 2, first: 10, ..BlockHeader::default() };
    let decoded = decode(&header, raw, TICK, u64::MAX).unwrap();
    assert_eq!(decoded.unknown, [(99, 1)].into());
    assert_eq!(decoded.events.len(), 2);
    assert_eq!(decoded.events[0].what, Event::Unknown { tag: 99 });
    assert_eq!((decoded.events[1].seq, decoded.events[1].what.task()), (11, Some(TaskId(5))));
}

/// The row of a kind begins with its tag, and the tags of the columns are the model's.
#[test]
fn the_numbers_of_the_format_are_those_of_the_model() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for _ in 0..500 {
        let strategy = prop_oneof![hot(), cold()];
        let event = strategy.new_tree(&mut runner).unwrap().current();
        let mut row = Vec::new();
        crate::codec::put_row(&mut row, &event);
        assert_eq!(row[0], event.tag());
    }
}
