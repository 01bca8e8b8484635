//! `GET compare?a=FILE&b=FILE`: two runs of the same job side by side.

use std::path::Path;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use taskreel_model::Nanos;
use taskreel_recorder::{OpenError, TraceReader};
use taskreel_replay::analysis::compare::{Comparison, Digest, PrefixDiff, Side, compare};
use taskreel_replay::analysis::{Facts, PrefixTime};
use taskreel_replay::figure::{Axis, Figure, PrefixColors, Theme, View, Window};
use taskreel_replay::plots::{Plot, TaskStream};
use taskreel_replay::{Instant, Timeline, render};

use crate::base64::base64;
use crate::http::Hub;
use crate::http::base::rendered;
use crate::http::hub::encoded;
use crate::http::missing::Missing;
use crate::text::{count, visible};

/// Size of each run's task stream, in pixels.
const STREAM_PX: (u32, u32) = (1_240, 300);
/// Most prefixes listed.
const PREFIXES_MAX: usize = 60;

/// Which runs.
#[derive(Debug, Deserialize)]
pub(in crate::http) struct Two {
    #[serde(default)]
    a: String,
    #[serde(default)]
    b: String,
}

/// The page.
#[derive(Template)]
#[template(path = "compare.html")]
struct ComparePage {
    /// Their files and addresses.
    files: [(String, String); 2],
    compared: Comparison,
    /// Both task streams on one axis of time, light and dark, as addresses that hold them.
    pictures: [String; 2],
}

/// `GET compare`.
pub(in crate::http) async fn page(
    State(hub): State<Arc<Hub>>,
    Query(two): Query<Two>,
) -> Result<Response, Missing> {
    if two.a.is_empty() || two.b.is_empty() {
        return Err(Missing::unclear("choose two runs in the list: one as A and one as B"));
    }
    let paths = [hub.file(&two.a)?, hub.file(&two.b)?];
    let names = [two.a, two.b];
    let page = hub.work(move || compared(&names, &paths)).await?;
    Ok(rendered(&page))
}

fn compared(names: &[String; 2], paths: &[std::path::PathBuf; 2]) -> Result<ComparePage, Missing> {
    let refused = |error: OpenError| Missing::refused(error.to_string());
    let read = |path: &Path| {
        TraceReader::open(path).map(|mut reader| Digest::of(&Facts::read(&mut reader)))
    };
    let runs = [read(&paths[0]).map_err(refused)?, read(&paths[1]).map_err(refused)?];
    let figures = streams(names, paths, &runs).map_err(refused)?;
    let headline = "Both task streams on one axis of time";
    let picture = |theme: Theme| {
        let svg = render::stack(&figures, headline, &theme);
        format!("data:image/svg+xml;base64,{}", base64(svg.as_bytes()))
    };
    let file = |name: &String| (visible(name), format!("open/{}/", encoded(name)));
    Ok(ComparePage {
        files: [file(&names[0]), file(&names[1])],
        compared: compare(&runs[0], &runs[1]),
        pictures: [picture(Theme::light()), picture(Theme::dark())],
    })
}

/// The task streams, each from its first submission, over the longer makespan.
fn streams(
    names: &[String; 2],
    paths: &[std::path::PathBuf; 2],
    runs: &[Digest; 2],
) -> Result<Vec<Figure>, OpenError> {
    let length = runs[0].window.length().max(runs[1].window.length());
    let (width, height) = STREAM_PX;
    let colors = PrefixColors::of(runs.iter().flat_map(Digest::prefix_names));
    let mut figures = Vec::new();
    for (i, letter) in ["A", "B"].into_iter().enumerate() {
        let path = paths[i].clone();
        let plot: Vec<Box<dyn Plot>> = vec![Box::new(TaskStream::with_colors(colors.clone()))];
        let reopen = Box::new(move || Ok(Box::new(TraceReader::open(&path)?) as _));
        let mut timeline = Timeline::rewindable(reopen, plot)?;
        if let Err(error) = timeline.seek(Instant::End) {
            tracing::debug!(%error, "a run is compared as far as it can be folded");
        }
        let from = runs[i].window.from;
        let view = View::new(Window::new(from, from + length), width, height);
        let mut figure = timeline.plots()[0].figure(&view.at(timeline.now()));
        figure.title = visible(&format!("{letter}: {}, {}", names[i], runs[i].window.length()));
        // Both axes begin with the first submission.
        figure.x = Axis::time(Window::new(Nanos::ZERO, length), figure.frame.width);
        figures.push(figure);
    }
    Ok(figures)
}

impl ComparePage {
    /// How B compares with A on the whole.
    fn verdict(&self) -> String {
        let [a, b] = &self.compared.runs;
        if a.makespan_s <= 0.0 || b.makespan_s <= 0.0 {
            return "One of them ran nothing.".to_owned();
        }
        let ratio = b.makespan_s / a.makespan_s;
        match ratio {
            0.995..1.005 => "Both took the same time.".to_owned(),
            ..1.0 => format!("B was {:.2} times as fast as A.", 1.0 / ratio),
            _ => format!("B took {ratio:.2} times as long as A."),
        }
    }

    /// Figures of both runs by name.
    fn totals(&self) -> Vec<(&'static str, [String; 2])> {
        let both = |of: fn(&Side) -> String| self.compared.runs.each_ref().map(of);
        vec![
            ("from the first submission to the last end", both(|s| time(s.makespan_s))),
            ("tasks", both(|side| count(side.tasks))),
            ("erred", both(|side| count(side.erred))),
            ("workers", both(|side| count(side.workers.len() as u64))),
            ("slots", both(|side| count(side.slots))),
        ]
    }

    fn prefixes(&self) -> impl Iterator<Item = (String, [String; 7])> {
        self.compared.prefixes.iter().take(PREFIXES_MAX).map(|diff| {
            let cell = |of: &Option<PrefixTime>, pick: fn(&PrefixTime) -> String| {
                of.as_ref().map_or_else(|| "–".to_owned(), pick)
            };
            let PrefixDiff { name, a, b } = diff;
            let cells = [
                cell(a, |of| count(of.runs)),
                cell(b, |of| count(of.runs)),
                cell(a, |of| time(of.run_time_s)),
                cell(b, |of| time(of.run_time_s)),
                cell(a, |of| time(of.median_s)),
                cell(b, |of| time(of.median_s)),
                change(
                    a.as_ref().map_or(0.0, |of| of.run_time_s),
                    b.as_ref().map_or(0.0, |of| of.run_time_s),
                ),
            ];
            (visible(name), cells)
        })
    }

    fn uses(&self) -> impl Iterator<Item = (&'static str, [String; 3])> {
        self.compared
            .uses
            .iter()
            .map(|of| (of.what, [time(of.a_s), time(of.b_s), change(of.a_s, of.b_s)]))
    }
}

fn time(seconds: f64) -> String {
    Nanos::from_secs_f64(seconds).to_string()
}

/// What became of A's share in B.
fn change(a: f64, b: f64) -> String {
    if a <= 0.0 {
        return if b <= 0.0 { "–".to_owned() } else { "new".to_owned() };
    }
    if b <= 0.0 {
        return "gone".to_owned();
    }
    match b / a {
        ratio @ 0.5..2.0 => format!("{:+.0} %", (ratio - 1.0) * 100.0),
        ratio => format!("× {ratio:.2}"),
    }
}
