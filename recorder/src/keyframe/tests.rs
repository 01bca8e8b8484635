//! Stored states come back, those of earlier layouts too.

use std::path::Path;

use taskreel_model::{Event, GraphId, Key, Stamped, Suffix, TaskId};

use super::*;
use crate::{Source, TraceReader};

fn restored(first: u64, now: u64, raw: &[u8], max_bytes: u64) -> Result<State, Malformed> {
    decode_keyframe(first, now, raw, max_bytes, |_| true)
}

fn folded(events: &[Stamped<Event>]) -> State {
    let mut state = State::new();
    for event in events {
        state.apply(event, &mut Vec::new()).unwrap();
    }
    state
}

#[test]
fn comes_back_and_cut_anywhere_is_refused() {
    let state = folded(&crate::run::turns(3, 300, 2, 2)[..6].concat());
    let raw = encode_keyframe(&state);
    let (first, now) = (state.next_seq(), state.now().0);
    assert_eq!(restored(first, now, &raw, 1 << 30), Ok(state));
    for len in 0..raw.len() {
        assert!(restored(first, now, &raw[..len], 1 << 30).is_err(), "cut at {len}");
    }
    assert!(restored(first + 1, now, &raw, 1 << 30).is_err());
    assert!(restored(first, now, &raw, 1 << 10).is_err(), "too large");
}

/// Tasks that wait and say nothing new take no room, so that a state of millions fits into a block. A file of
/// such states is not taken apart without end.
#[test]
fn many_tasks_that_are_alike_are_short() {
    let submitted = crate::run::turns(5, 1 << 14, 1, 1);
    let state = folded(&submitted[0]);
    assert_eq!(state.tasks().len(), 1 << 14);
    let raw = encode_keyframe(&state);
    assert!(raw.len() < 4 << 14, "{} bytes", raw.len());
    assert_eq!(restored(state.next_seq(), state.now().0, &raw, 1 << 30).as_ref(), Ok(&state));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let file = std::fs::File::create(&path).unwrap();
    let (mut writer, _) = BlockWriter::begin(&path, file, &crate::RunInfo::default()).unwrap();
    for _ in 0..150 {
        let (bytes, _) = writer.keyframe(&state, u64::MAX).unwrap();
        assert!(bytes < 1_000, "{bytes} bytes");
    }
    writer.finish().unwrap();
    let report = crate::check_trace(&path).unwrap();
    assert!((40..140).contains(&report.keyframes), "{report:?}");
    let refused = report.findings.iter().filter(|found| found.what.contains("far more memory"));
    assert_eq!(refused.count() as u64, 150 - report.keyframes);
}

/// A keyframe as the version wrote it that had that layout.
fn kept(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/keyframe/before");
    std::fs::read(folder.join(name)).unwrap()
}

/// A run with a graph that is gone and one that is not.
fn two_graphs() -> State {
    let mut events = crate::run::turns(3, 20, 1, 1).concat();
    let submitted = events.iter().find(|event| event.what.tag() == 7).unwrap().clone();
    let graph = events.iter().find(|event| event.what.tag() == 6).unwrap().what.clone();
    let (
        Event::TaskSubmitted { key, options, wanted, deps, .. },
        Event::GraphSubmitted { client, name, .. },
    ) = (submitted.what, graph)
    else {
        panic!("these are the tags");
    };
    let (graph, task) = (GraphId(1), TaskId(20));
    let key = Key { suffix: Suffix::Index(20), ..key };
    let last = events.last().unwrap().clone();
    for what in [
        Event::GraphSubmitted { graph, client, name, first: task, n_tasks: 1, local: 20 },
        Event::TaskSubmitted { task, graph, key, options, wanted, deps },
    ] {
        events.push(Stamped { seq: events.len() as u64, what, cause: None, ..last });
    }
    folded(&events)
}

#[test]
fn layouts_up_to_4_are_read() {
    let (state, mut raw) = (two_graphs(), kept("two-graphs.4"));
    // The last columns, which earlier ones lack, are empty here.
    for layout in [ALL_GRAPHS, NO_STRETCHES, NO_DUE] {
        raw[..2].copy_from_slice(&layout.to_le_bytes());
        let read = restored(state.next_seq(), state.now().0, &raw, 1 << 30);
        assert_eq!(read.as_ref(), Ok(&state), "layout {layout}");
        assert_eq!(raw.pop(), Some(0));
    }
}

/// States of the recorded runs, at half of their events.
#[test]
fn layouts_5_and_6_are_read() {
    for name in ["reduction-tree", "lost-worker", "nested", "spills", "failures"] {
        let trace = format!("../traces/v1/{name}.reel");
        let mut reader =
            TraceReader::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join(trace)).unwrap();
        let mut events = Vec::new();
        while let Some(batch) = reader.next_batch().unwrap() {
            events.extend(batch.events);
        }
        let state = folded(&events[..events.len() / 2]);
        let mut raw = kept(&format!("{name}.6"));
        let read = |raw: &[u8]| restored(state.next_seq(), state.now().0, raw, 1 << 30);
        assert_eq!(read(&raw).as_ref(), Ok(&state), "{name}, layout 6");
        // What layout 5 lacks is empty in these.
        assert_eq!(raw.split_off(raw.len() - 2), [0, 0]);
        raw[..2].copy_from_slice(&NO_PARTS.to_le_bytes());
        assert_eq!(read(&raw).as_ref(), Ok(&state), "{name}, layout 5");
    }
}

#[test]
fn the_layout_is_numbered() {
    let state = folded(&crate::run::turns(3, 20, 1, 1)[..3].concat());
    // Another number here: the layout changed, so change `KEYFRAME_LAYOUT` too.
    assert_eq!((KEYFRAME_LAYOUT, crc32fast::hash(&encode_keyframe(&state))), (7, 1342588436));
}
