//! The files that a recorder writes, and what a test may do to them.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Asked before a recorder touches a file, and may refuse: how tests make a disk that is full, breaks or
/// forgets. Reading is not its business, since what is read are the files themselves.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Bytes are about to be written at an offset.
    ///
    /// # Errors
    /// Not all of them get there: how many do, and why no more.
    fn write(&self, path: &Path, offset: u64, bytes: &[u8]) -> Result<(), (usize, io::Error)>;

    /// A file is about to be cut to a length.
    ///
    /// # Errors
    /// It is not cut.
    fn cut(&self, path: &Path, len: u64) -> io::Result<()>;

    /// What was written to a file is to outlast a loss of power from now on.
    ///
    /// # Errors
    /// It may not.
    fn sync(&self, path: &Path) -> io::Result<()>;
}

/// Under what conditions a recorder works. By default on the system's files, with a thread of its own.
#[derive(Clone, Debug, Default)]
pub struct Conditions {
    /// Asked before each write; `None`: the system's files take what they take.
    pub disk: Option<Arc<dyn Disk>>,
    /// No thread makes blocks: whoever holds [`Recorder::hand`](crate::Recorder::hand) does, when it likes.
    pub by_hand: bool,
    /// A tail of so many bytes is left for the other one as soon as that one is free; `None`: 4 MiB.
    pub tail_bytes: Option<u64>,
}

impl Conditions {
    /// Has the system bring a file to the disk that somebody else has open.
    pub(crate) fn sync(&self, path: &Path) -> io::Result<()> {
        let file = File::open(path)?;
        self.disk.as_ref().map_or(Ok(()), |disk| disk.sync(path))?;
        file.sync_data()
    }
}

/// A file that is written.
#[derive(Debug)]
pub(crate) struct Output {
    path: PathBuf,
    file: File,
    /// Where the next byte goes.
    offset: u64,
    disk: Option<Arc<dyn Disk>>,
}

impl Output {
    /// A file to be written from its begin.
    pub(crate) fn new(path: &Path, file: File, conditions: &Conditions) -> Self {
        Self { path: path.to_owned(), file, offset: 0, disk: conditions.disk.clone() }
    }

    /// Writes all bytes, and is behind them. What is not written whole may be there in part.
    pub(crate) fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        let allowed = match &self.disk {
            Some(disk) => disk.write(&self.path, self.offset, bytes),
            None => Ok(()),
        };
        if let Err((n_bytes, why)) = allowed {
            self.file.write_all(&bytes[..n_bytes])?;
            self.offset += n_bytes as u64;
            return Err(why);
        }
        self.file.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    /// Cuts the file to a length, and is at its end.
    pub(crate) fn cut(&mut self, len: u64) -> io::Result<()> {
        if let Some(disk) = &self.disk {
            disk.cut(&self.path, len)?;
        }
        self.file.set_len(len)?;
        self.go_to(len)
    }

    /// Goes to an offset, where the next bytes are written.
    pub(crate) fn go_to(&mut self, offset: u64) -> io::Result<()> {
        self.offset = self.file.seek(SeekFrom::Start(offset))?;
        Ok(())
    }

    /// How many bytes the file has.
    pub(crate) fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Has the system bring all to the disk.
    pub(crate) fn sync(&self) -> io::Result<()> {
        if let Some(disk) = &self.disk {
            disk.sync(&self.path)?;
        }
        self.file.sync_data()
    }

    /// Whether the path still leads to this file, and nobody has cut it.
    #[cfg(unix)]
    pub(crate) fn is_in_place(&self) -> bool {
        use std::os::unix::fs::MetadataExt;
        match (fs::metadata(&self.path), self.file.metadata()) {
            (Ok(there), Ok(here)) => {
                (there.dev(), there.ino()) == (here.dev(), here.ino()) && here.len() >= self.offset
            }
            _ => false,
        }
    }

    /// Whether the path still leads to a file as long as this one.
    #[cfg(not(unix))]
    pub(crate) fn is_in_place(&self) -> bool {
        fs::metadata(&self.path).is_ok_and(|there| there.len() >= self.offset)
    }
}
