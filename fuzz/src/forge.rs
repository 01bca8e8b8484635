//! Traces as a forger makes them: any bytes, with checksums and lengths that fit.
//!
//! Without it a fuzzer never gets past the first checksum.
#![allow(dead_code, missing_docs, unreachable_pub, reason = "each of its users has its own part")]

/// Begins each block.
pub const MARKER: [u8; 4] = [0xF5, b'B', b'L', b'K'];
/// Bytes of a block's header.
pub const BLOCK_LEN: usize = 56;
/// Bytes at the end of a closed trace.
pub const TRAILER_LEN: usize = 24;
/// Kinds of blocks.
pub const EVENTS: u8 = 1;
pub const KEYFRAME: u8 = 5;
pub const FOOTER: u8 = 6;

const HEADER_LEN: usize = 16;
const TAIL_HEADER_LEN: usize = 20;
const FRAME_LEN: usize = 21;
const PACKED: u8 = 1;

/// The fields of a block's header that its payload does not give.
#[derive(Clone, Copy, Debug, Default)]
pub struct Block {
    pub kind: u8,
    pub n_records: u32,
    pub first: u64,
    pub first_at: u64,
    pub last_at: u64,
}

/// The header of a trace with that JSON object.
pub fn header(json: &str) -> Vec<u8> {
    let mut out = b"REEL\r\n\x01\x00".to_vec();
    out.extend_from_slice(&(json.len() as u32).to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(json.as_bytes());
    mend_header(&mut out);
    out
}

impl Block {
    /// A whole block with a payload as it is.
    pub fn plain(self, raw: &[u8]) -> Vec<u8> {
        self.with(0, raw.len() as u32, raw)
    }

    /// A whole block with a compressed payload.
    pub fn packed(self, raw: &[u8]) -> Vec<u8> {
        let packed = zstd::bulk::compress(raw, 3).expect("memory is compressed");
        self.with(PACKED, raw.len() as u32, &packed)
    }

    /// A whole block that claims any length before compression.
    pub fn with(self, flags: u8, raw_len: u32, stored: &[u8]) -> Vec<u8> {
        let mut out = MARKER.to_vec();
        out.extend_from_slice(&[self.kind, flags, 0, 0, 0, 0, 0, 0]);
        out.extend_from_slice(&self.n_records.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.first_at.to_le_bytes());
        out.extend_from_slice(&self.last_at.to_le_bytes());
        out.extend_from_slice(&raw_len.to_le_bytes());
        out.extend_from_slice(&(stored.len() as u32).to_le_bytes());
        out.extend_from_slice(&crc32fast::hash(stored).to_le_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out.extend_from_slice(stored);
        out
    }
}

/// The trailer for a footer block of so many bytes at an offset.
pub fn trailer(footer_offset: u64, footer_len: u32) -> Vec<u8> {
    let mut out = footer_offset.to_le_bytes().to_vec();
    out.extend_from_slice(&footer_len.to_le_bytes());
    let crc = crc32fast::hash(&out);
    out.extend_from_slice(&crc.to_le_bytes());
    out.extend_from_slice(b"REELEND\n");
    out
}

/// A footer's payload for the events that end at `end`, with that summary and number of index
/// entries, which follow.
pub fn footer(summary: &str, n_entries: u64, entries: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_varint(&mut out, summary.len() as u64);
    out.extend_from_slice(summary.as_bytes());
    put_varint(&mut out, n_entries);
    out.extend_from_slice(entries);
    out
}

/// A payload of columns, each with its number.
pub fn columns(columns: &[(u8, &[u8])]) -> Vec<u8> {
    let mut out = vec![columns.len() as u8];
    for (number, bytes) in columns {
        out.push(*number);
        put_varint(&mut out, bytes.len() as u64);
    }
    columns.iter().for_each(|(_, bytes)| out.extend_from_slice(bytes));
    out
}

/// Appends an unsigned number.
pub fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// The same trace with blocks that are not compressed, so that a changed byte changes a record.
pub fn unpacked(trace: &[u8]) -> Vec<u8> {
    let Some(mut at) = blocks_begin(trace) else { return trace.to_vec() };
    let mut out = trace[..at].to_vec();
    let mut footer_at = 0;
    while trace[at..].starts_with(&MARKER) && trace.len() - at >= BLOCK_LEN {
        let stored_len = u32_at(trace, at + 44) as usize;
        let Some(stored) = trace.get(at + BLOCK_LEN..at + BLOCK_LEN + stored_len) else { break };
        let raw = match trace[at + 5] {
            PACKED => zstd::bulk::decompress(stored, u32_at(trace, at + 40) as usize),
            _ => Ok(stored.to_vec()),
        };
        let mut header = trace[at..at + BLOCK_LEN].to_vec();
        header[5] = 0;
        if header[4] == FOOTER {
            footer_at = out.len();
        }
        out.extend_from_slice(&header);
        out.extend_from_slice(&raw.unwrap_or_default());
        at += BLOCK_LEN + stored_len;
    }
    let footer_len = out.len() - footer_at;
    if trace.ends_with(b"REELEND\n") {
        out.extend_from_slice(&trailer(footer_at as u64, footer_len as u32));
    }
    mended(&out)
}

/// The trace with lengths and checksums that fit what is there, as far as it looks like a trace.
pub fn mended(trace: &[u8]) -> Vec<u8> {
    let mut out = trace.to_vec();
    let Some(mut at) = mend_header(&mut out) else { return out };
    let closed = out.len() - at > TRAILER_LEN && out.ends_with(b"REELEND\n");
    let end = if closed { out.len() - TRAILER_LEN } else { out.len() };
    let mut last = at;
    while end - at >= BLOCK_LEN && out[at..].starts_with(&MARKER) {
        let payload_at = at + BLOCK_LEN;
        let behind = (payload_at..end).find(|&i| out[i..end].starts_with(&MARKER)).unwrap_or(end);
        mend_block(&mut out[at..behind]);
        (last, at) = (at, behind);
    }
    if closed {
        let fixed = trailer(last as u64, (end - last) as u32);
        out[end..].copy_from_slice(&fixed);
    }
    out
}

/// A tail of the trace given, with checksums that fit.
pub fn mended_tail(tail: &[u8], trace: &[u8]) -> Vec<u8> {
    let mut out = tail.to_vec();
    if out.len() < TAIL_HEADER_LEN {
        return out;
    }
    out[..6].copy_from_slice(b"REELTL");
    out[8..12].copy_from_slice(&trace[12..16]);
    let crc = crc32fast::hash(&out[..16]);
    out[16..20].copy_from_slice(&crc.to_le_bytes());
    let generation = u32_at(&out, 12);
    let mut at = TAIL_HEADER_LEN;
    while out.len() - at >= FRAME_LEN {
        let len = (u32_at(&out, at) as usize).min(out.len() - at - FRAME_LEN);
        out[at..at + 4].copy_from_slice(&(len as u32).to_le_bytes());
        let payload_at = at + FRAME_LEN;
        let checked =
            [&generation.to_le_bytes()[..], &out[at..at + 17], &out[payload_at..payload_at + len]];
        let crc = crc32fast::hash(&checked.concat());
        out[at + 17..payload_at].copy_from_slice(&crc.to_le_bytes());
        at = payload_at + len;
    }
    out
}

/// Lengths and checksums of one block, from its header to its end.
fn mend_block(block: &mut [u8]) {
    let stored_len = (block.len() - BLOCK_LEN) as u32;
    if block[5] == 0 {
        block[40..44].copy_from_slice(&stored_len.to_le_bytes());
    }
    block[44..48].copy_from_slice(&stored_len.to_le_bytes());
    if block[4] == KEYFRAME && stored_len > 2 {
        // A stored state says of which instant it is, and the header says it again.
        let mut rest = &block[BLOCK_LEN + 2..];
        let (first, at) = (number(&mut rest), number(&mut rest));
        block[16..24].copy_from_slice(&first.to_le_bytes());
        block[24..32].copy_from_slice(&at.to_le_bytes());
        block[32..40].copy_from_slice(&at.to_le_bytes());
    }
    let crc = crc32fast::hash(&block[BLOCK_LEN..]);
    block[48..52].copy_from_slice(&crc.to_le_bytes());
    let crc = crc32fast::hash(&block[..52]);
    block[52..56].copy_from_slice(&crc.to_le_bytes());
}

/// Where the blocks begin, the header's length and checksum mended.
fn mend_header(bytes: &mut [u8]) -> Option<usize> {
    let begin = blocks_begin(bytes)?;
    let mut checked = bytes[..12].to_vec();
    checked.extend_from_slice(&bytes[HEADER_LEN..begin]);
    let crc = crc32fast::hash(&checked);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    Some(begin)
}

fn blocks_begin(bytes: &[u8]) -> Option<usize> {
    if bytes.len() < HEADER_LEN {
        return None;
    }
    let begin = HEADER_LEN + u32_at(bytes, 8) as usize;
    (begin <= bytes.len()).then_some(begin)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

/// A number as rows have it: one byte below 251, else as many as the first one says.
fn number(rest: &mut &[u8]) -> u64 {
    let (len, skip) = match rest.first() {
        Some(251) => (2, 1),
        Some(252) => (4, 1),
        Some(253) => (8, 1),
        Some(_) => (1, 0),
        None => return 0,
    };
    let mut bytes = [0; 8];
    let Some(found) = rest.get(skip..skip + len) else { return 0 };
    bytes[..len].copy_from_slice(found);
    *rest = &rest[skip + len..];
    u64::from_le_bytes(bytes)
}
