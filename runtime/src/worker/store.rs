//! The store: the results that a worker holds, in memory and, past its target, on disk.
//!
//! A result is in memory, being written, or on disk. One that is written stays readable until the
//! file is whole. Every move is told to the observer while the store is locked, so that what is
//! reported has the order in which it happened.

mod folder;
mod ledger;

use std::fmt;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::TaskId;
use tokio::time::Instant;

use folder::SpillFolder;
use ledger::{Ledger, Serial, Writing};

/// The results a worker holds. Each stays until the scheduler frees it.
#[derive(Default)]
pub struct Store {
    ledger: Mutex<Ledger>,
    /// `None`: results stay in memory.
    spill: Option<SpillFolder>,
    /// Bytes of results in memory beyond which the least recently used go to disk.
    target: u64,
    observer: OnceLock<Box<dyn Fn(Moved) + Send + Sync>>,
}

/// A result moved between memory and disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) task: TaskId,
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
    pub(crate) to_disk: bool,
}

/// A result as it lies.
#[derive(Debug)]
pub(crate) enum Held {
    Memory(Bytes),
    /// On disk, opened for reading, with its size.
    Disk(File, u64),
}

enum Found {
    Memory(Bytes),
    Disk(Serial, File, u64),
}

/// How far `Store::make_room` got.
#[derive(Debug)]
pub(crate) enum Room {
    /// There is as much as was asked for.
    Made,
    /// What is left in memory is in use, or too small to be worth a file.
    Stuck,
    /// A file could not be written; what it was to hold stays in memory.
    Failed(io::Error),
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("ledger", &self.lock()).finish_non_exhaustive()
    }
}

impl Store {
    /// A store for a worker that may use `limit` bytes (0: no limit), spilling to a folder of its
    /// own under `parent` or where the system has temporary files.
    pub(crate) fn with_limit(limit: u64, parent: Option<PathBuf>) -> Self {
        if limit == 0 {
            return Self::default();
        }
        Self::spilling(super::pause::target(limit), parent.unwrap_or_else(std::env::temp_dir))
    }

    /// A store that writes results to files under `parent`, the least recently used first, when
    /// those in memory have more than `target` bytes.
    pub fn spilling(target: u64, parent: PathBuf) -> Self {
        Self { spill: Some(SpillFolder::new(parent)), target, ..Self::default() }
    }

    /// Has moves told; a second observer is not heard. It is called while the store is locked.
    pub(crate) fn observe(&self, observer: impl Fn(Moved) + Send + Sync + 'static) {
        // Set once, when the worker starts.
        let _ = self.observer.set(Box::new(observer));
    }

    /// Keeps a result in memory; one of the same task is replaced. It stays there until
    /// [`Store::settle`] says that others know of it.
    pub fn insert(&self, task: TaskId, result: Bytes) {
        let replaced = self.lock().insert(task, result);
        self.remove_file(replaced);
    }

    /// The result was reported: it may be spilled from now on.
    pub(crate) fn settle(&self, task: TaskId) {
        if self.spill.is_some() {
            self.lock().settle(task);
        }
    }

    /// A result that is in memory.
    pub fn get(&self, task: TaskId) -> Option<Bytes> {
        self.lock().get(task)
    }

    /// A result, brought back into memory if it is on disk. May block.
    pub(crate) fn load(&self, task: TaskId) -> Option<Bytes> {
        // Somebody else may restore it, and spill it again, while we read.
        loop {
            let (serial, file, bytes) = match self.find(task)? {
                Found::Memory(bytes) => return Some(bytes),
                Found::Disk(serial, file, bytes) => (serial, file, bytes),
            };
            // If the disk takes nothing, there is more in memory for a while.
            let _ = self.make_room(bytes);
            let begin = Instant::now();
            let result = match folder::read(file, bytes) {
                Ok(result) => result,
                Err(error) => {
                    tracing::error!(%task, %error, "a spilled result cannot be read");
                    return None;
                }
            };
            let mut ledger = self.lock();
            if ledger.restore(task, serial, &result) {
                self.tell(Moved { task, bytes, took: begin.elapsed(), to_disk: false });
                drop(ledger);
                self.remove_file(Some(serial));
                return Some(result);
            }
        }
    }

    /// A result as it lies: to be sent without passing through memory.
    pub(crate) fn open(&self, task: TaskId) -> Option<Held> {
        Some(match self.find(task)? {
            Found::Memory(bytes) => Held::Memory(bytes),
            Found::Disk(_, file, bytes) => Held::Disk(file, bytes),
        })
    }

    /// A result, left where it is. May block.
    pub(crate) fn read(&self, task: TaskId) -> Option<Bytes> {
        match self.open(task)? {
            Held::Memory(bytes) => Some(bytes),
            Held::Disk(file, bytes) => folder::read(file, bytes).ok(),
        }
    }

    fn find(&self, task: TaskId) -> Option<Found> {
        let mut ledger = self.lock();
        if let Some(bytes) = ledger.get(task) {
            return Some(Found::Memory(bytes));
        }
        let (serial, bytes) = ledger.on_disk(task)?;
        // Opened while locked: nobody removes the file in between.
        match self.spill.as_ref()?.open(serial) {
            Ok(file) => Some(Found::Disk(serial, file, bytes)),
            Err(error) => {
                tracing::error!(%task, %error, "a spilled result is gone");
                None
            }
        }
    }

    /// All results, with their sizes.
    pub fn list(&self) -> Vec<(TaskId, u64)> {
        self.lock().list()
    }

    /// Whether a result is here.
    pub fn contains(&self, task: TaskId) -> bool {
        self.lock().contains(task)
    }

    /// Frees results; unknown ones are passed over.
    pub fn free(&self, tasks: &[TaskId]) {
        for &task in tasks {
            let file = self.lock().remove(task);
            self.remove_file(file);
        }
    }

    /// Removes the files, now: nobody will ask for what is in them.
    pub(crate) fn remove_files(&self) {
        if let Some(folder) = &self.spill {
            folder.remove_all();
        }
    }

    /// Bytes of all results in memory.
    pub fn n_bytes(&self) -> u64 {
        self.lock().memory_bytes()
    }

    /// Bytes of all results on disk.
    pub fn n_spilled_bytes(&self) -> u64 {
        self.lock().disk_bytes()
    }

    /// Whether `extra` bytes more would be too many.
    pub(crate) fn is_short_of(&self, extra: u64) -> bool {
        self.spill.is_some() && self.lock().memory_bytes().saturating_add(extra) > self.target
    }

    /// Spills until `extra` bytes more would be within the target. Blocks while it writes.
    pub(crate) fn make_room(&self, extra: u64) -> Room {
        self.shrink_to(self.target.saturating_sub(extra))
    }

    /// Spills until results in memory have no more than `bytes`. Blocks while it writes.
    pub(crate) fn shrink_to(&self, bytes: u64) -> Room {
        let Some(folder) = &self.spill else { return Room::Stuck };
        loop {
            let Some(writing) = ({
                let mut ledger = self.lock();
                if ledger.memory_bytes_after_writing() <= bytes {
                    return Room::Made;
                }
                ledger.begin_writing()
            }) else {
                return Room::Stuck;
            };
            let Writing { task, serial, result } = writing;
            let begin = Instant::now();
            let written = folder.write(serial, &result);
            let n_bytes = result.len() as u64;
            drop(result);
            let mut ledger = self.lock();
            let is_wanted = ledger.end_writing(task, serial, written.is_ok());
            if written.is_ok() && is_wanted {
                let took = begin.elapsed();
                self.tell(Moved { task, bytes: n_bytes, took, to_disk: true });
                continue;
            }
            drop(ledger);
            // Freed while it was written, or written in part.
            folder.remove(serial);
            if let Err(error) = written {
                return Room::Failed(error);
            }
        }
    }

    /// Where results are spilled to, for messages.
    pub(crate) fn spill_parent(&self) -> Option<&std::path::Path> {
        self.spill.as_ref().map(SpillFolder::parent)
    }

    fn tell(&self, moved: Moved) {
        if let Some(observer) = self.observer.get() {
            observer(moved);
        }
    }

    fn remove_file(&self, file: Option<Serial>) {
        if let (Some(serial), Some(folder)) = (file, &self.spill) {
            folder.remove(serial);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
