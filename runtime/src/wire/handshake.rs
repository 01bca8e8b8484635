//! The first frame in each direction: who is there, and do both speak the same protocol?
//!
//! ```text
//! u32, big-endian          length of what follows
//! REEL                     four bytes
//! u32, little-endian       number of the protocol
//! u8, bytes                version of the software, as text
//! u16 little-endian, bytes the token (greetings only)
//! bincode                  the role; in an answer: welcome, or why not
//! ```
//!
//! Every version can read the number of the protocol and the version. Only when the numbers agree
//! is the token read, and only when that is right is the rest decoded.

use std::io;
use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};

use super::codec::{self, CodecError, MAX_FRAME_BYTES};
use super::frame::delimiter;
use super::message::{ClientHello, WorkerHello};
use super::socket::{self, ReadHalf, WriteHalf};
use crate::credentials::Credentials;
use crate::tls;

/// Number of the protocol. It changes whenever a message does.
pub const PROTOCOL: u32 = 7;

/// Version of this software.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

const MAGIC: &[u8; 4] = b"REEL";
const MAX_GREETING_BYTES: usize = 64 << 10;
const PATIENCE: Duration = Duration::from_secs(10);

/// The first byte of a TLS connection. A greeting begins with another: it is shorter than 16 MiB.
const TLS_BEGIN: u8 = 22;

/// The alert `protocol_version`, for an end that speaks TLS to one that does not.
const NO_TLS: [u8; 7] = [21, 3, 3, 0, 2, 2, 70];

/// Who connects, and what for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    /// A worker that joins.
    Worker(WorkerHello),
    /// A client.
    Client(ClientHello),
    /// A worker or client that wants to fetch results from a worker.
    Peer,
    /// Somebody who asks about the cluster or steers it.
    Operator,
}

#[derive(Serialize, Deserialize)]
enum Answer {
    Welcome,
    Refused { reason: String },
}

/// Why two ends did not come together.
#[derive(Debug, Error)]
pub enum HandshakeError {
    /// The socket failed or was closed.
    #[error("connection failed: {0}; is it running there, and can it be reached from here?")]
    Io(#[from] io::Error),
    /// The other end said nothing in time.
    #[error("no greeting within {} s: is it a Taskreel scheduler or worker?", PATIENCE.as_secs())]
    Silent,
    /// The other end is something else.
    #[error("the other end does not speak Taskreel's protocol")]
    Foreign,
    /// The other end speaks another version of the protocol.
    #[error(
        "the other end is Taskreel {version} with protocol {theirs}, this is {VERSION} with protocol {PROTOCOL}: use the same version on both"
    )]
    Protocol {
        /// Its number.
        theirs: u32,
        /// The version of its software.
        version: String,
    },
    /// The greeting is damaged.
    #[error("malformed greeting: {0}")]
    Codec(#[from] CodecError),
    /// The other end refused.
    #[error("refused: {0}")]
    Refused(String),
    /// The ends do not agree on TLS, or one does not accept the other's certificate.
    #[error("TLS: {0}")]
    Tls(String),
}

/// A connection after the handshake.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) reader: FramedRead<ReadHalf, LengthDelimitedCodec>,
    pub(crate) writer: WriteHalf,
}

impl Connection {
    fn new((read, writer): (ReadHalf, WriteHalf)) -> Self {
        Self { reader: FramedRead::new(read, delimiter(MAX_GREETING_BYTES)), writer }
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
    credentials: &Credentials,
) -> Result<Connection, HandshakeError> {
    let stream = tokio::time::timeout(PATIENCE, TcpStream::connect(address))
        .await
        .map_err(|_elapsed| io::Error::from(io::ErrorKind::TimedOut))??;
    socket::prepare(&stream)?;
    let mut connection = Connection::new(match credentials.tls() {
        None => socket::plain(stream),
        Some(tls) => {
            let greeted = tokio::time::timeout(PATIENCE, tls.connect(stream)).await;
            socket::tls(greeted.map_err(|_elapsed| HandshakeError::Silent)?.map_err(told)?)
        }
    });
    let mut body = Vec::new();
    let token = credentials.token().unwrap_or_default();
    body.extend_from_slice(&(token.len() as u16).to_le_bytes());
    body.extend_from_slice(token.as_bytes());
    codec::encode_message(&role, &mut body)?;
    write(&mut connection, &body).await?;
    let frame = read(&mut connection).await?;
    let answer = match parse(&frame) {
        // The refusal of another version is for people of both.
        Ok(body) => codec::decode_message_prefix(body)?.0,
        Err(error) => return Err(error),
    };
    match answer {
        Answer::Welcome => Ok(connection.greeted()),
        Answer::Refused { reason } => Err(HandshakeError::Refused(reason)),
    }
}

/// Accepts a connection: reads the greeting and answers it.
///
/// # Errors
/// The other end is something else, speaks another version, or its token is wrong; it is told.
pub(crate) async fn accept(
    stream: TcpStream,
    credentials: &Credentials,
) -> Result<(Role, Connection), HandshakeError> {
    let mut connection = admit(stream, credentials).await?;
    let frame = read(&mut connection).await?;
    let body = match parse(&frame) {
        Ok(body) => body,
        Err(error) => {
            if matches!(error, HandshakeError::Protocol { .. }) {
                refuse(&mut connection, &error.to_string()).await?;
            }
            return Err(error);
        }
    };
    let (theirs, role) = split_token(body).ok_or(HandshakeError::Foreign)?;
    if credentials.token().is_some_and(|token| !same(token.as_bytes(), theirs)) {
        let reason = "the token is missing or wrong".to_owned();
        refuse(&mut connection, &reason).await?;
        return Err(HandshakeError::Refused(reason));
    }
    let (role, _) = codec::decode_message_prefix(role)?;
    let mut welcome = Vec::new();
    codec::encode_message(&Answer::Welcome, &mut welcome)?;
    write(&mut connection, &welcome).await?;
    Ok((role, connection.greeted()))
}

/// The connection to an end that speaks TLS if it should, and only then.
async fn admit(
    mut stream: TcpStream,
    credentials: &Credentials,
) -> Result<Connection, HandshakeError> {
    socket::prepare(&stream)?;
    let mut first = [0];
    let peeked = tokio::time::timeout(PATIENCE, stream.peek(&mut first)).await;
    peeked.map_err(|_elapsed| HandshakeError::Silent)??;
    match (credentials.tls(), first[0] == TLS_BEGIN) {
        (None, false) => Ok(Connection::new(socket::plain(stream))),
        (Some(tls), true) => {
            let greeted = tokio::time::timeout(PATIENCE, tls.accept(stream)).await;
            let stream = greeted.map_err(|_elapsed| HandshakeError::Silent)?.map_err(told)?;
            Ok(Connection::new(socket::tls(stream)))
        }
        (None, true) => {
            // If it is gone it needs no word.
            let _ = stream.write_all(&NO_TLS).await;
            tls::read_away(&mut stream).await;
            Err(HandshakeError::Tls("the other end speaks TLS, and this one does not".to_owned()))
        }
        (Some(_), false) => {
            let mut connection = Connection::new(socket::plain(stream));
            // Read, so that it gets to read the answer, but not looked at.
            read(&mut connection).await?;
            refuse(&mut connection, "TLS and a certificate of this cluster are needed").await?;
            Err(HandshakeError::Tls("the other end does not speak TLS".to_owned()))
        }
    }
}

/// What a failure of a socket means.
fn told(error: io::Error) -> HandshakeError {
    match tls::explain(&error) {
        Some(why) => HandshakeError::Tls(why),
        None if error.kind() == io::ErrorKind::InvalidData => HandshakeError::Foreign,
        None => HandshakeError::Io(error),
    }
}

async fn refuse(connection: &mut Connection, reason: &str) -> Result<(), HandshakeError> {
    let mut body = Vec::new();
    codec::encode_message(&Answer::Refused { reason: reason.to_owned() }, &mut body)?;
    write(connection, &body).await
}

/// Token and role of a greeting.
fn split_token(body: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = body.split_at_checked(2)?;
    rest.split_at_checked(u16::from_le_bytes(len.try_into().ok()?).into())
}

/// Compares in a time that does not tell how much of it is right.
fn same(ours: &[u8], theirs: &[u8]) -> bool {
    let differences = ours.iter().zip(theirs).fold(0, |all, (a, b)| all | (a ^ b));
    ours.len() == theirs.len() && differences == 0
}

async fn write(connection: &mut Connection, body: &[u8]) -> Result<(), HandshakeError> {
    let head_len = 9 + VERSION.len();
    let mut frame = BytesMut::with_capacity(4 + head_len + body.len());
    frame.put_u32((head_len + body.len()) as u32);
    frame.put_slice(MAGIC);
    frame.put_u32_le(PROTOCOL);
    frame.put_u8(VERSION.len() as u8);
    frame.put_slice(VERSION.as_bytes());
    frame.put_slice(body);
    connection.writer.write_all(&frame).await.map_err(told)?;
    connection.writer.flush().await.map_err(told)
}

async fn read(connection: &mut Connection) -> Result<Bytes, HandshakeError> {
    let frame = tokio::time::timeout(PATIENCE, connection.reader.next())
        .await
        .map_err(|_elapsed| HandshakeError::Silent)?
        .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?
        .map_err(told)?;
    Ok(frame.freeze())
}

/// What follows the head of a greeting or answer.
fn parse(frame: &Bytes) -> Result<&[u8], HandshakeError> {
    let Some((head, rest)) = frame.split_at_checked(8) else { return Err(HandshakeError::Foreign) };
    let (magic, number) = head.split_at(4);
    if magic != MAGIC {
        return Err(HandshakeError::Foreign);
    }
    let theirs = u32::from_le_bytes(number.try_into().expect("four bytes were split off"));
    let version = rest.split_first().and_then(|(&len, rest)| rest.split_at_checked(len.into()));
    if theirs != PROTOCOL {
        let version = version.map(|(text, _)| String::from_utf8_lossy(text).into_owned());
        let version = version.unwrap_or_else(|| "of another kind".to_owned());
        return Err(HandshakeError::Protocol { theirs, version });
    }
    version.map(|(_, body)| body).ok_or(HandshakeError::Foreign)
}

#[cfg(test)]
mod tests;
