//! Bytes of the format: little-endian numbers, LEB128 varints, zigzag, and a cursor that never
//! reads past its end.

/// Bytes that are not what the format says; the text names the rule that is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

/// Appends an unsigned number, seven bits a byte, lowest first.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    if value < 0x80 {
        out.push(value as u8);
        return;
    }
    // Gathered first: one look at the vector's capacity is quicker than one for each byte.
    let mut bytes = [0; 10];
    let mut len = 0;
    while value >= 0x80 {
        bytes[len] = value as u8 | 0x80;
        value >>= 7;
        len += 1;
    }
    bytes[len] = value as u8;
    out.extend_from_slice(&bytes[..=len]);
}

/// Appends a signed number: 0, -1, 1, -2 become 0, 1, 2, 3.
pub(crate) fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// Enough for twelve of the longest numbers.
const ROOM: usize = 128;

/// Bytes being written, quicker than a vector takes them one by one: room is made for several
/// numbers at once.
#[derive(Debug, Default)]
pub(crate) struct Sink {
    /// What is behind `len` is room.
    bytes: Vec<u8>,
    len: usize,
}

/// Room for some numbers, which never end beyond it.
#[derive(Debug)]
pub(crate) struct Room<'a> {
    bytes: &'a mut [u8; ROOM],
    len: usize,
}

impl Sink {
    /// How much is filled in advance.
    const SLACK: usize = 4 * ROOM;

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.len]
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Empties it and keeps its memory.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
    }

    /// Appends what `fill` puts into the room: at most twelve numbers.
    #[inline(always)]
    pub(crate) fn fill<R>(&mut self, fill: impl FnOnce(&mut Room<'_>) -> R) -> R {
        if self.bytes.len() < self.len + ROOM {
            self.grow();
        }
        let bytes = self.bytes[self.len..].first_chunk_mut().expect("room was made");
        let mut room = Room { bytes, len: 0 };
        let filled = fill(&mut room);
        self.len += room.len;
        filled
    }

    #[inline(always)]
    pub(crate) fn byte(&mut self, value: u8) {
        self.fill(|room| room.byte(value));
    }

    /// As [`put_varint`].
    #[inline(always)]
    pub(crate) fn varint(&mut self, value: u64) {
        self.fill(|room| room.varint(value));
    }

    /// As [`put_zigzag`].
    #[inline(always)]
    pub(crate) fn zigzag(&mut self, value: i64) {
        self.fill(|room| room.zigzag(value));
    }

    /// Appends what `fill` pushes to a vector.
    pub(crate) fn append(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.len);
        fill(&mut self.bytes);
        self.len = self.bytes.len();
    }

    #[cold]
    fn grow(&mut self) {
        // The vector itself makes room for more, so that it rarely moves.
        self.bytes.resize(self.len + Self::SLACK, 0);
    }
}

impl Room<'_> {
    #[inline(always)]
    pub(crate) fn byte(&mut self, value: u8) {
        self.bytes[self.len] = value;
        self.len += 1;
    }

    /// As [`put_varint`]. Most numbers have one byte, nearly all others up to four: those are not
    /// written byte by byte.
    #[inline(always)]
    pub(crate) fn varint(&mut self, value: u64) {
        if value < 0x80 {
            self.byte(value as u8);
        } else if value < 1 << 28 {
            let (bytes, n) = spread(value as u32);
            self.bytes[self.len..self.len + 4].copy_from_slice(&bytes);
            self.len += n;
        } else {
            let len = self.len;
            self.len = put_long(self.bytes, len, value);
        }
    }

    /// As [`put_zigzag`].
    #[inline(always)]
    pub(crate) fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    /// A number of fixed width, little-endian.
    #[inline(always)]
    pub(crate) fn fixed<const N: usize>(&mut self, bytes: [u8; N]) {
        let room = self.bytes[self.len..].first_chunk_mut();
        *room.expect("a row is shorter than the room") = bytes;
        self.len += N;
    }
}

/// A varint of up to four bytes, and how many of them it has; the others are 0.
#[inline(always)]
pub(crate) fn spread(value: u32) -> ([u8; 4], usize) {
    let low = (value & 0x7f) | (value & 0x3f80) << 1;
    let spread = low | (value & 0x1f_c000) << 2 | (value & 0xfe0_0000) << 3;
    // All but the last byte say that another follows.
    let more_bits = 8 * ((31 - (value | 1).leading_zeros()) / 7);
    let more = 0x0080_8080 & ((1 << more_bits) - 1);
    ((spread | more).to_le_bytes(), 1 + more_bits as usize / 8)
}

/// A long varint from `len` on; returns where it ends. Not a method, so that the length may stay in
/// a register elsewhere.
#[cold]
#[inline(never)]
pub(crate) fn put_long(bytes: &mut [u8], mut len: usize, mut value: u64) -> usize {
    while value >= 0x80 {
        bytes[len] = value as u8 | 0x80;
        value >>= 7;
        len += 1;
    }
    bytes[len] = value as u8;
    len + 1
}

/// A long varint and what follows it. Not a method, so that a cursor may stay in registers.
#[cold]
#[inline(never)]
fn read_long(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let mut value = 0_u64;
    let mut rest = bytes;
    for shift in (0..64).step_by(7) {
        let (&byte, others) = rest.split_first().ok_or(Malformed("it ends too early"))?;
        rest = others;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return Err(Malformed("a number is too large"));
        }
        value |= bits << shift;
        if byte < 0x80 {
            return Ok((value, rest));
        }
    }
    Err(Malformed("a number is too long"))
}

/// Reads bytes from the front.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cursor<'a> {
    rest: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or(Malformed("it ends too early"))?;
        self.rest = rest;
        Ok(head)
    }

    /// As many bytes as a length read from the file says, if there are so many.
    pub(crate) fn take_len(&mut self, len: u64) -> Result<&'a [u8], Malformed> {
        self.take(usize::try_from(len).unwrap_or(usize::MAX))
    }

    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let bytes = self.take(N)?;
        Ok(bytes.try_into().expect("take returns the length asked for"))
    }

    #[inline(always)]
    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        let (&first, rest) = self.rest.split_first().ok_or(Malformed("it ends too early"))?;
        self.rest = rest;
        Ok(first)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, Malformed> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// Most numbers have one byte, nearly all others up to four: those are not read byte by byte.
    #[inline(always)]
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let rest = self.rest;
        if let [first, others @ ..] = rest
            && *first < 0x80
        {
            self.rest = others;
            return Ok(u64::from(*first));
        }
        if let Some(word) = rest.first_chunk().map(|word| u32::from_le_bytes(*word))
            && !word & 0x8080_8080 != 0
        {
            let n = (!word & 0x8080_8080).trailing_zeros() / 8 + 1;
            let word = word & (u32::MAX >> (32 - 8 * n));
            self.rest = &rest[n as usize..];
            let low = (word & 0x7f) | (word & 0x7f00) >> 1;
            return Ok(u64::from(low | (word & 0x7f_0000) >> 2 | (word & 0x7f00_0000) >> 3));
        }
        let (value, rest) = read_long(rest)?;
        self.rest = rest;
        Ok(value)
    }

    #[inline(always)]
    pub(crate) fn varint_u32(&mut self) -> Result<u32, Malformed> {
        u32::try_from(self.varint()?).map_err(|_too_large| Malformed("an id is too large"))
    }

    #[inline(always)]
    pub(crate) fn zigzag(&mut self) -> Result<i64, Malformed> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_come_back(value: u64, signed: i64) {
            let mut out = Vec::new();
            put_varint(&mut out, value);
            put_zigzag(&mut out, signed);
            let mut cursor = Cursor::new(&out);
            prop_assert_eq!(cursor.varint(), Ok(value));
            prop_assert_eq!(cursor.zigzag(), Ok(signed));
            prop_assert_eq!(cursor.remaining(), 0);
        }
    }

    #[test]
    fn a_sink_writes_what_a_vector_would_hold() {
        let near =
            |bit: u32| (0..3).map(move |step| (1_u64 << bit).wrapping_add(step).wrapping_sub(1));
        let numbers: Vec<u64> = (0..64).flat_map(near).chain([0, u64::MAX]).collect();
        let (mut sink, mut expected) = (Sink::default(), Vec::new());
        for _ in 0..9 {
            for &number in &numbers {
                sink.varint(number);
                put_varint(&mut expected, number);
                sink.zigzag(number as i64);
                put_zigzag(&mut expected, number as i64);
                sink.byte(7);
                sink.append(|bytes| bytes.push(8));
                expected.extend_from_slice(&[7, 8]);
            }
        }
        assert_eq!(sink.bytes(), expected);
        let mut cursor = Cursor::new(&expected);
        for &number in &numbers {
            assert_eq!(cursor.varint(), Ok(number));
            assert_eq!(cursor.zigzag(), Ok(number as i64));
            assert_eq!(cursor.take(2), Ok([7, 8].as_slice()));
        }
    }

    #[test]
    fn refuses_overlong_and_cut_numbers() {
        assert!(Cursor::new(&[0x80; 11]).varint().is_err());
        assert!(
            Cursor::new(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2])
                .varint()
                .is_err()
        );
        assert!(Cursor::new(&[0x80]).varint().is_err());
        assert!(Cursor::new(&[1, 2, 3]).u32().is_err());
    }

    #[test]
    fn small_signed_numbers_are_small() {
        for (signed, byte) in [(0, 0), (-1, 1), (1, 2), (-2, 3)] {
            let mut out = Vec::new();
            put_zigzag(&mut out, signed);
            assert_eq!(out, [byte]);
        }
    }
}
