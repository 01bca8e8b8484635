//! What the viewer of each subcommand shows beside a run, and what it may make of it.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use taskreel::command::viewer::{self, listen};
use taskreel_viewer::{Files, MakePack, ServeError, ViewerHandle, serve_library};

use super::Failure;
use super::pack::Pack;
pub(crate) use taskreel::command::size::parse_addr;

/// Shows a trace, growing or finished, and prints the address. An `addr` that the user gave is
/// that one or nothing.
pub(crate) fn start(trace: &Path, addr: Option<SocketAddr>) -> Result<ViewerHandle, Failure> {
    viewer::start(trace, addr, |_| files(trace))
}

/// As [`start`], for somebody who looks at traces: the runs of the folder are listed, and other
/// traces may be dropped on the page. Others than this machine's users see the one run only.
pub(crate) fn start_viewing(
    trace: &Path,
    addr: Option<SocketAddr>,
) -> Result<ViewerHandle, Failure> {
    viewer::start(trace, addr, |addr| {
        let folder = trace.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.map_or_else(|| ".".into(), Path::to_owned);
        let library = Some(folder).filter(|_| addr.ip().is_loopback());
        Files { library, takes_uploads: true, ..files(trace) }
    })
}

/// Shows the runs of a folder.
pub(crate) fn start_library(
    folder: &Path,
    addr: Option<SocketAddr>,
) -> Result<ViewerHandle, Failure> {
    listen(addr, |addr, token| {
        let library = Some(folder.to_owned());
        let files = Files { library, takes_uploads: true, pack: Some(pack()), ..Files::default() };
        Ok(serve_library(addr, token, files))
    })
}

/// What a viewer may make of a trace.
fn files(trace: &Path) -> Files {
    Files { trace: Some(trace.to_owned()), pack: Some(pack()), ..Files::default() }
}

/// Packs the whole of a run.
pub(crate) fn pack() -> MakePack {
    Arc::new(|trace, zip| Pack::whole(trace, zip).map_err(Failure::into_message))
}

/// Whether an address can be listened on, before a run depends on it.
pub(crate) fn check(addr: SocketAddr) -> Result<(), Failure> {
    match TcpListener::bind(addr) {
        Ok(_free_again) => Ok(()),
        Err(source) if source.kind() == io::ErrorKind::AddrInUse => {
            Err(Failure::run(ServeError::InUse { addr }))
        }
        Err(source) => Err(Failure::run(ServeError::Listen { addr, source })),
    }
}
