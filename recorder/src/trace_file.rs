//! The bytes of a trace: a file of its own, or the trace inside a pack.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::OpenError;
use crate::pack::zip::{LOCAL_MAGIC, Part, ZipFault, read_directory};

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
        let mut file = File::open(path).map_err(fault)?;
        if file.metadata().map_err(fault)?.is_dir() {
            return Err(fault(io::ErrorKind::IsADirectory.into()));
        }
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
