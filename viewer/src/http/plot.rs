//! `GET plot/ID.svg?from=&to=&at=&width=&height=&theme=`: a plot as a picture, without any script; the
//! same as PNG and, of the whole stretch of time, as GIF. `GET api/plots/ID`: its figure as data.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use taskreel_model::Nanos;
use taskreel_replay::figure::{Figure, Theme, Window};
use taskreel_replay::render;

use super::look::parse_at;
use super::missing::Missing;
use super::{Site, share};
use crate::fold::{PlotRequest, Scope, Size};

/// The query; every part may be left out.
#[derive(Debug, Deserialize)]
pub(super) struct PlotQuery {
    /// Begin of the window, in ns since the run began.
    pub(super) from: Option<u64>,
    /// End of the window, in ns since the run began.
    pub(super) to: Option<u64>,
    /// The instant that is shown by plots without an axis of time.
    at: Option<String>,
    /// In CSS pixels.
    pub(super) width: Option<u32>,
    /// In CSS pixels.
    pub(super) height: Option<u32>,
    /// Tasks of the prefix of this name only, where the plot shows single tasks.
    prefix: Option<String>,
    /// The worker of this number only, likewise.
    worker: Option<u32>,
    /// `light` or `dark`; light unless said.
    theme: Option<String>,
}

impl PlotQuery {
    /// The stretch of time, if one was named.
    pub(super) fn window(&self) -> Option<Window> {
        match (self.from, self.to) {
            (None, None) => None,
            (from, to) => Some(Window::new(Nanos(from.unwrap_or(0)), to.map_or(Nanos::MAX, Nanos))),
        }
    }

    /// Which part of the run.
    pub(super) fn scope(&self) -> Scope {
        let (prefix, worker) = (self.prefix.clone(), self.worker);
        Scope { prefix, worker, ..Scope::default() }.with_window(self.window())
    }

    /// The instant, as the address has it.
    pub(super) fn at(&self) -> Option<&str> {
        self.at.as_deref()
    }

    /// The colours.
    pub(super) fn theme(&self) -> Result<Theme, Missing> {
        Theme::by_name(self.theme.as_deref().unwrap_or("light"))
            .ok_or_else(|| Missing::unclear("theme is light or dark"))
    }
}

/// Answers with the plot, drawn by the same renderer as `reel render`.
pub(super) async fn picture(
    State(site): State<Arc<Site>>,
    Path(file): Path<String>,
    Query(query): Query<PlotQuery>,
) -> Result<Response, Missing> {
    let theme = query.theme()?;
    match file.rsplit_once('.') {
        Some((id, "svg")) => {
            let figure = drawn(&site, id, &query).await?;
            Ok(([(CONTENT_TYPE, "image/svg+xml")], render::svg(&figure, &theme)).into_response())
        }
        Some((id, "png")) => {
            let figure = drawn(&site, id, &query).await?;
            let png = site.long(move |_| Ok(render::png(&figure, &theme))).await?;
            Ok(([(CONTENT_TYPE, "image/png")], png).into_response())
        }
        Some((id, "gif")) => share::film(&site, id, &query, theme).await,
        _ => Err(Missing::nothing("plots end in .svg, .png or .gif")),
    }
}

/// `GET api/plots/ID`: the figure as data, as `glyphs.js` draws it.
pub(super) async fn figure(
    State(site): State<Arc<Site>>,
    Path(id): Path<String>,
    Query(query): Query<PlotQuery>,
) -> Result<Response, Missing> {
    let figure = drawn(&site, &id, &query).await?;
    Ok(([(CONTENT_TYPE, "application/json")], figure.to_json()).into_response())
}

/// A plot that there is, for programs.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    id: &'static str,
    title: &'static str,
    question: &'static str,
    page: &'static str,
    /// Whether it has an axis of time.
    is_timed: bool,
}

/// `GET api/plots`: all that there are.
pub(super) async fn list(State(site): State<Arc<Site>>) -> Json<Vec<Listed>> {
    let listed = site.plots.iter().map(|plot| Listed {
        id: plot.about.id,
        title: plot.about.title,
        question: plot.about.question,
        page: plot.about.page.id(),
        is_timed: plot.is_timed,
    });
    Json(listed.collect())
}

/// The figure that a query asks for.
async fn drawn(site: &Site, id: &str, query: &PlotQuery) -> Result<Figure, Missing> {
    let size = Size::clamped(query.width.unwrap_or(960), query.height.unwrap_or(400));
    let request = PlotRequest { id: id.to_owned(), size };
    let window = query.window();
    let at = parse_at(query.at.as_deref()).filter(|_| !site.is_timed(&request.id));
    let folders = &site.folders;
    let figure = match (at, &folders.past, &folders.more) {
        (Some(at), Some(past), _) => {
            let ids = vec![request.id.clone()];
            // A trace that is gone by now has no picture either.
            past.ask(at, ids, move |past| past.figure(&request)).await?.ok().flatten()
        }
        (_, _, Some(more)) if site.is_more(&request) => {
            let window = match window {
                Some(window) => window,
                None => folders.run.ask(|run| run.whole()).await?,
            };
            more.ask(move |run| run.figure(&request, Some(window))).await?
        }
        _ => {
            let scope = query.scope();
            folders.run.ask(move |run| run.figure(&request, scope)).await?
        }
    };
    figure.ok_or_else(|| Missing::nothing("there is no such plot"))
}
