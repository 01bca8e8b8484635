//! The pages, rendered here so that they are useful before any script has run.
//!
//! A page is a list of plots and at most one table above them; which plots, the plots say.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use taskreel_model::{HumanBytes, Nanos};
use taskreel_replay::analysis::Story;
use taskreel_replay::analysis::story::Moment;
use taskreel_replay::plots::{About, Page};

use super::base::{Base, rendered, url_query};
use super::look::parse_at;
use super::{Site, not_found};
use crate::fold::Gone;
use crate::ledger::Found;
use crate::summary::WorkerRow;
use crate::text::{visible, visible_message};

/// The status page: the run at a glance.
#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    base: Base,
    plots: Vec<Panel>,
}

/// Any other page of plots.
#[derive(Template)]
#[template(path = "plots.html")]
struct PlotsPage {
    base: Base,
    page: Page,
    plots: Vec<Panel>,
}

/// The story of a task.
#[derive(Template)]
#[template(path = "task.html")]
struct TaskPage {
    base: Base,
    id: u32,
    story: Story,
    /// A window around its last attempt.
    window: String,
}

/// What a worker did.
#[derive(Template)]
#[template(path = "worker.html")]
struct WorkerPage {
    base: Base,
    id: u32,
    worker: WorkerRow,
    /// Its last executions, the newest first.
    done: Vec<Found>,
    /// The instant that is shown.
    now_ns: u64,
}

/// Most executions listed on a worker's page.
const DONE_MAX: usize = 300;

/// A plot's place on the page, with its picture until the script draws it.
struct Panel {
    about: About,
    /// The picture for a screen, in the light theme.
    url: String,
    /// The others.
    sources: Vec<Source>,
    /// Whether it has the page's whole width.
    is_wide: bool,
}

/// A picture that suits some screens.
struct Source {
    media: &'static str,
    url: String,
}

/// What the address looks at; the rest of it is the script's.
#[derive(Debug, Deserialize)]
pub(super) struct PageQuery {
    at: Option<String>,
}

impl PageQuery {
    /// The instant, as the address has it.
    pub(super) fn at(&self) -> Option<&str> {
        self.at.as_deref()
    }
}

pub(super) async fn status(
    state: State<Arc<Site>>,
    query: Query<PageQuery>,
) -> Result<Response, Gone> {
    page(state, Page::Status, query.0).await
}

/// `GET /PAGE`.
pub(super) async fn named(
    state: State<Arc<Site>>,
    Path(name): Path<String>,
    query: Query<PageQuery>,
) -> Result<Response, Gone> {
    if let Some(plot) = name.strip_prefix("individual-") {
        return single(state.0, plot, query.0).await;
    }
    match Page::ALL.into_iter().find(|page| page.id() == name) {
        Some(found) => page(state, found, query.0).await,
        None => Ok(not_found().await),
    }
}

/// Names under which users of Dask know plots of ours.
const DASK_NAMES: [(&str, &str); 2] = [("workers-memory", "workers"), ("nprocessing", "workers")];

/// `GET /individual-plots.json`: what JupyterLab's extension for Dask lists; the labels it shows
/// are without the first word.
pub(super) async fn individual_plots(
    State(site): State<Arc<Site>>,
) -> Json<serde_json::Map<String, serde_json::Value>> {
    let entry =
        |title: &str, id: &str| (format!("Individual {title}"), format!("/individual-{id}").into());
    let own = site.plots.iter().map(|plot| entry(plot.about.title, plot.about.id));
    // The extension's own layout opens a plot of this name.
    Json(own.chain([entry("Workers Memory", "workers-memory")]).collect())
}

/// `GET /individual-ID`: one plot and the scrubber, for a frame of another page.
async fn single(site: Arc<Site>, name: &str, query: PageQuery) -> Result<Response, Gone> {
    let dask = DASK_NAMES.iter().find(|(dask, _)| *dask == name);
    let id = dask.map_or(name, |(_, own)| own);
    let Some(about) = site.plot(id).map(|plot| plot.about) else { return Ok(not_found().await) };
    let at = parse_at(query.at.as_deref());
    let view = site.view(at, Vec::new(), None).await?;
    let at = query.at.filter(|_| at.is_some()).unwrap_or_default();
    let plots = vec![Panel::new(about, about.page, &at)];
    let mut base = Base::new(&site, view, "", about.title, Some(&at));
    base.is_single = true;
    Ok(rendered(&PlotsPage { base, page: Page::System, plots }))
}

async fn page(
    State(site): State<Arc<Site>>,
    page: Page,
    query: PageQuery,
) -> Result<Response, Gone> {
    let at = parse_at(query.at.as_deref());
    let view = site.view(at, Vec::new(), None).await?;
    let at = query.at.filter(|_| at.is_some()).unwrap_or_default();
    let infos = site.plots.iter().map(|plot| plot.about);
    let shown = infos
        .filter(|about| about.page == page || (page == Page::Tasks && about.id == "task-stream"));
    let mut plots: Vec<Panel> = shown.map(|about| Panel::new(about, page, &at)).collect();
    plots.sort_by_key(|plot| !plot.is_wide);
    let base = Base::new(&site, view, "", page.title(), Some(&at));
    Ok(match page {
        Page::Status => rendered(&StatusPage { base, plots }),
        Page::Tasks
        | Page::Workers
        | Page::Transfers
        | Page::Errors
        | Page::Prefixes
        | Page::System => rendered(&PlotsPage { base, page, plots }),
    })
}

/// `GET /task/ID`: the story of a task.
pub(super) async fn task(
    State(site): State<Arc<Site>>,
    Path(id): Path<u32>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Gone> {
    let story = match site.story(format!("t{id}")).await {
        Ok(story) => story,
        Err(missing) => return Ok(missing.into_response()),
    };
    let at = parse_at(query.at.as_deref());
    let view = site.view(at, Vec::new(), None).await?;
    let window = executed(&story).map_or_else(String::new, |(from, to)| {
        let room = to.since(from).0.max(1_000_000);
        format!("?window={}-{}", from.0.saturating_sub(room), to.0 + room)
    });
    let base = Base::new(&site, view, "../", "", query.at());
    Ok(rendered(&TaskPage { base, id, story, window }))
}

/// `GET /worker/ID`: what a worker is and did.
pub(super) async fn worker(
    State(site): State<Arc<Site>>,
    Path(id): Path<u32>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Gone> {
    let at = parse_at(query.at.as_deref());
    let view = site.view(at, Vec::new(), None).await?;
    let Some(worker) = view.summary.workers.iter().find(|worker| worker.id == id).cloned() else {
        return Ok((StatusCode::NOT_FOUND, "no such worker has joined\n").into_response());
    };
    let now = Nanos(view.summary.now_ns);
    let done = site.folders.run.ask(move |run| run.ledger().on_worker(id, now, DONE_MAX)).await?;
    let base = Base::new(&site, view, "../", "", query.at());
    Ok(rendered(&WorkerPage { base, id, worker, done, now_ns: now.0 }))
}

impl WorkerPage {
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

/// When the last attempt of a task began, and what happened to it last.
fn executed(story: &Story) -> Option<(Nanos, Nanos)> {
    let began = story.moments.iter().rposition(|moment| moment.event == "TaskStarted")?;
    let at = |moment: &Moment| Nanos::from_secs_f64(moment.at_s);
    let from = at(&story.moments[began]);
    let to = story.moments[began..].iter().find(|m| m.event.starts_with("TaskF"));
    Some((from, to.or(story.moments.last()).map_or(from, at).max(from)))
}

/// Most moments and relatives of a task that its page lists.
const STORY_ROWS_MAX: usize = 500;

/// A task that another waited for, or that waits for it.
struct Relative {
    /// Its number.
    id: u32,
    key: String,
    /// When its result was there, or when it began.
    at_s: Option<f64>,
}

impl Relative {
    fn new(id: &str, key: &str, at_s: Option<f64>) -> Self {
        let number = id.trim_start_matches('t').parse().unwrap_or(0);
        Self { id: number, key: visible(key), at_s }
    }
}

impl TaskPage {
    /// The task's key.
    fn key(&self) -> String {
        visible(&self.story.task)
    }

    /// What happened, with what is shown of it.
    fn rows(&self) -> impl Iterator<Item = (&Moment, String)> {
        self.story.moments.iter().take(STORY_ROWS_MAX).map(|moment| {
            let mut what = moment.what.clone();
            if let Some(phase) = moment.phase {
                what = format!("{what} → {phase}");
            }
            if let Some(cause) = &moment.cause {
                what = format!("{what} (since event {}: {})", cause.seq, cause.what);
            }
            (moment, visible_message(&what))
        })
    }

    fn n_more(&self) -> usize {
        self.story.moments.len().saturating_sub(STORY_ROWS_MAX)
    }

    /// What it waited for and what waited for it: heading, heading of the instants, tasks.
    fn relatives(&self) -> [(&'static str, &'static str, Vec<Relative>, usize); 2] {
        let story = &self.story;
        let waited = story.waited_for.iter().take(STORY_ROWS_MAX);
        let waited: Vec<_> =
            waited.map(|wait| Relative::new(&wait.id, &wait.task, wait.ready_at_s)).collect();
        let needed = story.needed_by.iter();
        let needed: Vec<_> =
            needed.map(|need| Relative::new(&need.id, &need.task, need.began_at_s)).collect();
        let more = story.waited_for.len() - waited.len();
        let more_needed = story.n_needed_by - needed.len();
        [
            ("It waited for", "there at", waited, more),
            ("What waited for it", "began at", needed, more_needed),
        ]
    }
}

impl Panel {
    fn new(about: About, page: Page, at: &str) -> Self {
        let (screen, phone) = picture_sizes(about.id, page);
        let at = url_query("&at=", at);
        let picture = |(width, height): (u32, u32), theme: &str| {
            // The style sheet moves the picture's title out of sight: the panel has one.
            format!("{}.svg?width={width}&height={height}&theme={theme}{at}", about.id)
        };
        let source = |media, size, theme| Source { media, url: picture(size, theme) };
        Self {
            url: picture(screen, "light"),
            sources: vec![
                source("(max-width: 700px) and (prefers-color-scheme: dark)", phone, "dark"),
                source("(max-width: 700px)", phone, "light"),
                source("(prefers-color-scheme: dark)", screen, "dark"),
            ],
            is_wide: page != Page::Status && about.id == "task-stream",
            about,
        }
    }
}

/// About the sizes of the plot's place on a 1280 × 720 screen and on a phone; the script measures.
fn picture_sizes(id: &str, page: Page) -> ((u32, u32), (u32, u32)) {
    match (page, id) {
        (Page::Status, "task-stream") => ((865, 300), (350, 320)),
        (Page::Status, "workers") => ((335, 480), (350, 320)),
        (Page::Status, _) => ((865, 140), (350, 220)),
        (_, "task-stream") => ((1230, 440), (350, 320)),
        (_, _) => ((600, 280), (350, 260)),
    }
}
