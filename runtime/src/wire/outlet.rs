//! Outlets: the sending half of a link over a socket.
//!
//! A sender writes to the socket itself when nothing waits before it and the socket takes it: a
//! message that would pass through the I/O thread costs a wake-up of that thread, which is most of
//! the time that a small message takes. What the socket does not take at once goes through a
//! bounded queue to a pump on the I/O thread.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::BytesMut;
use tokio::sync::{Notify, mpsc};

use super::frame::{self, FrameError};
use super::link::{LINK_CAPACITY, LinkSender};
use super::message::Message;
use super::socket::WriteHalf;

/// Messages taken from the queue at once.
const BURST: usize = 256;

/// Messages that are so many bytes together are written before others are looked at.
const WRITE_BYTES: usize = 256 << 10;

/// A buffer that grew beyond this is given back rather than kept.
const KEEP_BYTES: usize = 4 << 20;

/// A socket that several threads write messages to, whole and in order.
#[derive(Debug)]
pub(super) struct Outlet {
    socket: WriteHalf,
    state: Mutex<Pending>,
    /// The pump has something to write.
    wake: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    /// What the socket has not taken yet.
    bytes: BytesMut,
    /// The socket did not take all that it was given: the pump gives it the rest.
    is_clogged: bool,
    scratch: Vec<u8>,
    /// Messages in the queue, or about to be.
    n_queued: usize,
    closed: bool,
}

/// Carries what the queue holds; whoever opened the outlet runs it.
#[derive(Debug)]
pub(crate) struct Pump<T> {
    outlet: Arc<Outlet>,
    rx: mpsc::Receiver<T>,
}

/// Opens an outlet: the way into it, and the pump that must run for it.
pub(crate) fn open<T: Message>(socket: WriteHalf) -> (LinkSender<T>, Pump<T>) {
    let (tx, rx) = mpsc::channel(LINK_CAPACITY);
    let outlet = Arc::new(Outlet { socket, state: Mutex::default(), wake: Notify::new() });
    let sender = LinkSender::socket(tx, Arc::clone(&outlet), Outlet::write::<T>);
    (sender, Pump { outlet, rx })
}

impl Outlet {
    /// Writes messages now and at once, if nothing waits before them: as many as are not too long
    /// together. `Some`: the first of them has to go through the queue, where it counts already.
    fn write<T: Message>(&self, messages: &mut dyn Iterator<Item = T>) -> Option<T> {
        let first = messages.next()?;
        let mut state = self.lock();
        if state.closed || state.n_queued > 0 || state.is_clogged {
            state.n_queued += 1;
            return Some(first);
        }
        let mut encoded = state.encode(first);
        while encoded.is_ok()
            && state.bytes.len() < WRITE_BYTES
            && let Some(message) = messages.next()
        {
            encoded = state.encode(message);
        }
        match encoded.and_then(|()| self.drain(&mut state)) {
            Ok(true) => {}
            Ok(false) => self.wake.notify_one(),
            Err(error) => self.fail(&mut state, &error),
        }
        None
    }

    /// A message that was to go through the queue did not.
    pub(super) fn unqueue(&self) {
        self.lock().n_queued -= 1;
    }

    /// Writes what the socket takes; whether that was all.
    fn drain(&self, state: &mut Pending) -> Result<bool, FrameError> {
        state.is_clogged = !self.socket.drain(&mut state.bytes)?;
        if !state.is_clogged && state.bytes.capacity() > KEEP_BYTES {
            state.bytes = BytesMut::new();
        }
        Ok(!state.is_clogged)
    }

    fn fail(&self, state: &mut Pending, error: &FrameError) {
        tracing::debug!(%error, "connection closed while writing");
        state.closed = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn encode<T: Message>(&mut self, message: T) -> Result<(), FrameError> {
        frame::encode(message, &mut self.scratch, &mut self.bytes)
    }
}

impl<T: Message> Pump<T> {
    /// Writes what comes through the queue, or is left, until all senders are gone.
    ///
    /// # Errors
    /// The socket failed, or a message cannot be put into frames.
    pub(crate) async fn run(mut self) -> Result<(), FrameError> {
        let mut burst = Vec::with_capacity(BURST);
        loop {
            let outlet = &self.outlet;
            let n_taken = tokio::select! {
                n_taken = self.rx.recv_many(&mut burst, BURST) => Some(n_taken),
                () = outlet.wake.notified() => None,
            };
            {
                let mut state = outlet.lock();
                for message in burst.drain(..) {
                    state.encode(message)?;
                }
            }
            self.write_out().await?;
            match n_taken {
                Some(0) => return Ok(()),
                Some(n_taken) => self.outlet.lock().n_queued -= n_taken,
                None => {}
            }
        }
    }

    async fn write_out(&self) -> Result<(), FrameError> {
        loop {
            {
                let mut state = self.outlet.lock();
                if state.closed {
                    return Err(FrameError::Io(std::io::ErrorKind::BrokenPipe.into()));
                }
                if self.outlet.drain(&mut state)? {
                    return Ok(());
                }
            }
            self.outlet.socket.writable().await.map_err(FrameError::Io)?;
        }
    }
}

/// However the pump ends, the other end is to learn of it, also while senders are left.
impl<T> Drop for Pump<T> {
    fn drop(&mut self) {
        self.outlet.lock().closed = true;
        self.outlet.socket.close();
    }
}
