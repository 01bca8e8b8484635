//! Pumps: they carry the messages of a link over a socket.

use futures_util::StreamExt;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use super::frame::{self, FrameError};
use super::handshake::Connection;
use super::link::{LINK_CAPACITY, Link};
use super::message::Message;
use super::outlet;
use super::socket::ReadHalf;

/// The next message of a connection; `None` when the other end closed it.
///
/// # Errors
/// The socket failed, or what came is not a message.
pub(crate) async fn read_message<T: Message>(
    reader: &mut FramedRead<ReadHalf, LengthDelimitedCodec>,
) -> Result<Option<T>, FrameError> {
    match reader.next().await {
        None => Ok(None),
        Some(frame) => Ok(Some(frame::decode(&frame?.freeze())?)),
    }
}

/// The two tasks that carry a connection. Dropping it breaks the connection off.
#[derive(Debug)]
pub(crate) struct Carried {
    writing: JoinHandle<()>,
    reading: JoinHandle<()>,
}

impl Carried {
    /// Breaks the connection off.
    pub(crate) fn cut(&self) {
        self.writing.abort();
        self.reading.abort();
    }

    /// Waits until all is written; the link's sender must be gone by then.
    pub(crate) async fn written(&mut self) {
        // It was aborted, or it panicked: nothing more will be written.
        let _ = (&mut self.writing).await;
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Makes a link of a connection. Must be called within the runtime that is to carry it.
pub(crate) fn carry<Out: Message, In: Message>(connection: Connection) -> (Link<Out, In>, Carried) {
    let (in_tx, in_rx) = mpsc::channel(LINK_CAPACITY);
    let Connection { mut reader, writer } = connection;
    let (tx, pump) = outlet::open(writer);
    let writing = tokio::spawn(async move {
        if let Err(error) = pump.run().await {
            tracing::debug!(%error, "connection closed while writing");
        }
    });
    let reading = tokio::spawn(async move {
        loop {
            match read_message::<In>(&mut reader).await {
                Ok(Some(message)) => {
                    if in_tx.send(message).await.is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    tracing::warn!(%error, "connection closed while reading");
                    break;
                }
            }
        }
    });
    (Link { tx, rx: in_rx }, Carried { writing, reading })
}
