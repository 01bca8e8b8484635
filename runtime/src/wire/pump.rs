//! Pumps: they carry the messages of a link over a socket.

use bytes::BytesMut;
use futures_util::StreamExt;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::mpsc;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use super::frame::{self, FrameError};
use super::handshake::Connection;
use super::link::{LINK_CAPACITY, Link, LinkSender};
use super::message::Message;

/// Messages taken from the queue at once.
const BURST: usize = 256;

/// Bytes gathered before they are written, when there is more to write.
const FLUSH_BYTES: usize = 256 << 10;

/// A buffer that grew beyond this is given back rather than kept.
const KEEP_BYTES: usize = 4 << 20;

/// The next message of a connection; `None` when the other end closed it.
///
/// # Errors
/// The socket failed, or what came is not a message.
pub(crate) async fn read_message<T: Message>(
    reader: &mut FramedRead<OwnedReadHalf, LengthDelimitedCodec>,
) -> Result<Option<T>, FrameError> {
    match reader.next().await {
        None => Ok(None),
        Some(frame) => Ok(Some(frame::decode(&frame?.freeze())?)),
    }
}

/// Writes what comes through `rx` until all its senders are gone.
///
/// # Errors
/// The socket failed, or a message cannot be put into frames.
pub(crate) async fn write_messages<T: Message>(
    mut rx: mpsc::Receiver<T>,
    mut writer: OwnedWriteHalf,
) -> Result<(), FrameError> {
    let (mut burst, mut out, mut scratch) =
        (Vec::with_capacity(BURST), BytesMut::new(), Vec::new());
    while rx.recv_many(&mut burst, BURST).await > 0 {
        for message in burst.drain(..) {
            frame::encode(message, &mut scratch, &mut out)?;
            if out.len() >= FLUSH_BYTES {
                writer.write_all(&out).await?;
                out.clear();
            }
        }
        writer.write_all(&out).await?;
        out.clear();
        if out.capacity() > KEEP_BYTES {
            out = BytesMut::new();
        }
    }
    writer.shutdown().await?;
    Ok(())
}

/// Makes a link of a connection. Must be called within the runtime that is to carry it.
pub(crate) fn link<Out: Message, In: Message>(connection: Connection) -> Link<Out, In> {
    let (out_tx, out_rx) = mpsc::channel(LINK_CAPACITY);
    let (in_tx, in_rx) = mpsc::channel(LINK_CAPACITY);
    let Connection { mut reader, writer } = connection;
    tokio::spawn(async move {
        if let Err(error) = write_messages::<Out>(out_rx, writer).await {
            tracing::debug!(%error, "connection closed while writing");
        }
    });
    tokio::spawn(async move {
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
    Link { tx: LinkSender::queue(out_tx), rx: in_rx }
}
