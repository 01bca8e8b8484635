//! Answers for programs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use taskreel_model::{Nanos, TaskId};
use taskreel_replay::Instant;
use taskreel_replay::analysis::story::{Story, StoryError, tell};
use taskreel_replay::figure::Window;

use super::Site;
use super::missing::Missing;
use crate::fold::Gone;
use crate::ledger::{Filter, Matches, Path as CriticalPath, Selection};
use crate::text::visible_message;

/// `GET health`: whether the viewer answers.
pub(super) async fn health() -> &'static str {
    "ok\n"
}

/// Which instant a program asks for.
#[derive(Debug, Deserialize)]
pub(super) struct AtQuery {
    /// As `reel state --at` takes it; without it, the newest there is.
    at: Option<String>,
}

/// `GET api/state?at=`: the run in numbers, as the page shows it.
pub(super) async fn state(
    State(site): State<Arc<Site>>,
    Query(query): Query<AtQuery>,
) -> Result<Response, Gone> {
    let at = match query.at.as_deref().map(str::parse).transpose() {
        Ok(at) => at.filter(|at| *at != Instant::End),
        Err(error) => return Ok((StatusCode::BAD_REQUEST, format!("{error}\n")).into_response()),
    };
    let view = site.view(at, Vec::new(), None).await?;
    Ok(Json(view.summary).into_response())
}

/// What to search for.
#[derive(Debug, Deserialize)]
pub(super) struct FindQuery {
    /// A part of a key.
    key: String,
}

/// `GET api/find?key=`: executions of tasks whose keys contain a text.
pub(super) async fn find(
    State(site): State<Arc<Site>>,
    Query(query): Query<FindQuery>,
) -> Result<Json<Matches>, Gone> {
    site.folders.run.ask(move |run| run.ledger().search(&query.key)).await.map(Json)
}

/// A stretch of time, and what counts of it.
#[derive(Debug, Deserialize)]
pub(super) struct SelectionQuery {
    /// Begin, in ns since the run began.
    from: u64,
    /// End, in ns since the run began.
    to: u64,
    /// Of this prefix only.
    prefix: Option<String>,
    /// On the worker of this number only.
    worker: Option<u32>,
}

/// `GET api/selection?from=&to=&prefix=&worker=`: statistics of a stretch of time.
pub(super) async fn selection(
    State(site): State<Arc<Site>>,
    Query(query): Query<SelectionQuery>,
) -> Result<Json<Selection>, Gone> {
    let window = Window::new(Nanos(query.from), Nanos(query.to));
    let filter = Filter { prefix: query.prefix, worker: query.worker };
    let asked = site.folders.run.ask(move |run| run.ledger().selection(window, run.now(), &filter));
    asked.await.map(Json)
}

/// `GET api/tasks/NAME`: the story of a task, by its number or its key.
pub(super) async fn task(
    State(site): State<Arc<Site>>,
    Path(name): Path<String>,
) -> Result<Json<Story>, Missing> {
    let name = if name.bytes().all(|b| b.is_ascii_digit()) { format!("t{name}") } else { name };
    site.story(name).await.map(Json)
}

impl Site {
    /// The story of a task, by its key or its id.
    pub(super) async fn story(&self, name: String) -> Result<Story, Missing> {
        self.long(move |trace| match tell(&mut || trace.open(), &name, 0) {
            Ok((story, _cut)) => Ok(story),
            Err(error @ (StoryError::Unknown { .. } | StoryError::Ambiguous { .. })) => {
                Err(Missing::nothing(visible_message(&error.to_string())))
            }
            Err(error) => Err(Missing::failed(visible_message(&error.to_string()))),
        })
        .await
    }
}

/// A task.
#[derive(Debug, Deserialize)]
pub(super) struct TaskQuery {
    /// Its number.
    task: u32,
}

/// `GET api/relatives?task=`: the executions of a task, of what it waited for and of what waited for it.
pub(super) async fn relatives(
    State(site): State<Arc<Site>>,
    Query(query): Query<TaskQuery>,
) -> Result<Response, Gone> {
    let task = TaskId(query.task);
    let told = site.folders.run.ask(move |run| run.ledger().relatives(task)).await?;
    Ok(match told {
        Some(told) => Json(told).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such task, or it never ran\n").into_response(),
    })
}

/// `GET api/critical-path`: the chain of executions that made the run as long as it was.
pub(super) async fn critical_path(
    State(site): State<Arc<Site>>,
) -> Result<Json<CriticalPath>, Gone> {
    site.folders.run.ask(|run| run.ledger().critical_path()).await.map(Json)
}

/// A place on the task stream.
#[derive(Debug, Deserialize)]
pub(super) struct TaskAtQuery {
    /// Around there, in ns since the run began.
    from: u64,
    /// To there.
    to: u64,
    /// What the task stream says of the place; it begins with the key.
    label: String,
}

/// `GET api/task-at?from=&to=&label=`: which task that is.
pub(super) async fn task_at(
    State(site): State<Arc<Site>>,
    Query(query): Query<TaskAtQuery>,
) -> Result<Response, Gone> {
    let window = Window::new(Nanos(query.from), Nanos(query.to));
    let found =
        site.folders.run.ask(move |run| run.ledger().labelled(&query.label, window)).await?;
    Ok(match found {
        Some(found) => Json(found).into_response(),
        None => (StatusCode::NOT_FOUND, "there is no such task\n").into_response(),
    })
}
