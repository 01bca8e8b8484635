//! The only place that calls bincode: two configurations, each with a limit.
//!
//! A length in the input is never believed further than the limit, and serde's own caution keeps
//! allocations near the bytes that are really there.

use std::fmt;
use std::marker::PhantomData;

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::de::{DeserializeOwned, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use smallvec::SmallVec;
use thiserror::Error;

/// Longest frame on any connection: header and payload together.
pub const MAX_FRAME_BYTES: usize = 64 << 20;

/// Longest single value: an argument or a result.
pub const MAX_VALUE_BYTES: usize = 16 << 30;

type Config<const N: usize> = Configuration<LittleEndian, Varint, Limit<N>>;

const MESSAGE: Config<MAX_FRAME_BYTES> =
    bincode::config::standard().with_limit::<MAX_FRAME_BYTES>();
const VALUE: Config<MAX_VALUE_BYTES> = bincode::config::standard().with_limit::<MAX_VALUE_BYTES>();

/// Bytes that are not what they should be, or a value that cannot be encoded.
#[derive(Debug, Error)]
pub enum CodecError {
    /// Encoding failed: the value's own `Serialize`, or the limit.
    #[error("cannot be encoded: {0}")]
    Encode(#[from] bincode::error::EncodeError),
    /// Decoding failed.
    #[error("cannot be decoded: {0}")]
    Decode(#[from] bincode::error::DecodeError),
    /// Bytes are left over behind the value.
    #[error("cannot be decoded: {0} bytes too many")]
    Trailing(usize),
}

/// Appends an encoded message to `out`.
///
/// # Errors
/// It is longer than a frame may be.
pub(crate) fn encode_message<T: Serialize>(
    message: &T,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    bincode::serde::encode_into_std_write(message, out, MESSAGE)?;
    Ok(())
}

/// Decodes a message at the begin of `bytes`, and tells how many bytes it took.
///
/// # Errors
/// The bytes are not such a message.
pub(crate) fn decode_message_prefix<T: DeserializeOwned>(
    bytes: &[u8],
) -> Result<(T, usize), CodecError> {
    Ok(bincode::serde::decode_from_slice(bytes, MESSAGE)?)
}

/// Appends an encoded argument or result to `out`.
///
/// # Errors
/// Its `Serialize` failed, or it is longer than a value may be.
pub(crate) fn encode_value<T: Serialize + ?Sized>(
    value: &T,
    out: &mut Vec<u8>,
) -> Result<(), CodecError> {
    bincode::serde::encode_into_std_write(value, out, VALUE)?;
    Ok(())
}

/// Decodes a value at the begin of `bytes`, and tells how many bytes it took.
///
/// # Errors
/// The bytes are not such a value.
pub(crate) fn decode_value_prefix<T: DeserializeOwned>(
    bytes: &[u8],
) -> Result<(T, usize), CodecError> {
    Ok(bincode::serde::decode_from_slice(bytes, VALUE)?)
}

/// Decodes a value that fills `bytes`.
///
/// # Errors
/// The bytes are not such a value.
pub(crate) fn decode_value<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, CodecError> {
    let (value, used) = decode_value_prefix(bytes)?;
    whole(bytes.len(), used).map(|()| value)
}

/// Decodes a list that is mostly short. A `SmallVec` itself would take as much memory as the list
/// claims elements, before there is one.
///
/// # Errors
/// The bytes are not such a list.
pub(crate) fn few<'de, D, T>(from: D) -> Result<SmallVec<[T; 1]>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    struct Few<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Few<T> {
        type Value = SmallVec<[T; 1]>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
            let mut found = SmallVec::new();
            while let Some(element) = list.next_element()? {
                found.push(element);
            }
            Ok(found)
        }
    }
    from.deserialize_seq(Few(PhantomData))
}

fn whole(len: usize, used: usize) -> Result<(), CodecError> {
    match len - used {
        0 => Ok(()),
        left => Err(CodecError::Trailing(left)),
    }
}
