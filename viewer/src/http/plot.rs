//! `GET plot/ID.svg?from=&to=&at=&width=&height=&theme=`: a plot as a picture, without any script.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use taskreel_model::Nanos;
use taskreel_replay::figure::{Theme, Window};

use super::Site;
use super::look::parse_at;
use crate::fold::{Gone, PlotRequest, Size};

/// The query; every part may be left out.
#[derive(Debug, Deserialize)]
pub(super) struct PlotQuery {
    /// Begin of the window, in ns since the run began.
    from: Option<u64>,
    /// End of the window, in ns since the run began.
    to: Option<u64>,
    /// The instant that is shown by plots without an axis of time.
    at: Option<String>,
    /// In CSS pixels.
    width: Option<u32>,
    /// In CSS pixels.
    height: Option<u32>,
    /// `light` or `dark`; light unless said.
    theme: Option<String>,
}

/// Answers with the plot, drawn by the same renderer as `reel render`.
pub(super) async fn svg(
    State(site): State<Arc<Site>>,
    Path(file): Path<String>,
    Query(query): Query<PlotQuery>,
) -> Result<Response, Gone> {
    let Some(id) = file.strip_suffix(".svg").map(str::to_owned) else {
        return Ok((StatusCode::NOT_FOUND, "plots end in .svg\n").into_response());
    };
    let window = match (query.from, query.to) {
        (None, None) => None,
        (from, to) => Some(Window::new(Nanos(from.unwrap_or(0)), to.map_or(Nanos::MAX, Nanos))),
    };
    let size = Size::clamped(query.width.unwrap_or(960), query.height.unwrap_or(400));
    let Some(theme) = Theme::by_name(query.theme.as_deref().unwrap_or("light")) else {
        return Ok((StatusCode::BAD_REQUEST, "theme is light or dark\n").into_response());
    };
    let request = PlotRequest { id, size };
    let at = parse_at(query.at.as_deref()).filter(|_| !site.is_timed(&request.id));
    let svg = match (at, &site.folders.past, &site.folders.more) {
        (Some(at), Some(past), _) => {
            let ids = vec![request.id.clone()];
            // A trace that is gone by now has no picture either.
            past.ask(at, ids, move |past| past.svg(&request, &theme)).await?.ok().flatten()
        }
        (_, _, Some(more)) if site.is_more(&request) => {
            let window = match window {
                Some(window) => window,
                None => site.folders.run.ask(|run| run.whole()).await?,
            };
            more.ask(move |run| run.svg(&request, Some(window), &theme)).await?
        }
        _ => site.folders.run.ask(move |run| run.svg(&request, window, &theme)).await?,
    };
    Ok(match svg {
        Some(svg) => ([(CONTENT_TYPE, "image/svg+xml")], svg).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such plot\n").into_response(),
    })
}
