//! `GET task/ID`: the story of a task, with what it waited for and what waited for it.

use std::sync::Arc;

use askama::Template;
use axum::extract::{Path, Query, State};
use axum::response::Response;
use taskreel_model::Nanos;
use taskreel_replay::analysis::Story;
use taskreel_replay::analysis::story::Moment;

use super::Site;
use super::base::{Base, rendered};
use super::look::parse_at;
use super::missing::Missing;
use super::page::PageQuery;
use crate::text::{visible, visible_message};

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

/// `GET /task/ID`: the story of a task.
pub(super) async fn page(
    State(site): State<Arc<Site>>,
    Path(id): Path<u32>,
    Query(query): Query<PageQuery>,
) -> Result<Response, Missing> {
    let story = site.story(format!("t{id}")).await?;
    let at = parse_at(query.at());
    let view = site.view(at, Vec::new(), None).await?;
    let window = executed(&story).map_or_else(String::new, |(from, to)| {
        let room = to.since(from).0.max(1_000_000);
        format!("?window={}-{}", from.0.saturating_sub(room), to.0 + room)
    });
    let base = Base::new(&site, view, "../", "", query.at());
    Ok(rendered(&TaskPage { base, id, story, window }))
}

/// When the last attempt of a task began, and what happened to it last.
fn executed(story: &Story) -> Option<(Nanos, Nanos)> {
    let began = story.moments.iter().rposition(|moment| moment.event == "TaskStarted")?;
    let at = |moment: &Moment| Nanos::from_secs_f64(moment.at_s);
    let from = at(&story.moments[began]);
    let to = story.moments[began..].iter().find(|m| m.event.starts_with("TaskF"));
    Some((from, to.or_else(|| story.moments.last()).map_or(from, at).max(from)))
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

    /// The task that submitted it.
    fn parent(&self) -> Option<Relative> {
        let parent = self.story.submitted_by.as_ref()?;
        Some(Relative::new(&parent.id, &parent.task, None))
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
