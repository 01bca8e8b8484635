//! Starting the viewer: which port, and what to say about it.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;

use taskreel_recorder::{Source, Tailer};
use taskreel_replay::Reopen;
use taskreel_viewer::{ServeError, ViewerConfig, ViewerHandle, serve};

use super::Failure;
use super::failure::{chain, say};

/// Where the viewer listens unless told: this port, or one of the next when it is taken.
pub(crate) const DEFAULT_PORT: u16 = 8787;

/// How many ports to try before taking any that is free.
const PORTS_TRIED: u16 = 10;

/// Shows a trace, growing or finished, and prints the address. An `addr` that the user gave is
/// that one or nothing.
pub(crate) fn start(trace: &Path, addr: Option<SocketAddr>) -> Result<ViewerHandle, Failure> {
    let candidates: Vec<SocketAddr> = match addr {
        Some(addr) => vec![addr],
        None => (DEFAULT_PORT..DEFAULT_PORT + PORTS_TRIED)
            .chain([0])
            .map(|port| (Ipv4Addr::LOCALHOST, port).into())
            .collect(),
    };
    let mut refused = None;
    for addr in candidates {
        let source: Box<dyn Source> = Box::new(Tailer::open(trace).map_err(Failure::input)?);
        let again = trace.to_owned();
        let token = if addr.ip().is_loopback() { None } else { Some(token()?) };
        let reopen: Reopen = Box::new(move || Ok(Box::new(Tailer::open(&again)?) as _));
        match serve(ViewerConfig {
            addr,
            source,
            reopen: Some(reopen),
            token,
            title: String::new(),
        }) {
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

/// An address to listen on: `127.0.0.1:8787`, or a port of this machine.
pub(crate) fn parse_addr(text: &str) -> Result<SocketAddr, String> {
    if let Ok(addr) = text.parse() {
        return Ok(addr);
    }
    match text.trim_start_matches(':').parse::<u16>() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => {
            Err("write ADDRESS:PORT as in 127.0.0.1:8787, or a port; 0 takes a free one".into())
        }
    }
}
