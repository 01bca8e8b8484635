//! What recording and reading a trace cost an event: `cargo bench -p taskreel-recorder`.
//!
//! The run is made up: 100,000 short tasks (500,008 events) on two workers. Figures of one machine
//! stand in docs/performance.md.

#[path = "../tests/trace/run.rs"]
mod run;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use taskreel_model::{Event, Nanos, Stamped, State};
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, SeekTo, Source, TraceReader};

const TASKS: u32 = 100_000;

/// The turns of the run, joined until each has at least so many events.
fn turns(least: usize) -> Vec<run::Turn> {
    let mut turns: Vec<run::Turn> = Vec::new();
    for turn in run::turns(7, TASKS, 2, 2) {
        match turns.last_mut().filter(|last| last.len() < least) {
            Some(last) => last.extend(turn),
            None => turns.push(turn),
        }
    }
    turns
}

fn create(path: &Path) -> Recorder {
    let options = RecorderOptions { overwrite: true, ..RecorderOptions::default() };
    Recorder::create(path, &RunInfo::default(), options).expect("the folder is there")
}

fn record(path: &Path, turns: &[run::Turn]) -> Duration {
    let mut recorder = create(path);
    let begun = Instant::now();
    for turn in turns {
        recorder.append(turn).expect("the disk takes it");
    }
    let took = begun.elapsed();
    recorder.finish().expect("the disk takes it");
    took
}

/// On the thread that records: turns of a busy scheduler, and of an idle one.
fn append(criterion: &mut Criterion, path: &Path) {
    let mut group = criterion.benchmark_group("append");
    for (name, least) in [("turns of 350 events", 350), ("turns of 30 events", 30)] {
        let turns = turns(least);
        let n: usize = turns.iter().map(Vec::len).sum();
        group.throughput(Throughput::Elements(n as u64));
        group.bench_function(name, |bench| {
            bench.iter_custom(|times| (0..times).map(|_| record(path, &turns)).sum());
        });
    }
    group.finish();
}

/// Blocks of events that were appended: predicted, compressed, written, and the footer.
fn encode(criterion: &mut Criterion, path: &Path) {
    // Fewer than are folded for keyframes when a trace is closed.
    let turns: Vec<run::Turn> = turns(350).into_iter().take(400).collect();
    let n: usize = turns.iter().map(Vec::len).sum();
    let mut group = criterion.benchmark_group("encode");
    group.throughput(Throughput::Elements(n as u64));
    group.bench_function("blocks", |bench| {
        bench.iter_batched(
            || {
                let mut recorder = create(path);
                turns.iter().for_each(|turn| recorder.append(turn).expect("the disk takes it"));
                recorder
            },
            |recorder| recorder.finish().expect("the disk takes it"),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn read(path: &Path) -> Vec<Stamped<Event>> {
    let mut reader = TraceReader::open(path).expect("it was just written");
    let mut events = Vec::new();
    while let Some(batch) = reader.next_batch().expect("it is whole") {
        events.extend(batch.events);
    }
    events
}

fn fold(mut state: State, events: &[Stamped<Event>]) -> State {
    let mut changes = Vec::new();
    for event in events {
        state.apply(event, &mut changes).expect("the run is legal");
        changes.clear();
    }
    state
}

/// From the file to events, from events to the state, and both.
fn decode_and_fold(criterion: &mut Criterion, path: &Path) {
    let events = read(path);
    let mut group = criterion.benchmark_group("replay");
    group.throughput(Throughput::Elements(events.len() as u64));
    group.bench_function("decode", |bench| {
        bench.iter(|| {
            let mut reader = TraceReader::open(path).expect("it was just written");
            let mut n = 0;
            while let Some(batch) = reader.next_batch().expect("it is whole") {
                n += batch.events.len();
            }
            n
        });
    });
    group.bench_function("fold", |bench| bench.iter(|| fold(State::new(), &events)));
    group.bench_function("decode and fold", |bench| {
        bench.iter(|| {
            let mut reader = TraceReader::open(path).expect("it was just written");
            let mut state = State::new();
            while let Some(batch) = reader.next_batch().expect("it is whole") {
                state = fold(state, &batch.events);
            }
            state
        });
    });
    group.finish();
}

/// The state at one of many instants, from a keyframe and the events behind it.
fn seek(criterion: &mut Criterion, path: &Path) {
    let mut reader = TraceReader::open(path).expect("it was just written");
    let end = reader.end().expect("it is whole").expect("it has events");
    let mut step = 0_u64;
    criterion.bench_function("seek", |bench| {
        bench.iter(|| {
            // Numbers that jump back and forth and come near every instant.
            step = step.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let at = Nanos(((u128::from(step) * u128::from(end.0)) >> 64) as u64);
            state_at(path, at)
        });
    });
}

fn state_at(path: &Path, at: Nanos) -> State {
    let mut reader = TraceReader::open(path).expect("it was just written");
    let stored = reader.seek(SeekTo::At(at), 0).expect("it is whole");
    let mut state = stored.unwrap_or_default();
    while let Some(batch) = reader.next_batch().expect("it is whole") {
        let n = batch.events.partition_point(|event| event.logged_at <= at);
        state = fold(state, &batch.events[..n]);
        if n < batch.events.len() {
            break;
        }
    }
    state
}

fn all(criterion: &mut Criterion) {
    let folder = tempfile::tempdir().expect("there is room for scratch files");
    let path: PathBuf = folder.path().join("run.reel");
    append(criterion, &path);
    encode(criterion, &path);
    record(&path, &turns(350));
    decode_and_fold(criterion, &path);
    seek(criterion, &path);
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10);
    targets = all
}
criterion_main!(benches);
