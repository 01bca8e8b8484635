//! A page that only receives, and how old what it was sent was.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Instant, SystemTime};

use flate2::read::DeflateDecoder;
use serde_json::Value;

use crate::Outcome;

/// What the page of the status looks at.
const LOOK: &str = r#"{"plots":[{"id":"task-stream","width":860,"height":300},
{"id":"progress","width":860,"height":150},{"id":"workers","width":340,"height":480},
{"id":"strip","width":860,"height":46}],"window":null,"tables":["workers","prefixes"]}"#;

/// Ages in ms of what pages of a live run were sent.
#[derive(Debug, Default)]
pub(crate) struct Ages {
    /// When it arrived.
    arrived: Vec<f64>,
    /// Just before the next took its place.
    replaced: Vec<f64>,
    /// Bytes a second, by page.
    rates: Vec<f64>,
}

impl Ages {
    pub(crate) fn extend(&mut self, other: Self) {
        self.arrived.extend(other.arrived);
        self.replaced.extend(other.replaced);
        self.rates.extend(other.rates);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }
}

impl std::fmt::Display for Ages {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, ages) in [("age on arrival", &self.arrived), ("before the next", &self.replaced)]
        {
            let mut sorted = ages.clone();
            sorted.sort_by(f64::total_cmp);
            let at = |share: f64| {
                let index = (sorted.len() as f64 * share) as usize;
                sorted.get(index.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
            };
            let (p50, p95, most) = (at(0.5), at(0.95), at(1.0));
            write!(f, "{name} p50 {p50:.0}, p95 {p95:.0}, most {most:.0} ms; ")?;
        }
        let mean = self.rates.iter().sum::<f64>() / self.rates.len().max(1) as f64;
        write!(f, "{} frames, {:.0} kB/s to each page", self.arrived.len(), mean / 1e3)
    }
}

/// When the run began, as the trace's header says.
pub(crate) fn started_unix_ns(addr: SocketAddr) -> Outcome<u64> {
    let mut stream = TcpStream::connect(addr)?;
    write!(stream, "GET /api/state HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
    let state: Value = serde_json::from_str(body)?;
    Ok(state["run"]["started_unix_ns"].as_u64().ok_or("no begin")?)
}

/// Follows the run to its end.
pub(crate) fn follow(addr: SocketAddr, started_unix_ns: u64) -> Outcome<Ages> {
    let mut stream = open(addr)?;
    let mut ages = Ages::default();
    let mut shown: Option<u64> = None;
    let (began, mut n_bytes) = (Instant::now(), 0);
    while let Some(message) = next_message(&mut stream) {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?.as_nanos() as u64;
        let now_ns = unix.saturating_sub(started_unix_ns);
        let Some(words) = words(&message)? else { continue };
        if words["kind"] != "live" {
            shown = None;
            continue;
        }
        n_bytes += message.len();
        let age = |of: u64| now_ns.saturating_sub(of) as f64 / 1e6;
        ages.replaced.extend(shown.map(age));
        shown = words["now_ns"].as_u64();
        ages.arrived.extend(shown.map(age));
        ages.rates = vec![n_bytes as f64 / began.elapsed().as_secs_f64()];
    }
    Ok(ages)
}

/// Opens the live channel and says what the page looks at.
fn open(addr: SocketAddr) -> Outcome<TcpStream> {
    let mut stream = TcpStream::connect(addr)?;
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: {addr}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let length = u16::try_from(LOOK.len())?.to_be_bytes();
    // Masked with zeros, which is as good as any mask here.
    let mut frame = vec![0x81, 0x80 | 126, length[0], length[1], 0, 0, 0, 0];
    frame.extend(LOOK.as_bytes());
    stream.write_all(&frame)?;
    Ok(stream)
}

/// The next message; `None`: the viewer closed.
fn next_message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head).ok()?;
        let n_bytes = match head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mut bytes = [0; 8];
        stream.read_exact(&mut bytes[8 - n_bytes..]).ok()?;
        let length =
            if n_bytes == 0 { u64::from(head[1] & 0x7f) } else { u64::from_be_bytes(bytes) };
        let mut body = vec![0; usize::try_from(length).ok()?];
        stream.read_exact(&mut body).ok()?;
        match head[0] & 0x0f {
            2 => return Some(body),
            8 => return None,
            _ping => {}
        }
    }
}

/// What the page says, if the message has that part; `viewer/src/wire.rs` says how it is packed.
fn words(mut message: &[u8]) -> Outcome<Option<Value>> {
    while let [n, rest @ ..] = message {
        let (id, rest) = rest.split_at(usize::from(*n));
        let (length, rest) = rest.split_at(4);
        let (packed, rest) = rest.split_at(u32::from_le_bytes(length.try_into()?) as usize);
        message = rest;
        if id == b"words" {
            let mut bytes = Vec::new();
            DeflateDecoder::new(packed).read_to_end(&mut bytes)?;
            let (length, json) = bytes.split_at(4);
            let length = u32::from_le_bytes(length.try_into()?) as usize;
            return Ok(Some(serde_json::from_slice(&json[..length])?));
        }
    }
    Ok(None)
}
