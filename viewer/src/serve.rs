//! Starting and stopping the viewer: its address and its threads.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use taskreel_recorder::Source;
use taskreel_replay::Reopen;
use taskreel_replay::plots::{self, Page};
use tokio::sync::watch;

use crate::Files;
use crate::desk::Desk;
use crate::fold::{self, LookBack, Run, SharedReopen, Started, reopened};
use crate::http::{self, Folders, Gate, Hub};

/// What to show, and where.
pub struct ViewerConfig {
    /// Where to listen. Port 0 takes a free one; [`ViewerHandle::addr`] says which.
    pub addr: SocketAddr,
    /// What to fold: a growing file, a finished one, or a vector in a test.
    pub source: Box<dyn Source>,
    /// Opens the same source again, from its begin: for pages that look back while `source` goes
    /// on. `None`: the pages cannot look back.
    pub reopen: Option<Reopen>,
    /// What whoever asks must know, of letters, digits, `-` and `_`. Needed on an address that is not
    /// loopback: others can reach it.
    pub token: Option<String>,
    /// Heading of the page: the run's name, or the file's. Empty: the name the trace gives.
    pub title: String,
}

impl fmt::Debug for ViewerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ViewerConfig")
            .field("addr", &self.addr)
            .field("title", &self.title)
            .finish_non_exhaustive()
    }
}

/// Why the viewer did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Something else listens there.
    #[error(
        "cannot show the viewer on {addr}: the address is in use; pass --view 127.0.0.1:0 for a free port"
    )]
    InUse {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The address is not this machine's, is privileged, or the system refused.
    #[error("cannot show the viewer on {addr}: {source}; try --view 127.0.0.1:0")]
    Listen {
        /// The address asked for.
        addr: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Others can reach the address, and no usable token keeps them out.
    #[error("cannot show the viewer on {addr}: others can reach it, so a token is needed")]
    Token {
        /// The address asked for.
        addr: SocketAddr,
    },
    /// The system gave no thread.
    #[error("cannot start the viewer's threads: {0}")]
    Thread(#[source] io::Error),
}

/// A viewer that is running. Dropping it stops it.
#[derive(Debug)]
pub struct ViewerHandle {
    addr: SocketAddr,
    token: Option<String>,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl ViewerHandle {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The link to open: `http://127.0.0.1:8787/`, with the token if there is one.
    pub fn url(&self) -> String {
        let mut addr = self.addr;
        if addr.ip().is_unspecified() {
            addr.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        match &self.token {
            Some(token) => format!("http://{addr}/?token={token}"),
            None => format!("http://{addr}/"),
        }
    }

    /// Closes all connections, ends the threads and frees the address.
    pub fn shutdown(mut self) {
        self.stop_threads();
    }

    fn stop_threads(&mut self) {
        self.stop.send_replace(true);
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a viewer thread panicked");
            }
        }
    }
}

impl Drop for ViewerHandle {
    fn drop(&mut self) {
        self.stop_threads();
    }
}

/// Starts the viewer: some threads fold, one serves. None shares anything with a cluster that may
/// run in the same process.
///
/// # Errors
/// The address is taken or cannot be listened on, or the system gives no thread.
pub fn serve(config: ViewerConfig) -> Result<ViewerHandle, ServeError> {
    serve_with(config, Files::default())
}

/// As [`serve`], and shows, takes and makes files beside the run.
///
/// # Errors
/// As for [`serve`].
pub fn serve_with(config: ViewerConfig, files: Files) -> Result<ViewerHandle, ServeError> {
    let ViewerConfig { addr, source, reopen, token, title } = config;
    start(addr, token, files, Some(Shown { source, reopen, title }))
}

/// Starts a viewer of a folder of runs, which begins with their list.
///
/// # Errors
/// As for [`serve`].
pub fn serve_library(
    addr: SocketAddr,
    token: Option<String>,
    files: Files,
) -> Result<ViewerHandle, ServeError> {
    start(addr, token, files, None)
}

/// A run that is shown.
pub(crate) struct Shown {
    pub source: Box<dyn Source>,
    pub reopen: Option<Reopen>,
    pub title: String,
}

fn start(
    addr: SocketAddr,
    token: Option<String>,
    files: Files,
    shown: Option<Shown>,
) -> Result<ViewerHandle, ServeError> {
    check_token(addr, token.as_deref())?;
    let listener = listen(addr)?;
    let addr = listener.local_addr().map_err(|source| ServeError::Listen { addr, source })?;
    let (stop, stopped) = watch::channel(false);
    let gate = Gate { addr, token: token.clone() };
    let mut handle = ViewerHandle { addr, token, stop, threads: Vec::new() };
    let mut hub = Hub::new(gate, files, stopped.clone());
    if let Some(shown) = shown {
        let folders = start_folders(shown, &stopped, &mut handle.threads);
        hub.show_first(folders.map_err(ServeError::Thread)?);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Thread)?;
    let serve = move || {
        runtime.block_on(http::run(listener, Arc::new(hub), stopped));
        // Whoever works on a long answer is not waited for.
        runtime.shutdown_background();
    };
    let thread = std::thread::Builder::new()
        .name("viewer-http".to_owned())
        .spawn(serve)
        .map_err(ServeError::Thread)?;
    handle.threads.push(thread);
    Ok(handle)
}

/// A token is needed off loopback, and goes into an address and a cookie as it is.
fn check_token(addr: SocketAddr, token: Option<&str>) -> Result<(), ServeError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_right = match token {
        Some(token) => token.len() >= 8 && token.bytes().all(is_plain),
        None => addr.ip().is_loopback(),
    };
    if is_right { Ok(()) } else { Err(ServeError::Token { addr }) }
}

/// Starts the threads that fold: one follows the run with what every page needs; if the source can
/// be opened again, one feeds the other plots once somebody looks at them, and one looks back.
pub(crate) fn start_folders(
    shown: Shown,
    stopped: &watch::Receiver<bool>,
    threads: &mut Vec<JoinHandle<()>>,
) -> io::Result<Folders> {
    let Shown { source, reopen, title } = shown;
    let Some(reopen) = reopen else {
        let run = move || Some(Run::new(source, &title, plots::all()));
        let Started { client, thread } = fold::start(run, false, stopped.clone())?;
        threads.push(thread);
        return Ok(Folders { run: client, more: None, past: None, desk: None });
    };
    let reopen: SharedReopen = Arc::new(Mutex::new(reopen));
    let (status, others): (Vec<_>, Vec<_>) =
        plots::all().into_iter().partition(|plot| plot.about().page == Page::Status);
    let (own_title, shared) = (title.clone(), reopen.clone());
    let run = fold::start(move || Some(Run::new(source, &title, status)), false, stopped.clone())?;
    let run_of_others = move || match reopened(&shared) {
        Ok(source) => Some(Run::new(source, &own_title, others)),
        Err(error) => {
            tracing::warn!(%error, "the viewer cannot open the trace again");
            None
        }
    };
    let more = fold::start(run_of_others, true, stopped.clone())?;
    let desk = Desk::new(reopen.clone(), stopped.clone());
    let past = LookBack::start(reopen)?;
    threads.extend([run.thread, more.thread, past.thread]);
    let (more, past) = (Some(more.client), Some(past.client));
    Ok(Folders { run: run.client, more, past, desk: Some(desk) })
}

fn listen(addr: SocketAddr) -> Result<TcpListener, ServeError> {
    let fail = |source: io::Error| match source.kind() {
        io::ErrorKind::AddrInUse => ServeError::InUse { addr },
        _ => ServeError::Listen { addr, source },
    };
    let listener = TcpListener::bind(addr).map_err(fail)?;
    listener.set_nonblocking(true).map_err(fail)?;
    Ok(listener)
}
