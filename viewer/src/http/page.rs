//! `GET /`: the status page, rendered here so that it is useful before any script has run.

use std::sync::Arc;

use askama::Template;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use taskreel_replay::plots::About;

use super::Site;
use crate::fold::Gone;
use crate::summary::{self, Summary};
use crate::words::Words;

/// What the template needs.
#[derive(Template)]
#[template(path = "status.html")]
struct StatusPage {
    title: String,
    run: summary::About,
    words: Words,
    started: String,
    started_iso: String,
    plots: Vec<Panel>,
}

/// A plot's place on the page, with the size of its picture until the script draws it.
struct Panel {
    about: About,
    width: u32,
    height: u32,
}

pub(super) async fn status(State(site): State<Arc<Site>>) -> Result<Response, Gone> {
    let (run, abouts) = site.run.ask(|run| (run.summary(), run.abouts())).await?;
    Ok(match StatusPage::new(run, abouts).render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(%error, "the status page cannot be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be rendered\n").into_response()
        }
    })
}

impl StatusPage {
    fn new(run: Summary, abouts: Vec<About>) -> Self {
        let (started, started_iso) = started(run.run.started_unix_ns);
        let plots = abouts.into_iter().map(|about| {
            let (width, height) = picture_size(about.id);
            Panel { about, width, height }
        });
        Self {
            words: Words::new(&run),
            title: run.title,
            run: run.run,
            started,
            started_iso,
            plots: plots.collect(),
        }
    }
}

/// About the size of the plot's place on a 1280 × 720 screen; the script measures it.
fn picture_size(id: &str) -> (u32, u32) {
    match id {
        "task-stream" => (880, 340),
        "workers" => (340, 520),
        _ => (880, 150),
    }
}

/// When the run began, for people and for the script, which shows it in the visitor's time zone.
fn started(unix_ns: u64) -> (String, String) {
    match jiff::Timestamp::from_nanosecond(i128::from(unix_ns)) {
        Ok(at) => (at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(), at.to_string()),
        Err(_) => ("at an unknown time".to_owned(), String::new()),
    }
}
