//! Moving along a timeline: any way to an instant shows what folding straight to it shows.

#[path = "plots/made_up.rs"]
mod made_up;

use made_up::Made;
use proptest::prelude::*;
use taskreel_model::{Event, Nanos, Stamped, State, StrId};
use taskreel_recorder::{
    Batch, Recorder, RecorderOptions, RunInfo, Source, Tailer, TraceReader, VecSource,
};
use taskreel_replay::{Instant, Landmark, Timeline, Toward, plots};

fn small(seed: u64, fails_every: u64, loses_at_ms: u64) -> Made {
    Made {
        seed,
        fails_every,
        loses: (loses_at_ms > 0).then_some((1, Nanos::from_millis(loses_at_ms))),
        n_workers: 3,
        stages: vec![("read", 12), ("count", 12), ("merge", 3), ("total", 1)],
        ..Made::default()
    }
}

fn rewindable(batch: &Batch) -> Timeline {
    let batch = batch.clone();
    let open = move || {
        let chunks = batch.events.chunks(37);
        let batches = chunks.map(|c| Batch { events: c.to_vec(), ..Batch::default() });
        let samples = Batch { samples: batch.samples.clone(), ..Batch::default() };
        let batches: Vec<Batch> = [samples].into_iter().chain(batches).collect();
        Ok(Box::new(VecSource::new(RunInfo::default(), batches)) as Box<dyn Source>)
    };
    Timeline::rewindable(Box::new(open), plots::all()).expect("a vector opens")
}

fn folded(events: &[Stamped<Event>]) -> State {
    let mut state = State::new();
    for event in events {
        state.apply(event, &mut Vec::new()).expect("made-up runs are legal");
    }
    state
}

fn columns(timeline: &Timeline) -> Vec<String> {
    timeline.plots().iter().map(|plot| plot.columns()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn seeking_anywhere_is_folding_from_the_start(
        seed in any::<u64>(), fails in 3_u64..12, loses in 10_u64..600,
        shares in prop::collection::vec(0.0_f64..1.05, 1..6),
    ) {
        let batch = small(seed, fails, loses).batch();
        let end = batch.events.last().map_or(0, |event| event.logged_at.0);
        let mut timeline = rewindable(&batch);
        for share in shares {
            let at = Nanos((end as f64 * share) as u64);
            timeline.seek(Instant::At(at)).unwrap();
            let n = batch.events.partition_point(|event| event.logged_at <= at);
            prop_assert_eq!(timeline.state(), &folded(&batch.events[..n]));
        }
    }

    #[test]
    fn stepping_back_is_never_having_stepped(
        seed in any::<u64>(), fails in 3_u64..12, at in 0_i64..250,
        steps in prop::collection::vec(-60_i64..60, 1..8),
    ) {
        let batch = small(seed, fails, 0).batch();
        let mut timeline = rewindable(&batch);
        timeline.step(at).unwrap();
        let mut place = at.min(batch.events.len() as i64);
        for n in steps {
            let moved = timeline.step(n).unwrap();
            prop_assert_eq!(moved, (place + n).clamp(0, batch.events.len() as i64) - place);
            place += moved;
            prop_assert_eq!(timeline.state(), &folded(&batch.events[..place as usize]));
        }
        let mut straight = rewindable(&batch);
        straight.step(place).unwrap();
        prop_assert_eq!(columns(&timeline), columns(&straight));
        prop_assert_eq!(timeline.now(), straight.now());
    }
}

#[test]
fn jumps_visit_every_error_in_both_directions() {
    let mut batch = small(5, 6, 400).batch();
    let last = batch.events.last().unwrap().clone();
    let what = Event::Marked { name: StrId(0), task: None };
    batch.events.push(Stamped { seq: last.seq + 1, what, ..last });
    let of = |kind: Landmark| -> Vec<u64> {
        let is_one = |event: &&Stamped<Event>| Landmark::of(&event.what) == Some(kind);
        batch.events.iter().filter(is_one).map(|event| event.seq).collect()
    };
    for kind in [Landmark::Error, Landmark::WorkerLoss, Landmark::Marker] {
        let expected = of(kind);
        assert!(!expected.is_empty(), "{kind:?}");
        let mut timeline = rewindable(&batch);
        let mut seen = Vec::new();
        while let Some(seq) = timeline.jump(kind, Toward::Next).unwrap() {
            assert_eq!(timeline.state().next_seq(), seq + 1);
            seen.push(seq);
        }
        assert_eq!(seen, expected, "{kind:?}");
        assert_eq!(timeline.state().next_seq(), seen[seen.len() - 1] + 1, "it stayed there");
        timeline.seek(Instant::End).unwrap();
        timeline.step(1).unwrap();
        let mut back = Vec::new();
        while let Some(seq) = timeline.jump(kind, Toward::Previous).unwrap() {
            back.insert(0, seq);
        }
        let n = batch.events.len() as u64;
        assert_eq!(back, expected.into_iter().filter(|s| s + 1 < n).collect::<Vec<_>>());
    }
}

#[test]
fn playing_follows_the_clock_both_ways_and_stops_at_the_ends() {
    let batch = small(7, 0, 0).batch();
    let end = batch.events.last().unwrap().logged_at;
    let mut timeline = rewindable(&batch);
    timeline.play(Nanos::from_millis(20), 10.0).unwrap();
    assert_eq!(timeline.now(), Nanos::from_millis(200));
    timeline.play(Nanos::from_millis(50), -2.0).unwrap();
    assert_eq!(timeline.now(), Nanos::from_millis(100));
    let n = batch.events.partition_point(|event| event.logged_at <= Nanos::from_millis(100));
    assert_eq!(timeline.state(), &folded(&batch.events[..n]));
    timeline.play(Nanos::from_millis(1), 1e9).unwrap();
    assert!(timeline.now() >= end && timeline.is_finished());
    timeline.play(Nanos::from_millis(1), -1e9).unwrap();
    assert_eq!(timeline.now(), Nanos::ZERO);
}

#[test]
fn a_growing_trace_is_stepped_through_as_it_grows() {
    let batch = small(3, 5, 0).batch();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let mut recorder =
        Recorder::create(&path, &RunInfo::default(), RecorderOptions::default()).unwrap();
    let (early, late) = batch.events.split_at(batch.events.len() / 2);
    recorder.append(early).unwrap();
    let file = path.clone();
    let open = move || Ok(Box::new(Tailer::open(&file)?) as Box<dyn Source>);
    let mut timeline = Timeline::rewindable(Box::new(open), Vec::new()).unwrap();
    assert_eq!(timeline.step(i64::MAX).unwrap(), early.len() as i64);
    assert_eq!(timeline.step(1).unwrap(), 0, "there is no more yet");
    recorder.append(late).unwrap();
    assert_eq!(timeline.step(1).unwrap(), 1);
    assert_eq!(timeline.step(-2).unwrap(), -2);
    assert_eq!(timeline.state(), &folded(&batch.events[..early.len() - 1]));
    let error = timeline.jump(Landmark::Error, Toward::Next).unwrap().expect("some fail");
    assert!(error as usize >= early.len() - 1);
    recorder.finish().unwrap();
    timeline.seek(Instant::End).unwrap();
    assert_eq!(timeline.state(), &folded(&batch.events));
    // As from the finished file.
    let mut finished = TraceReader::open(&path).unwrap();
    let mut n = 0;
    while let Some(batch) = finished.next_batch().unwrap() {
        n += batch.events.len();
    }
    assert_eq!(n, batch.events.len());
}
