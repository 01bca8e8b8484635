//! The tail: events and specs that were acknowledged and are not in a block yet.
//!
//! A block is worth its compression only when it is large, but what `append` acknowledged must
//! survive a kill at once. So each append also goes, uncompressed and in one write, to a small file
//! beside the trace. Two such files take turns: one is emptied once all that it holds is in blocks.

mod encode;
mod first;
mod read;
mod row;
mod write;

use std::path::{Path, PathBuf};

pub(crate) use read::{Frame, Next, TailReader};
pub(crate) use write::TailWriter;

/// How much went through the tails since the recording began, or began again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) frames: u64,
    pub(crate) bytes: u64,
}

use crate::bytes::{Cursor, Malformed};

const MAGIC: &[u8; 6] = b"REELTL";
/// Bytes before the first frame: magic, version, checksum of the trace's header, generation,
/// checksum.
const HEADER_LEN: usize = 20;
/// Bytes before a frame's payload: length, kind, first, count, checksum.
const FRAME_LEN: usize = 21;
/// The most a frame's payload may have.
const MAX_FRAME: usize = 64 << 20;

/// What a frame holds. Numbers of the format: appended, never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum FrameKind {
    /// Events in rows of numbers of varying length: only read, of the first tails.
    FirstEvents = 1,
    /// What tasks run, as in a block.
    Specs = 4,
    /// Events in rows.
    Events = 7,
}

impl FrameKind {
    fn from_number(number: u8) -> Option<Self> {
        [Self::FirstEvents, Self::Specs, Self::Events]
            .into_iter()
            .find(|&kind| kind as u8 == number)
    }
}

/// The two tails of a trace.
pub(crate) fn tail_paths(trace: &Path) -> [PathBuf; 2] {
    [".tail", ".tail2"].map(|ending| {
        let mut path = trace.as_os_str().to_owned();
        path.push(ending);
        path.into()
    })
}

/// The begin of a tail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct TailHeader {
    /// Checksum in the header of the trace it belongs to.
    run_check: u32,
    /// Counts the times a tail was begun, over both files: the higher one is the later.
    generation: u32,
}

impl TailHeader {
    fn encode(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LEN);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[crate::format::MAJOR, crate::format::MINOR]);
        out.extend_from_slice(&self.run_check.to_le_bytes());
        out.extend_from_slice(&self.generation.to_le_bytes());
        let crc = crc32fast::hash(&out);
        out.extend_from_slice(&crc.to_le_bytes());
        out
    }

    fn parse(bytes: &[u8; HEADER_LEN]) -> Option<Self> {
        let mut cursor = Cursor::new(&bytes[8..]);
        let (run_check, generation) = (cursor.u32().ok()?, cursor.u32().ok()?);
        let crc = cursor.u32().ok()?;
        let fits = bytes.starts_with(MAGIC)
            && bytes[6] == crate::format::MAJOR
            && crc == crc32fast::hash(&bytes[..HEADER_LEN - 4]);
        fits.then_some(Self { run_check, generation })
    }
}

/// The begin of a frame.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct FrameHeader {
    payload_len: u32,
    /// A [`FrameKind`], or one of a newer version.
    kind: u8,
    /// `seq` of the first event, or the first task.
    first: u64,
    n_records: u32,
    crc: u32,
}

impl FrameHeader {
    /// The checksum covers the generation, so that bytes of an emptied tail are never taken for
    /// those of the one that follows it.
    fn checksum(&self, generation: u32, payload: &[u8]) -> u32 {
        let mut hasher = crc32fast::Hasher::new();
        hasher.update(&generation.to_le_bytes());
        hasher.update(&self.encode()[..FRAME_LEN - 4]);
        hasher.update(payload);
        hasher.finalize()
    }

    fn encode(&self) -> [u8; FRAME_LEN] {
        let mut out = [0; FRAME_LEN];
        out[..4].copy_from_slice(&self.payload_len.to_le_bytes());
        out[4] = self.kind;
        out[5..13].copy_from_slice(&self.first.to_le_bytes());
        out[13..17].copy_from_slice(&self.n_records.to_le_bytes());
        out[17..].copy_from_slice(&self.crc.to_le_bytes());
        out
    }

    fn parse(bytes: &[u8; FRAME_LEN]) -> Result<Self, Malformed> {
        let mut cursor = Cursor::new(bytes);
        Ok(Self {
            payload_len: cursor.u32()?,
            kind: cursor.u8()?,
            first: cursor.u64()?,
            n_records: cursor.u32()?,
            crc: cursor.u32()?,
        })
    }
}
