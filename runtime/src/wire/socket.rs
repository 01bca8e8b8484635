//! Sockets: plain TCP or TLS over it, in two halves that are used apart.

use std::io;
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use socket2::{SockRef, TcpKeepalive};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_rustls::TlsStream;

/// The half that is read.
#[derive(Debug)]
pub(crate) enum ReadHalf {
    /// As it is.
    Plain(OwnedReadHalf),
    /// Encrypted.
    Tls(Arc<Shared>),
}

/// The half that is written.
#[derive(Debug)]
pub(crate) enum WriteHalf {
    /// As it is.
    Plain(OwnedWriteHalf),
    /// Encrypted.
    Tls(Arc<Shared>),
}

/// A TLS stream. Nobody waits while it is locked.
#[derive(Debug)]
pub(crate) struct Shared(Mutex<TlsStream<TcpStream>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, TlsStream<TcpStream>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the other end's host may be out of reach before a connection counts as broken: a cable
/// that was pulled says nothing.
const OUT_OF_REACH: Duration = Duration::from_secs(10);

/// Sets what every connection needs: small messages go out at once, and a host that is gone is
/// noticed, whether something is being sent or waited for.
pub(crate) fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    let probes = TcpKeepalive::new().with_time(OUT_OF_REACH / 2).with_interval(OUT_OF_REACH / 10);
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(OUT_OF_REACH))?;
    Ok(())
}

/// Halves of a plain socket.
pub(crate) fn plain(stream: TcpStream) -> (ReadHalf, WriteHalf) {
    let (read, write) = stream.into_split();
    (ReadHalf::Plain(read), WriteHalf::Plain(write))
}

/// Halves of an encrypted one.
pub(crate) fn tls(stream: TlsStream<TcpStream>) -> (ReadHalf, WriteHalf) {
    let shared = Arc::new(Shared(Mutex::new(stream)));
    (ReadHalf::Tls(Arc::clone(&shared)), WriteHalf::Tls(shared))
}

impl AsyncRead for ReadHalf {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(half) => Pin::new(half).poll_read(cx, buf),
            Self::Tls(shared) => match ready!(Pin::new(&mut *shared.lock()).poll_read(cx, buf)) {
                // Closed without a goodbye. Whether something is missing shows in the frames.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                other => Poll::Ready(other),
            },
        }
    }
}

impl AsyncWrite for WriteHalf {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(half) => Pin::new(half).poll_write(cx, bytes),
            Self::Tls(shared) => Pin::new(&mut *shared.lock()).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(half) => Pin::new(half).poll_flush(cx),
            Self::Tls(shared) => Pin::new(&mut *shared.lock()).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(half) => Pin::new(half).poll_shutdown(cx),
            Self::Tls(shared) => Pin::new(&mut *shared.lock()).poll_shutdown(cx),
        }
    }
}

impl WriteHalf {
    /// Writes what the socket takes without waiting, and whether that was all: `false` says that
    /// something is left, in `bytes` or on its way through the encryption. Until it was called again
    /// after [`Self::writable`], only one may wait there.
    ///
    /// # Errors
    /// The socket failed.
    pub(crate) fn drain(&self, bytes: &mut BytesMut) -> io::Result<bool> {
        match self {
            Self::Plain(half) => {
                while !bytes.is_empty() {
                    match half.try_write(bytes) {
                        Ok(n) => bytes.advance(n),
                        Err(e) if e.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                        Err(error) => return Err(error),
                    }
                }
                Ok(true)
            }
            Self::Tls(shared) => {
                let mut stream = shared.lock();
                let mut cx = Context::from_waker(Waker::noop());
                while !bytes.is_empty() {
                    match Pin::new(&mut *stream).poll_write(&mut cx, bytes) {
                        Poll::Ready(n) => bytes.advance(n?),
                        Poll::Pending => return Ok(false),
                    }
                }
                match Pin::new(&mut *stream).poll_flush(&mut cx) {
                    Poll::Ready(flushed) => flushed.map(|()| true),
                    Poll::Pending => Ok(false),
                }
            }
        }
    }

    /// Waits until the socket takes more.
    ///
    /// # Errors
    /// The socket failed.
    pub(crate) async fn writable(&self) -> io::Result<()> {
        match self {
            Self::Plain(half) => half.writable().await,
            Self::Tls(shared) => {
                std::future::poll_fn(|cx| shared.lock().get_ref().0.poll_write_ready(cx)).await
            }
        }
    }

    /// Tells the other end that nothing more comes. It may know already.
    pub(crate) fn close(&self) {
        let closed = match self {
            Self::Plain(half) => SockRef::from(half.as_ref()).shutdown(Shutdown::Write),
            Self::Tls(shared) => {
                let mut stream = shared.lock();
                let mut cx = Context::from_waker(Waker::noop());
                // A goodbye that the socket does not take now is not waited for.
                let _ = Pin::new(&mut *stream).poll_shutdown(&mut cx);
                SockRef::from(stream.get_ref().0).shutdown(Shutdown::Write)
            }
        };
        // It fails when the other end was quicker.
        drop(closed);
    }
}
