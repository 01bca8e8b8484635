//! What every page has: header, links to the others, scrubber.

use askama::Template;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};
use taskreel_replay::plots::Page;

use super::Site;
use super::look::{View, parse_at};
use crate::summary::{self, Summary};
use crate::words::Words;

/// What every page has: header, links to the others, scrubber.
pub(crate) struct Base {
    /// The way to the viewer's begin, relative.
    pub(crate) root: &'static str,
    /// The page, as its link says.
    pub(crate) page: &'static str,
    pub(crate) pages: Vec<Link>,
    /// Whether it is shown in a frame: one plot, without header.
    pub(crate) is_single: bool,
    /// What the address looks at, carried on by the links.
    pub(crate) query: String,
    pub(crate) title: String,
    pub(crate) run: summary::About,
    pub(crate) words: Words,
    /// The way to the list of runs, from the viewer's begin; `None`: there is none.
    pub(crate) runs: Option<&'static str>,
    /// The way to where traces are handed in; `None`: none are taken.
    pub(crate) uploads: Option<&'static str>,
    /// Whether the trace can be read again: for what is made of the whole of it.
    pub(crate) has_trace: bool,
    /// Whether it can be packed.
    pub(crate) can_pack: bool,
    /// Whether it can be written as a page of its own.
    pub(crate) can_export: bool,
    pub(crate) started: String,
    pub(crate) started_iso: String,
}

/// A link to a page.
pub(crate) struct Link {
    pub(super) path: &'static str,
    pub(super) title: &'static str,
}

impl Base {
    /// What the page of a run has; `at` is the address's.
    pub(super) fn new(
        site: &Site,
        view: View,
        root: &'static str,
        page: &'static str,
        at: Option<&str>,
    ) -> Self {
        let (summary, words) = view.words();
        let (started, started_iso) = started(summary.run.started_unix_ns);
        let at = at.filter(|at| parse_at(Some(at)).is_some()).unwrap_or_default();
        let beside = &site.beside;
        Self {
            root,
            page,
            pages: links(),
            is_single: false,
            query: url_query("?at=", at),
            title: summary.title,
            run: summary.run,
            words,
            runs: beside.runs,
            uploads: beside.uploads,
            has_trace: site.folders.desk.is_some(),
            can_pack: beside.trace.is_some() && beside.files.pack.is_some(),
            can_export: site.folders.desk.is_some(),
            started,
            started_iso,
        }
    }
}

impl Base {
    /// What a page has that stands alone.
    pub(crate) fn alone(summary: Summary, words: Words) -> Self {
        let (started, started_iso) = started(summary.run.started_unix_ns);
        Self {
            root: "",
            page: "",
            pages: Vec::new(),
            is_single: false,
            query: String::new(),
            title: summary.title,
            run: summary.run,
            words,
            runs: None,
            uploads: None,
            has_trace: false,
            can_pack: false,
            can_export: false,
            started,
            started_iso,
        }
    }
}

/// The pages of a run, in the order in which they are listed.
fn links() -> Vec<Link> {
    let pages = Page::ALL.iter().map(|page| Link {
        path: if *page == Page::Status { "./" } else { page.id() },
        title: page.title(),
    });
    let own = [("events", "Events"), ("explain", "Explain")];
    pages.chain(own.map(|(path, title)| Link { path, title })).collect()
}

/// A page as an answer.
pub(super) fn rendered(page: &impl Template) -> Response {
    match page.render() {
        Ok(page) => Html(page).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be rendered");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be rendered\n").into_response()
        }
    }
}

/// A part of an address; an instant has letters, digits, `%`, `.` and `:` only.
pub(super) fn url_query(name: &str, at: &str) -> String {
    if at.is_empty() { String::new() } else { format!("{name}{}", at.replace('%', "%25")) }
}

/// When the run began, for people and for the script, which shows it in the visitor's time zone.
pub(super) fn started(unix_ns: u64) -> (String, String) {
    match jiff::Timestamp::from_nanosecond(i128::from(unix_ns)) {
        Ok(at) => (at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(), at.to_string()),
        Err(_) => ("at an unknown time".to_owned(), String::new()),
    }
}
