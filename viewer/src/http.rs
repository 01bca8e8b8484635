//! The HTTP side: routes, the headers every answer carries, and how many may connect.
//!
//! All links and the WebSocket's path are relative, so the viewer works behind a path prefix.

mod api;
mod assets;
mod connections;
mod guard;
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

use crate::fold::{FoldClient, Gone};

/// Most pages that may be connected to the live channel at once.
const LIVE_CLIENTS_MAX: usize = 64;

/// Nothing is loaded but what this server serves, and no script stands in the page.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' data:; connect-src 'self'; frame-ancestors 'self'; base-uri 'none'; \
    form-action 'none'";

/// What every route needs.
#[derive(Debug)]
pub(crate) struct Site {
    /// The way to the thread that owns the timeline.
    run: FoldClient,
    /// The address this server is bound to.
    addr: SocketAddr,
    /// One permit for each live page.
    live_clients: Arc<Semaphore>,
}

impl Site {
    pub(crate) fn new(run: FoldClient, addr: SocketAddr) -> Self {
        Self { run, addr, live_clients: Arc::new(Semaphore::new(LIVE_CLIENTS_MAX)) }
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
        .route("/ws", get(socket::open))
        .route("/health", get(api::health))
        .route("/api/state", get(api::state))
        .route("/plot/{file}", get(plot::svg))
        .route("/assets/{file}", get(assets::file))
        .fallback(not_found)
        .layer(middleware::from_fn_with_state(site.clone(), checked))
        .with_state(site)
}

/// Refuses strangers, then adds the headers that every answer carries.
async fn checked(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let mut response = match guard::check_host(request.headers(), request.uri(), site.addr) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let headers = response.headers_mut();
    set(headers, header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY);
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
