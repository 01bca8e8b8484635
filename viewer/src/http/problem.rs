//! A refusal as a page with the way out, where a browser asks for a page; programs are told the sentence alone.

use askama::Template;
use axum::body::to_bytes;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{Html, IntoResponse, Response};

use super::assets::embedded;
use crate::wire::fingerprint;

/// Longest sentence that is shown.
const WHY_BYTES_MAX: usize = 64 << 10;

/// The page. Its style stands within it: whoever is refused is not given files either.
#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    heading: &'static str,
    why: String,
    ways: Vec<(String, &'static str)>,
    style: String,
    nonce: String,
}

/// What is to be shown if a request is refused.
#[derive(Debug)]
pub(super) struct Wanted {
    is_page: bool,
    /// How many folders below the viewer's begin the address is.
    depth: usize,
    is_of_opened: bool,
    /// Whether there is a run at the viewer's begin, and a list of runs.
    has: (bool, bool),
}

impl Wanted {
    /// `has`: whether there is a run at the viewer's begin, and a list of runs.
    pub(super) fn by(request: &Request, has: (bool, bool)) -> Self {
        let accepted = request.headers().get(ACCEPT).and_then(|accepted| accepted.to_str().ok());
        let path = request.uri().path();
        let depth = path.matches('/').count().saturating_sub(1);
        let is_of_opened = path.starts_with("/open/") && depth >= 2;
        let is_page = accepted.is_some_and(|accepted| accepted.contains("text/html"));
        Self { is_page, depth, is_of_opened, has }
    }

    /// The answer, as a page if it is a refusal and a page was asked for.
    pub(super) async fn shown(self, response: Response) -> Response {
        let status = response.status();
        let is_problem = status.is_client_error() || status.is_server_error();
        if !self.is_page || !is_problem || !is_text(response.headers()) {
            return response;
        }
        let why = to_bytes(response.into_body(), WHY_BYTES_MAX).await.unwrap_or_default();
        let style = embedded(".css").map(|(_, content)| content).collect::<Vec<_>>().join("\n");
        let nonce = format!("{:016x}", fingerprint(style.as_bytes()));
        let policy = format!(
            "default-src 'none'; style-src 'nonce-{nonce}'; frame-ancestors 'self'; \
             base-uri 'none'; form-action 'none'"
        );
        let page = ProblemPage {
            heading: heading(status),
            why: sentence(&String::from_utf8_lossy(&why)),
            ways: self.ways(status),
            style,
            nonce,
        };
        let Ok(page) = page.render() else { return status.into_response() };
        let mut response = (status, Html(page)).into_response();
        if let Ok(policy) = HeaderValue::from_str(&policy) {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
        }
        response
    }

    /// Where one can go on from here: to the run, and to the list of runs.
    fn ways(&self, status: StatusCode) -> Vec<(String, &'static str)> {
        // Whoever is refused would be there, too.
        if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
            return Vec::new();
        }
        let up = |depth: usize| if depth == 0 { "./".to_owned() } else { "../".repeat(depth) };
        let run = if self.is_of_opened { self.depth - 2 } else { self.depth };
        let (has_first, has_runs) = self.has;
        let run = (has_first || self.is_of_opened).then(|| (up(run), "The run"));
        let runs = has_runs.then(|| (format!("{}runs", up(self.depth)), "Runs"));
        run.into_iter().chain(runs).collect()
    }
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/plain"))
}

fn heading(status: StatusCode) -> &'static str {
    match status {
        StatusCode::UNAUTHORIZED => "The token is missing",
        StatusCode::FORBIDDEN => "Refused",
        StatusCode::NOT_FOUND => "Nothing is here",
        StatusCode::SERVICE_UNAVAILABLE => "Not now",
        _ if status.is_client_error() => "That cannot be answered",
        _ => "Something went wrong",
    }
}

/// A sentence as it stands on a page.
fn sentence(text: &str) -> String {
    let mut letters = text.trim().chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}
