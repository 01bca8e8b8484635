//! What was read of each trace before, in sled: only to be quicker, never the only place of anything.

use std::collections::BTreeSet;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Facts, Run};

/// The folder of the index in the folder of traces.
pub(super) const FOLDER: &str = ".reel-index";
/// Written with each entry; an entry of another layout is read anew.
const LAYOUT: u32 = 2;

/// The index of one folder.
#[derive(Debug)]
pub(super) struct Index {
    db: sled::Db,
}

/// By what a file is known to be the one that was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stat {
    pub(super) bytes: u64,
    pub(super) modified_unix_ns: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Entry {
    layout: u32,
    stat: Stat,
    facts: Facts,
}

impl Index {
    /// Opens the index; `None`: another process has it, or the folder cannot be written. One that
    /// is corrupt is made anew.
    pub(super) fn open(folder: &Path) -> Option<Self> {
        let path = folder.join(FOLDER);
        let db = match open(&path) {
            Opened::Db(db) => db,
            Opened::Unavailable => return None,
            Opened::Corrupt => {
                fs::remove_dir_all(&path).ok()?;
                match open(&path) {
                    Opened::Db(db) => db,
                    Opened::Unavailable | Opened::Corrupt => return None,
                }
            }
        };
        Some(Self { db })
    }

    /// What was read of a file, if it is the same file still.
    pub(super) fn get(&self, file: &str, stat: Stat) -> Option<Facts> {
        let bytes = self.db.get(file).ok()??;
        let entry: Entry = serde_json::from_slice(&bytes).ok()?;
        (entry.layout == LAYOUT && entry.stat == stat).then_some(entry.facts)
    }

    /// Remembers what was read of a file.
    pub(super) fn put(&mut self, file: &str, stat: Stat, facts: &Facts) {
        let entry = Entry { layout: LAYOUT, stat, facts: facts.clone() };
        let bytes = serde_json::to_vec(&entry).expect("strings and numbers become JSON");
        if self.db.get(file).ok().flatten().is_none_or(|old| old != bytes) {
            // What is not remembered is read again.
            let _ = self.db.insert(file, bytes);
        }
    }

    /// Forgets files that are gone.
    pub(super) fn keep_only(self, runs: &[Run]) {
        let files: BTreeSet<&[u8]> = runs.iter().map(|run| run.file.as_bytes()).collect();
        for key in self.db.iter().keys().flatten() {
            if !files.contains(key.as_ref()) {
                let _ = self.db.remove(key);
            }
        }
        let _ = self.db.flush();
    }
}

enum Opened {
    Db(sled::Db),
    Unavailable,
    Corrupt,
}

fn open(path: &Path) -> Opened {
    let config = sled::Config::new().path(path).cache_capacity(8 << 20).flush_every_ms(None);
    // Sled asserts what it finds in its files.
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(db)) => Opened::Db(db),
        Ok(Err(sled::Error::Io(_))) => Opened::Unavailable,
        Ok(Err(_)) | Err(_) => Opened::Corrupt,
    }
}
