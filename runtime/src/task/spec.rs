//! Specs: what a task runs on, as bytes that only clients and workers look into.
//!
//! ```text
//! u8       executor: 0 function, 1 command; others are free for further executors
//! u32 LE   n: the results of the first n dependencies are inputs, the rest only come before
//! ...      the executor's own part
//! ```
//!
//! A function's part is one entry per parameter: `0` and the encoded value, `1` and the position
//! (u32 LE) of an input, or `2`, a count and as many positions for a list.

use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use serde::de::DeserializeOwned;
use taskreel_model::FailureKind;

use crate::executor::Failure;
use crate::wire::codec::{self, CodecError};

/// Bytes in front of the executor's own part.
pub(crate) const HEADER_BYTES: usize = 5;

/// Longest spec: it must fit a frame together with the rest of its graph.
pub(crate) const MAX_SPEC_BYTES: usize = 32 << 20;

/// Tag of the executor of `#[task]` functions.
pub(crate) const FUNCTION: u8 = 0;

/// Tag of the executor of commands.
pub(crate) const COMMAND: u8 = 1;

const VALUE: u8 = 0;
const INPUT: u8 = 1;
const INPUTS: u8 = 2;

/// The encoded result of a task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Returned {
    pub(crate) bytes: Bytes,
    pub(crate) encode_took: Duration,
}

impl Returned {
    /// Encodes a result.
    ///
    /// # Errors
    /// Its `Serialize` failed.
    pub(crate) fn encode<T: Serialize>(value: &T) -> Result<Self, CodecError> {
        let begin = Instant::now();
        let mut out = Vec::new();
        codec::encode_value(value, &mut out)?;
        Ok(Self { bytes: Bytes::from(out), encode_took: begin.elapsed() })
    }
}

/// Builds a spec.
#[derive(Debug)]
pub(crate) struct SpecWriter {
    bytes: Vec<u8>,
}

impl SpecWriter {
    pub(crate) fn new(executor: u8) -> Self {
        let mut bytes = Vec::with_capacity(32);
        bytes.extend_from_slice(&[executor, 0, 0, 0, 0]);
        Self { bytes }
    }

    /// An argument that is a value.
    pub(crate) fn value<T: Serialize>(&mut self, value: &T) -> Result<(), CodecError> {
        self.bytes.push(VALUE);
        codec::encode_value(value, &mut self.bytes)
    }

    /// An argument that is an input.
    pub(crate) fn input(&mut self, position: u32) {
        self.bytes.push(INPUT);
        self.number(position);
    }

    /// An argument that is a list of inputs.
    pub(crate) fn inputs(&mut self, positions: &[u32]) {
        self.bytes.push(INPUTS);
        self.number(positions.len() as u32);
        for &position in positions {
            self.number(position);
        }
    }

    /// The executor's own part as one value.
    pub(crate) fn body<T: Serialize>(&mut self, body: &T) -> Result<(), CodecError> {
        codec::encode_value(body, &mut self.bytes)
    }

    pub(crate) fn finish(mut self, n_inputs: u32) -> Vec<u8> {
        self.bytes[1..HEADER_BYTES].copy_from_slice(&n_inputs.to_le_bytes());
        self.bytes
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn number(&mut self, number: u32) {
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }
}

/// Executor, number of inputs and the executor's own part. `None`: not a spec.
pub(crate) fn parse(spec: &[u8]) -> Option<(u8, u32, &[u8])> {
    let (header, body) = spec.split_at_checked(HEADER_BYTES)?;
    let n_inputs = u32::from_le_bytes(header[1..].try_into().ok()?);
    Some((header[0], n_inputs, body))
}

/// Reads the arguments of a function, one after the other.
#[derive(Debug)]
pub(crate) struct ArgumentReader<'a> {
    body: &'a [u8],
    inputs: &'a [Bytes],
}

impl<'a> ArgumentReader<'a> {
    pub(crate) fn new(body: &'a [u8], inputs: &'a [Bytes]) -> Self {
        Self { body, inputs }
    }

    /// The next argument; `name` is that of the parameter, for messages.
    pub(crate) fn next<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Failure> {
        match self.byte(name)? {
            VALUE => {
                let (value, used) =
                    codec::decode_value_prefix(self.body).map_err(|e| undecodable(name, &e))?;
                self.body = &self.body[used..];
                Ok(value)
            }
            INPUT => {
                let input = self.next_input(name)?;
                codec::decode_value(input).map_err(|e| undecodable(name, &e))
            }
            INPUTS => self.next_list(name),
            _ => Err(malformed(name)),
        }
    }

    /// A list is decoded as the sequence of its elements: length, then each, as bincode has it.
    fn next_list<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Failure> {
        let count = self.number(name)? as usize;
        if count > self.body.len() / 4 {
            return Err(malformed(name));
        }
        let mut whole = Vec::new();
        codec::encode_value(&(count as u64), &mut whole).map_err(|e| undecodable(name, &e))?;
        for _ in 0..count {
            whole.extend_from_slice(self.next_input(name)?);
        }
        codec::decode_value(&whole).map_err(|e| undecodable(name, &e))
    }

    fn next_input(&mut self, name: &str) -> Result<&'a Bytes, Failure> {
        let position = self.number(name)? as usize;
        self.inputs.get(position).ok_or_else(|| malformed(name))
    }

    fn byte(&mut self, name: &str) -> Result<u8, Failure> {
        let (&byte, rest) = self.body.split_first().ok_or_else(|| malformed(name))?;
        self.body = rest;
        Ok(byte)
    }

    fn number(&mut self, name: &str) -> Result<u32, Failure> {
        let (head, rest) = self.body.split_first_chunk::<4>().ok_or_else(|| malformed(name))?;
        self.body = rest;
        Ok(u32::from_le_bytes(*head))
    }
}

fn malformed(name: &str) -> Failure {
    Failure::new(FailureKind::Codec, format!("argument `{name}` is missing or malformed"))
}

fn undecodable(name: &str, error: &CodecError) -> Failure {
    Failure::new(FailureKind::Codec, format!("argument `{name}` {error}"))
}
