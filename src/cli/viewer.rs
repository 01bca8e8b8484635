//! Starting the viewer: which port, and what to say about it.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::sync::Arc;

use taskreel_recorder::{Source, Tailer};
use taskreel_replay::Reopen;
use taskreel_viewer::{
    Files, MakePack, ServeError, ViewerConfig, ViewerHandle, serve_library, serve_with,
};

use super::Failure;
use super::failure::{chain, say};
use super::pack::Pack;
pub(crate) use taskreel::command::size::parse_addr;

/// Where the viewer listens unless told: this port, or one of the next when it is taken.
pub(crate) const DEFAULT_PORT: u16 = 8787;

/// How many ports to try before taking any that is free.
const PORTS_TRIED: u16 = 10;

/// Shows a trace, growing or finished, and prints the address. An `addr` that the user gave is
/// that one or nothing.
pub(crate) fn start(trace: &Path, addr: Option<SocketAddr>) -> Result<ViewerHandle, Failure> {
    start_with(trace, addr, |_| files(trace))
}

/// As [`start`], for somebody who looks at traces: the runs of the folder are listed, and other
/// traces may be dropped on the page. Others than this machine's users see the one run only.
pub(crate) fn start_viewing(
    trace: &Path,
    addr: Option<SocketAddr>,
) -> Result<ViewerHandle, Failure> {
    start_with(trace, addr, |addr| {
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

fn pack() -> MakePack {
    Arc::new(|trace, zip| Pack::whole(trace, zip).map_err(Failure::into_message))
}

fn start_with(
    trace: &Path,
    addr: Option<SocketAddr>,
    files: impl Fn(SocketAddr) -> Files,
) -> Result<ViewerHandle, Failure> {
    listen(addr, |addr, token| {
        let source: Box<dyn Source> = Box::new(Tailer::open(trace).map_err(Failure::input)?);
        let again = trace.to_owned();
        let reopen: Reopen = Box::new(move || Ok(Box::new(Tailer::open(&again)?) as _));
        let title = String::new();
        let config = ViewerConfig { addr, source, reopen: Some(reopen), token, title };
        Ok(serve_with(config, files(addr)))
    })
}

/// Starts a viewer on the address that the user gave, or on the first that is free, and says it.
fn listen(
    addr: Option<SocketAddr>,
    serve: impl Fn(SocketAddr, Option<String>) -> Result<Result<ViewerHandle, ServeError>, Failure>,
) -> Result<ViewerHandle, Failure> {
    let candidates: Vec<SocketAddr> = match addr {
        Some(addr) => vec![addr],
        None => (DEFAULT_PORT..DEFAULT_PORT + PORTS_TRIED)
            .chain([0])
            .map(|port| (Ipv4Addr::LOCALHOST, port).into())
            .collect(),
    };
    let mut refused = None;
    for addr in candidates {
        let token = if addr.ip().is_loopback() { None } else { Some(token()?) };
        match serve(addr, token)? {
            Ok(viewer) => {
                say(format_args!("viewer: {}", viewer.url()));
                return Ok(viewer);
            }
            Err(error @ ServeError::InUse { .. }) => refused = Some(error),
            Err(error) => return Err(Failure::run(error)),
        }
    }
    match refused {
        Some(error) => Err(Failure::run(chain(&error))),
        None => Err(Failure::run("no address to show the viewer on")),
    }
}

/// 128 bits that nobody can guess: off loopback, whoever has the link may look.
fn token() -> Result<String, Failure> {
    let fail = |error| Failure::run(format!("no random numbers for the viewer's token: {error}"));
    let mut bytes = [0_u8; 16];
    File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes)).map_err(fail)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
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
