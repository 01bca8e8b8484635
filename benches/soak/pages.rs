//! The pages of the viewer: some that are loaded again and again, and some that stay open and follow the run.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::Outcome;
use super::channel::{next_message, open};

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
    let mut stream = open(viewer)?;
    stream.set_read_timeout(Some(SILENCE))?;
    while Instant::now() < until {
        match next_message(&mut stream) {
            Ok(Some(_)) => {}
            Ok(None) => return Err("the viewer closed a page that follows the run".into()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(format!("a page that follows got nothing in {SILENCE:?}").into());
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}
