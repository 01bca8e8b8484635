//! A browser's part over a plain socket: one request, one answer.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use flate2::read::DeflateDecoder;
use serde_json::{Value, json};

/// An answer.
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// By lower-case name.
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: String,
}

/// `GET path` as a browser on this machine asks.
pub(crate) fn get(addr: SocketAddr, path: &str) -> Answer {
    get_with(addr, path, &[("Host", &addr.to_string())])
}

/// `GET path` with just these headers.
pub(crate) fn get_with(addr: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Answer {
    let mut stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut request = format!("GET {path} HTTP/1.1\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    if !headers.iter().any(|(name, _)| *name == "Connection") {
        request.push_str("Connection: close\r\n");
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    read_answer(&mut stream)
}

/// Reads an answer's head, and its body by its length; other bodies are left in the stream.
pub(crate) fn read_answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("the head of an answer");
        bytes.push(byte[0]);
    }
    let head = String::from_utf8(bytes).unwrap();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.get("content-length").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    Answer { status, headers, body: String::from_utf8(body).unwrap() }
}

/// A WebSocket over a plain socket: enough of it to talk to the viewer.
pub(crate) struct Socket {
    stream: TcpStream,
    /// What the page has by now: `{"words":…,"names":…,"figures":{"ID":…}}`.
    shown: Value,
}

impl Socket {
    /// Opens the live channel as the page of `origin`; `Err` is the refusal's status.
    pub(crate) fn open(addr: SocketAddr, origin: Option<&str>) -> Result<Self, u16> {
        Self::opened(TcpStream::connect(addr).unwrap(), addr, origin)
    }

    /// Opens it with little room for what it does not read.
    pub(crate) fn open_narrow(addr: SocketAddr) -> Self {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let socket = socket.unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        socket.connect(&addr.into()).unwrap();
        Self::opened(socket.into(), addr, None).unwrap()
    }

    fn opened(mut stream: TcpStream, addr: SocketAddr, origin: Option<&str>) -> Result<Self, u16> {
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let origin = origin.map_or_else(String::new, |origin| format!("Origin: {origin}\r\n"));
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {addr}\r\n{origin}Connection: Upgrade\r\n\
             Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).unwrap();
        match read_answer(&mut stream).status {
            101 => Ok(Self { stream, shown: json!({"figures": {}}) }),
            status => Err(status),
        }
    }

    /// Sends a short text.
    pub(crate) fn send(&mut self, text: &str) {
        self.try_send(text).unwrap();
    }

    /// The same, unless the server closed. Masked with zeros, which is as good as any mask here.
    pub(crate) fn try_send(&mut self, text: &str) -> std::io::Result<()> {
        let length = u16::try_from(text.len()).unwrap();
        let mut frame = vec![0x81, 0x80 | 126];
        frame.extend(length.to_be_bytes());
        frame.extend([0; 4]);
        frame.extend(text.as_bytes());
        self.stream.write_all(&frame)
    }

    /// What the page shows with the next message; `None`: the server closed.
    pub(crate) fn receive(&mut self) -> Option<Value> {
        let mut message = &self.message()?[..];
        while let [n, rest @ ..] = message {
            let (id, rest) = rest.split_at(usize::from(*n));
            let (length, rest) = rest.split_at(4);
            let (packed, rest) =
                rest.split_at(u32::from_le_bytes(length.try_into().unwrap()) as usize);
            message = rest;
            let (id, mut part) = (str::from_utf8(id).unwrap(), part(packed));
            match part.get_mut("figure") {
                Some(figure) => self.shown["figures"][id] = figure.take(),
                None => self.shown[id] = part,
            }
        }
        Some(self.shown.clone())
    }

    /// How many bytes the next message has; `None`: the server closed.
    pub(crate) fn receive_bytes(&mut self) -> Option<usize> {
        self.message().map(|message| message.len())
    }

    /// The next message; pings are passed over.
    fn message(&mut self) -> Option<Vec<u8>> {
        loop {
            let mut head = [0; 2];
            self.stream.read_exact(&mut head).ok()?;
            let length = match head[1] & 0x7f {
                126 => {
                    let mut bytes = [0; 2];
                    self.stream.read_exact(&mut bytes).ok()?;
                    u16::from_be_bytes(bytes).into()
                }
                127 => {
                    let mut bytes = [0; 8];
                    self.stream.read_exact(&mut bytes).ok()?;
                    u64::from_be_bytes(bytes)
                }
                short => u64::from(short),
            };
            let mut body = vec![0; usize::try_from(length).unwrap()];
            self.stream.read_exact(&mut body).ok()?;
            match head[0] & 0x0f {
                2 => return Some(body),
                8 => return None,
                _ => {}
            }
        }
    }
}

/// A part of a message: its JSON, with the columns beside it put in.
fn part(packed: &[u8]) -> Value {
    let mut bytes = Vec::new();
    DeflateDecoder::new(packed).read_to_end(&mut bytes).unwrap();
    let length = u32::from_le_bytes(bytes[..4].try_into().unwrap()) as usize;
    let mut part: Value = serde_json::from_slice(&bytes[4..4 + length]).unwrap();
    let mut at = (4 + length).next_multiple_of(4);
    for head in part["columns"].take().as_array().unwrap_or(&Vec::new()) {
        let (kind, n) = (head[2].as_str().unwrap(), head[3].as_u64().unwrap() as usize);
        let size = [("16", 2), ("32", 4)]
            .iter()
            .find(|(bits, _)| kind.contains(bits))
            .map_or(1, |(_, n)| *n);
        let column = &bytes[at..at + n * size];
        at = (at + n * size).next_multiple_of(4);
        let values = column.chunks(size).map(|value| match value {
            [a] => i64::from(*a),
            [a, b] => i16::from_le_bytes([*a, *b]).into(),
            other => i32::from_le_bytes(other.try_into().unwrap()).into(),
        });
        let sum = |sum: &mut i64, value| {
            *sum = if kind.ends_with('+') { *sum + value } else { value };
            Some(*sum)
        };
        let values: Vec<i64> = values.scan(0, sum).collect();
        let layer = head[0].as_u64().unwrap() as usize;
        part["figure"]["layers"][layer][head[1].as_str().unwrap()] = values.into();
    }
    part
}
