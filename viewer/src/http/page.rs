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

/// A plot's place on the page, with its picture until the script draws it.
struct Panel {
    about: About,
    /// The picture for a screen, in the light theme.
    url: String,
    /// The others.
    sources: Vec<Source>,
}

/// A picture that suits some screens.
struct Source {
    media: &'static str,
    url: String,
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
        Self {
            words: Words::new(&run),
            title: run.title,
            run: run.run,
            started,
            started_iso,
            plots: abouts.into_iter().map(Panel::new).collect(),
        }
    }
}

impl Panel {
    fn new(about: About) -> Self {
        let (screen, phone) = picture_sizes(about.id);
        let source = |media, size, theme| Source { media, url: picture_url(about.id, size, theme) };
        Self {
            url: picture_url(about.id, screen, "light"),
            sources: vec![
                source("(max-width: 700px) and (prefers-color-scheme: dark)", phone, "dark"),
                source("(max-width: 700px)", phone, "light"),
                source("(prefers-color-scheme: dark)", screen, "dark"),
            ],
            about,
        }
    }
}

/// About the sizes of the plot's place on a 1280 × 720 screen and on a phone; the script measures.
fn picture_sizes(id: &str) -> ((u32, u32), (u32, u32)) {
    match id {
        "task-stream" => ((865, 326), (350, 320)),
        "workers" => ((335, 530), (350, 320)),
        _ => ((865, 156), (350, 220)),
    }
}

/// The address of a picture. The style sheet moves its title out of sight: the panel has one.
fn picture_url(id: &str, (width, height): (u32, u32), theme: &str) -> String {
    format!("plot/{id}.svg?width={width}&height={height}&theme={theme}")
}

/// When the run began, for people and for the script, which shows it in the visitor's time zone.
fn started(unix_ns: u64) -> (String, String) {
    match jiff::Timestamp::from_nanosecond(i128::from(unix_ns)) {
        Ok(at) => (at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(), at.to_string()),
        Err(_) => ("at an unknown time".to_owned(), String::new()),
    }
}
