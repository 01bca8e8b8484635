//! The scheduler's disk: it is full now and then, and a loss of power takes what nobody synced.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

use taskreel_recorder::Disk;

use super::draw::Draw;

/// What is on the disk, file by file. Behind a lock only so that it may be shared: there is one thread.
#[derive(Debug)]
pub(super) struct StormDisk(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    files: BTreeMap<PathBuf, Contents>,
    /// How many bytes more it takes; `None`: as many as come.
    room: Option<u64>,
    /// It says that it has kept what it has not.
    lies: bool,
}

/// A file as it outlasts a loss of power, and what was done to it since.
#[derive(Debug)]
struct Contents {
    synced: Vec<u8>,
    since: Vec<Done>,
}

#[derive(Debug)]
enum Done {
    Written { offset: u64, bytes: Vec<u8> },
    Cut { len: u64 },
}

impl StormDisk {
    pub(super) fn new(lies: bool) -> Self {
        Self(Mutex::new(Inner { lies, ..Inner::default() }))
    }

    /// It takes so many bytes more; `None`: as many as come.
    pub(super) fn set_room(&self, room: Option<u64>) {
        self.lock().room = room;
    }

    /// What is left of a file when the power is lost now: of what was done since it was synced, each
    /// piece is there, or not, or in part. `None`: nothing was ever done to it.
    pub(super) fn left_of(&self, path: &Path, draw: &mut Draw) -> Option<Vec<u8>> {
        let inner = self.lock();
        let contents = inner.files.get(path)?;
        let mut bytes = contents.synced.clone();
        for done in &contents.since {
            match (done, draw.below(3)) {
                (Done::Written { offset, bytes: written }, 1) => {
                    let n_bytes = draw.below(written.len() as u64 + 1) as usize;
                    write(&mut bytes, *offset, &written[..n_bytes]);
                }
                (done, 0) => done.to(&mut bytes),
                (_lost, _) => {}
            }
        }
        Some(bytes)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().expect("one thread")
    }
}

impl Disk for StormDisk {
    fn write(&self, path: &Path, offset: u64, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut inner = self.lock();
        let wanted = bytes.len() as u64;
        let n_bytes = inner.room.map_or(wanted, |room| room.min(wanted));
        inner.room = inner.room.map(|room| room - n_bytes);
        let bytes = bytes[..n_bytes as usize].to_vec();
        inner.contents(path).since.push(Done::Written { offset, bytes });
        if n_bytes == wanted {
            return Ok(());
        }
        Err((n_bytes as usize, io::ErrorKind::StorageFull.into()))
    }

    fn cut(&self, path: &Path, len: u64) -> io::Result<()> {
        self.lock().contents(path).since.push(Done::Cut { len });
        Ok(())
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        let mut inner = self.lock();
        if inner.lies {
            return Ok(());
        }
        let Contents { synced, since } = inner.contents(path);
        since.drain(..).for_each(|done| done.to(synced));
        Ok(())
    }
}

impl Inner {
    /// What was there before this disk was told of it is safe.
    fn contents(&mut self, path: &Path) -> &mut Contents {
        self.files.entry(path.to_owned()).or_insert_with(|| {
            let synced = std::fs::read(path).unwrap_or_default();
            Contents { synced, since: Vec::new() }
        })
    }
}

impl Done {
    fn to(&self, file: &mut Vec<u8>) {
        match self {
            Self::Written { offset, bytes } => write(file, *offset, bytes),
            Self::Cut { len } => file.resize(*len as usize, 0),
        }
    }
}

fn write(file: &mut Vec<u8>, offset: u64, bytes: &[u8]) {
    let (begin, end) = (offset as usize, offset as usize + bytes.len());
    if file.len() < end {
        file.resize(end, 0);
    }
    file[begin..end].copy_from_slice(bytes);
}
