//! `GET runs`: the list of runs, those of a folder and those handed in; `GET compare`: two of them side
//! by side; `POST upload`: hands a trace in; `POST runs/about`: tags and note of a run.

mod compare;
mod upload;

use std::cmp::Reverse;
use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::response::{Redirect, Response};
use serde::Deserialize;
use taskreel_model::HumanBytes;
use taskreel_recorder::library::{Library, LibraryError, Run};

use super::Hub;
use super::base::{rendered, started};
use super::hub::encoded;
use super::missing::Missing;
use crate::text::{count, elapsed, visible, visible_message};

pub(super) use compare::page as compare;
pub(super) use upload::upload;

/// Most tags of a run that can be given at once.
const TAGS_MAX: usize = 32;

/// The page.
#[derive(Template)]
#[template(path = "runs.html")]
struct RunsPage {
    /// Whether there is a run at the address itself, to go back to.
    has_first: bool,
    /// Whether traces may be handed in.
    takes_uploads: bool,
    /// The folder's last name; empty: there is none.
    folder: String,
    wanted: Wanted,
    rows: Vec<Row>,
    /// What visitors handed in, the newest first: name and address.
    uploads: Vec<(String, String)>,
    /// Why the folder cannot be read.
    problem: String,
}

/// What is listed, and in which order.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Wanted {
    /// Words that a run's name, file, tags and note have.
    find: String,
    /// A column of `COLUMNS` to sort by, the largest first; with a `-` before it the smallest first.
    sort: String,
}

/// The columns that runs can be sorted by: those of `Row::keys`, and last the name.
const COLUMNS: [&str; 7] = ["started", "took", "tasks", "failures", "workers", "size", "run"];

impl Wanted {
    /// Leaves those that are meant, in order.
    fn of(&self, mut rows: Vec<Row>) -> Vec<Row> {
        let words = self.find.to_lowercase();
        rows.retain(|row| {
            let text = [&row.name, &row.file, &row.note].map(String::as_str).join(" ");
            let text = format!("{text} {}", row.tags.join(" ")).to_lowercase();
            words.split_whitespace().all(|word| text.contains(word))
        });
        match COLUMNS.iter().position(|column| *column == self.column()) {
            Some(i) if i < COLUMNS.len() - 1 => rows.sort_by_key(|row| Reverse(row.keys[i])),
            Some(_) => rows.sort_by(|a, b| b.name.cmp(&a.name)),
            None => return rows,
        }
        if self.sort.starts_with('-') {
            rows.reverse();
        }
        rows
    }

    fn column(&self) -> &str {
        if self.sort.is_empty() { COLUMNS[0] } else { self.sort.trim_start_matches('-') }
    }

    /// How a column is sorted, as `aria-sort` says it.
    fn order(&self, column: &str) -> &'static str {
        match (self.column() == column, self.sort.starts_with('-')) {
            (false, _) => "none",
            (true, false) => "descending",
            (true, true) => "ascending",
        }
    }

    /// The address of the same list sorted by a column; by that one already: the other way round.
    fn sorted_by(&self, column: &str) -> String {
        let sign = if self.order(column) == "descending" { "-" } else { "" };
        format!("runs?find={}&sort={sign}{column}", encoded(&self.find))
    }
}

/// A run in words.
struct Row {
    file: String,
    /// Its address.
    href: String,
    name: String,
    started: String,
    started_iso: String,
    /// What its columns are sorted by: begin, duration, tasks, failures, workers, bytes.
    keys: [u64; 6],
    duration: String,
    bytes: String,
    is_closed: bool,
    tags: Vec<String>,
    note: String,
    problem: Option<String>,
}

impl Row {
    fn new(run: Run) -> Self {
        let (started, started_iso) = started(run.facts.started_unix_ns);
        let facts = &run.facts;
        let keys = [
            facts.started_unix_ns,
            facts.duration_ns,
            facts.tasks,
            facts.failures,
            facts.workers,
            run.bytes,
        ];
        Self {
            href: format!("open/{}/", encoded(&run.file)),
            name: visible(&facts.name),
            started,
            started_iso,
            keys,
            duration: elapsed(taskreel_model::Nanos(facts.duration_ns)),
            bytes: HumanBytes(run.bytes).to_string(),
            is_closed: facts.closed,
            tags: run.tags.iter().map(|tag| visible(tag)).collect(),
            note: visible_message(&run.note),
            problem: run.problem.map(|why| visible_message(&why)),
            file: run.file,
        }
    }

    fn has_failures(&self) -> bool {
        self.keys[3] > 0
    }

    /// A count as the page shows it.
    fn count(&self, column: usize) -> String {
        count(self.keys[column])
    }
}

/// Reads the folder on a thread where that may take its time.
async fn listed(hub: &Hub) -> Result<Vec<Run>, Missing> {
    let Some(folder) = hub.library().map(ToOwned::to_owned) else { return Ok(Vec::new()) };
    hub.work(move || {
        Library::open(&folder).and_then(|library| library.runs()).map_err(Missing::failed)
    })
    .await
}

/// `GET runs`.
pub(super) async fn page(
    State(hub): State<Arc<Hub>>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Missing> {
    if hub.library().is_none() && !hub.takes_uploads() {
        return Err(Missing::nothing("this viewer shows one run only"));
    }
    let (rows, problem) = match listed(&hub).await {
        Ok(runs) => (wanted.of(runs.into_iter().map(Row::new).collect()), String::new()),
        Err(missing) => (Vec::new(), visible_message(missing.why())),
    };
    let folder = hub.library().and_then(|path| path.canonicalize().ok());
    let folder = folder.as_deref().and_then(|path| path.file_name());
    let uploads = hub.uploads().names().into_iter();
    Ok(rendered(&RunsPage {
        has_first: hub.has_first(),
        takes_uploads: hub.takes_uploads(),
        folder: folder.map_or_else(String::new, |name| visible(&name.to_string_lossy())),
        wanted,
        rows,
        uploads: uploads.map(|name| (name.clone(), format!("open/{}/", encoded(&name)))).collect(),
        problem,
    }))
}

/// What somebody says of a run.
#[derive(Debug, Deserialize)]
pub(super) struct About {
    /// The run's file in the folder.
    file: String,
    /// All its tags, as words.
    tags: String,
    /// What there is to say.
    note: String,
}

/// `POST runs/about`: tags and note of a run, in place of those it had; then back to the list.
pub(super) async fn about(
    State(hub): State<Arc<Hub>>,
    Form(about): Form<About>,
) -> Result<Redirect, Missing> {
    let Some(folder) = hub.library().map(ToOwned::to_owned) else {
        return Err(Missing::nothing("there is no folder of runs"));
    };
    hub.work(move || write(&folder, &about)).await?;
    Ok(Redirect::to("../runs"))
}

fn write(folder: &std::path::Path, about: &About) -> Result<(), Missing> {
    let refused = |error: LibraryError| match error {
        LibraryError::NoSuchRun { .. } => Missing::nothing("there is no such run"),
        LibraryError::BadNote(why) => Missing::refused(why),
        LibraryError::Recording { .. } | LibraryError::Io { .. } | LibraryError::Damaged { .. } => {
            Missing::failed(error)
        }
    };
    let library = Library::open(folder).map_err(refused)?;
    let tags: Vec<String> =
        about.tags.split([' ', ',']).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
    if tags.len() > TAGS_MAX {
        return Err(Missing::refused(format!("a run may have {TAGS_MAX} tags")));
    }
    let before = library.runs().map_err(refused)?;
    let before = before.into_iter().find(|run| run.file == about.file);
    let before = before.ok_or_else(|| Missing::nothing("there is no such run"))?;
    let gone: Vec<String> = before.tags.into_iter().filter(|tag| !tags.contains(tag)).collect();
    library.note(&about.file, &about.note).map_err(refused)?;
    library.tag(&about.file, &tags, &gone).map_err(refused)?;
    Ok(())
}
