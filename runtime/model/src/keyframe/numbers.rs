//! A column of numbers, most of which are small, or all of which are the same: a state may have
//! millions of tasks that say nothing new.

use serde::de::{Deserialize, Deserializer, Error, Visitor};
use serde::ser::{Serialize, SerializeTuple, Serializer};

use super::BadKeyframe;

pub(super) const SHORT: BadKeyframe = BadKeyframe::Contradiction("a column is too short");

/// A byte that says that the number stands among the large ones.
const LARGE: u8 = u8::MAX;

/// Numbers, one after the other.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Numbers {
    n: u64,
    /// A byte for each; only one if it is the same for all.
    small: Vec<u8>,
    /// Those of which the byte is [`LARGE`].
    large: Vec<u64>,
}

impl Numbers {
    /// How many there are.
    pub(super) fn len(&self) -> u64 {
        self.n
    }

    pub(super) fn push(&mut self, number: impl Into<u64>) {
        let number = number.into();
        let byte = u8::try_from(number).unwrap_or(LARGE);
        if byte == LARGE {
            self.large.push(number);
        }
        let is_one_for_all = self.small.len() <= 1;
        if is_one_for_all && (self.n == 0 || self.small[0] != byte) {
            let first = self.small.first().copied().unwrap_or(0);
            self.small.resize(self.n as usize, first);
            self.small.push(byte);
        } else if !is_one_for_all {
            self.small.push(byte);
        }
        self.n += 1;
    }

    /// One that may be negative: 0, −1, 1, −2 are stored as 0, 1, 2, 3.
    pub(super) fn push_signed(&mut self, number: i64) {
        self.push((number << 1 ^ number >> 63) as u64);
    }

    /// Reads them from the first one on.
    pub(super) fn read(&self) -> Reader<'_> {
        Reader { numbers: self, at: 0, large: self.large.iter() }
    }
}

impl<N: Into<u64>> FromIterator<N> for Numbers {
    fn from_iter<I: IntoIterator<Item = N>>(numbers: I) -> Self {
        let mut column = Self::default();
        numbers.into_iter().for_each(|number| column.push(number));
        column
    }
}

/// A place in a column.
#[derive(Clone, Debug)]
pub(super) struct Reader<'a> {
    numbers: &'a Numbers,
    at: u64,
    large: std::slice::Iter<'a, u64>,
}

impl Reader<'_> {
    #[inline]
    pub(super) fn next(&mut self) -> Result<u64, BadKeyframe> {
        if self.at == self.numbers.n {
            return Err(SHORT);
        }
        let byte = match self.numbers.small.as_slice() {
            [all] => *all,
            each => *each.get(self.at as usize).ok_or(SHORT)?,
        };
        self.at += 1;
        if byte == LARGE { self.large.next().copied().ok_or(SHORT) } else { Ok(byte.into()) }
    }

    pub(super) fn next_u32(&mut self) -> Result<u32, BadKeyframe> {
        const RANGE: BadKeyframe = BadKeyframe::Contradiction("a number is out of range");
        u32::try_from(self.next()?).map_err(|_range| RANGE)
    }

    pub(super) fn next_signed(&mut self) -> Result<i64, BadKeyframe> {
        let number = self.next()?;
        Ok((number >> 1) as i64 ^ -((number & 1) as i64))
    }
}

/// As they are stored: how many, the bytes, and the large ones as the lowest byte of each, the next of
/// each, and so on up to the highest that one of them has.
impl Serialize for Numbers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let width = self.large.iter().map(|number| 8 - number.leading_zeros() / 8).max();
        let width = width.unwrap_or(0);
        let plane = |byte: u32| self.large.iter().map(move |number| (number >> (8 * byte)) as u8);
        let large: Vec<u8> = (0..width).flat_map(plane).collect();
        let mut stored = serializer.serialize_tuple(3)?;
        stored.serialize_element(&self.n)?;
        stored.serialize_element(&Bytes(&self.small))?;
        stored.serialize_element(&Bytes(&large))?;
        stored.end()
    }
}

impl<'de> Deserialize<'de> for Numbers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (n, small, planes) = <(u64, ByteBuf, ByteBuf)>::deserialize(deserializer)?;
        let (small, planes) = (small.0, planes.0);
        if small.len() as u64 != n && small.len() != 1 || n == 0 && !small.is_empty() {
            return Err(D::Error::custom("a column has not as many numbers as it claims"));
        }
        let n_large = match small.as_slice() {
            [LARGE] => n,
            each => each.iter().filter(|byte| **byte == LARGE).count() as u64,
        };
        // Each has a byte at least, so that what is claimed takes no memory that was not there.
        let n_bytes = planes.len() as u64;
        let is_whole = n_bytes >= n_large && n_bytes.is_multiple_of(n_large);
        if !is_whole {
            return Err(D::Error::custom("a column has other large numbers than it claims"));
        }
        let n_large = n_large as usize;
        let mut large = vec![0; n_large];
        for (plane, shift) in planes.chunks(n_large.max(1)).zip((0..).step_by(8)) {
            let shift: u32 = shift;
            if shift >= u64::BITS {
                return Err(D::Error::custom("a number has too many bytes"));
            }
            for (number, byte) in large.iter_mut().zip(plane) {
                *number |= u64::from(*byte) << shift;
            }
        }
        Ok(Self { n, small, large })
    }
}

/// Bytes as they are, which serde takes for a list of numbers.
struct Bytes<'a>(&'a [u8]);

impl Serialize for Bytes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0)
    }
}

struct ByteBuf(Vec<u8>);

impl<'de> Deserialize<'de> for ByteBuf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_byte_buf(TakeBytes).map(Self)
    }
}

struct TakeBytes;

impl Visitor<'_> for TakeBytes {
    type Value = Vec<u8>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("bytes")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests;
