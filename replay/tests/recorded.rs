//! What is drawn and found on every recorded run of `traces/`.
//!
//! Each plot on each trace gives the same bytes, as SVG in both themes and PNG, and so does a film:
//! their hashes lie in `recorded/pictures.txt`. `BLESS=1 cargo test -p taskreel-replay --test recorded`
//! writes them anew; without it, what differs is left as pictures to be looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use taskreel_recorder::TraceReader;
use taskreel_replay::analysis::{Facts, explain};
use taskreel_replay::figure::{Theme, View, Window};
use taskreel_replay::plots::{self, Page};
use taskreel_replay::render::gif::{FilmOptions, film};
use taskreel_replay::render::layout::Layout;
use taskreel_replay::render::{png, svg};
use taskreel_replay::{Instant, Timeline};

/// Large enough for every glyph of a plot to be drawn.
const SIZE: (u32, u32) = (640, 260);

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// All recorded runs, by folder and name.
fn traces() -> Vec<(String, PathBuf)> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root().join("traces")).expect("list the folders of traces") {
        let folder = folder.expect("list the folders of traces").path();
        for file in std::fs::read_dir(&folder).into_iter().flatten() {
            let file = file.expect("list the traces").path();
            if file.extension().is_some_and(|ending| ending == "reel") {
                let name = |path: &Path| {
                    path.file_stem().expect("it has a name").to_string_lossy().into_owned()
                };
                found.push((format!("{}/{}", name(&folder), name(&file)), file));
            }
        }
    }
    found.sort();
    assert!(found.len() > 5, "{found:?}");
    found
}

fn timeline(trace: &Path, plots: Vec<Box<dyn plots::Plot>>) -> Timeline {
    let trace = trace.to_owned();
    let reopen = Box::new(move || Ok(Box::new(TraceReader::open(&trace)?) as _));
    Timeline::rewindable(reopen, plots).expect("open a recorded run")
}

/// Every picture of a recorded run, by what it shows.
fn pictures(trace: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut timeline = timeline(trace, plots::all());
    timeline.seek(Instant::End).expect("fold a recorded run");
    let view = View::new(Window::until(timeline.now()), SIZE.0, SIZE.1);
    let mut pictures = BTreeMap::new();
    for plot in timeline.plots() {
        let (id, figure) = (plot.about().id, plot.figure(&view));
        for theme in [Theme::light(), Theme::dark()] {
            pictures.insert(format!("{id}-{}.svg", theme.name), svg(&figure, &theme).into_bytes());
        }
        pictures.insert(format!("{id}.png"), png(&figure, &Theme::light()));
    }
    pictures.insert("status.gif".to_owned(), moving(trace, Window::until(timeline.now())));
    pictures
}

/// A short film of the status page.
fn moving(trace: &Path, window: Window) -> Vec<u8> {
    let options = FilmOptions {
        layout: Layout::status(480, 300),
        theme: Theme::light(),
        headline: "recorded".to_owned(),
        window,
        fps: 4.0,
        speed: (window.length().as_secs_f64() / 2.0).max(1e-3),
        idle_limit_s: None,
        hold_s: 1.0,
        max_bytes: 10_000_000,
    };
    let mut timeline = timeline(trace, plots::of_page(Page::Status));
    film(&mut timeline, &options, &mut |_, _| {}).expect("film a recorded run").bytes
}

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, step)
}

#[test]
fn each_plot_on_each_trace_gives_the_same_bytes() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recorded/pictures.txt");
    let known = std::fs::read_to_string(&golden).unwrap_or_default();
    let known: BTreeSet<&str> = known.lines().collect();
    let (mut lines, mut differ) = (String::new(), Vec::new());
    let left = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recorded");
    for (trace, path) in traces() {
        for (name, bytes) in pictures(&path) {
            let line = format!("{trace} {name} {:016x}", hash(&bytes));
            if !known.contains(line.as_str()) {
                let file = left.join(format!("{}-{name}", trace.replace('/', "-")));
                std::fs::create_dir_all(&left).expect("make a folder for what differs");
                std::fs::write(&file, bytes).expect("keep a picture that differs");
                differ.push(file);
            }
            let _ = writeln!(lines, "{line}");
        }
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &lines).expect("write the hashes");
        return;
    }
    let n = differ.len();
    differ.truncate(8);
    assert!(n == 0, "{n} pictures differ: look at {differ:#?}, then run with BLESS=1");
    assert_eq!(known.len(), lines.lines().count(), "a picture is no more; run with BLESS=1");
}

/// Kinds of the findings on a recorded run, most costly first.
#[track_caller]
fn found(trace: &str) -> Vec<&'static str> {
    let path = root().join("traces").join(trace);
    let facts = Facts::read(&mut TraceReader::open(&path).expect("open a recorded run"));
    explain(&facts).findings.iter().map(|finding| finding.kind).collect()
}

#[test]
fn what_made_recorded_runs_slow_is_found() {
    assert_eq!(found("gallery/weather.reel"), ["memory-pressure", "failures"]);
    assert_eq!(found("v1/lost-worker.reel"), ["repeated-work"]);
    assert_eq!(found("v1/reduction-linear.reel"), ["parallelism", "critical-path"]);
    assert_eq!(found("v1/reduction-tree.reel"), ["parallelism"]);
    assert!(found("v1/spills.reel").contains(&"memory-pressure"));
    assert!(found("v1/failures.reel").contains(&"failures"));
}

#[test]
fn nothing_is_found_on_a_recorded_run_that_was_fine() {
    // Four hundred equal tasks on four slots.
    assert_eq!(found("v1/killed.reel"), [""; 0]);
}
