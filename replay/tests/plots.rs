//! Plots from events to columns, figures and SVG.
//!
//! Expected texts lie in `plots/golden`; run with `BLESS=1` to write them anew.

#[path = "plots/made_up.rs"]
mod made_up;

use std::path::PathBuf;

use made_up::Made;
use serde_json::Value;
use taskreel_model::{Event, Nanos, PrefixId, WorkerId};
use taskreel_recorder::{Batch, RunInfo, VecSource};
use taskreel_replay::figure::{Figure, Filter, Glyphs, Shape, Theme, View, Window};
use taskreel_replay::render::{layout::Layout, svg};
use taskreel_replay::{Timeline, plots};

fn fold(batches: impl IntoIterator<Item = Batch>) -> Timeline {
    let source = VecSource::new(RunInfo::default(), batches);
    let mut timeline = Timeline::new(Box::new(source), plots::all());
    timeline.run_to_end().expect("made-up runs are legal");
    timeline
}

fn figure(timeline: &Timeline, id: &str) -> Figure {
    let view = View::new(Window::until(timeline.now()), 900, 300);
    timeline.plot(id).expect("it is in ALL").figure(&view)
}

fn small() -> Made {
    Made {
        n_workers: 2,
        stages: vec![("inc", 8), ("sum", 2)],
        fails_every: 4,
        loses: Some((1, Nanos::from_millis(180))),
        until: Nanos::from_millis(420),
        ..Made::default()
    }
}

#[track_caller]
fn check_golden(name: &str, actual: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/plots/golden").join(name);
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, actual).expect("the golden folder can be written");
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name} differs; look at it, then run with BLESS=1");
}

#[test]
fn columns_and_pictures_are_as_expected() {
    let timeline = fold([small().batch()]);
    for plot in timeline.plots() {
        let id = plot.about().id;
        check_golden(&format!("{id}.txt"), &plot.columns());
        check_golden(&format!("{id}.svg"), &svg(&figure(&timeline, id), &Theme::light()));
    }
}

#[test]
fn batches_make_no_difference() {
    let made =
        Made { fails_every: 20, loses: Some((2, Nanos::from_millis(900))), ..Made::default() };
    let whole = made.batch();
    let single =
        whole.events.iter().map(|event| Batch { events: vec![event.clone()], ..Batch::default() });
    let samples =
        Batch { samples: whole.samples.clone(), logs: whole.logs.clone(), ..Batch::default() };
    let live = fold(single.chain([samples]));
    let replay = fold([whole.clone()]);
    assert_eq!(live.state(), replay.state());
    for (a, b) in live.plots().iter().zip(replay.plots()) {
        assert_eq!(a.columns(), b.columns());
        let view = replay.view(1000, 400);
        assert_eq!(a.figure(&view), b.figure(&view));
    }
}

#[test]
fn the_same_figure_gives_the_same_bytes() {
    let (a, b) = (fold([Made::default().batch()]), fold([Made::default().batch()]));
    for theme in [Theme::light(), Theme::dark()] {
        let draw = |timeline: &Timeline| {
            let now = timeline.now();
            Layout::status(1280, 720).svg(timeline.plots(), Window::until(now), now, "run", &theme)
        };
        assert_eq!(draw(&a), draw(&b));
    }
}

#[test]
fn names_of_strangers_do_no_harm() {
    let made = Made {
        worker_name: "</text><script>alert(1)</script>\u{1}\u{202e}\"'&",
        stages: vec![("<img src=x onerror=alert(2)>\u{0}\r\n]]>", 5), ("\u{ffff}&amp;", 2)],
        ..small()
    };
    let timeline = fold([made.batch()]);
    for plot in timeline.plots() {
        let text = svg(&figure(&timeline, plot.about().id), &Theme::dark());
        check_well_formed(&text);
    }
}

/// Tags open and close in turn, are ours, and no character is one that XML forbids.
#[track_caller]
fn check_well_formed(svg: &str) {
    const TAGS: [&str; 6] = ["svg", "title", "rect", "g", "path", "text"];
    assert!(svg.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{ffff}')));
    let mut open = Vec::new();
    for part in svg.split('<').skip(1) {
        let (tag, rest) = part.split_once('>').expect("every tag ends");
        assert!(!rest.contains('>'), "unescaped: {part}");
        let name = tag.split([' ', '/']).find(|name| !name.is_empty()).expect("a tag has a name");
        assert!(TAGS.contains(&name), "{tag}");
        match (tag.starts_with('/'), tag.ends_with('/')) {
            (true, _) => assert_eq!(open.pop(), Some(name)),
            (false, true) => {}
            (false, false) => open.push(name),
        }
    }
    assert!(open.is_empty(), "{open:?}");
}

fn dense() -> Made {
    Made {
        stages: vec![("inc", 12_000), ("double", 12_000), ("sum", 40)],
        task_us: 900,
        fails_every: 400,
        ..Made::default()
    }
}

#[test]
fn a_long_run_gives_few_glyphs_and_strings() {
    let timeline = fold([dense().batch()]);
    for plot in timeline.plots() {
        let figure = figure(&timeline, plot.about().id);
        let n_lanes = 8 + 2 * 4;
        assert!(figure.n_glyphs() <= 2 * n_lanes * figure.frame.width as usize);
        assert!(figure.strings.len() <= 2_200, "{}", figure.strings.len());
    }
}

#[test]
fn no_failure_is_left_out() {
    let batch = dense().batch();
    let failed_at: Vec<Nanos> = batch
        .events
        .iter()
        .filter(|event| matches!(event.what, Event::TaskFailed { .. }))
        .map(|event| event.at)
        .collect();
    assert!(failed_at.len() > 30, "{}", failed_at.len());
    let figure = figure(&fold([batch]), "task-stream");
    let crosses: Vec<f32> = figure
        .layers
        .iter()
        .filter_map(|layer| match &layer.glyphs {
            Glyphs::Points(points) => Some(points.x.clone()),
            _ => None,
        })
        .flatten()
        .collect();
    let [from, to] = figure.window_ns.unwrap();
    for at in failed_at {
        let x = (at.0 - from) as f32 / (to - from) as f32 * figure.frame.width as f32;
        assert!(crosses.iter().any(|cross| (cross - x).abs() <= 8.1), "{at} at {x}");
    }
}

#[test]
fn running_tasks_reach_now() {
    let timeline = fold([Made { until: Nanos::from_millis(700), ..Made::default() }.batch()]);
    let running = timeline.state().workers().iter().map(|w| w.n_executing()).sum::<usize>();
    assert_eq!(running, 8);
    let figure = figure(&timeline, "task-stream");
    let n_at_edge = figure
        .layers
        .iter()
        .filter_map(|layer| match &layer.glyphs {
            Glyphs::Rects(rects) if layer.opacity > 0.5 && layer.opacity < 0.9 => Some(rects),
            _ => None,
        })
        .flat_map(|rects| rects.x.iter().zip(&rects.width))
        .filter(|(x, width)| **x + **width == figure.frame.width as i32)
        .count();
    // One may have begun less than two pixels ago, and is then drawn with the short ones.
    assert!(n_at_edge >= 6, "{n_at_edge}");
    assert!(figure.note.contains("8 running"), "{}", figure.note);
}

#[test]
fn a_filter_leaves_out_other_prefixes_and_workers() {
    let timeline = fold([small().batch()]);
    let plot = timeline.plot("task-stream").unwrap();
    let view = View::new(Window::until(timeline.now()), 900, 300);
    let labels = |filter| {
        let strings = plot.figure(&view.filtered(filter)).strings;
        strings.into_iter().filter(|text| text.contains(" on worker-")).collect::<Vec<_>>()
    };
    let all = labels(Filter::default());
    let is_sum = |text: &&String| text.starts_with("sum");
    assert!(all.iter().any(|text| is_sum(&text)) && !all.iter().all(|text| is_sum(&text)));
    let only = labels(Filter { prefix: Some(PrefixId(1)), worker: None });
    assert_eq!(only.len(), all.iter().filter(is_sum).count());
    assert!(only.iter().all(|text| is_sum(&text)), "{only:?}");

    let here = Filter { prefix: None, worker: Some(WorkerId(1)) };
    assert!(labels(here).iter().all(|text| text.contains("worker-1")));
    let groups = plot.figure(&view.filtered(here)).y.groups;
    assert_eq!(groups.iter().map(|group| group.worker).collect::<Vec<_>>(), [1]);
    assert_eq!(groups[0].lanes.len(), 2, "one for each slot");
}

#[test]
fn a_lost_worker_is_marked() {
    let figure = figure(&fold([small().batch()]), "task-stream");
    assert!(figure.strings.iter().any(|text| text == "worker-1 lost"));
    assert!(figure.note.contains("worker-1 lost"), "{}", figure.note);
}

#[test]
fn markers_and_spans_of_the_user_stand_above_the_lanes() {
    let timeline = fold([dense().batch()]);
    let figure = figure(&timeline, "task-stream");
    let named = |glyphs: &Glyphs| match glyphs {
        Glyphs::Points(points) if points.shape == Shape::Triangle => points.label.clone(),
        Glyphs::Bars(bars) => bars.label.clone(),
        _ => Vec::new(),
    };
    let labels: Vec<i32> = figure.layers.iter().flat_map(|layer| named(&layer.glyphs)).collect();
    // Near ones share a glyph: six hundred of each are drawn as some dozen.
    assert!((20..400).contains(&labels.len()), "{}", labels.len());
    let text = |label: &i32| figure.strings[*label as usize].as_str();
    assert!(labels.iter().map(text).any(|text| text.contains(" more, at ")));
    assert!(figure.legend.iter().any(|entry| entry.label == "marked"));
}

#[test]
fn plots_without_anything_say_so() {
    let timeline = fold([]);
    for plot in timeline.plots() {
        let figure = figure(&timeline, plot.about().id);
        assert_eq!(figure.strings.len(), 1, "{:?}", figure.strings);
        check_well_formed(&svg(&figure, &Theme::light()));
    }
}

#[test]
fn the_json_has_columns_of_equal_length() {
    let timeline = fold([small().batch()]);
    for plot in timeline.plots() {
        let json: Value =
            serde_json::from_str(&figure(&timeline, plot.about().id).to_json()).unwrap();
        let layers = json["layers"].as_array().unwrap();
        assert!(!layers.is_empty());
        for layer in layers {
            let lengths: Vec<usize> = layer
                .as_object()
                .unwrap()
                .values()
                .filter_map(|column| column.as_array().map(Vec::len))
                .collect();
            assert!(lengths.windows(2).all(|pair| pair[0] == pair[1]), "{layer}");
            assert!(layer["kind"].is_string() && layer["opacity"].is_number());
        }
    }
}

#[test]
fn figures_of_any_size_keep_inside() {
    let timeline = fold([small().batch()]);
    for (width, height) in [(1, 1), (120, 60), (320, 90), (390, 844), (5_000, 40)] {
        for plot in timeline.plots() {
            let view = View::new(Window::until(timeline.now()), width, height);
            let figure = plot.figure(&view);
            let frame = figure.frame;
            assert!(frame.left + frame.width <= figure.width_px, "{width} {height} {frame:?}");
            for layer in &figure.layers {
                if let Glyphs::Rects(rects) = &layer.glyphs {
                    for i in 0..rects.x.len() {
                        assert!(rects.x[i] >= 0 && rects.width[i] > 0 && rects.height[i] > 0);
                        assert!(rects.x[i] + rects.width[i] <= frame.width as i32);
                        assert!(rects.y[i] + rects.height[i] <= frame.height as i32);
                    }
                }
            }
        }
    }
}
