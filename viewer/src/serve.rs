//! Starting and stopping the viewer: its address and its two threads.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;

use taskreel_recorder::Source;
use tokio::sync::watch;

use crate::fold::{self, FoldThread};
use crate::http;

/// What to show, and where.
pub struct ViewerConfig {
    /// Where to listen. Port 0 takes a free one; [`ViewerHandle::addr`] says which.
    pub addr: SocketAddr,
    /// What to fold: a growing file, a finished one, or a vector in a test.
    pub source: Box<dyn Source>,
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
    /// The system gave no thread.
    #[error("cannot start the viewer's threads: {0}")]
    Thread(#[source] io::Error),
}

/// A viewer that is running. Dropping it stops it.
#[derive(Debug)]
pub struct ViewerHandle {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    threads: Vec<JoinHandle<()>>,
}

impl ViewerHandle {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The link to open: `http://127.0.0.1:8787/`.
    pub fn url(&self) -> String {
        let mut addr = self.addr;
        if addr.ip().is_unspecified() {
            addr.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        format!("http://{addr}/")
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

/// Starts the viewer: one thread folds, one serves. Neither shares anything with a cluster that
/// may run in the same process.
///
/// # Errors
/// The address is taken or cannot be listened on, or the system gives no thread.
pub fn serve(config: ViewerConfig) -> Result<ViewerHandle, ServeError> {
    let ViewerConfig { addr, source, title } = config;
    let listener = listen(addr)?;
    let addr = listener.local_addr().map_err(|source| ServeError::Listen { addr, source })?;
    let (stop, stopped) = watch::channel(false);

    let FoldThread { client, thread } =
        fold::start(source, title, stopped.clone()).map_err(ServeError::Thread)?;
    let mut handle = ViewerHandle { addr, stop, threads: vec![thread] };

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Thread)?;
    let site = Arc::new(http::Site::new(client, addr));
    let thread = std::thread::Builder::new()
        .name("viewer-http".to_owned())
        .spawn(move || runtime.block_on(http::run(listener, site, stopped)))
        .map_err(ServeError::Thread)?;
    handle.threads.push(thread);
    Ok(handle)
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
