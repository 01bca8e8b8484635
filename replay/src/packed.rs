//! Numbers as bytes, few where they are small: for columns that a viewer keeps of a run of any length.

use taskreel_model::{Key, Outcome, PrefixId, StrId, Suffix};

/// Appends a number: seven bits a byte, so that what is below 128 takes one.
pub fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Appends by how much a number differs from the one before, which may be either way.
pub fn put_step(out: &mut Vec<u8>, before: u64, value: u64) {
    put(out, fold(value.wrapping_sub(before)));
}

/// Appends a key, as it differs from the one before.
pub fn put_key(out: &mut Vec<u8>, before: Option<Key>, key: Key) {
    let (prefix, number) = numbers_of(before);
    let (kind, n) = suffix_parts(key.suffix);
    put_step(out, prefix, key.prefix.0.into());
    put(out, (fold(u64::from(n).wrapping_sub(number)) << 2) | kind);
}

/// Appends how something ended; `None`: it goes on.
pub fn put_outcome(out: &mut Vec<u8>, outcome: Option<Outcome>) {
    put(out, OUTCOMES.iter().position(|known| *known == outcome).unwrap_or(0) as u64);
}

const OUTCOMES: [Option<Outcome>; 5] = [
    Some(Outcome::Finished),
    None,
    Some(Outcome::Failed),
    Some(Outcome::Lost),
    Some(Outcome::Cancelled),
];

/// The kind of a suffix, in two bits, and its number.
fn suffix_parts(suffix: Suffix) -> (u64, u32) {
    match suffix {
        Suffix::None => (0, 0),
        Suffix::Index(index) => (1, index),
        Suffix::Name(name) => (2, name.0),
    }
}

/// Of the key before, the prefix and the number of the suffix.
fn numbers_of(before: Option<Key>) -> (u64, u64) {
    before.map_or((0, 0), |key| (key.prefix.0.into(), suffix_parts(key.suffix).1.into()))
}

/// A difference with its sign in the lowest bit, so that small ones are small numbers.
fn fold(step: u64) -> u64 {
    (step << 1) ^ (((step as i64) >> 63) as u64)
}

/// The difference that was folded.
fn unfold(folded: u64) -> u64 {
    (folded >> 1) ^ (folded & 1).wrapping_neg()
}

/// Takes numbers out again, in the order in which they were put in.
#[derive(Clone, Debug)]
pub struct Unpacker<'a>(std::slice::Iter<'a, u8>);

impl<'a> Unpacker<'a> {
    /// From the first number on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    /// The next number; beyond the last one 0.
    pub fn take(&mut self) -> u64 {
        let (mut value, mut shift) = (0, 0);
        for byte in self.0.by_ref() {
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
            shift = (shift + 7) & 63;
        }
        value
    }

    /// The next number, of which the difference was put in.
    pub fn take_step(&mut self, before: u64) -> u64 {
        before.wrapping_add(unfold(self.take()))
    }

    /// The next key; `before` is the one that was given when it was put in.
    pub fn take_key(&mut self, before: Option<Key>) -> Key {
        let (prefix, number) = numbers_of(before);
        let prefix = PrefixId(self.take_step(prefix) as u32);
        let packed = self.take();
        let n = number.wrapping_add(unfold(packed >> 2)) as u32;
        let suffix = match packed & 3 {
            0 => Suffix::None,
            1 => Suffix::Index(n),
            _ => Suffix::Name(StrId(n)),
        };
        Key { prefix, suffix }
    }

    /// How something ended; `None`: it goes on.
    pub fn take_outcome(&mut self) -> Option<Outcome> {
        OUTCOMES[self.take() as usize % OUTCOMES.len()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_out_as_they_went_in() {
        let numbers = [0, 1, 127, 128, 300, 1 << 35, u64::MAX, 5, u64::MAX - 1, 0];
        let mut bytes = Vec::new();
        let mut before = 0;
        for number in numbers {
            put(&mut bytes, number);
            put_step(&mut bytes, before, number);
            before = number;
        }
        let mut unpacker = Unpacker::new(&bytes);
        let mut before = 0;
        for number in numbers {
            assert_eq!(unpacker.take(), number);
            assert_eq!(unpacker.take_step(before), number);
            before = number;
        }
        assert_eq!(unpacker.take(), 0, "beyond the end");
    }

    #[test]
    fn keys_and_outcomes_come_out_as_they_went_in() {
        let suffixes =
            [Suffix::None, Suffix::Index(u32::MAX), Suffix::Index(0), Suffix::Name(StrId(7))];
        let key = |(i, suffix): (u32, &Suffix)| Key { prefix: PrefixId(9 - i), suffix: *suffix };
        let keys: Vec<Key> = (0..).zip(&suffixes).map(key).collect();
        let mut bytes = Vec::new();
        let mut before = None;
        for key in &keys {
            put_key(&mut bytes, before, *key);
            before = Some(*key);
        }
        OUTCOMES.iter().for_each(|outcome| put_outcome(&mut bytes, *outcome));
        let mut unpacker = Unpacker::new(&bytes);
        let mut before = None;
        for key in keys {
            before = Some(unpacker.take_key(before));
            assert_eq!(before, Some(key));
        }
        assert_eq!(OUTCOMES.map(|_| unpacker.take_outcome()), OUTCOMES);
    }

    #[test]
    fn small_steps_are_small() {
        let mut bytes = Vec::new();
        for (before, value) in [(1_000_000, 1_000_050), (1_000_050, 1_000_000), (7, 7)] {
            put_step(&mut bytes, before, value);
        }
        assert_eq!(bytes.len(), 3);
    }
}
