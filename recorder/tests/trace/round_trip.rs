//! What is recorded comes back.

use std::path::Path;

use taskreel_model::{Event, LogLevel, LogLine, Nanos, Sample, Stamped, TaskId, WorkerId};
use taskreel_recorder::{
    Batch, Recorder, RecorderOptions, RunInfo, Source, SpecBatch, Tailer, TraceReader, Warning,
    read_info, read_specs,
};

use crate::run;

fn create(path: &Path) -> Recorder {
    let info = RunInfo { name: "test".to_owned(), seed: u64::MAX, ..RunInfo::default() };
    Recorder::create(path, &info, RecorderOptions::default()).unwrap()
}

/// All that a source has now.
pub(crate) fn read_all(source: &mut dyn Source) -> Batch {
    let mut all = Batch::default();
    while let Some(batch) = source.next_batch().unwrap() {
        assert!(!batch.is_empty());
        all.events.extend(batch.events);
        all.samples.extend(batch.samples);
        all.logs.extend(batch.logs);
    }
    all
}

pub(crate) fn open(path: &Path) -> (TraceReader, Batch) {
    let mut reader = TraceReader::open(path).unwrap();
    let all = read_all(&mut reader);
    (reader, all)
}

fn sample(i: u64) -> Sample {
    Sample { at: Nanos(i * 1_000), worker: Some(WorkerId(1)), rss_bytes: i, ..Sample::default() }
}

fn line(i: u64) -> LogLine {
    let text = format!("line {i}");
    LogLine { at: Nanos(i * 1_000), worker: None, task: None, level: LogLevel::Warn, text }
}

#[test]
fn a_closed_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(1, 3_000, 2, 2);
    let events: Vec<Stamped<Event>> = turns.concat();
    let mut recorder = create(&path);
    for turn in &turns {
        recorder.append(turn).unwrap();
    }
    let mut specs = SpecBatch::new(TaskId(0));
    (0..3_000_u32).for_each(|task| specs.push(&task.to_le_bytes()));
    recorder.specs(specs.clone()).unwrap();
    for i in 0..50 {
        recorder.sample(sample(i));
        recorder.log(line(i));
    }
    assert_eq!(recorder.stats().events, events.len() as u64);
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.events, summary.incomplete), (events.len() as u64, false));
    assert_eq!(summary.bytes, path.metadata().unwrap().len());

    let (reader, all) = open(&path);
    assert_eq!(all.events, events);
    assert_eq!(all.samples, (0..50).map(sample).collect::<Vec<_>>());
    assert_eq!(all.logs, (0..50).map(line).collect::<Vec<_>>());
    assert!(reader.is_finished());
    assert_eq!(reader.warnings(), []);
    assert_eq!(read_specs(&path).unwrap(), (vec![specs], vec![]));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "the tail is removed");

    let info = read_info(&path).unwrap();
    assert_eq!(info.run.seed, u64::MAX);
    assert_eq!((info.closed, info.bytes), (true, summary.bytes));
    let counts = &info.summary;
    assert_eq!((counts.tasks, counts.samples, counts.logs, counts.specs), (3_000, 50, 50, 3_000));
    assert_eq!(counts.by_tag.iter().sum::<u64>(), counts.events);
    assert_eq!(counts.last_logged_at(), events.last().unwrap().logged_at);
}

#[test]
fn an_empty_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    create(&path).finish().unwrap();
    let (reader, all) = open(&path);
    assert!(all.is_empty() && reader.is_finished());
    assert_eq!(read_info(&path).unwrap().summary.events, 0);
}

/// Everything acknowledged is readable at any time, by a reader and by a tailer alike; and when
/// blocks follow later, nothing comes twice.
#[test]
fn a_growing_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(2, 500, 3, 1);
    let mut recorder = create(&path);
    let mut tailer = Tailer::open(&path).unwrap();
    let (mut written, mut followed) = (Vec::new(), Vec::new());
    for turn in &turns {
        recorder.append(turn).unwrap();
        written.extend_from_slice(turn);
        followed.extend(read_all(&mut tailer).events);
        assert_eq!(followed.len(), written.len());
    }
    assert!(followed == written);
    let (reader, all) = open(&path);
    assert!(all.events == written);
    assert!(!reader.is_finished());
    assert_eq!(reader.warnings(), [Warning::NotClosed]);
    let info = read_info(&path).unwrap();
    assert_eq!((info.closed, info.summary.events), (false, written.len() as u64));

    recorder.sample(sample(3));
    recorder.finish().unwrap();
    assert_eq!(read_all(&mut tailer), Batch { samples: vec![sample(3)], ..Batch::default() });
    assert!(tailer.is_finished());
    assert_eq!(tailer.warnings(), []);
}

/// A few events become a block without waiting for more.
#[test]
fn pending_events_are_flushed_in_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let mut recorder = create(&path);
    recorder.append(&run::turns(3, 4, 1, 1)[0]).unwrap();
    let header_only = recorder.stats().bytes_written;
    // Bounded by the harness: a recorder that never flushes hangs here.
    while path.metadata().unwrap().len() == header_only {
        std::thread::yield_now();
    }
    recorder.finish().unwrap();
}

/// Many events go through both tails, and a tailer beside them misses none.
#[test]
fn tails_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(4, 60_000, 2, 2);
    let mut recorder = create(&path);
    let mut tailer = Tailer::open(&path).unwrap();
    let mut followed = Vec::new();
    for (i, turn) in turns.iter().enumerate() {
        recorder.append(turn).unwrap();
        if i % 500 == 0 {
            followed.extend(read_all(&mut tailer).events);
        }
    }
    recorder.finish().unwrap();
    while !tailer.is_finished() {
        followed.extend(read_all(&mut tailer).events);
    }
    assert!(followed == turns.concat());
    assert!(open(&path).1.events == followed);
}

#[test]
fn instants_are_rounded_as_the_run_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let info = RunInfo { tick_ns: 300, ..RunInfo::default() };
    let mut recorder = Recorder::create(&path, &info, RecorderOptions::default()).unwrap();
    let mut event = run::turns(5, 1, 1, 1)[0][0].clone();
    (event.logged_at, event.at) = (Nanos(1_999), Nanos(1_001));
    recorder.append(std::slice::from_ref(&event)).unwrap();
    let rounded = (info.quantize(event.logged_at), info.quantize(event.at));
    assert_eq!(rounded, (Nanos(1_800), Nanos(900)));
    let instants = |all: &Batch| (all.events[0].logged_at, all.events[0].at);
    assert_eq!(instants(&open(&path).1), rounded, "from the tail");
    recorder.finish().unwrap();
    assert_eq!(instants(&open(&path).1), rounded, "from a block");
}

/// Specs are as durable as events, and large batches come back whole.
#[test]
fn specs_of_an_open_trace() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let mut recorder = create(&path);
    let (mut small, mut large) = (SpecBatch::new(TaskId(0)), SpecBatch::new(TaskId(2)));
    small.push(b"one");
    small.push(b"");
    (0..40_u8).for_each(|i| large.push(&vec![i; 100_000]));
    recorder.specs(small.clone()).unwrap();
    recorder.specs(large.clone()).unwrap();
    let check = || {
        let (batches, _) = read_specs(&path).unwrap();
        let mut specs: Vec<_> = batches.iter().flat_map(SpecBatch::iter).collect();
        specs.sort();
        specs.dedup();
        assert!(specs.into_iter().eq(small.iter().chain(large.iter())));
        assert_eq!(read_info(&path).unwrap().summary.specs, 42);
    };
    check();
    recorder.finish().unwrap();
    check();
}

#[test]
fn a_spec_that_is_too_large_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut recorder = create(&folder.path().join("run.reel"));
    let mut batch = SpecBatch::new(TaskId(7));
    batch.push(b"small");
    batch.push(&vec![0; 33 << 20]);
    let refused = recorder.specs(batch).unwrap_err().to_string();
    assert!(refused.starts_with("cannot record the arguments of task t8 into "), "{refused}");
}

/// A dropped recorder writes what it has, and the trace counts as not closed.
#[test]
fn a_dropped_recorder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(10, 20, 1, 1);
    let mut recorder = create(&path);
    recorder.append(&turns.concat()).unwrap();
    drop(recorder);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
    let (reader, all) = open(&path);
    assert_eq!(all.events, turns.concat());
    assert_eq!(reader.warnings(), [Warning::NotClosed]);
}
