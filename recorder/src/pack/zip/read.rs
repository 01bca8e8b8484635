//! Reading a stored zip: its directory, checked against every header.

use std::io::{self, Read, Seek, SeekFrom};

use super::{
    CENTRAL_LEN, CENTRAL_MAGIC, END_LEN, END_MAGIC, LOCAL_LEN, LOCAL_MAGIC, Part, VERSION,
};
use crate::bytes::{Cursor, Malformed};

/// So much of a part is read at a time.
const CHUNK: u64 = 64 << 10;

/// Where a part's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) part: Part,
    /// Of the first byte, from the file's begin.
    pub(crate) begin: u64,
    pub(crate) len: u64,
    crc: u32,
    /// Where its header begins.
    header: u64,
}

/// Why a zip cannot be read.
#[derive(Debug)]
pub(crate) enum ZipFault {
    Io(io::Error),
    /// It is not what `reel pack` writes.
    Refused(&'static str),
}

impl From<io::Error> for ZipFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Malformed> for ZipFault {
    fn from(why: Malformed) -> Self {
        Self::Refused(why.0)
    }
}

type Checked<T> = Result<T, ZipFault>;

fn require(holds: bool, otherwise: &'static str) -> Checked<()> {
    if holds { Ok(()) } else { Err(ZipFault::Refused(otherwise)) }
}

/// The parts of a pack. A file that holds anything else is refused.
pub(crate) fn read_directory<F: Read + Seek>(file: &mut F) -> Checked<Vec<Entry>> {
    let len = file.seek(SeekFrom::End(0))?;
    let end_at = len.checked_sub(END_LEN as u64).ok_or(ZipFault::Refused("it is cut short"))?;
    let end = read_at(file, end_at, END_LEN)?;
    let mut end = Cursor::new(&end);
    require(end.array()? == END_MAGIC, "it is cut short, or something follows its end")?;
    require(end.u32()? == 0, "it spans several disks")?;
    let (n_here, n_entries) = (end.u16()?, end.u16()?);
    require(n_here == n_entries, "it spans several disks")?;
    require(usize::from(n_entries) <= Part::ALL.len(), "it holds other files")?;
    let (directory_len, directory_at) = (end.u32()?, end.u32()?);
    require(end.u16()? == 0, "it has a comment")?;
    let directory_end = u64::from(directory_at) + u64::from(directory_len);
    require(directory_end == end_at, "its directory is not where it should be")?;
    // At most five records of known names: some hundred bytes, whatever the file claims.
    let longest = Part::ALL.len() * (CENTRAL_LEN + 16);
    require(directory_len as usize <= longest, "its directory is too long")?;
    let directory = read_at(file, directory_at.into(), directory_len as usize)?;
    let mut entries = Vec::new();
    let mut records = Cursor::new(&directory);
    for _ in 0..n_entries {
        entries.push(record(&mut records)?);
    }
    require(records.remaining() == 0, "its directory has more than it says")?;
    check_entries(file, &entries, directory_at.into())?;
    Ok(entries)
}

/// One record of the directory.
fn record(records: &mut Cursor<'_>) -> Checked<Entry> {
    require(records.array()? == CENTRAL_MAGIC, "its directory is damaged")?;
    records.u16()?;
    let (part, crc, len, header) = fields(records, |rest| {
        let (comment, disk) = (rest.u16()?, rest.u16()?);
        require(comment == 0 && disk == 0, "an entry has a comment")?;
        let (internal, external) = (rest.u16()?, rest.u32()?);
        // Directories, symbolic links and programs would have attributes.
        require(internal == 0 && external == 0, "an entry is no plain file")?;
        Ok(rest.u32()?)
    })?;
    let header = u64::from(header);
    let begin = header + (LOCAL_LEN + part.name().len()) as u64;
    Ok(Entry { part, begin, len: len.into(), crc, header })
}

/// What headers and directory records share, up to the name; `between` reads what a kind of record
/// has before it.
fn fields<T>(
    record: &mut Cursor<'_>,
    between: impl FnOnce(&mut Cursor<'_>) -> Checked<T>,
) -> Checked<(Part, u32, u32, T)> {
    require(record.u16()? == VERSION, "another program has written its entries")?;
    require(record.u16()? == 0, "an entry is encrypted or of unknown length")?;
    require(record.u16()? == 0, "an entry is compressed")?;
    record.u32()?;
    let (crc, stored, len) = (record.u32()?, record.u32()?, record.u32()?);
    require(stored == len, "an entry is compressed")?;
    let (name_len, extra_len) = (record.u16()?, record.u16()?);
    require(extra_len == 0, "an entry has fields that are unknown")?;
    let more = between(record)?;
    let name = record.take(name_len.into())?;
    let part = Part::ALL.into_iter().find(|part| part.name().as_bytes() == name);
    let part = part.ok_or(ZipFault::Refused("it holds other files"))?;
    Ok((part, crc, len, more))
}

/// Whether the entries lie one behind the other, each with the header that the directory says.
fn check_entries<F: Read + Seek>(file: &mut F, entries: &[Entry], directory: u64) -> Checked<()> {
    let mut expected = 0;
    for (i, entry) in entries.iter().enumerate() {
        let seen = entries[..i].iter().any(|other| other.part == entry.part);
        require(!seen, "it holds two files of one name")?;
        require(entry.header == expected, "its entries do not follow each other")?;
        expected = entry.begin + entry.len;
        require(expected <= directory, "an entry is longer than the file")?;
        let header = read_at(file, entry.header, (entry.begin - entry.header) as usize)?;
        let mut header = Cursor::new(&header);
        require(header.array()? == LOCAL_MAGIC, "an entry's header is damaged")?;
        let (part, crc, len, ()) = fields(&mut header, |_| Ok(()))?;
        let same = (part, crc, u64::from(len)) == (entry.part, entry.crc, entry.len);
        require(same, "an entry is not what the directory says")?;
    }
    require(expected == directory, "there is something between its entries")
}

/// The parts beside the trace whose bytes are not those that were packed: nothing reads these here.
pub(crate) fn damaged_parts<F: Read + Seek>(file: &mut F) -> Checked<Vec<Entry>> {
    let mut damaged = Vec::new();
    for entry in read_directory(file)? {
        if entry.part != Part::Trace && checksum(file, &entry)? != entry.crc {
            damaged.push(entry);
        }
    }
    Ok(damaged)
}

fn checksum<F: Read + Seek>(file: &mut F, entry: &Entry) -> io::Result<u32> {
    let (mut hasher, mut chunk) = (crc32fast::Hasher::new(), Vec::new());
    file.seek(SeekFrom::Start(entry.begin))?;
    let mut left = entry.len;
    while left > 0 {
        chunk.clear();
        let n = file.by_ref().take(left.min(CHUNK)).read_to_end(&mut chunk)?;
        if n == 0 {
            break;
        }
        hasher.update(&chunk);
        left -= n as u64;
    }
    Ok(hasher.finalize())
}

fn read_at<F: Read + Seek>(file: &mut F, offset: u64, len: usize) -> Checked<Vec<u8>> {
    let mut bytes = Vec::with_capacity(len);
    file.seek(SeekFrom::Start(offset))?;
    file.take(len as u64).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
