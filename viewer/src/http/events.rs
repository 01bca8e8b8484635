//! `GET events`: the log, filtered and a page at a time; `GET api/events`: the same for programs.

use std::sync::Arc;

use askama::Template;
use axum::Json;
use axum::extract::{Query, State};
use axum::response::Response;
use serde::Deserialize;
use taskreel_model::EVENT_NAMES;

use super::Site;
use super::base::{Base, rendered};
use super::look::{View, parse_at};
use super::missing::Missing;
use crate::events::{Listed, Wanted, list};

/// Events on a page.
const PAGE_ROWS: usize = 200;
/// Most events that a program gets at once.
const ROWS_MAX: usize = 10_000;
/// Longest text to filter by, in bytes.
const FILTER_BYTES_MAX: usize = 500;

/// The query; every part may be left out.
#[derive(Debug, Default, Deserialize)]
pub(super) struct EventsQuery {
    at: Option<String>,
    #[serde(default)]
    kind: String,
    /// Part of a task's key, and of a worker's name. The address has `task` and `worker`, too: what was
    /// picked in the task stream.
    #[serde(default)]
    key: String,
    #[serde(default)]
    worker_name: String,
    #[serde(default)]
    text: String,
    /// Only events before this place in the log.
    before: Option<u64>,
    /// How many, for programs.
    n: Option<usize>,
}

/// The page.
#[derive(Template)]
#[template(path = "events.html")]
struct EventsPage {
    base: Base,
    query: EventsQuery,
    listed: Listed,
    kinds: &'static [&'static str],
}

impl EventsPage {
    /// Whether a kind is the one that is chosen.
    fn is_kind(&self, kind: &str) -> bool {
        self.query.kind == kind
    }

    /// The place before which older events stand.
    fn older(&self) -> u64 {
        self.listed.events.last().map_or(0, |event| event.seq)
    }

    /// Whether anything is filtered.
    fn is_filtered(&self) -> bool {
        let EventsQuery { kind, key, worker_name, text, .. } = &self.query;
        [kind, key, worker_name, text].iter().any(|text| !text.is_empty())
    }
}

impl EventsQuery {
    fn check(&self) -> Result<(), Missing> {
        let texts = [&self.kind, &self.key, &self.worker_name, &self.text];
        if texts.iter().any(|text| text.len() > FILTER_BYTES_MAX) {
            return Err(Missing::unclear("a text to filter by is too long"));
        }
        Ok(())
    }

    async fn list(&self, site: &Site, n_events: u64, n_max: usize) -> Result<Listed, Missing> {
        let wanted = Wanted {
            kind: self.kind.clone(),
            task: self.key.trim().to_owned(),
            worker: self.worker_name.trim().to_owned(),
            text: self.text.clone(),
            before: self.before.unwrap_or(n_events).min(n_events),
            n_max,
        };
        site.long(move |trace| list(trace, &wanted).map_err(Missing::failed)).await
    }
}

async fn view(site: &Site, query: &EventsQuery) -> Result<View, Missing> {
    query.check()?;
    Ok(site.view(parse_at(query.at.as_deref()), Vec::new(), None).await?)
}

/// `GET events`.
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Query(query): Query<EventsQuery>,
) -> Result<Response, Missing> {
    let view = view(&site, &query).await?;
    let listed = query.list(&site, view.summary.n_events, PAGE_ROWS).await?;
    let base = Base::new(&site, view, "", "Events", query.at.as_deref());
    Ok(rendered(&EventsPage { base, query, listed, kinds: &EVENT_NAMES[..] }))
}

/// `GET api/events`.
pub(super) async fn json(
    State(site): State<Arc<Site>>,
    Query(query): Query<EventsQuery>,
) -> Result<Json<Listed>, Missing> {
    let view = view(&site, &query).await?;
    let n_max = query.n.unwrap_or(PAGE_ROWS).clamp(1, ROWS_MAX);
    query.list(&site, view.summary.n_events, n_max).await.map(Json)
}
