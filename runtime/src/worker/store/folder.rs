//! The folder of a store's files: made when the first is written, removed with the store.
//!
//! A worker that was killed leaves its folder behind. Each folder has a lock file that its worker
//! holds, so the next one to make a folder there sees which belong to nobody, and removes them.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;

use super::ledger::Serial;

/// What the names of the folders begin with.
const PREFIX: &str = "taskreel-spill-";

/// The file in each that its worker holds locked.
const LOCK: &str = "lock";

/// Tells the stores of one process apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

#[derive(Debug)]
pub(super) struct SpillFolder {
    parent: PathBuf,
    made: OnceLock<Made>,
}

#[derive(Debug)]
struct Made {
    path: PathBuf,
    /// Locked as long as it is open.
    _lock: File,
}

impl SpillFolder {
    /// A folder yet to be made under `parent`.
    pub(super) fn new(parent: PathBuf) -> Self {
        Self { parent, made: OnceLock::new() }
    }

    pub(super) fn parent(&self) -> &Path {
        &self.parent
    }

    /// Writes a file.
    pub(super) fn write(&self, serial: Serial, result: &[u8]) -> io::Result<()> {
        let folder = self.made_or_make()?;
        let mut file = File::create_new(folder.path(serial))?;
        file.write_all(result)
    }

    /// Opens a file that was written.
    pub(super) fn open(&self, serial: Serial) -> io::Result<File> {
        let folder = self.made.get().ok_or(io::ErrorKind::NotFound)?;
        File::open(folder.path(serial))
    }

    /// Removes a file.
    pub(super) fn remove(&self, serial: Serial) {
        if let Some(folder) = self.made.get()
            && let Err(error) = fs::remove_file(folder.path(serial))
        {
            tracing::debug!(%error, "a spilled result was gone already");
        }
    }

    /// Removes the folder with all that is in it.
    pub(super) fn remove_all(&self) {
        if let Some(folder) = self.made.get() {
            folder.remove();
        }
    }

    fn made_or_make(&self) -> io::Result<&Made> {
        if let Some(made) = self.made.get() {
            return Ok(made);
        }
        let made = make(&self.parent)?;
        // Two threads may make one each: the second is dropped, and so removed.
        Ok(self.made.get_or_init(|| made))
    }
}

/// Reads a whole file of `bytes` bytes.
pub(super) fn read(mut file: File, bytes: u64) -> io::Result<Bytes> {
    let len = usize::try_from(bytes).map_err(io::Error::other)?;
    let mut result = Vec::with_capacity(len);
    file.read_to_end(&mut result)?;
    if result.len() == len { Ok(result.into()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

impl Made {
    fn path(&self, serial: Serial) -> PathBuf {
        self.path.join(serial.0.to_string())
    }

    fn remove(&self) {
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %self.path.display(), %error, "a spill folder is left behind");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

impl Drop for Made {
    fn drop(&mut self) {
        self.remove();
    }
}

fn make(parent: &Path) -> io::Result<Made> {
    fs::create_dir_all(parent)?;
    remove_abandoned(parent);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let path = parent.join(format!("{PREFIX}{}-{number}", std::process::id()));
    // Left behind by an earlier process of the same number, or it would be locked.
    if path.exists() {
        fs::remove_dir_all(&path)?;
    }
    create_private(&path)?;
    let lock = File::create_new(path.join(LOCK))?;
    lock.try_lock()?;
    Ok(Made { path, _lock: lock })
}

/// Only this user may read the results.
fn create_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().mode(0o700).create(path)
}

fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_ours = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let Ok(lock) = File::open(entry.path().join(LOCK)) else { continue };
        if is_ours && lock.try_lock().is_ok() {
            tracing::info!(path = %entry.path().display(), "removed what a dead worker spilled");
            // Somebody else may have been quicker.
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}
