//! The pages of the viewer: some that are loaded again and again, and some that stay open and follow the run.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::Outcome;

/// What the status page looks at, with the plots whose pictures cost most.
const LOOK: &str = r#"{"plots":[{"id":"task-stream","width":860,"height":300},
{"id":"progress","width":860,"height":150},{"id":"workers","width":340,"height":480},
{"id":"strip","width":860,"height":46}],"window":null,"tables":["workers","prefixes"]}"#;

/// A page that got nothing for so long does not follow the run.
const SILENCE: Duration = Duration::from_secs(20);

/// Asks for pages, numbers and the past, until it is time.
pub(crate) fn read(viewer: &str, until: Instant) -> Outcome {
    while Instant::now() < until {
        for path in
            ["/", "/tasks", "/workers", "/metrics", "/api/state?at=50%", "/plot/task-stream.svg"]
        {
            let mut stream = TcpStream::connect(viewer)?;
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {viewer}\r\nConnection: close\r\n\r\n")?;
            let mut answer = Vec::new();
            stream.read_to_end(&mut answer)?;
            if !answer.starts_with(b"HTTP/1.1 200") {
                let begin = String::from_utf8_lossy(&answer[..answer.len().min(300)]).into_owned();
                return Err(format!("{path}: {begin}").into());
            }
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Follows the run over a live channel until it is time, as a page does that is left open.
pub(crate) fn follow(viewer: &str, until: Instant) -> Outcome {
    let mut stream = TcpStream::connect(viewer)?;
    stream.set_read_timeout(Some(SILENCE))?;
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
    let length = u16::try_from(LOOK.len())?.to_be_bytes();
    // Masked with zeros, which is as good as any mask here.
    let mut frame = vec![0x81, 0x80 | 126, length[0], length[1], 0, 0, 0, 0];
    frame.extend(LOOK.as_bytes());
    stream.write_all(&frame)?;
    while Instant::now() < until {
        match message(&mut stream) {
            Ok(true) => {}
            Ok(false) => return Err("the viewer closed a page that follows the run".into()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(format!("a page that follows got nothing in {SILENCE:?}").into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Takes the next message; `false`: the viewer closed.
fn message(stream: &mut TcpStream) -> std::io::Result<bool> {
    let mut head = [0; 2];
    stream.read_exact(&mut head)?;
    let n_bytes = match head[1] & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mut bytes = [0; 8];
    stream.read_exact(&mut bytes[8 - n_bytes..])?;
    let length = if n_bytes == 0 { u64::from(head[1] & 0x7f) } else { u64::from_be_bytes(bytes) };
    std::io::copy(&mut stream.take(length), &mut std::io::sink())?;
    Ok(head[0] & 0x0f != 8)
}
