//! A window of a run begins with a state: what follows is folded and drawn as in the whole run.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "plots/made_up.rs"]
mod made_up;

use std::path::Path;

use made_up::Made;
use taskreel_model::{Event, Nanos, Stamped};
use taskreel_recorder::pack::{CopyOptions, copy_trace};
use taskreel_recorder::{Batch, Recorder, RecorderOptions, RunInfo, TraceReader};
use taskreel_replay::figure::{Theme, View, Window};
use taskreel_replay::plots::Plot;
use taskreel_replay::{Instant, Landmark, Timeline, Toward, plots, render};

fn open(path: &Path) -> Timeline {
    open_with(path, plots::all())
}

fn open_with(path: &Path, plots: Vec<Box<dyn Plot>>) -> Timeline {
    let path = path.to_owned();
    let reopen = Box::new(move || Ok(Box::new(TraceReader::open(&path)?) as _));
    Timeline::rewindable(reopen, plots).expect("the trace opens")
}

/// A run and the part of it from 30 to 80 % as files, and the instants of that.
fn recorded(whole: &Path, part: &Path) -> (Batch, [Nanos; 2]) {
    let batch = Made { fails_every: 15, ..Made::default() }.batch();
    // The made-up instants are finer than a trace keeps unless it is told.
    let info = RunInfo { tick_ns: 1, ..RunInfo::default() };
    let mut recorder = Recorder::create(whole, &info, RecorderOptions::default()).unwrap();
    recorder.append(&batch.events).unwrap();
    recorder.finish().unwrap();
    let end = batch.events.last().unwrap().logged_at;
    let [from, to] = [30, 80].map(|percent| Nanos(end.0 * percent / 100));
    let options = CopyOptions { from: Some(from), to: Some(to), ..CopyOptions::default() };
    copy_trace(whole, part, options).unwrap();
    (batch, [from, to])
}

#[test]
fn its_errors_are_found_in_both_directions() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, part) = (folder.path().join("run.reel"), folder.path().join("part.reel"));
    let (batch, [from, to]) = recorded(&whole, &part);
    let is_in = |event: &&Stamped<Event>| event.logged_at > from && event.logged_at <= to;
    let errors = batch
        .events
        .iter()
        .filter(is_in)
        .filter(|event| Landmark::of(&event.what) == Some(Landmark::Error));
    let errors: Vec<u64> = errors.map(|event| event.seq).collect();
    assert!(errors.len() > 2, "{errors:?}");
    for plots in [Vec::new(), plots::all()] {
        let mut window = open_with(&part, plots);
        let next = |_| window.jump(Landmark::Error, Toward::Next).unwrap();
        let found: Vec<Option<u64>> = (0..=errors.len()).map(next).collect();
        let expected: Vec<Option<u64>> = errors.iter().copied().map(Some).chain([None]).collect();
        assert_eq!(found, expected);
        window.seek(Instant::End).unwrap();
        let last = window.jump(Landmark::Error, Toward::Previous).unwrap();
        let at_end = window.state().next_seq();
        assert_eq!(last, errors.last().copied(), "from {at_end}");
    }
}

#[test]
fn it_is_exact_at_each_instant_and_draws_what_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, part) = (folder.path().join("run.reel"), folder.path().join("part.reel"));
    let (batch, [from, _]) = recorded(&whole, &part);
    let end = batch.events.last().unwrap().logged_at;

    let (mut expected, mut window) = (open(&whole), open(&part));
    for percent in [50, 31, 79, 40, 30] {
        let at = Nanos(end.0 * percent / 100);
        expected.seek(Instant::At(at)).unwrap();
        window.seek(Instant::At(at)).unwrap();
        assert!(window.state() == expected.state(), "at {percent} %");
        let view = View::new(Window::new(from, at.max(Nanos(from.0 + 1))), 900, 300).at(at);
        let stream = |timeline: &Timeline| {
            let plot = timeline.plot("task-stream").unwrap();
            let svg = render::svg(&plot.figure(&view), &Theme::light());
            // The legend of the whole run names what ran before the window, too.
            let paths = svg.split('<').filter(|part| part.starts_with("path"));
            paths.map(str::to_owned).collect::<Vec<_>>()
        };
        let (drawn, all) = (stream(&window), stream(&expected));
        assert!(all.len() > 10, "it draws tasks");
        assert!(drawn == all, "the pictures at {percent} % differ: {drawn:#?} {all:#?}");
    }
    // Before its begin there is nothing to show but its begin.
    window.seek(Instant::At(Nanos::ZERO)).unwrap();
    expected.seek(Instant::At(from)).unwrap();
    assert!(window.state() == expected.state());
    assert!(!window.plots().is_empty());
}
