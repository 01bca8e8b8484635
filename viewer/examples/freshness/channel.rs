//! The live channel of a viewer, for programs that look at it as a page does: this one, and the soak.

use std::fmt::Display;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};

/// What the page of the status looks at.
const LOOK: &str = r#"{"plots":[{"id":"task-stream","width":860,"height":300},
{"id":"progress","width":860,"height":150},{"id":"workers","width":340,"height":480},
{"id":"strip","width":860,"height":46}],"window":null,"tables":["workers","prefixes"]}"#;

/// Opens the live channel and says what the page looks at.
pub(crate) fn open(viewer: impl ToSocketAddrs + Display) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(&viewer)?;
    write!(
        stream,
        "GET /ws HTTP/1.1\r\nHost: {viewer}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let length = (LOOK.len() as u16).to_be_bytes();
    // Masked with zeros, which is as good as any mask here.
    let mut frame = vec![0x81, 0x80 | 126, length[0], length[1], 0, 0, 0, 0];
    frame.extend(LOOK.as_bytes());
    stream.write_all(&frame)?;
    Ok(stream)
}

/// The next message; `None`: the viewer closed.
pub(crate) fn next_message(stream: &mut TcpStream) -> io::Result<Option<Vec<u8>>> {
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head)?;
        let n_bytes = match head[1] & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let mut bytes = [0; 8];
        stream.read_exact(&mut bytes[8 - n_bytes..])?;
        let length =
            if n_bytes == 0 { u64::from(head[1] & 0x7f) } else { u64::from_be_bytes(bytes) };
        let mut body = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        stream.read_exact(&mut body)?;
        match head[0] & 0x0f {
            2 => return Ok(Some(body)),
            8 => return Ok(None),
            _ping => {}
        }
    }
}
