//! Everything wrong is found where it is, and what is whole is saved.

use std::fs;
use std::path::{Path, PathBuf};

use taskreel_model::{Nanos, Sample};
use taskreel_recorder::{
    CheckReport, Recorder, RecorderOptions, RunInfo, Source, check_trace, repair_trace,
};

use crate::round_trip::open;
use crate::run;

const MARKER: [u8; 4] = [0xF5, b'B', b'L', b'K'];

/// A closed trace: its path, its bytes, and where its blocks begin.
fn trace(folder: &Path, n_tasks: u32) -> (PathBuf, Vec<u8>, Vec<usize>) {
    let path = folder.join("run.reel");
    let mut recorder =
        Recorder::create(&path, &RunInfo::default(), RecorderOptions::default()).unwrap();
    recorder.append(&run::turns(41, n_tasks, 2, 2).concat()).unwrap();
    recorder.sample(Sample { at: Nanos(1_000), ..Sample::default() });
    recorder.finish().unwrap();
    let bytes = fs::read(&path).unwrap();
    let blocks = (0..bytes.len() - 4).filter(|&i| bytes[i..i + 4] == MARKER).collect();
    (path, bytes, blocks)
}

fn check(path: &Path) -> CheckReport {
    check_trace(path).unwrap()
}

#[test]
fn a_sound_trace_is_sound() {
    let folder = tempfile::tempdir().unwrap();
    let (path, ..) = trace(folder.path(), 60_000);
    let report = check(&path);
    assert_eq!(report.findings, []);
    assert!(report.closed && report.keyframes > 0 && report.events > 300_000);
}

/// No byte of a small trace can change without a finding, and what precedes it is saved.
#[test]
fn every_flipped_byte_is_found_and_what_precedes_it_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes, blocks) = trace(folder.path(), 12);
    let events = open(&path).1.events;
    for i in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[i] ^= 0x04;
        fs::write(&path, &changed).unwrap();
        // What is no header of a trace any more is refused, with a reason.
        let Ok(report) = check_trace(&path) else {
            assert!(i < blocks[0]);
            continue;
        };
        assert!(!report.is_sound(), "byte {i}");
        let shown = open(&path).1.events;
        assert!(shown == events[..shown.len()], "byte {i}");
        assert!(i < blocks[1] || shown.len() == events.len(), "byte {i}");
        let to = folder.path().join(format!("{i}.reel"));
        let repaired = repair_trace(&path, &to).unwrap();
        let (reader, all) = open(&to);
        assert!(reader.is_finished() && reader.warnings().is_empty(), "byte {i}");
        assert!(all.events == events[..all.events.len()], "byte {i}");
        let in_events = (blocks[0]..blocks[1]).contains(&i);
        assert_eq!(repaired.events, if in_events { 0 } else { events.len() as u64 }, "byte {i}");
        assert!(check(&to).is_sound(), "byte {i}: {:?}", check(&to));
        fs::remove_file(&to).unwrap();
    }
}

/// A stored state that is damaged takes nothing else with it, though it lies within a block: that one is told of, and all
/// events are saved, from the begin.
#[test]
fn a_damaged_state_is_all_that_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut bytes, blocks) = trace(folder.path(), 52_000);
    let n_events = check(&path).events;
    let stored = *blocks.iter().find(|&&at| bytes[at + 4] == 5).unwrap();
    bytes[stored + 80] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let report = check(&path);
    let [found] = report.findings.as_slice() else { panic!("{:?}", report.findings) };
    assert_eq!((found.offset, report.events), (stored as u64, n_events), "{found}");
    assert!(found.what.starts_with("damaged"), "{found}");
    let to = folder.path().join("sound.reel");
    let repaired = repair_trace(&path, &to).unwrap();
    assert_eq!((repaired.first_event, repaired.events), (0, n_events));
    assert!(check(&to).is_sound(), "{:?}", check(&to));
}

/// Cut at each byte of its last blocks: it is told, and all that was whole is saved.
#[test]
fn cut_at_every_byte_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    let (path, bytes, blocks) = trace(folder.path(), 30);
    let n_events = open(&path).1.events.len();
    for len in blocks[blocks.len() - 2]..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        let report = check(&path);
        assert!(!report.is_sound(), "cut at {len}");
        let to = folder.path().join("sound.reel");
        assert_eq!(repair_trace(&path, &to).unwrap().events as usize, n_events, "cut at {len}");
        assert!(check(&to).is_sound(), "cut at {len}");
        fs::remove_file(&to).unwrap();
    }
}

/// Behind a gap it goes on from a stored state, if that saves more than what is before the gap.
#[test]
fn what_follows_a_gap_is_saved_from_a_stored_state_on() {
    let folder = tempfile::tempdir().unwrap();
    let (path, mut bytes, blocks) = trace(folder.path(), 90_000);
    let events = open(&path).1.events;
    bytes[blocks[0] + 60] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let report = check(&path);
    assert_eq!(report.findings.len(), 3, "{:?}", report.findings);
    assert_eq!(report.findings[0].offset as usize, blocks[0]);
    let to = folder.path().join("sound.reel");
    let repaired = repair_trace(&path, &to).unwrap();
    let first = repaired.first_event as usize;
    assert!(first > 0 && repaired.events as usize == events.len() - first, "{repaired:?}");
    let (reader, all) = open(&to);
    assert!(all.events == events[first..] && reader.is_finished());
    assert!(check(&to).is_sound(), "{:?}", check(&to));
}
