//! The only place that calls bincode: rows of the tail, and the cold events of a block.
//!
//! The configuration is bincode's standard one (little-endian, varint) with a limit, so that a
//! length in a damaged or forged file never decides how much memory is taken.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::bytes::Malformed;
use crate::format::MAX_RAW;

/// The most one row may have.
pub(crate) const MAX_ROW: usize = 32 << 20;

const CONFIG: Configuration<LittleEndian, Varint, Limit<MAX_ROW>> =
    bincode::config::standard().with_limit::<MAX_ROW>();

/// As for rows, for what fills a block: a keyframe.
const LARGE: Configuration<LittleEndian, Varint, Limit<MAX_RAW>> =
    bincode::config::standard().with_limit::<MAX_RAW>();

/// Appends a value.
pub(crate) fn put_row<T: Serialize>(out: &mut Vec<u8>, value: &T) {
    bincode::serde::encode_into_std_write(value, out, CONFIG)
        .expect("the recorded types encode, and a vector takes any length");
}

/// Reads a value from the begin of `bytes`. What follows it is left alone: fields that a newer
/// version appended.
pub(crate) fn read_row<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    match bincode::serde::decode_from_slice(bytes, CONFIG) {
        Ok((value, _len)) => Ok(value),
        Err(_why) => Err(Malformed("a row cannot be decoded")),
    }
}

/// Reads a value that may be as large as a block.
pub(crate) fn read_large<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Malformed> {
    match bincode::serde::decode_from_slice(bytes, LARGE) {
        Ok((value, _len)) => Ok(value),
        Err(_why) => Err(Malformed("a keyframe cannot be decoded")),
    }
}
