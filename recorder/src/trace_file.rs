//! The bytes of a trace: a file of its own, or the trace inside a pack.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::OpenError;
use crate::pack::zip::{LOCAL_MAGIC, Part, ZipFault, damaged_parts, read_directory};

/// A trace's bytes, counted from its own begin.
#[derive(Debug)]
pub(crate) struct TraceFile {
    file: File,
    /// Where the trace begins in the file.
    begin: u64,
    /// How long it is inside a pack; `None`: to the file's end, which may grow.
    len: Option<u64>,
}

impl TraceFile {
    /// Opens a file; of a pack, the trace in it.
    pub(crate) fn open(path: &Path) -> Result<Self, OpenError> {
        let fault = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => OpenError::NotFound { path: path.to_owned() },
            _ => OpenError::Io { path: path.to_owned(), source },
        };
        let kind = fs::metadata(path).map_err(fault)?.file_type();
        if kind.is_dir() {
            return Err(fault(io::ErrorKind::IsADirectory.into()));
        }
        if !kind.is_file() {
            // Opening a pipe would wait for whoever writes to it, and a device may have no end.
            return Err(fault(io::Error::other("it is a pipe or a device, and no file")));
        }
        let mut file = File::open(path).map_err(fault)?;
        let mut magic = Vec::new();
        (&mut file).take(LOCAL_MAGIC.len() as u64).read_to_end(&mut magic).map_err(fault)?;
        if magic != LOCAL_MAGIC {
            return Ok(Self { file, begin: 0, len: None });
        }
        let refuse = |reason| OpenError::NotAPack { path: path.to_owned(), reason };
        let entries = read_directory(&mut file).map_err(|why| match why {
            ZipFault::Io(source) => fault(source),
            ZipFault::Refused(reason) => refuse(reason),
        })?;
        let trace = entries.iter().find(|entry| entry.part == Part::Trace);
        let trace = trace.ok_or_else(|| refuse("it holds no trace"))?;
        Ok(Self { file, begin: trace.begin, len: Some(trace.len) })
    }

    /// Of a pack, the parts beside the trace that are damaged: where each begins in the zip, its length and
    /// its name.
    pub(crate) fn damaged_parts(&mut self) -> io::Result<Vec<(u64, u64, &'static str)>> {
        if self.len.is_none() {
            return Ok(Vec::new());
        }
        let damaged = damaged_parts(&mut self.file).map_err(|why| match why {
            ZipFault::Io(source) => source,
            // It was looked at when it was opened.
            ZipFault::Refused(reason) => io::Error::other(reason),
        })?;
        Ok(damaged.iter().map(|entry| (entry.begin, entry.len, entry.part.name())).collect())
    }

    /// How many bytes the trace has now.
    pub(crate) fn len(&self) -> io::Result<u64> {
        match self.len {
            Some(len) => Ok(len),
            None => Ok(self.file.metadata()?.len()),
        }
    }

    /// So many bytes from an offset; fewer at the trace's end. The caller bounds `len`.
    pub(crate) fn read(&mut self, offset: u64, len: u64) -> io::Result<Vec<u8>> {
        let left = self.len.map_or(u64::MAX, |whole| whole.saturating_sub(offset));
        let len = len.min(left);
        let mut bytes = Vec::with_capacity(len as usize);
        self.file.seek(SeekFrom::Start(self.begin.saturating_add(offset)))?;
        (&mut self.file).take(len).read_to_end(&mut bytes)?;
        Ok(bytes)
    }
}
