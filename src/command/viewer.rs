//! Starting the viewer: which port, and what to say about it.

use std::fs::File;
use std::io::Read as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use taskreel_recorder::{Source, Tailer};
use taskreel_replay::Reopen;
use taskreel_viewer::{Files, ServeError, ViewerConfig, ViewerHandle, serve_with};

use super::Failure;
use super::failure::{chain, say};

/// Where the viewer listens unless told: this port, or one of the next when it is taken.
pub(crate) const DEFAULT_PORT: u16 = 8787;

/// How many ports to try before taking any that is free.
const PORTS_TRIED: u16 = 10;

/// Shows a trace, growing or finished, and prints the address. An `addr` that the user gave is
/// that one or nothing; `files` says what the viewer may make of the trace at that address.
///
/// # Errors
/// The trace cannot be opened, or nothing can listen there.
pub fn start(
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
///
/// # Errors
/// What `serve` says, or nothing can listen there.
pub fn listen(
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
