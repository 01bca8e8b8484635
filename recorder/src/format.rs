//! The byte layout of a trace, as `docs/trace-format.md` describes it: header, blocks, footer.

mod block;
mod footer;
mod header;

pub(crate) use block::{BlockHeader, Kind, MARKER, MAX_RAW, MAX_RECORDS, Sealer, Unsealer};
pub(crate) use footer::{Footer, IndexEntry, TRAILER_LEN, Trailer};
pub(crate) use header::{HEADER_PREFIX, HeaderFault, encode_header, parse_header, parse_prefix};

/// Major version: readers of an older one refuse the file.
pub(crate) const MAJOR: u8 = 1;
/// Minor version: readers of an older one skip what they do not know.
pub(crate) const MINOR: u8 = 0;
