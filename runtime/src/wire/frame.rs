//! Frames: a message and its payloads as bytes.
//!
//! ```text
//! u32, big-endian   length of what follows, at most MAX_FRAME_BYTES
//! bincode           lengths of the payloads: Vec<u32>
//! bincode           the message, without its payloads
//! bytes             the payloads, one behind the other
//! ```
//!
//! A payload is never copied on arrival: it shares the frame's buffer.

use bytes::{BufMut, Bytes, BytesMut};
use thiserror::Error;
use tokio_util::codec::LengthDelimitedCodec;

use super::codec::{self, CodecError, MAX_FRAME_BYTES};
use super::message::Message;

/// Why a frame could not be written or read.
#[derive(Debug, Error)]
pub enum FrameError {
    /// The socket failed.
    #[error("connection failed: {0}")]
    Io(#[from] std::io::Error),
    /// The message cannot be encoded, or the bytes are not one.
    #[error("malformed message: {0}")]
    Codec(#[from] CodecError),
    /// The payload lengths do not fit the message or the frame.
    #[error("malformed message: payload lengths do not fit")]
    Payloads,
    /// The message is too long and cannot be divided.
    #[error("message of {0} bytes is longer than the {MAX_FRAME_BYTES} that a frame may have")]
    TooLong(usize),
}

/// The codec that finds the frames in a stream.
pub(crate) fn delimiter(max_bytes: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .length_field_type::<u32>()
        .max_frame_length(max_bytes)
        .new_codec()
}

/// Appends the message to `out` as one frame, or as several if it is too long for one.
/// `scratch` is working space that callers keep, to spare allocations.
///
/// # Errors
/// It cannot be encoded, or it is too long and cannot be divided.
pub fn encode<T: Message>(
    mut message: T,
    scratch: &mut Vec<u8>,
    out: &mut BytesMut,
) -> Result<(), FrameError> {
    let mut payloads: Vec<Bytes> = Vec::new();
    let mut n_bytes = 0;
    message.payloads(&mut |payload| {
        n_bytes += payload.len();
        payloads.push(payload.clone());
    });
    scratch.clear();
    let too_long = n_bytes > MAX_FRAME_BYTES || {
        let lens: Vec<u32> = payloads.iter().map(|payload| payload.len() as u32).collect();
        codec::encode_message(&lens, scratch)?;
        codec::encode_message(&message, scratch)?;
        scratch.len() + n_bytes > MAX_FRAME_BYTES
    };
    if too_long {
        let second = message.split_off().ok_or(FrameError::TooLong(scratch.len() + n_bytes))?;
        encode(message, scratch, out)?;
        return encode(second, scratch, out);
    }
    out.reserve(4 + scratch.len() + n_bytes);
    out.put_u32((scratch.len() + n_bytes) as u32);
    out.extend_from_slice(scratch);
    for payload in &payloads {
        out.extend_from_slice(payload);
    }
    Ok(())
}

/// The message of a frame, its length field already taken off.
///
/// # Errors
/// The bytes are not such a message.
pub fn decode<T: Message>(frame: &Bytes) -> Result<T, FrameError> {
    let (lens, used): (Vec<u32>, usize) = codec::decode_message_prefix(frame)?;
    let (mut message, more): (T, usize) = codec::decode_message_prefix(&frame[used..])?;
    let mut rest = frame.slice(used + more..);
    let mut lens = lens.into_iter();
    let mut fits = true;
    message.payloads(&mut |payload| match lens.next() {
        Some(len) if len as usize <= rest.len() => *payload = rest.split_to(len as usize),
        Some(_) | None => fits = false,
    });
    if fits && rest.is_empty() && lens.next().is_none() {
        Ok(message)
    } else {
        Err(FrameError::Payloads)
    }
}

#[cfg(test)]
mod tests;
