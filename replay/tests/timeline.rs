//! The timeline: any instant is the fold of what was logged by then.

#[path = "plots/made_up.rs"]
mod made_up;

use made_up::Made;
use taskreel_model::{Event, Nanos, Stamped, State, TaskId};
use taskreel_recorder::{Batch, RunInfo, VecSource};
use taskreel_replay::{FoldError, Instant, SeekError, Timeline, plots};

fn run() -> Batch {
    Made { fails_every: 15, loses: Some((1, Nanos::from_millis(700))), ..Made::default() }.batch()
}

/// The run in small batches, so that seeking stops inside some and between others.
fn source(batch: &Batch) -> Box<VecSource> {
    let info = RunInfo { name: "example".to_owned(), ..RunInfo::default() };
    let batches = batch
        .events
        .chunks(100)
        .map(|events| Batch { events: events.to_vec(), ..Batch::default() });
    let samples = Batch { samples: batch.samples.clone(), ..Batch::default() };
    Box::new(VecSource::new(info, batches.chain([samples]).collect::<Vec<_>>()))
}

fn rewindable(batch: &Batch) -> Timeline {
    let batch = batch.clone();
    Timeline::rewindable(Box::new(move || Ok(source(&batch))), plots::all())
        .expect("a vector opens")
}

fn folded(events: &[Stamped<Event>]) -> State {
    let mut state = State::new();
    for event in events {
        state.apply(event, &mut Vec::new()).expect("made-up runs are legal");
    }
    state
}

#[test]
fn seeking_is_folding_what_was_logged_by_then() {
    let batch = run();
    let mut timeline = rewindable(&batch);
    let end = batch.events.last().unwrap().logged_at;
    for at in [Nanos(0), Nanos::from_millis(500), end, Nanos::from_millis(250), Nanos(1)] {
        timeline.seek(Instant::At(at)).unwrap();
        let n_events = batch.events.partition_point(|event| event.logged_at <= at);
        assert_eq!(timeline.state(), &folded(&batch.events[..n_events]), "{at}");
        if n_events < batch.events.len() {
            assert_eq!(timeline.now(), at);
        }
    }
}

#[test]
fn seeks_by_event_share_and_end() {
    let batch = run();
    let mut timeline = rewindable(&batch);
    timeline.seek(Instant::Event(321)).unwrap();
    assert_eq!(timeline.state().next_seq(), 322);
    timeline.seek(Instant::Event(7)).unwrap();
    assert_eq!(timeline.state().next_seq(), 8);
    timeline.seek(Instant::End).unwrap();
    let end = timeline.now();
    assert_eq!(timeline.state().next_seq(), batch.events.len() as u64);
    assert!(timeline.is_finished());
    timeline.seek(Instant::Percent(50.0)).unwrap();
    assert_eq!(timeline.now(), Nanos(end.0 / 2));
    assert!(!timeline.is_finished());
}

#[test]
fn plots_of_an_instant_know_nothing_of_what_came_later() {
    let batch = run();
    let mut sought = rewindable(&batch);
    sought.seek(Instant::End).unwrap();
    sought.seek(Instant::At(Nanos::from_millis(600))).unwrap();
    let mut straight = Timeline::new(source(&batch), plots::all());
    straight.seek(Instant::At(Nanos::from_millis(600))).unwrap();
    for (a, b) in sought.plots().iter().zip(straight.plots()) {
        assert_eq!(a.columns(), b.columns());
    }
}

#[test]
fn a_source_that_is_read_forward_cannot_go_back() {
    let mut timeline = Timeline::new(source(&run()), Vec::new());
    timeline.seek(Instant::Event(50)).unwrap();
    assert!(matches!(timeline.seek(Instant::Event(3)), Err(SeekError::ForwardOnly)));
    timeline.seek(Instant::Event(60)).unwrap();
    assert_eq!(timeline.state().next_seq(), 61);
}

#[test]
fn pumping_stops_about_where_it_is_told() {
    let batch = run();
    let mut timeline = Timeline::new(source(&batch), plots::all());
    let first = timeline.pump(150).unwrap();
    assert_eq!((first.events, first.starved), (150, false));
    let rest = timeline.pump(usize::MAX).unwrap();
    assert_eq!((rest.events, rest.starved), (batch.events.len() - 150, true));
    assert_eq!(rest.samples, batch.samples.len());
}

#[test]
fn an_illegal_event_is_located_and_what_came_before_stays() {
    let mut batch = run();
    let forged = &mut batch.events[400];
    (forged.at, forged.logged_at) = (forged.logged_at, forged.logged_at);
    forged.what = Event::RetryDue { task: TaskId(9_999) };
    let at_s = forged.at.as_secs_f64();
    let mut timeline = Timeline::new(source(&batch), plots::all()).named("run.reel");
    let error = timeline.run_to_end().unwrap_err();
    assert!(matches!(error, FoldError::Illegal { seq: 400, .. }));
    assert_eq!(
        error.to_string(),
        format!(
            "run.reel: event 400 at {at_s:.3} s: RetryDue: t9999 is not a live task; \
             shown is the run up to there"
        )
    );
    assert_eq!(timeline.state(), &folded(&batch.events[..400]));
    assert!(timeline.plot("task-stream").unwrap().columns().lines().count() > 10);
    let pumped = timeline.pump(10).unwrap();
    assert_eq!((pumped.events, pumped.starved), (0, true));
}
