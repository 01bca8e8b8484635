//! `GET worker/ID`: what a worker is and did, its plots and its logs.

use std::collections::VecDeque;
use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use taskreel_model::{Change, HumanBytes, LogLine, Nanos, Sample, State as RunState, WorkerId};
use taskreel_replay::figure::{Figure, View, Window};
use taskreel_replay::plots::{self, About, Plot};
use taskreel_replay::{Instant, render};

use super::Site;
use super::base::{Base, rendered, url_query};
use super::look::parse_at;
use super::missing::Missing;
use super::page::{PageQuery, Panel};
use super::plot::PlotQuery;
use crate::desk::Trace;
use crate::ledger::Found;
use crate::summary::WorkerRow;
use crate::text::visible_message;

/// Most lines of its logs.
const LINES_MAX: usize = 300;
/// Its plots over time, one below the other, and the height of each in pixels.
const PLOTS: [&str; 4] = ["worker-cpu", "worker-memory", "network", "disk"];
const PLOT_PX: u32 = 130;

/// What a worker did.
#[derive(Template)]
#[template(path = "worker.html")]
struct WorkerPage {
    base: Base,
    id: u32,
    worker: WorkerRow,
    /// Its last executions, the newest first.
    done: Vec<Found>,
    /// The last lines of its logs, the newest first.
    lines: Vec<Line>,
    /// The task stream, to be shown of this worker only.
    plots: Vec<Panel>,
    /// The instant that is shown, and as the address has it.
    now_ns: u64,
    at: String,
}

/// Most executions listed on a worker's page.
const DONE_MAX: usize = 300;

/// A line of a log.
struct Line {
    at: String,
    level: String,
    text: String,
}

/// `GET /worker/ID`: what a worker is and did.
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Path(id): Path<u32>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Missing> {
    let at = parse_at(query.at());
    let view = site.view(at, Vec::new(), None).await?;
    let Some(worker) = view.summary.workers.iter().find(|worker| worker.id == id).cloned() else {
        return Err(Missing::nothing(
            "no such worker has joined, or it is not among the first 200",
        ));
    };
    let now = Nanos(view.summary.now_ns);
    let done = site.folders.run.ask(move |run| run.ledger().on_worker(id, now, DONE_MAX)).await?;
    let lines = match site.folders.desk {
        Some(_) => site.long(move |trace| logs(trace, WorkerId(id), now)).await?,
        None => Vec::new(),
    };
    let base = Base::new(&site, view, "../", "", query.at());
    let stream = site.plot("task-stream").map(|plot| plot.about);
    let at = query.at().filter(|at| parse_at(Some(at)).is_some()).unwrap_or_default().to_owned();
    let stream = stream.map(|about| Panel::new(about, about.page, &at).of_worker(id));
    let plots = stream.into_iter().collect();
    Ok(rendered(&WorkerPage { base, id, worker, done, lines, plots, now_ns: now.0, at }))
}

impl WorkerPage {
    /// The address of its plots.
    fn picture(&self, theme: &str) -> String {
        format!("{}/plots.svg?theme={theme}{}", self.id, url_query("&at=", &self.at))
    }

    /// How long an execution took.
    fn took(&self, found: &Found) -> String {
        let stop = found.stop_ns.filter(|stop| *stop <= self.now_ns);
        let took = stop.map(|stop| Nanos(stop.saturating_sub(found.start_ns)).to_string());
        took.unwrap_or_else(|| "runs".to_owned())
    }

    /// When it began.
    fn began(&self, found: &Found) -> String {
        format!("{:.3} s", Nanos(found.start_ns).as_secs_f64())
    }

    /// Its figures by name.
    fn facts(&self) -> Vec<(&'static str, String)> {
        let worker = &self.worker;
        let bytes = |n: u64| HumanBytes(n).to_string();
        let limit =
            if worker.memory_limit == 0 { "none".to_owned() } else { bytes(worker.memory_limit) };
        let cpu = worker.cpu_permille.map_or_else(dash, |cpu| format!("{} %", cpu / 10));
        vec![
            ("status", worker.status.to_owned()),
            ("address", worker.address.clone()),
            ("host", format!("{}, process {}", worker.host, worker.pid)),
            ("running", format!("{} of {} slots", worker.executing, worker.slots)),
            ("assigned", worker.assigned.to_string()),
            ("waiting", format!("{}, for tasks that they submitted", worker.waiting)),
            ("done, failed", format!("{}, {}", worker.done, worker.failed)),
            ("CPU", cpu),
            ("process", worker.rss_bytes.map_or_else(dash, bytes)),
            (
                "results",
                format!(
                    "{} in memory, {} on disk",
                    bytes(worker.memory_bytes),
                    bytes(worker.disk_bytes)
                ),
            ),
            ("memory limit", limit),
        ]
    }
}

/// What is not known.
fn dash() -> String {
    "–".to_owned()
}

/// The last lines that a worker wrote by an instant, the newest first.
fn logs(trace: &Trace, worker: WorkerId, now: Nanos) -> Result<Vec<Line>, Missing> {
    let mut source = trace.until(Some(Instant::At(now))).map_err(Missing::failed)?;
    let mut last = VecDeque::with_capacity(LINES_MAX + 1);
    // A trace that is damaged has the lines up to there.
    while let Ok(Some(batch)) = source.next_batch() {
        for line in batch.logs.into_iter().filter(|line| line.worker == Some(worker)) {
            last.push_back(line);
            if last.len() > LINES_MAX {
                last.pop_front();
            }
        }
    }
    let line = |line: LogLine| Line {
        at: format!("{:.3} s", line.at.as_secs_f64()),
        level: format!("{:?}", line.level).to_lowercase(),
        text: visible_message(&line.text),
    };
    Ok(last.into_iter().rev().map(line).collect())
}

/// `GET worker/ID/plots.svg`: its plots over time as one picture.
pub(super) async fn picture(
    State(site): State<Arc<Site>>,
    Path(id): Path<u32>,
    Query(query): Query<PlotQuery>,
) -> Result<Response, Missing> {
    let theme = query.theme()?;
    let at = parse_at(query.at());
    let now = Nanos(site.view(at, Vec::new(), None).await?.summary.now_ns);
    let width = query.width.unwrap_or(1_200).clamp(240, 2_400);
    let draw = move |trace: &Trace| {
        let figures = figures(trace, WorkerId(id), now, width)?;
        Ok(render::stack(&figures, "", &theme))
    };
    let svg = site.long(draw).await?;
    Ok(([(CONTENT_TYPE, "image/svg+xml")], svg).into_response())
}

fn figures(
    trace: &Trace,
    worker: WorkerId,
    now: Nanos,
    width: u32,
) -> Result<Vec<Figure>, Missing> {
    let of_it = |id: &&str| plots::by_id(id).map(|plot| Box::new(OfWorker { plot, worker }) as _);
    let mut timeline =
        trace.timeline(PLOTS.iter().filter_map(of_it).collect()).map_err(Missing::failed)?;
    if let Err(error) = timeline.seek(Instant::At(now)) {
        tracing::debug!(%error, "a worker is shown up to where the trace cannot be folded");
    }
    let view = View::new(Window::until(now), width, PLOT_PX).at(now);
    Ok(timeline.plots().iter().map(|plot| plot.figure(&view)).collect())
}

/// A plot that hears of one worker only.
struct OfWorker {
    plot: Box<dyn Plot>,
    worker: WorkerId,
}

impl Plot for OfWorker {
    fn about(&self) -> About {
        self.plot.about()
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::new(Self { plot: self.plot.fresh(), worker: self.worker })
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &RunState) {
        let is_other = matches!(change, Change::Worker { worker, .. } if *worker != self.worker);
        if !is_other {
            self.plot.update(at, change, state);
        }
    }

    fn sample(&mut self, sample: &Sample, state: &RunState) {
        if sample.worker == Some(self.worker) {
            self.plot.sample(sample, state);
        }
    }

    fn settle(&mut self, state: &RunState) {
        self.plot.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        self.plot.figure(view)
    }

    fn columns(&self) -> String {
        self.plot.columns()
    }
}
