//! A listener that bounds how many connections are open: the next ones wait in the system's queue. A
//! connection whose request does not arrive in time is closed, so that nobody holds them by sending
//! slowly.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::serve::Listener;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Sleep, sleep};

/// Most connections open at once. A page opens a handful.
const CONNECTIONS_MAX: usize = 256;

/// Most bytes that the system keeps for a browser that takes them slowly; it may double them.
const SEND_BUFFER_BYTES: usize = 128 * 1024;

/// See the module.
#[derive(Debug)]
pub(super) struct Limited {
    listener: TcpListener,
    permits: Arc<Semaphore>,
    request_max: Duration,
}

impl Limited {
    pub(super) fn new(listener: TcpListener) -> Self {
        let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        Self { listener, permits, request_max: REQUEST_MAX }
    }
}

impl Listener for Limited {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        let permits = self.permits.clone();
        let permit = permits.acquire_owned().await.expect("the semaphore is never closed");
        // axum's accept of a TcpListener retries on errors such as too many open files.
        let (stream, addr) = Listener::accept(&mut self.listener).await;
        let options = SockRef::from(&stream);
        let set = options.set_tcp_nodelay(true);
        if let Err(error) = set.and_then(|()| options.set_send_buffer_size(SEND_BUFFER_BYTES)) {
            tracing::debug!(%error, "a viewer connection keeps the system's options");
        }
        (Connection::new(stream, self.request_max, permit), addr)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

/// How long a request may take from its first byte until it is answered with a first byte, and how
/// long an open connection may be silent before its first request. Longer than live pages are silent
/// between two pings.
const REQUEST_MAX: Duration = Duration::from_secs(30);

/// A connection that gives its permit back when it closes.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    request_max: Duration,
    /// When what is awaited from the other end must have led to an answer.
    deadline: Option<Pin<Box<Sleep>>>,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    fn new(stream: TcpStream, request_max: Duration, permit: OwnedSemaphorePermit) -> Self {
        let deadline = Some(Box::pin(sleep(request_max)));
        Self { stream, request_max, deadline, _permit: permit }
    }

    /// Whether the other end has been too slow.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        self.deadline.as_mut().is_some_and(|deadline| deadline.as_mut().poll(cx).is_ready())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_late(cx) {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let n_before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        if buf.filled().len() > n_before {
            let request_max = self.request_max;
            self.deadline.get_or_insert_with(|| Box::pin(sleep(request_max)));
        }
        polled
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, buf);
        if polled.is_ready() {
            self.deadline = None;
        }
        polled
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const MAX: Duration = Duration::from_millis(200);

    /// A connection and its other end.
    async fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("loopback is there");
        let addr = listener.local_addr().expect("it is bound");
        let mut listener = Limited { request_max: MAX, ..Limited::new(listener) };
        let (ours, theirs) = tokio::join!(listener.accept(), TcpStream::connect(addr));
        (ours.0, theirs.expect("somebody listens"))
    }

    #[tokio::test]
    async fn who_sends_a_request_byte_by_byte_is_cut_off() {
        let (mut ours, mut theirs) = pair().await;
        let reading = tokio::spawn(async move {
            let mut bytes = [0; 64];
            loop {
                match ours.read(&mut bytes).await {
                    Ok(n) => assert!(n > 0, "the other end is still there"),
                    Err(error) => return error.kind(),
                }
            }
        });
        for _ in 0..1_000 {
            // Once it is cut off, this fails.
            if theirs.write_all(b"G").await.is_err() {
                break;
            }
            sleep(MAX / 20).await;
        }
        assert_eq!(reading.await.expect("it does not panic"), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn who_was_answered_may_be_silent() {
        let (mut ours, mut theirs) = pair().await;
        let mut bytes = [0; 4];
        for _ in 0..2 {
            theirs.write_all(b"ping").await.expect("it is open");
            ours.read_exact(&mut bytes).await.expect("in time");
            ours.write_all(b"pong").await.expect("it is open");
            theirs.read_exact(&mut bytes).await.expect("an answer");
            let silent = tokio::time::timeout(MAX * 2, ours.read(&mut bytes)).await;
            assert!(silent.is_err(), "nothing came, and it was not closed");
        }
    }
}
