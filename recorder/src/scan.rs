//! Finds the blocks of a file, one after the other, and goes on behind damage.

use std::io;
use std::path::{Path, PathBuf};

use crate::format::{
    BlockHeader, HEADER_PREFIX, HeaderFault, MAJOR, MARKER, TRAILER_LEN, Trailer, parse_header,
    parse_prefix,
};
use crate::trace_file::TraceFile;
use crate::{OpenError, ReadError, RunInfo};

/// How much of a damaged stretch is searched at a time.
const CHUNK: usize = 64 << 10;

/// A trace file, read block by block.
#[derive(Debug)]
pub(crate) struct Scanner {
    path: PathBuf,
    file: TraceFile,
    pub(crate) info: RunInfo,
    pub(crate) format: (u8, u8),
    /// Checksum of the header: ties a tail to the file.
    pub(crate) run_check: u32,
    /// Where the first block begins.
    begin: u64,
    /// Where the next block should begin.
    offset: u64,
    /// Of a damaged stretch: where it begins, and up to where no block begins in it. Whoever follows a
    /// file looks at its end again and again.
    searched: (u64, u64),
}

/// What is at the place that was looked at.
#[derive(Debug)]
pub(crate) enum Found {
    /// A block whose header is whole.
    Block { offset: u64, header: BlockHeader },
    /// Bytes that are no block; reading goes on behind them.
    Damage { offset: u64, bytes: u64, reason: &'static str },
    /// The end, with so many bytes of a block that is not whole (yet).
    End { offset: u64, torn: u64 },
}

impl Scanner {
    /// Opens a file and reads its header.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let fault = |source| OpenError::Io { path: path.to_owned(), source };
        let mut file = TraceFile::open(path)?;
        let mut bytes = file.read(0, HEADER_PREFIX as u64).map_err(fault)?;
        if bytes.is_empty() {
            return Err(OpenError::Empty { path: path.to_owned() });
        }
        let json_len = parse_prefix(&bytes).map_err(|why| header_error(path, &why))?;
        bytes.extend(file.read(HEADER_PREFIX as u64, json_len as u64).map_err(fault)?);
        let (format, run_check, info) =
            parse_header(&bytes).map_err(|why| header_error(path, &why))?;
        let offset = bytes.len() as u64;
        let (path, begin, searched) = (path.to_owned(), offset, (0, 0));
        Ok(Self { path, file, info, format, run_check, begin, offset, searched })
    }

    /// The file's path.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Size of the file now.
    pub(crate) fn len(&self) -> Result<u64, ReadError> {
        let len = self.file.len().map_err(|source| self.fault(self.offset, source))?;
        if len < self.offset {
            return Err(ReadError::Replaced { path: self.path.clone() });
        }
        Ok(len)
    }

    /// Where the first block begins.
    pub(crate) fn begin(&self) -> u64 {
        self.begin
    }

    /// Goes to where a block begins.
    pub(crate) fn go_to(&mut self, offset: u64) {
        self.offset = offset;
    }

    /// Where the next block should begin.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the footer is, if the trailer says so.
    pub(crate) fn trailer(&mut self) -> Result<Option<Trailer>, ReadError> {
        let Some(offset) = self.len()?.checked_sub(TRAILER_LEN as u64) else {
            return Ok(None);
        };
        let bytes = self.read(offset, TRAILER_LEN as u64)?;
        let trailer = bytes.as_slice().try_into().ok().and_then(Trailer::parse);
        Ok(trailer.filter(|trailer| trailer.footer_offset < offset))
    }

    /// The block at an offset, if its header is whole.
    pub(crate) fn block_at(&mut self, offset: u64) -> Result<Option<BlockHeader>, ReadError> {
        let bytes = self.read(offset, BlockHeader::LEN as u64)?;
        Ok(BlockHeader::parse(&bytes).ok())
    }

    /// Looks at the next place. Only a block that is wholly there is stepped over.
    pub(crate) fn next(&mut self) -> Result<Found, ReadError> {
        let (offset, len) = (self.offset, self.len()?);
        let left = len - offset;
        let end = Found::End { offset, torn: left };
        if left < BlockHeader::LEN as u64 {
            return Ok(end);
        }
        let bytes = self.read(offset, BlockHeader::LEN as u64)?;
        match BlockHeader::parse(&bytes) {
            Ok(header) if header.block_len() > left => Ok(end),
            Ok(header) => {
                self.offset += header.block_len();
                Ok(Found::Block { offset, header })
            }
            Err(why) => match self.find_block(offset, len)? {
                Some(next) => {
                    self.offset = next;
                    Ok(Found::Damage { offset, bytes: next - offset, reason: why.0 })
                }
                None => Ok(end),
            },
        }
    }

    /// The bytes behind a block's header.
    pub(crate) fn payload(
        &mut self,
        offset: u64,
        header: &BlockHeader,
    ) -> Result<Vec<u8>, ReadError> {
        self.read(offset + BlockHeader::LEN as u64, u64::from(header.stored_len))
    }

    /// Where the next block begins, behind `damage` and before `len`.
    fn find_block(&mut self, damage: u64, len: u64) -> Result<Option<u64>, ReadError> {
        let mut begin = match self.searched {
            (at, until) if at == damage && until <= len => until,
            _elsewhere => damage + 1,
        };
        while begin + (BlockHeader::LEN as u64) <= len {
            let chunk = self.read(begin, (CHUNK as u64).min(len - begin))?;
            let places = chunk.windows(BlockHeader::LEN).enumerate();
            let mut marked = places.filter(|(_, place)| place.starts_with(&MARKER));
            if let Some((i, _)) = marked.find(|(_, place)| BlockHeader::parse(place).is_ok()) {
                return Ok(Some(begin + i as u64));
            }
            // The last bytes are looked at again: a header may lie across two chunks.
            begin += (chunk.len() - (BlockHeader::LEN - 1)) as u64;
            self.searched = (damage, begin);
        }
        Ok(None)
    }

    /// So many bytes from an offset; fewer at the file's end. The caller bounds `len`.
    fn read(&mut self, offset: u64, len: u64) -> Result<Vec<u8>, ReadError> {
        self.file.read(offset, len).map_err(|source| self.fault(offset, source))
    }

    fn fault(&self, offset: u64, source: io::Error) -> ReadError {
        ReadError::Io { path: self.path.clone(), offset, source }
    }
}

fn header_error(path: &Path, why: &HeaderFault) -> OpenError {
    let path = path.to_owned();
    match *why {
        HeaderFault::NotATrace => OpenError::NotATrace { path },
        HeaderFault::Newer { found } => OpenError::Newer { path, found, supported: MAJOR },
        HeaderFault::Damaged(reason) => OpenError::Header { path, reason },
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, OpenOptions};
    use std::io::Write;

    use super::*;
    use crate::format::{Kind, Sealer, encode_header};

    /// Whoever follows a damaged file, or draws forty pictures of it, must not search it each time.
    #[test]
    fn what_was_searched_is_not_searched_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.reel");
        let mut bytes = encode_header(&RunInfo::default()).unwrap();
        let begin = bytes.len() as u64;
        bytes.extend(MARKER.repeat(CHUNK));
        fs::write(&path, &bytes).unwrap();
        let mut scanner = Scanner::open(&path).unwrap();
        let n_bytes = 4 * CHUNK as u64;
        let end = begin + n_bytes;
        for _ in 0..3 {
            let torn = matches!(scanner.next(), Ok(Found::End { torn, .. }) if torn == n_bytes);
            assert!(torn);
            assert_eq!(scanner.searched, (begin, end - (BlockHeader::LEN as u64 - 1)));
        }
        let header = BlockHeader { kind: Kind::Logs as u8, ..BlockHeader::default() };
        let block = Sealer::new().unwrap().seal(header, b"some lines").unwrap();
        // Also a block that comes in two parts, the first too short to be one.
        for part in [&block[..9], &block[9..]] {
            OpenOptions::new().append(true).open(&path).unwrap().write_all(part).unwrap();
            let found = scanner.next().unwrap();
            match found {
                Found::End { torn, .. } => assert_eq!(torn, n_bytes + 9),
                Found::Damage { bytes, .. } => assert_eq!(bytes, n_bytes),
                Found::Block { .. } => panic!("there is damage first: {found:?}"),
            }
        }
        assert!(matches!(scanner.next(), Ok(Found::Block { offset, .. }) if offset == end));
    }
}
