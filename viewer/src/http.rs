//! The HTTP side: routes, the headers every answer carries, and how many may connect.
//!
//! All links and the WebSocket's path are relative, so the viewer works behind a path prefix.

mod api;
mod assets;
mod base;
mod connections;
mod events;
mod explain;
mod guard;
mod hub;
mod look;
mod metrics;
mod missing;
mod page;
mod plot;
mod problem;
mod runs;
mod share;
mod socket;
mod story;
mod worker;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

pub(crate) use assets::{embedded, themes};
pub(crate) use base::Base;
pub(crate) use guard::Gate;
use guard::{Proof, TOKEN_COOKIE};
pub(crate) use hub::Hub;
use look::PlotInfo;
use missing::Missing;

use crate::Files;
use crate::desk::{Desk, Trace};
use crate::fold::{FoldClient, Gone, LookBack};

/// Most pages that may be connected to the live channel at once.
const LIVE_CLIENTS_MAX: usize = 64;

/// Nothing is loaded but what this server serves, and no script stands in the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; \
    form-action 'self'";

/// The same for single plots, which JupyterLab shows in a frame: on this machine at another port, or
/// elsewhere over TLS. They have nothing to click that would change anything.
const FRAMED_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; \
    frame-ancestors 'self' http://localhost:* http://127.0.0.1:* https:; base-uri 'none'; \
    form-action 'none'";

/// The ways to the threads that fold.
#[derive(Debug)]
pub(crate) struct Folders {
    /// Follows the run, with the plots of the status page.
    pub run: FoldClient,
    /// Follows it with the other plots; `None`: `run` has them.
    pub more: Option<FoldClient>,
    /// Looks back; `None`: the source cannot be opened again.
    pub past: Option<LookBack>,
    /// Works out long answers; `None`: the source cannot be opened again.
    pub desk: Option<Desk>,
}

/// What every route of a run needs.
#[derive(Debug)]
pub(crate) struct Site {
    folders: Folders,
    plots: Vec<PlotInfo>,
    /// One permit for each live page, of whatever run.
    live_clients: Arc<Semaphore>,
    /// What stands beside the run.
    beside: Beside,
    /// What made the run slow, as it was worked out last.
    explained: explain::Last,
}

/// What stands beside a run: the list of runs, and what can be made of its file.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beside {
    /// The way from the run's begin to the list of runs; `None`: there is none.
    pub runs: Option<&'static str>,
    /// The way to where traces are handed in; `None`: none are taken.
    pub uploads: Option<&'static str>,
    /// The trace that can be packed.
    pub trace: Option<PathBuf>,
    /// What packs it.
    pub files: Files,
}

impl Site {
    fn new(folders: Folders, live_clients: Arc<Semaphore>, beside: Beside) -> Self {
        Self {
            folders,
            plots: look::plots(),
            live_clients,
            beside,
            explained: explain::Last::default(),
        }
    }

    /// Works out a long answer, or says why there is none.
    async fn long<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&Trace) -> Result<T, Missing> + Send + 'static,
    ) -> Result<T, Missing> {
        let desk = self.folders.desk.as_ref().ok_or_else(Missing::no_trace)?;
        desk.ask(answer).await?
    }
}

/// How long a viewer that stops may take to show the live pages how the run ended: some milliseconds, unless
/// the machine has more to do than it can.
const LAST_FRAMES: Duration = Duration::from_secs(5);

/// Serves until told to stop; then lets the live pages have their last frame and drops every
/// connection.
pub(crate) async fn run(
    listener: std::net::TcpListener,
    hub: Arc<Hub>,
    mut stopped: watch::Receiver<bool>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => connections::Limited::new(listener),
        Err(error) => {
            tracing::error!(%error, "the viewer cannot listen");
            return;
        }
    };
    let live_clients = hub.live_clients();
    let server = axum::serve(listener, hub::router(hub.clone())).into_future();
    tokio::select! {
        // An error here means that the sender is gone, which stops the server as well.
        _ = stopped.wait_for(|&stop| stop) => {}
        result = server => if let Err(error) = result {
            tracing::error!(%error, "the viewer stopped serving");
        }
    }
    hub.close();
    // A page that is too slow for this keeps what it has.
    let _ = timeout(LAST_FRAMES, live_clients.acquire_many(LIVE_CLIENTS_MAX as u32)).await;
}

/// The pages and answers about one run.
fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(page::status))
        .route("/{page}", get(page::named))
        .route("/task/{id}", get(story::page))
        .route("/worker/{id}", get(worker::page))
        .route("/worker/{id}/plots.svg", get(worker::picture))
        .route("/events", get(events::page))
        .route("/explain", get(explain::page))
        .route("/ws", get(socket::open))
        .route("/metrics", get(metrics::metrics))
        .route("/individual-plots.json", get(page::individual_plots))
        .route("/health", get(api::health))
        .route("/api/state", get(api::state))
        .route("/api/find", get(api::find))
        .route("/api/selection", get(api::selection))
        .route("/api/task-at", get(api::task_at))
        .route("/api/relatives", get(api::relatives))
        .route("/api/critical-path", get(api::critical_path))
        .route("/api/tasks/{name}", get(api::task))
        .route("/api/events", get(events::json))
        .route("/api/explain", get(explain::json))
        .route("/api/plots", get(plot::list))
        .route("/api/plots/{id}", get(plot::figure))
        .route("/plot/{file}", get(plot::picture))
        .route("/share/{what}", get(share::file))
        .route("/assets/{file}", get(assets::file))
        .fallback(not_found)
        .with_state(site)
}

/// Refuses strangers, then adds the headers that every answer carries.
async fn checked(State(hub): State<Arc<Hub>>, request: Request, next: Next) -> Response {
    let is_framed = request.uri().path().contains("/individual-");
    let gate = hub.gate();
    let wanted = problem::Wanted::by(&request, (hub.has_first(), hub.lists_runs()));
    let (proof, response) = match gate.check(&request) {
        Ok(proof) => (proof, next.run(request).await),
        Err(refusal) => (Proof::Known, refusal.into_response()),
    };
    let mut response = wanted.shown(response).await;
    let headers = response.headers_mut();
    let policy = if is_framed { FRAMED_SECURITY_POLICY } else { CONTENT_SECURITY_POLICY };
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        set(headers, header::CONTENT_SECURITY_POLICY, policy);
    }
    if let (Proof::Address, Some(token)) = (proof, &gate.token) {
        let cookie = format!("{TOKEN_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    // With `no-referrer` a browser would not say that a form comes from a page of ours.
    set(headers, header::REFERRER_POLICY, "same-origin");
    set(headers, HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    if !headers.contains_key(header::CACHE_CONTROL) {
        set(headers, header::CACHE_CONTROL, "no-store");
    }
    response
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &'static str) {
    headers.insert(name, HeaderValue::from_static(value));
}

async fn not_found() -> Response {
    Missing::nothing("there is no such page; the run is at /").into_response()
}

impl IntoResponse for Gone {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, "the viewer is stopping\n").into_response()
    }
}
