//! The footer: a summary, an index of the blocks, and a trailer of fixed size that points to it.

use taskreel_model::Nanos;

use crate::Summary;
use crate::bytes::{Cursor, Malformed, put_varint};
use crate::format::{BlockHeader, Kind};

/// Bytes at the very end of a closed trace.
pub(crate) const TRAILER_LEN: usize = 24;
const TRAILER_MAGIC: &[u8; 8] = b"REELEND\n";
/// Least bytes of one index entry: six numbers.
const MIN_ENTRY: usize = 6;
/// The most bytes of the summary: it holds a few numbers, and a count for each of 256 tags.
const MAX_SUMMARY: u64 = 64 << 10;

/// Where a block is, and what it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    pub(crate) offset: u64,
    pub(crate) kind: u8,
    pub(crate) n_records: u32,
    pub(crate) first: u64,
    pub(crate) first_at: u64,
    pub(crate) last_at: u64,
}

/// Payload of the footer block.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Footer {
    pub(crate) summary: Summary,
    pub(crate) index: Vec<IndexEntry>,
}

impl Footer {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let json = serde_json::to_vec(&self.summary).expect("numbers become JSON");
        let mut out = Vec::with_capacity(json.len() + 16 * self.index.len() + 16);
        put_varint(&mut out, json.len() as u64);
        out.extend_from_slice(&json);
        put_varint(&mut out, self.index.len() as u64);
        let mut offset = 0;
        for entry in &self.index {
            put_varint(&mut out, entry.offset - offset);
            out.push(entry.kind);
            put_varint(&mut out, u64::from(entry.n_records));
            put_varint(&mut out, entry.first);
            put_varint(&mut out, entry.first_at);
            put_varint(&mut out, entry.last_at.wrapping_sub(entry.first_at));
            offset = entry.offset;
        }
        out
    }

    /// The `seq` after that of the last event in a block.
    pub(crate) fn events_end(&self) -> u64 {
        let of_events = self.index.iter().filter(|entry| entry.kind == Kind::Events as u8);
        let ends = of_events.map(|entry| entry.first.saturating_add(u64::from(entry.n_records)));
        ends.max().unwrap_or(0)
    }

    /// How many keyframes there are, and the bytes of their blocks: each ends where the next block
    /// begins.
    pub(crate) fn keyframes(&self, trailer: Option<Trailer>) -> (u64, u64) {
        let end = trailer.map_or(0, |trailer| trailer.footer_offset);
        let ends = self.index.iter().skip(1).map(|entry| entry.offset).chain([end]);
        let keyframes =
            self.index.iter().zip(ends).filter(|(entry, _)| entry.kind == Kind::Keyframe as u8);
        keyframes.fold((0, 0), |(n, bytes), (entry, end)| {
            (n + 1, bytes + end.saturating_sub(entry.offset))
        })
    }

    /// The instant of the last event or sample.
    pub(crate) fn last_at(&self) -> Option<Nanos> {
        let timed = [Kind::Events as u8, Kind::Samples as u8];
        let of_run = self.index.iter().filter(|entry| timed.contains(&entry.kind));
        of_run.map(|entry| Nanos(entry.last_at)).max()
    }

    /// The footer in a payload, of a file of so many bytes: it has no more blocks than fit into it.
    pub(crate) fn parse(raw: &[u8], file_bytes: u64) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(raw);
        let len = cursor.varint()?;
        if len > MAX_SUMMARY {
            return Err(Malformed("the summary claims an impossible length"));
        }
        let summary = serde_json::from_slice(cursor.take_len(len)?)
            .map_err(|_why| Malformed("the summary is not what it should be"))?;
        let n = cursor.varint()?;
        if n > (cursor.remaining() / MIN_ENTRY) as u64 || n > file_bytes / BlockHeader::LEN as u64 {
            return Err(Malformed("the index claims an impossible length"));
        }
        let mut index: Vec<IndexEntry> = Vec::with_capacity(n as usize);
        for _ in 0..n {
            let before = index.last().map_or(0, |entry| entry.offset);
            let offset = before.checked_add(cursor.varint()?);
            let offset = offset.ok_or(Malformed("the index points out of the file"))?;
            let kind = cursor.u8()?;
            let n_records = cursor.varint_u32()?;
            let first = cursor.varint()?;
            let first_at = cursor.varint()?;
            let last_at = first_at.wrapping_add(cursor.varint()?);
            index.push(IndexEntry { offset, kind, n_records, first, first_at, last_at });
        }
        Ok(Self { summary, index })
    }
}

/// The last bytes of a closed trace: where the footer block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trailer {
    pub(crate) footer_offset: u64,
    pub(crate) footer_len: u32,
}

impl Trailer {
    pub(crate) fn encode(self) -> [u8; TRAILER_LEN] {
        let mut out = Vec::with_capacity(TRAILER_LEN);
        out.extend_from_slice(&self.footer_offset.to_le_bytes());
        out.extend_from_slice(&self.footer_len.to_le_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(TRAILER_MAGIC);
        out.try_into().expect("the fields above are 24 bytes")
    }

    pub(crate) fn parse(bytes: &[u8; TRAILER_LEN]) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let checked = &bytes[..12];
        let footer_offset = cursor.u64().ok()?;
        let footer_len = cursor.u32().ok()?;
        let crc = cursor.u32().ok()?;
        let fits = crc == crc32fast::hash(checked) && bytes.ends_with(TRAILER_MAGIC);
        fits.then_some(Self { footer_offset, footer_len })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn footer() -> Footer {
        let entry = IndexEntry {
            offset: 300,
            kind: 1,
            n_records: 17,
            first: 4,
            first_at: 1_000,
            last_at: 9_000,
        };
        Footer {
            summary: Summary { events: 21, by_tag: vec![1, 2], ..Summary::default() },
            index: vec![entry, IndexEntry { offset: 900, kind: 2, ..entry }],
        }
    }

    #[test]
    fn comes_back() {
        assert_eq!(Footer::parse(&footer().encode(), 1_000), Ok(footer()));
        let trailer = Trailer { footer_offset: 77, footer_len: 5 };
        assert_eq!(Trailer::parse(&trailer.encode()), Some(trailer));
    }

    #[test]
    fn cut_anywhere_it_is_refused() {
        let bytes = footer().encode();
        for len in 0..bytes.len() {
            assert!(Footer::parse(&bytes[..len], 1_000).is_err(), "cut at {len}");
        }
    }
}
