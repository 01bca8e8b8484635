//! Rows of a trace that is still being written grow with it.

#[path = "explain/toy.rs"]
mod toy;

use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, Tailer, TraceReader};
use taskreel_replay::analysis::{Attempt, Facts, GrowingFacts};
use toy::{Job, Toy};

#[test]
fn rows_grow_with_the_trace() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("run.reel");
    let jobs = (0..200).map(|i| Job::new("map", 5_000 + i % 7 * 400)).collect();
    let events = Toy::new(jobs).run();
    let (before, after) = events.split_at(events.len() / 2);
    let mut recorder =
        Recorder::create(&path, &RunInfo::default(), RecorderOptions::default()).expect("a trace");
    recorder.append(before).expect("a trace");

    let mut tail = Tailer::open(&path).expect("it can be followed");
    let mut growing = GrowingFacts::default();
    assert!(growing.grow(&mut tail));
    assert_eq!(growing.facts().n_events, before.len() as u64);
    let n_before = growing.facts().attempts.len();
    assert!(!growing.grow(&mut tail), "nothing has come since");

    recorder.append(after).expect("a trace");
    recorder.finish().expect("a trace");
    // What is in a block by now comes with the next look.
    while growing.grow(&mut tail) {}
    let whole = Facts::read(&mut TraceReader::open(&path).expect("it can be read"));
    let times = |of: &Attempt| (of.task, of.started_at, of.ended_at);
    let rows = |of: &Facts| of.attempts.iter().map(times).collect::<Vec<_>>();
    assert_eq!(rows(growing.facts()), rows(&whole));
    assert!(n_before < whole.attempts.len());
    assert_eq!((growing.facts().n_events, growing.facts().end), (whole.n_events, whole.end));
}
