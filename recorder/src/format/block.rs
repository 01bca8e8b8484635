//! One block: a fixed header, then a payload that needs nothing from any other block.

use std::borrow::Cow;
use std::io;

use crate::bytes::{Cursor, Malformed};

/// Begins every block, so that a reader finds the next one behind damage.
pub(crate) const MARKER: [u8; 4] = [0xF5, b'B', b'L', b'K'];
/// The most a payload may have before compression.
pub(crate) const MAX_RAW: usize = 64 << 20;
/// The most records a block may have.
pub(crate) const MAX_RECORDS: u32 = 1 << 18;

/// Payloads below this are stored as they are: a frame would not make them smaller.
const MIN_COMPRESSED: usize = 256;
const LEVEL: i32 = 3;
const FLAG_ZSTD: u8 = 1;

/// What a block holds. Numbers of the format: appended, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Events in columns.
    Events = 1,
    /// Samples in columns.
    Samples = 2,
    /// Log lines in columns.
    Logs = 3,
    /// What tasks run, as opaque bytes.
    Specs = 4,
    /// A whole state.
    Keyframe = 5,
    /// Summary and index; the last block of a closed trace.
    Footer = 6,
}

impl Kind {
    pub(crate) fn from_number(number: u8) -> Option<Self> {
        let all =
            [Self::Events, Self::Samples, Self::Logs, Self::Specs, Self::Keyframe, Self::Footer];
        all.into_iter().find(|&kind| kind as u8 == number)
    }
}

/// The fixed part of a block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct BlockHeader {
    pub(crate) kind: u8,
    pub(crate) flags: u8,
    /// Position among the blocks of the file, from 0.
    pub(crate) number: u32,
    pub(crate) n_records: u32,
    /// `seq` of the first event; the first task of specs; else 0.
    pub(crate) first: u64,
    /// First and last instant of the records, in nanoseconds.
    pub(crate) first_at: u64,
    pub(crate) last_at: u64,
    pub(crate) raw_len: u32,
    pub(crate) stored_len: u32,
    pub(crate) payload_crc: u32,
}

impl BlockHeader {
    /// Bytes of a block header.
    pub(crate) const LEN: usize = 56;

    pub(crate) fn encode(&self) -> [u8; Self::LEN] {
        let mut out = Vec::with_capacity(Self::LEN);
        out.extend_from_slice(&MARKER);
        out.extend_from_slice(&[self.kind, self.flags, 0, 0]);
        out.extend_from_slice(&self.number.to_le_bytes());
        out.extend_from_slice(&self.n_records.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.first_at.to_le_bytes());
        out.extend_from_slice(&self.last_at.to_le_bytes());
        out.extend_from_slice(&self.raw_len.to_le_bytes());
        out.extend_from_slice(&self.stored_len.to_le_bytes());
        out.extend_from_slice(&self.payload_crc.to_le_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.try_into().expect("the fields above are 56 bytes")
    }

    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        let checked = Cursor::new(bytes).take(Self::LEN - 4)?;
        if cursor.array()? != MARKER {
            return Err(Malformed("no block begins there"));
        }
        let header = Self {
            kind: cursor.u8()?,
            flags: cursor.u8()?,
            number: {
                cursor.u16()?;
                cursor.u32()?
            },
            n_records: cursor.u32()?,
            first: cursor.u64()?,
            first_at: cursor.u64()?,
            last_at: cursor.u64()?,
            raw_len: cursor.u32()?,
            stored_len: cursor.u32()?,
            payload_crc: cursor.u32()?,
        };
        if cursor.u32()? != crc32fast::hash(checked) {
            return Err(Malformed("the checksum of a block's header does not fit"));
        }
        if header.raw_len as usize > MAX_RAW || header.stored_len as usize > MAX_RAW {
            return Err(Malformed("a block claims an impossible length"));
        }
        Ok(header)
    }

    /// Bytes of the whole block.
    pub(crate) fn block_len(&self) -> u64 {
        Self::LEN as u64 + u64::from(self.stored_len)
    }
}

/// Makes blocks of payloads; keeps the compressor between them.
pub(crate) struct Sealer {
    zstd: zstd::bulk::Compressor<'static>,
}

impl Sealer {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Compressor::new(LEVEL)? })
    }

    /// A whole block. Of `header`, the lengths, flags and checksums are filled in.
    pub(crate) fn seal(&mut self, mut header: BlockHeader, raw: &[u8]) -> io::Result<Vec<u8>> {
        let packed = if raw.len() < MIN_COMPRESSED { None } else { Some(self.zstd.compress(raw)?) };
        let packed = packed.filter(|packed| packed.len() < raw.len());
        let payload = packed.as_deref().unwrap_or(raw);
        header.flags = if packed.is_some() { FLAG_ZSTD } else { 0 };
        header.raw_len = raw.len() as u32;
        header.stored_len = payload.len() as u32;
        header.payload_crc = crc32fast::hash(payload);
        let mut block = Vec::with_capacity(BlockHeader::LEN + payload.len());
        block.extend_from_slice(&header.encode());
        block.extend_from_slice(payload);
        Ok(block)
    }
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer")
    }
}

/// Gives payloads back; keeps the decompressor between blocks.
pub(crate) struct Unsealer {
    zstd: zstd::bulk::Decompressor<'static>,
}

impl Unsealer {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Decompressor::new()? })
    }

    /// The payload as it was before compression.
    pub(crate) fn unseal<'a>(
        &mut self,
        header: &BlockHeader,
        payload: &'a [u8],
    ) -> Result<Cow<'a, [u8]>, Malformed> {
        if crc32fast::hash(payload) != header.payload_crc {
            return Err(Malformed("the checksum of a block does not fit"));
        }
        let raw_len = header.raw_len as usize;
        let raw = match header.flags {
            0 => Cow::Borrowed(payload),
            FLAG_ZSTD => match self.zstd.decompress(payload, raw_len) {
                Ok(raw) => Cow::Owned(raw),
                Err(_why) => return Err(Malformed("a block cannot be decompressed")),
            },
            _ => return Err(Malformed("a block is packed in a way this version does not know")),
        };
        if raw.len() != raw_len {
            return Err(Malformed("a block has not the length it claims"));
        }
        Ok(raw)
    }
}

impl std::fmt::Debug for Unsealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unsealer")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_damaged_byte_is_noticed() {
        let raw: Vec<u8> = (0..400_u32).flat_map(|i| [(i % 7) as u8, (i / 9) as u8]).collect();
        let header = BlockHeader { kind: 1, n_records: 9, first: 5, ..BlockHeader::default() };
        let block = Sealer::new().unwrap().seal(header, &raw).unwrap();
        assert!(block.len() < raw.len());
        let open = |block: &[u8]| {
            let header = BlockHeader::parse(block)?;
            let payload =
                Cursor::new(&block[BlockHeader::LEN..]).take(header.stored_len as usize)?;
            Ok::<_, Malformed>(Unsealer::new().unwrap().unseal(&header, payload)?.into_owned())
        };
        assert_eq!(open(&block), Ok(raw));
        for i in 0..block.len() {
            let mut damaged = block.clone();
            damaged[i] ^= 1;
            assert!(open(&damaged).is_err(), "byte {i}");
            assert!(open(&block[..i]).is_err(), "cut at {i}");
        }
    }

    #[test]
    fn a_forged_length_is_refused_before_it_is_taken() {
        let bomb = zstd::bulk::compress(&vec![0; 1 << 20], 3).unwrap();
        let header = |raw_len| BlockHeader {
            flags: FLAG_ZSTD,
            raw_len,
            stored_len: bomb.len() as u32,
            payload_crc: crc32fast::hash(&bomb),
            ..BlockHeader::default()
        };
        assert!(Unsealer::new().unwrap().unseal(&header(1000), &bomb).is_err());
        assert!(BlockHeader::parse(&header(u32::MAX).encode()).is_err());
    }
}
