//! Writing a stored zip.

use std::io::{self, Read, Seek, SeekFrom, Write};

use super::{
    CENTRAL_LEN, CENTRAL_MAGIC, DATE, END_LEN, END_MAGIC, LOCAL_LEN, LOCAL_MAGIC, Part, VERSION,
};

/// Writes a pack: its parts one after the other, then the directory.
#[derive(Debug)]
pub struct ZipWriter<W> {
    out: W,
    offset: u32,
    directory: Vec<u8>,
    parts: Vec<Part>,
}

/// What a header and a directory record say of an entry.
#[derive(Clone, Copy)]
struct Fields {
    part: Part,
    crc: u32,
    len: u32,
}

impl Fields {
    /// From the version to the length of what follows the name, as both kinds of record have it.
    fn encode(self, out: &mut Vec<u8>) {
        for small in [VERSION, 0, 0, 0, DATE] {
            out.extend_from_slice(&small.to_le_bytes());
        }
        for large in [self.crc, self.len, self.len] {
            out.extend_from_slice(&large.to_le_bytes());
        }
        out.extend_from_slice(&(self.part.name().len() as u16).to_le_bytes());
        out.extend_from_slice(&0_u16.to_le_bytes());
    }

    /// An entry's header.
    fn local(self) -> Vec<u8> {
        let mut out = LOCAL_MAGIC.to_vec();
        self.encode(&mut out);
        debug_assert_eq!(out.len(), LOCAL_LEN);
        out.extend_from_slice(self.part.name().as_bytes());
        out
    }

    /// The record in the directory of an entry that begins at `offset`.
    fn central(self, offset: u32) -> Vec<u8> {
        let mut out = CENTRAL_MAGIC.to_vec();
        out.extend_from_slice(&VERSION.to_le_bytes());
        self.encode(&mut out);
        // Comment, disk, attributes: none.
        out.extend_from_slice(&[0; 10]);
        out.extend_from_slice(&offset.to_le_bytes());
        debug_assert_eq!(out.len(), CENTRAL_LEN);
        out.extend_from_slice(self.part.name().as_bytes());
        out
    }
}

impl<W: Write + Seek> ZipWriter<W> {
    /// A pack at the begin of `out`.
    pub fn new(out: W) -> Self {
        Self { out, offset: 0, directory: Vec::new(), parts: Vec::new() }
    }

    /// Adds a part; each goes in once.
    ///
    /// # Errors
    /// It cannot be read or written, or the pack would have more than 4 GiB.
    ///
    /// # Panics
    /// The part is there already.
    pub fn add(&mut self, part: Part, content: &mut dyn Read) -> io::Result<()> {
        assert!(!self.parts.contains(&part), "{} goes in once", part.name());
        let begin = self.offset;
        let header = Fields { part, crc: 0, len: 0 }.local();
        self.out.write_all(&header)?;
        let (len, crc) = copy(content, &mut self.out)?;
        let end = u64::from(begin) + header.len() as u64 + len;
        let (Ok(len), Ok(end)) = (u32::try_from(len), u32::try_from(end)) else {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "a pack has at most 4 GiB"));
        };
        let fields = Fields { part, crc, len };
        self.out.seek(SeekFrom::Start(begin.into()))?;
        self.out.write_all(&fields.local())?;
        self.out.seek(SeekFrom::Start(end.into()))?;
        self.directory.extend_from_slice(&fields.central(begin));
        self.offset = end;
        self.parts.push(part);
        Ok(())
    }

    /// Writes the directory, and gives back what was written to.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        let mut end = END_MAGIC.to_vec();
        let n_parts = self.parts.len() as u16;
        for small in [0, 0, n_parts, n_parts] {
            end.extend_from_slice(&small.to_le_bytes());
        }
        end.extend_from_slice(&(self.directory.len() as u32).to_le_bytes());
        end.extend_from_slice(&self.offset.to_le_bytes());
        end.extend_from_slice(&0_u16.to_le_bytes());
        debug_assert_eq!(end.len(), END_LEN);
        self.out.write_all(&self.directory)?;
        self.out.write_all(&end)?;
        self.out.flush()?;
        Ok(self.out)
    }
}

/// Copies all, and gives its length and checksum.
fn copy(from: &mut dyn Read, to: &mut impl Write) -> io::Result<(u64, u32)> {
    let mut hasher = crc32fast::Hasher::new();
    let mut chunk = vec![0; 64 << 10];
    let mut len = 0;
    loop {
        let n = match from.read(&mut chunk) {
            Ok(0) => return Ok((len, hasher.finalize())),
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&chunk[..n]);
        to.write_all(&chunk[..n])?;
        len += n as u64;
    }
}
