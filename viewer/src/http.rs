//! The HTTP side: routes, the headers every answer carries, and how many may connect.
//!
//! All links and the WebSocket's path are relative, so the viewer works behind a path prefix.

mod api;
mod assets;
mod connections;
mod guard;
mod look;
mod metrics;
mod page;
mod plot;
mod socket;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use guard::{Proof, Refusal, TOKEN_COOKIE};
use look::PlotInfo;

use crate::fold::{FoldClient, Gone, LookBack};

/// Most pages that may be connected to the live channel at once.
const LIVE_CLIENTS_MAX: usize = 64;

/// Nothing is loaded but what this server serves, and no script stands in the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; \
    form-action 'none'";

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
}

/// What every route needs.
#[derive(Debug)]
pub(crate) struct Site {
    folders: Folders,
    plots: Vec<PlotInfo>,
    /// The address this server is bound to.
    addr: SocketAddr,
    /// One permit for each live page.
    live_clients: Arc<Semaphore>,
    /// What whoever asks must know.
    token: Option<String>,
}

impl Site {
    pub(crate) fn new(folders: Folders, addr: SocketAddr, token: Option<String>) -> Self {
        let plots = look::plots();
        Self {
            folders,
            plots,
            addr,
            token,
            live_clients: Arc::new(Semaphore::new(LIVE_CLIENTS_MAX)),
        }
    }
}

impl Site {
    /// Whether a request may be answered.
    fn check(&self, request: &Request) -> Result<Proof, Refusal> {
        if self.token.is_none() {
            guard::check_host(request.headers(), request.uri(), self.addr)?;
        }
        guard::check_token(request.headers(), request.uri(), self.token.as_deref())
    }
}

/// How long a viewer that stops may take to show the live pages how the run ended.
const LAST_FRAMES: Duration = Duration::from_secs(1);

/// Serves until told to stop; then lets the live pages have their last frame and drops every
/// connection.
pub(crate) async fn run(
    listener: std::net::TcpListener,
    site: Arc<Site>,
    mut stopped: watch::Receiver<bool>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => connections::Limited::new(listener),
        Err(error) => {
            tracing::error!(%error, "the viewer cannot listen");
            return;
        }
    };
    let server = axum::serve(listener, router(site.clone())).into_future();
    tokio::select! {
        // An error here means that the sender is gone, which stops the server as well.
        _ = stopped.wait_for(|&stop| stop) => {}
        result = server => if let Err(error) = result {
            tracing::error!(%error, "the viewer stopped serving");
        }
    }
    // A page that is too slow for this keeps what it has.
    let _ = timeout(LAST_FRAMES, site.live_clients.acquire_many(LIVE_CLIENTS_MAX as u32)).await;
}

fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/", get(page::status))
        .route("/{page}", get(page::named))
        .route("/task/{id}", get(page::task))
        .route("/worker/{id}", get(page::worker))
        .route("/ws", get(socket::open))
        .route("/metrics", get(metrics::metrics))
        .route("/individual-plots.json", get(page::individual_plots))
        .route("/health", get(api::health))
        .route("/api/state", get(api::state))
        .route("/api/find", get(api::find))
        .route("/api/selection", get(api::selection))
        .route("/api/task-at", get(api::task_at))
        .route("/plot/{file}", get(plot::svg))
        .route("/assets/{file}", get(assets::file))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(site.clone(), checked))
        .with_state(site)
}

/// Refuses strangers, then adds the headers that every answer carries.
async fn checked(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let is_framed = request.uri().path().starts_with("/individual-");
    let (proof, mut response) = match site.check(&request) {
        Ok(proof) => (proof, next.run(request).await),
        Err(refusal) => (Proof::Known, refusal.into_response()),
    };
    let headers = response.headers_mut();
    let policy = if is_framed { FRAMED_SECURITY_POLICY } else { CONTENT_SECURITY_POLICY };
    set(headers, header::CONTENT_SECURITY_POLICY, policy);
    if let (Proof::Address, Some(token)) = (proof, &site.token) {
        let cookie = format!("{TOKEN_COOKIE}={token}; Path=/; HttpOnly; SameSite=Strict");
        if let Ok(cookie) = HeaderValue::from_str(&cookie) {
            headers.append(header::SET_COOKIE, cookie);
        }
    }
    set(headers, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(headers, header::REFERRER_POLICY, "no-referrer");
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
    (StatusCode::NOT_FOUND, "there is no such page; the run is at /\n").into_response()
}

impl IntoResponse for Gone {
    fn into_response(self) -> Response {
        (StatusCode::SERVICE_UNAVAILABLE, "the viewer is stopping\n").into_response()
    }
}
