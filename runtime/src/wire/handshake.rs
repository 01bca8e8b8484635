//! The first frame in each direction: who is there, and do both speak the same protocol?
//!
//! A greeting begins with eight bytes that every version can read: `REEL` and the protocol's
//! number. Only when the numbers agree is the rest decoded.

use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use super::codec::{self, CodecError, MAX_FRAME_BYTES};
use super::frame::delimiter;
use super::message::{ClientHello, WorkerHello};

/// Number of the protocol. It changes whenever a message does.
pub const PROTOCOL: u32 = 1;

/// Version of this software.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const MAGIC: &[u8; 4] = b"REEL";
const MAX_GREETING_BYTES: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// Who connects, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// A worker that joins.
    Worker(WorkerHello),
    /// A client.
    Client(ClientHello),
    /// A worker or client that wants to fetch results from a worker.
    Peer,
}

#[derive(Serialize, Deserialize)]
struct Greeting {
    version: String,
    token: Option<String>,
    role: Role,
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Welcome { version: String },
    Refused { reason: String },
}

/// Why two ends did not come together.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// The socket failed or was closed.
    #[error("connection failed: {0}")]
    Io(#[from] io::Error),
    /// The other end said nothing in time.
    #[error("no greeting within {} s: is it a Taskreel scheduler or worker?", PATIENCE.as_secs())]
    Silent,
    /// The other end is something else.
    #[error("the other end does not speak Taskreel's protocol")]
    Foreign,
    /// The other end speaks another version of the protocol.
    #[error(
        "the other end speaks protocol {theirs}, this is {VERSION} with protocol {PROTOCOL}: use the same version on both"
    )]
    Protocol {
        /// Its number.
        theirs: u32,
    },
    /// The greeting is damaged.
    #[error("malformed greeting: {0}")]
    Codec(#[from] CodecError),
    /// The other end refused.
    #[error("refused: {0}")]
    Refused(String),
}

/// A connection after the handshake.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) reader: FramedRead<OwnedReadHalf, LengthDelimitedCodec>,
    pub(crate) writer: OwnedWriteHalf,
}

impl Connection {
    fn new(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        let (read, writer) = stream.into_split();
        Ok(Self { reader: FramedRead::new(read, delimiter(MAX_GREETING_BYTES)), writer })
    }

    fn greeted(mut self) -> Self {
        self.reader.decoder_mut().set_max_frame_length(MAX_FRAME_BYTES);
        self
    }
}

/// Connects to `address` (`host:port`) in a role.
///
/// # Errors
/// Nobody is there, or the ends do not come together.
pub(crate) async fn connect(
    address: &str,
    role: Role,
    token: Option<&str>,
) -> Result<Connection, HandshakeError> {
    let stream = tokio::time::timeout(PATIENCE, TcpStream::connect(address))
        .await
        .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??;
    let mut connection = Connection::new(stream)?;
    let greeting = Greeting { version: VERSION.to_owned(), token: token.map(str::to_owned), role };
    write(&mut connection, &greeting).await?;
    match read(&mut connection).await? {
        Answer::Welcome { .. } => Ok(connection.greeted()),
        Answer::Refused { reason } => Err(HandshakeError::Refused(reason)),
    }
}

/// Accepts a connection: reads the greeting and answers it.
///
/// # Errors
/// The other end is something else, speaks another version, or its token is wrong; it is told.
pub(crate) async fn accept(
    stream: TcpStream,
    token: Option<&str>,
) -> Result<(Role, Connection), HandshakeError> {
    let mut connection = Connection::new(stream)?;
    let greeting: Greeting = match read(&mut connection).await {
        Ok(greeting) => greeting,
        Err(error) => {
            if let HandshakeError::Protocol { theirs } = error {
                let reason =
                    format!("this end is {VERSION} with protocol {PROTOCOL}, yours is {theirs}");
                write(&mut connection, &Answer::Refused { reason }).await?;
            }
            return Err(error);
        }
    };
    if token.is_some() && token != greeting.token.as_deref() {
        let reason = "the token is missing or wrong".to_owned();
        write(&mut connection, &Answer::Refused { reason: reason.clone() }).await?;
        return Err(HandshakeError::Refused(reason));
    }
    write(&mut connection, &Answer::Welcome { version: VERSION.to_owned() }).await?;
    Ok((greeting.role, connection.greeted()))
}

async fn write<T: Serialize>(connection: &mut Connection, what: &T) -> Result<(), HandshakeError> {
    let mut body = Vec::new();
    codec::encode_message(what, &mut body)?;
    let mut frame = BytesMut::with_capacity(body.len() + 12);
    frame.put_u32((body.len() + 8) as u32);
    frame.put_slice(MAGIC);
    frame.put_u32_le(PROTOCOL);
    frame.put_slice(&body);
    connection.writer.write_all(&frame).await?;
    Ok(())
}

async fn read<T: DeserializeOwned>(connection: &mut Connection) -> Result<T, HandshakeError> {
    let frame = tokio::time::timeout(PATIENCE, connection.reader.next())
        .await
        .map_err(|_elapsed| HandshakeError::Silent)?
        .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?
        .map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => HandshakeError::Foreign,
            _ => HandshakeError::Io(error),
        })?;
    parse(&frame.freeze())
}

fn parse<T: DeserializeOwned>(frame: &Bytes) -> Result<T, HandshakeError> {
    let Some((head, body)) = frame.split_at_checked(8) else { return Err(HandshakeError::Foreign) };
    let (magic, number) = head.split_at(4);
    if magic != MAGIC {
        return Err(HandshakeError::Foreign);
    }
    let theirs = u32::from_le_bytes(number.try_into().expect("four bytes were split off"));
    if theirs != PROTOCOL {
        return Err(HandshakeError::Protocol { theirs });
    }
    Ok(codec::decode_message_prefix(body)?.0)
}

#[cfg(test)]
mod tests;
