//! Several runs at one address: the one the viewer was started with, those of a folder, and those
//! that visitors hand in. Each has the same pages, at its own path: `open/FILE/…`.

mod shelf;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::http::uri::PathAndQuery;
use axum::middleware;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use tokio::sync::{Semaphore, watch};
use tower_service::Service;

use super::missing::Missing;
use super::{Beside, Folders, Gate, LIVE_CLIENTS_MAX, Site, assets, checked, runs};
use crate::Files;
use shelf::Shelf;
pub(super) use shelf::Uploads;

/// See the module.
pub(crate) struct Hub {
    gate: Gate,
    files: Files,
    live_clients: Arc<Semaphore>,
    stopped: watch::Receiver<bool>,
    /// The run that the viewer was started with.
    first: Option<Router>,
    shelf: Shelf,
    uploads: Uploads,
    /// One permit for what reads a folder or two whole runs.
    working: Arc<Semaphore>,
}

impl Hub {
    pub(crate) fn new(gate: Gate, files: Files, stopped: watch::Receiver<bool>) -> Self {
        Self {
            gate,
            files,
            live_clients: Arc::new(Semaphore::new(LIVE_CLIENTS_MAX)),
            stopped,
            first: None,
            shelf: Shelf::default(),
            uploads: Uploads::default(),
            working: Arc::new(Semaphore::new(1)),
        }
    }

    /// Shows a run at the address itself.
    pub(crate) fn show_first(&mut self, folders: Folders) {
        let trace = self.files.trace.clone();
        self.first = Some(self.site(folders, trace, ["runs", "upload"]));
    }

    pub(super) fn gate(&self) -> &Gate {
        &self.gate
    }

    pub(super) fn live_clients(&self) -> Arc<Semaphore> {
        self.live_clients.clone()
    }

    /// The folder of runs, if there is one.
    pub(super) fn library(&self) -> Option<&Path> {
        self.files.library.as_deref()
    }

    /// Whether there is a run at the address itself.
    pub(super) fn has_first(&self) -> bool {
        self.first.is_some()
    }

    /// Whether visitors may hand traces in.
    pub(super) fn takes_uploads(&self) -> bool {
        self.files.takes_uploads
    }

    /// Whether there is a list of runs.
    pub(super) fn lists_runs(&self) -> bool {
        self.files.library.is_some() || self.files.takes_uploads
    }

    /// What visitors handed in.
    pub(super) fn uploads(&self) -> &Uploads {
        &self.uploads
    }

    /// Ends the runs that were opened beside the first.
    pub(super) fn close(&self) {
        self.shelf.close();
    }

    fn site(
        &self,
        folders: Folders,
        trace: Option<PathBuf>,
        [runs, upload]: [&'static str; 2],
    ) -> Router {
        let beside = Beside {
            runs: self.lists_runs().then_some(runs),
            uploads: self.files.takes_uploads.then_some(upload),
            trace,
            files: self.files.clone(),
        };
        super::router(Arc::new(Site::new(folders, self.live_clients.clone(), beside)))
    }

    /// The file of a run of the folder, or of one handed in.
    ///
    /// # Errors
    /// There is no such run.
    pub(super) fn file(&self, name: &str) -> Result<PathBuf, Missing> {
        let is_name = Path::new(name).file_name().is_some_and(|file| file == name);
        let is_trace = name.ends_with(".reel") || name.ends_with(".zip");
        let in_library = self.library().map(|folder| folder.join(name));
        let found = self.uploads.path(name).or(in_library).filter(|path| path.is_file());
        found
            .filter(|_| is_name && is_trace && !name.starts_with('.'))
            .ok_or_else(|| Missing::nothing("there is no such run"))
    }

    /// Does what takes its time, one thing after the other.
    pub(super) async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, Missing> + Send + 'static,
    ) -> Result<T, Missing> {
        let permit = self.working.clone().acquire_owned().await.map_err(Missing::failed)?;
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(permit);
            done
        });
        working.await.map_err(Missing::failed)?
    }

    /// The pages of a run, opened if need be.
    async fn opened(self: &Arc<Self>, name: &str) -> Result<Router, Missing> {
        let path = self.file(name)?;
        if let Some(router) = self.shelf.find(name) {
            return Ok(router);
        }
        // Reading a file's header may take a moment.
        let (opened, stopped) = (path.clone(), self.stopped.clone());
        let opening = tokio::task::spawn_blocking(move || shelf::open(&opened, &stopped));
        let (folders, stop) = opening.await.map_err(Missing::failed)??;
        let router = self.site(folders, Some(path), ["../../runs", "../../upload"]);
        Ok(self.shelf.put(name, router, stop))
    }
}

impl std::fmt::Debug for Hub {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("files", &self.files).finish_non_exhaustive()
    }
}

/// All that there is at the address.
pub(super) fn router(hub: Arc<Hub>) -> Router {
    Router::new()
        .route("/runs", get(runs::page))
        .route("/runs/about", post(runs::about))
        .route("/compare", get(runs::compare))
        .route("/upload", post(runs::upload))
        .fallback(dispatch)
        .layer(middleware::from_fn_with_state(hub.clone(), checked))
        .with_state(hub)
}

/// Hands a request on to the run that it asks for.
async fn dispatch(State(hub): State<Arc<Hub>>, mut request: Request) -> Response {
    let path = request.uri().path();
    let Some(rest) = path.strip_prefix("/open/") else {
        return match &hub.first {
            Some(router) => call(router.clone(), request).await,
            None if path == "/" => Redirect::to("runs").into_response(),
            None => match path.strip_prefix("/assets/") {
                Some(name) => {
                    assets::file(axum::extract::Path(name.to_owned()), request.headers().clone())
                        .await
                }
                None => {
                    Missing::nothing("there is no such page; the runs are at /runs").into_response()
                }
            },
        };
    };
    let Some((name, inner)) = rest.split_once('/') else {
        return Missing::nothing("a run's pages are at open/FILE/").into_response();
    };
    let query = request.uri().query().map_or_else(String::new, |query| format!("?{query}"));
    let inner: Result<PathAndQuery, _> = format!("/{inner}{query}").parse();
    let (Some(name), Ok(inner)) = (decoded(name), inner) else {
        return Missing::unclear("this is no address of a run").into_response();
    };
    *request.uri_mut() = Uri::from(inner);
    match hub.opened(&name).await {
        Ok(router) => call(router, request).await,
        Err(missing) => missing.into_response(),
    }
}

async fn call(mut router: Router, request: Request) -> Response {
    match router.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

/// A part of an address without its `%`-escapes; `None`: it is none.
fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: u8| char::from(byte).to_digit(16);
        let (high, low) = (digit(rest.next()?)?, digit(rest.next()?)?);
        bytes.push((high * 16 + low) as u8);
    }
    String::from_utf8(bytes).ok()
}

/// A name as a part of an address.
pub(super) fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_survive_an_address() {
        for name in ["run.reel", "a b%/ö\"<.reel", ""] {
            assert_eq!(decoded(&encoded(name)).as_deref(), Some(name));
        }
        assert_eq!(decoded("%4"), None);
        assert_eq!(decoded("%zz"), None);
        assert_eq!(decoded("%ff"), None);
    }
}
