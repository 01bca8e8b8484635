//! The pages, rendered here so that they are useful before any script has run.
//!
//! A page is a list of plots and at most one table above them; which plots, the plots say.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use serde::Deserialize;
use taskreel_replay::plots::{About, Page};

use super::base::{Base, rendered, url_query};
use super::look::parse_at;
use super::{Site, not_found};
use crate::fold::Gone;

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

/// A plot's place on the page, with its picture until the script draws it.
pub(super) struct Panel {
    pub(super) about: About,
    /// The picture for a screen, in the light theme.
    pub(super) url: String,
    /// The others.
    pub(super) sources: Vec<Source>,
    /// Whether it has the page's whole width.
    pub(super) is_wide: bool,
}

/// A picture that suits some screens.
pub(super) struct Source {
    pub(super) media: &'static str,
    pub(super) url: String,
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
    // A page that users of Dask know by another name.
    let name = if name == "groups" { Page::Prefixes.id() } else { &*name };
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
        | Page::Graph
        | Page::Workers
        | Page::Transfers
        | Page::Errors
        | Page::Prefixes
        | Page::System => rendered(&PlotsPage { base, page, plots }),
    })
}

impl Panel {
    /// The plot of one worker's tasks only.
    pub(super) fn of_worker(mut self, worker: u32) -> Self {
        for url in [&mut self.url].into_iter().chain(self.sources.iter_mut().map(|s| &mut s.url)) {
            url.push_str(&format!("&worker={worker}"));
        }
        Self { is_wide: false, ..self }
    }

    pub(super) fn new(about: About, page: Page, at: &str) -> Self {
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
            is_wide: page == Page::Graph || (page != Page::Status && about.id == "task-stream"),
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
        (_, "task-stream" | "task-graph") => ((1230, 440), (350, 320)),
        (_, _) => ((600, 280), (350, 260)),
    }
}
