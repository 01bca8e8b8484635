//! Specs: what a task runs on, as bytes that only clients and workers look into.
//!
//! ```text
//! u8       executor: 0 function, 1 command, 2 a value as it is, 3 where a client serves
//!          a value; others are free for further executors
//! u32 LE   n: how many of the dependencies are inputs; the others only come before
//! n u32 LE position of each input among the dependencies, which go by increasing number
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

/// Longest spec: it must fit a frame together with the rest of its graph.
pub(crate) const MAX_SPEC_BYTES: usize = 32 << 20;

/// Tag of the executor of `#[task]` functions.
pub(crate) const FUNCTION: u8 = 0;

/// Tag of the executor of commands.
pub(crate) const COMMAND: u8 = 1;

/// Tag of the executor of scattered values.
pub(crate) const VALUE: u8 = 2;

/// Tag of the executor of long scattered values, which workers fetch from the client.
pub(crate) const PULL: u8 = 3;

/// Four bytes of a list name an input of any length, as often as they like: a list may have so many times
/// the bytes of all inputs,
const REPEATS: u64 = 16;
/// and in any case so many.
const MAX_REPEATED: u64 = 64 << 20;

const ARG_VALUE: u8 = 0;
const ARG_INPUT: u8 = 1;
const ARG_INPUTS: u8 = 2;

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
    executor: u8,
    body: Vec<u8>,
}

impl SpecWriter {
    pub(crate) fn new(executor: u8) -> Self {
        Self { executor, body: Vec::with_capacity(16) }
    }

    /// An argument that is a value.
    pub(crate) fn value<T: Serialize>(&mut self, value: &T) -> Result<(), CodecError> {
        self.body.push(ARG_VALUE);
        codec::encode_value(value, &mut self.body)
    }

    /// An argument that is an input.
    pub(crate) fn input(&mut self, position: u32) {
        self.body.push(ARG_INPUT);
        self.number(position);
    }

    /// An argument that is a list of inputs.
    pub(crate) fn inputs(&mut self, positions: &[u32]) {
        self.body.push(ARG_INPUTS);
        self.number(positions.len() as u32);
        for &position in positions {
            self.number(position);
        }
    }

    /// The executor's own part as one value.
    pub(crate) fn body<T: Serialize>(&mut self, body: &T) -> Result<(), CodecError> {
        codec::encode_value(body, &mut self.body)
    }

    /// The executor's own part as it is.
    pub(crate) fn raw(&mut self, body: &[u8]) {
        self.body.extend_from_slice(body);
    }

    /// Appends the whole spec to `out`; `positions` are those of the inputs among the dependencies.
    pub(crate) fn finish(self, positions: impl ExactSizeIterator<Item = u32>, out: &mut Vec<u8>) {
        out.push(self.executor);
        out.extend_from_slice(&(positions.len() as u32).to_le_bytes());
        for position in positions {
            out.extend_from_slice(&position.to_le_bytes());
        }
        out.extend_from_slice(&self.body);
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    fn number(&mut self, number: u32) {
        self.body.extend_from_slice(&number.to_le_bytes());
    }
}

/// A spec taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec<'a> {
    /// Tag of the executor.
    pub(crate) executor: u8,
    positions: &'a [u8],
    /// The executor's own part.
    pub(crate) body: &'a [u8],
}

impl<'a> Spec<'a> {
    /// `None`: not a spec.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (&executor, rest) = bytes.split_first()?;
        let (n_inputs, rest) = rest.split_first_chunk::<4>()?;
        let n_bytes = 4 * u64::from(u32::from_le_bytes(*n_inputs));
        let (positions, body) = rest.split_at_checked(usize::try_from(n_bytes).ok()?)?;
        Some(Self { executor, positions, body })
    }

    /// Position of each input among the task's dependencies.
    pub(crate) fn positions(&self) -> impl Iterator<Item = usize> + use<'a> {
        let (chunks, _) = self.positions.as_chunks::<4>();
        chunks.iter().map(|chunk| u32::from_le_bytes(*chunk) as usize)
    }
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
            ARG_VALUE => {
                let (value, used) =
                    codec::decode_value_prefix(self.body).map_err(|e| undecodable(name, &e))?;
                self.body = &self.body[used..];
                Ok(value)
            }
            ARG_INPUT => {
                let input = self.next_input(name)?;
                codec::decode_value(input).map_err(|e| undecodable(name, &e))
            }
            ARG_INPUTS => self.next_list(name),
            _ => Err(malformed(name)),
        }
    }

    /// A list is decoded as the sequence of its elements: length, then each, as bincode has it.
    fn next_list<T: DeserializeOwned>(&mut self, name: &str) -> Result<T, Failure> {
        let count = self.number(name)? as usize;
        if count > self.body.len() / 4 {
            return Err(malformed(name));
        }
        let inputs = (0..count).map(|_| self.next_input(name)).collect::<Result<Vec<_>, _>>()?;
        let n_bytes = bytes_of(inputs.iter().copied());
        if n_bytes > MAX_REPEATED.saturating_add(bytes_of(self.inputs).saturating_mul(REPEATS)) {
            return Err(repeated(name, n_bytes));
        }
        let mut whole = Vec::new();
        codec::encode_value(&(count as u64), &mut whole).map_err(|e| undecodable(name, &e))?;
        inputs.into_iter().for_each(|input| whole.extend_from_slice(input));
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

fn bytes_of<'a>(inputs: impl IntoIterator<Item = &'a Bytes>) -> u64 {
    inputs.into_iter().map(|input| input.len() as u64).fold(0, u64::saturating_add)
}

fn repeated(name: &str, n_bytes: u64) -> Failure {
    let why = format!("argument `{name}` names the same results again and again: {n_bytes} bytes");
    Failure::new(FailureKind::Codec, why)
}

fn malformed(name: &str) -> Failure {
    Failure::new(FailureKind::Codec, format!("argument `{name}` is missing or malformed"))
}

fn undecodable(name: &str, error: &CodecError) -> Failure {
    Failure::new(FailureKind::Codec, format!("argument `{name}` {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(n: usize, len: usize) -> Result<usize, Failure> {
        let mut spec = SpecWriter::new(FUNCTION);
        spec.inputs(&vec![0; n]);
        let mut input = Vec::new();
        codec::encode_value(&vec![7_u8; len], &mut input).expect("it can be encoded");
        let lists =
            ArgumentReader::new(&spec.body, &[Bytes::from(input)]).next::<Vec<Vec<u8>>>("x");
        lists.map(|lists| lists.iter().map(Vec::len).sum())
    }

    /// Some megabytes would take terabytes of memory.
    #[test]
    fn a_result_is_not_named_without_end() {
        assert_eq!(sum(100_000, 16).expect("it may be, if it is short"), 1_600_000);
        assert_eq!(sum(16, 5 << 20).expect("or not too often"), 80 << 20);
        let refused = sum(2 << 20, 1 << 20).expect_err("this is two terabytes");
        assert!(format!("{refused:?}").contains("again and again"), "{refused:?}");
    }
}
