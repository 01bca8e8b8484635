//! A page that only receives, and how old what it was sent was.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Instant, SystemTime};

use flate2::read::DeflateDecoder;
use serde_json::Value;

use crate::Outcome;
use crate::channel::{next_message, open};

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
    while let Ok(Some(message)) = next_message(&mut stream) {
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
