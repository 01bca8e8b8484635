//! A stored zip: what `reel pack` writes and every command opens, no more of the format than that.
//!
//! Entries have fixed names, are not compressed (a trace is already), and follow each other
//! without gaps. The reader takes exactly what the writer writes: a stranger's zip with anything
//! else in it is refused, and nothing is ever extracted to a path.

mod read;
mod write;

pub(crate) use read::{ZipFault, damaged_parts, read_directory};
pub use write::ZipWriter;

/// Begins each entry; the first bytes of every pack.
pub(crate) const LOCAL_MAGIC: [u8; 4] = *b"PK\x03\x04";
const CENTRAL_MAGIC: [u8; 4] = *b"PK\x01\x02";
const END_MAGIC: [u8; 4] = *b"PK\x05\x06";
/// Bytes of an entry's header before its name.
const LOCAL_LEN: usize = 30;
/// Bytes of a directory record before its name.
const CENTRAL_LEN: usize = 46;
/// Bytes at the very end, which point to the directory.
const END_LEN: usize = 22;
/// Version 1.0 of the format is enough to read a stored entry.
const VERSION: u16 = 10;
/// 1 January 1980, the first day that the format knows: the same trace gives the same pack.
const DATE: u16 = 0x21;

/// The names that a pack may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The trace: always there.
    Trace,
    /// Its task stream, as SVG.
    Svg,
    /// Its task stream, as PNG.
    Png,
    /// What the trace holds, as JSON.
    Summary,
    /// A text to paste into an issue.
    Issue,
}

impl Part {
    /// All parts, in the order in which a pack holds them.
    pub const ALL: [Self; 5] = [Self::Trace, Self::Svg, Self::Png, Self::Summary, Self::Issue];

    /// The entry's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "run.reel",
            Self::Svg => "stream.svg",
            Self::Png => "stream.png",
            Self::Summary => "summary.json",
            Self::Issue => "issue.md",
        }
    }
}
