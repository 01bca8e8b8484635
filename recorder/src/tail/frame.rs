//! The bytes of a frame being made. The thread that records waits for this, so numbers are not
//! pushed byte by byte: room for a whole row is made at once, and filled.

use super::FRAME_LEN;

/// The most bytes that the numbers of a row take, each written in full.
const ROOM: usize = 128;
/// How much the buffer grows beyond what is needed.
const SLACK: usize = 4 << 10;

/// A frame being made: its header, to be filled in at the end, and its payload.
#[derive(Debug, Default)]
pub(crate) struct Frame {
    /// What is behind `len` is room.
    bytes: Vec<u8>,
    len: usize,
}

/// Room for the numbers of one row.
#[derive(Debug)]
pub(crate) struct Row<'a> {
    bytes: &'a mut [u8; ROOM],
    at: usize,
}

impl Frame {
    /// Empties it, but for the room of the header.
    pub(crate) fn clear(&mut self) {
        self.len = 0;
        self.reserve(FRAME_LEN);
        self.len = FRAME_LEN;
    }

    /// Header and payload.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// The payload.
    pub(crate) fn payload(&self) -> &[u8] {
        &self.bytes[FRAME_LEN..self.len]
    }

    /// Bytes by now.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Fills in the header.
    pub(crate) fn set_header(&mut self, header: &[u8; FRAME_LEN]) {
        self.bytes[..FRAME_LEN].copy_from_slice(header);
    }

    /// Appends what `fill` writes into a row.
    #[inline]
    pub(crate) fn row(&mut self, fill: impl FnOnce(&mut Row<'_>)) {
        self.reserve(ROOM);
        let bytes = self.bytes[self.len..].first_chunk_mut().expect("room was made");
        let mut row = Row { bytes, at: 0 };
        fill(&mut row);
        self.len += row.at;
    }

    /// Appends what `fill` pushes to a vector.
    pub(crate) fn append(&mut self, fill: impl FnOnce(&mut Vec<u8>)) {
        self.bytes.truncate(self.len);
        fill(&mut self.bytes);
        self.len = self.bytes.len();
    }

    fn reserve(&mut self, more: usize) {
        if self.bytes.len() < self.len + more {
            self.bytes.resize(self.len + more + SLACK, 0);
        }
    }
}

impl Row<'_> {
    pub(crate) fn byte(&mut self, value: u8) {
        self.bytes[self.at % ROOM] = value;
        self.at += 1;
    }

    /// A number as a varint: most have one byte, nearly all others up to four.
    #[inline]
    pub(crate) fn varint(&mut self, value: u64) {
        if value < 0x80 {
            self.byte(value as u8);
        } else if value < 1 << 28 {
            let value = value as u32;
            let spread = (value & 0x7f)
                | (value & 0x3f80) << 1
                | (value & 0x1f_c000) << 2
                | (value & 0xfe0_0000) << 3;
            // All but the last byte say that another follows.
            let n = (38 - value.leading_zeros() as usize) / 7;
            let more = 0x0080_8080 & ((1 << (8 * (n - 1))) - 1);
            self.bytes[self.at..self.at + 4].copy_from_slice(&(spread | more).to_le_bytes());
            self.at += n;
        } else {
            self.long(value);
        }
    }

    #[cold]
    fn long(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.byte(value as u8 | 0x80);
            value >>= 7;
        }
        self.byte(value as u8);
    }

    pub(crate) fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }

    pub(crate) fn all<const N: usize>(&mut self, numbers: [u32; N]) {
        for number in numbers {
            self.varint(u64::from(number));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bytes::put_varint;

    #[test]
    fn numbers_are_written_as_elsewhere() {
        let near =
            |bit: u32| (0..3).map(move |step| (1_u64 << bit).wrapping_add(step).wrapping_sub(1));
        let numbers: Vec<u64> = (0..64).flat_map(near).chain([0, u64::MAX]).collect();
        let (mut frame, mut expected) = (Frame::default(), Vec::new());
        frame.clear();
        for &number in &numbers {
            frame.row(|row| row.varint(number));
            put_varint(&mut expected, number);
            frame.append(|bytes| bytes.push(7));
            expected.push(7);
        }
        assert_eq!(frame.payload(), expected);
        assert_eq!(frame.len(), FRAME_LEN + expected.len());
    }
}
