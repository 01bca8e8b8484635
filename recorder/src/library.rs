//! The library of runs: a folder of traces, listed with tags and notes, and kept within bounds.
//!
//! The traces are the library. Tags and notes of a run stand in a small file beside its trace; the
//! index in `.reel-index` only remembers what was read of each trace before. Deleted, corrupt or
//! in use by another process, it is done without or built again.

mod index;
mod notes;
mod retention;

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::tail::tail_paths;
use crate::{OpenError, Source, Totals, TraceInfo, TraceReader, read_info};
use index::{Index, Stat};
pub use notes::{MAX_NOTE, MAX_TAG};
use notes::{Notes, notes_path};
pub use retention::{KEEP_TAG, Keep, to_remove};

/// Tags of the events that are counted, as the format numbers them.
const TASK_FAILED: usize = 28;
const WORKER_JOINED: usize = 11;

/// A folder of traces.
#[derive(Clone, Debug)]
pub struct Library {
    folder: PathBuf,
}

/// One trace of a library.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    /// The file's name in the folder.
    pub file: String,
    /// Size of the file in bytes, with its tail.
    pub bytes: u64,
    /// When the file was last written: nanoseconds since 1970-01-01 UTC.
    pub modified_unix_ns: u64,
    /// What the trace says.
    #[serde(flatten)]
    pub facts: Facts,
    /// Words to find it by, in order.
    pub tags: Vec<String>,
    /// What somebody wrote about it.
    pub note: String,
    /// Why the trace, or what stands beside it, cannot be read.
    pub problem: Option<String>,
}

/// What a listing tells of a trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// What was run.
    pub name: String,
    /// When it began: nanoseconds since 1970-01-01 UTC.
    pub started_unix_ns: u64,
    /// From its begin to its last event, in nanoseconds.
    pub duration_ns: u64,
    /// Tasks submitted.
    pub tasks: u64,
    /// Attempts that failed, also those that were tried again.
    pub failures: u64,
    /// Workers that joined.
    pub workers: u64,
    /// Whether the run was closed properly.
    pub closed: bool,
    /// The scheduler's machine.
    pub host: String,
    /// Version of the software that recorded it.
    pub version: String,
}

/// Why a library cannot do what it was asked.
#[derive(Debug, Error)]
pub enum LibraryError {
    /// The folder, or a file in it, cannot be read or written.
    #[error("cannot {what} {}: {source}; check the folder and its permissions", path.display())]
    Io {
        /// The verb.
        what: &'static str,
        /// The folder or file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There is no such trace in the folder.
    #[error("there is no run {file} in {}: `reel runs` lists them", folder.display())]
    NoSuchRun {
        /// The name asked for.
        file: String,
        /// The folder.
        folder: PathBuf,
    },
    /// The run goes on.
    #[error("{} is being recorded: stop the run first", path.display())]
    Recording {
        /// The trace.
        path: PathBuf,
    },
    /// A tag or note is not what it may be.
    #[error("{0}")]
    BadNote(String),
    /// The file with tags and notes is not what it should be.
    #[error("{} is damaged: correct or remove it", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
}

impl Library {
    /// The library in a folder.
    ///
    /// # Errors
    /// There is no such folder.
    pub fn open(folder: &Path) -> Result<Self, LibraryError> {
        let fault = |source| LibraryError::Io { what: "read", path: folder.to_owned(), source };
        if !fs::metadata(folder).map_err(fault)?.is_dir() {
            return Err(fault(io::ErrorKind::NotADirectory.into()));
        }
        Ok(Self { folder: folder.to_owned() })
    }

    /// Its runs, the latest first. Traces that cannot be read are listed last, with the reason.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn runs(&self) -> Result<Vec<Run>, LibraryError> {
        let mut index = Index::open(&self.folder);
        let mut runs = Vec::new();
        for (file, meta) in self.files()? {
            runs.extend(self.run(file, &meta, index.as_mut()));
        }
        if let Some(index) = index {
            index.keep_only(&runs);
        }
        runs.sort_by(|a, b| {
            let latest = b.facts.started_unix_ns.cmp(&a.facts.started_unix_ns);
            latest.then_with(|| a.file.cmp(&b.file))
        });
        Ok(runs)
    }

    /// Adds and removes tags of a run, and gives all it has then.
    ///
    /// # Errors
    /// There is no such run, a tag is not one word, or the file beside the trace cannot be written.
    pub fn tag(
        &self,
        file: &str,
        add: &[String],
        remove: &[String],
    ) -> Result<Vec<String>, LibraryError> {
        add.iter().try_for_each(|tag| notes::check_tag(tag))?;
        let changed = self.change_notes(file, |notes| {
            notes.tags.retain(|tag| !remove.contains(tag));
            notes.tags.extend_from_slice(add);
            notes.tags.sort();
            notes.tags.dedup();
        })?;
        Ok(changed.tags)
    }

    /// Writes what there is to say about a run, in place of what was said before.
    ///
    /// # Errors
    /// There is no such run, the text is too long, or the file beside the trace cannot be written.
    pub fn note(&self, file: &str, text: &str) -> Result<(), LibraryError> {
        notes::check_note(text)?;
        self.change_notes(file, |notes| text.trim().clone_into(&mut notes.note))?;
        Ok(())
    }

    /// Removes a run: its trace, and all that stands beside it.
    ///
    /// # Errors
    /// There is no such run, it is being recorded, or a file cannot be removed.
    pub fn remove(&self, file: &str) -> Result<(), LibraryError> {
        let trace = self.trace(file)?;
        let fault = |path: &Path, source| LibraryError::Io {
            what: "remove",
            path: path.to_owned(),
            source,
        };
        let _lock = keep_recorders_away(&trace)?;
        fs::remove_file(&trace).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => self.missing(file),
            _ => fault(&trace, source),
        })?;
        for beside in tail_paths(&trace).into_iter().chain([notes_path(&trace)]) {
            match fs::remove_file(&beside) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(fault(&beside, source));
                }
                Ok(()) | Err(_) => {}
            }
        }
        Ok(())
    }

    /// Whether a process on this machine is recording into a run's trace.
    pub fn is_recording(&self, run: &Run) -> bool {
        keep_recorders_away(&self.folder.join(&run.file)).is_err()
    }

    /// The files that may be traces, with what the system says of them.
    fn files(&self) -> Result<Vec<(String, Metadata)>, LibraryError> {
        let fault = |source| LibraryError::Io { what: "read", path: self.folder.clone(), source };
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(fault)? {
            let entry = entry.map_err(fault)?;
            // Names that are not UTF-8 cannot be written in a listing, nor given to a command.
            let Ok(name) = entry.file_name().into_string() else { continue };
            // What is gone by now is not listed.
            let Ok(meta) = entry.metadata() else { continue };
            if meta.is_file() && is_trace_name(&name) {
                files.push((name, meta));
            }
        }
        Ok(files)
    }

    /// What there is to list of a file; `None`: it is gone, or a zip of another kind.
    fn run(&self, file: String, meta: &Metadata, index: Option<&mut Index>) -> Option<Run> {
        let path = self.folder.join(&file);
        let tails = tail_paths(&path)
            .into_iter()
            .filter_map(|tail| fs::metadata(tail).ok())
            .map(|m| m.len());
        let stat = Stat { bytes: meta.len(), modified_unix_ns: modified(meta) };
        let facts = index.as_ref().and_then(|index| index.get(&file, stat));
        let (facts, problem) = match facts {
            Some(facts) => (facts, None),
            None => match read_info(&path) {
                Ok(info) => {
                    let totals = info.summary.totals.or_else(|| totals_of_a_part(&path));
                    (Facts::of(&info, totals), None)
                }
                Err(OpenError::NotFound { .. }) => return None,
                Err(OpenError::NotAPack { .. }) if !file.ends_with(".reel.zip") => return None,
                Err(error) => (Facts::default(), Some(error.to_string())),
            },
        };
        // A run that is not closed may still grow.
        if let Some(index) = index
            && facts.closed
        {
            index.put(&file, stat, &facts);
        }
        let (notes, damaged) = match Notes::read(&path) {
            Ok(notes) => (notes, None),
            Err(error) => (Notes::default(), Some(error.to_string())),
        };
        Some(Run {
            file,
            bytes: meta.len() + tails.sum::<u64>(),
            modified_unix_ns: stat.modified_unix_ns,
            facts,
            tags: notes.tags,
            note: notes.note,
            problem: problem.or(damaged),
        })
    }

    /// The path of a run's trace.
    fn trace(&self, file: &str) -> Result<PathBuf, LibraryError> {
        // A name, and no path that leads elsewhere.
        let is_name = Path::new(file).file_name().is_some_and(|name| name == file);
        let path = self.folder.join(file);
        let is_there = is_name && is_trace_name(file) && path.is_file();
        if is_there { Ok(path) } else { Err(self.missing(file)) }
    }

    fn missing(&self, file: &str) -> LibraryError {
        LibraryError::NoSuchRun { file: file.to_owned(), folder: self.folder.clone() }
    }

    /// Changes what stands beside a trace; other processes wait meanwhile.
    fn change_notes(
        &self,
        file: &str,
        change: impl FnOnce(&mut Notes),
    ) -> Result<Notes, LibraryError> {
        let trace = self.trace(file)?;
        let _lock = notes::lock(&self.folder)?;
        let mut notes = Notes::read(&trace)?;
        change(&mut notes);
        notes.write(&trace)?;
        Ok(notes)
    }
}

impl Facts {
    fn of(info: &TraceInfo, totals: Option<Totals>) -> Self {
        let count = |tag: usize| info.summary.by_tag.get(tag).copied().unwrap_or(0);
        let (tasks, workers) = match totals {
            Some(totals) => (totals.tasks, totals.workers),
            None => (info.summary.tasks, count(WORKER_JOINED)),
        };
        Self {
            name: info.run.name.clone(),
            started_unix_ns: info.run.started_unix_ns,
            duration_ns: info.summary.last_logged_at_ns,
            tasks,
            failures: count(TASK_FAILED),
            workers,
            closed: info.closed,
            host: info.run.host.clone(),
            version: info.run.version.clone(),
        }
    }
}

/// What the last state of a part of a run says: its events tell only of what came to be within it. `None`: it is
/// a whole run, or cannot be folded.
fn totals_of_a_part(path: &Path) -> Option<Totals> {
    let mut reader = TraceReader::open(path).ok()?;
    let (mut state, mut changes) = (reader.opening_state().ok()??, Vec::new());
    while let Some(batch) = reader.next_batch().ok()? {
        for event in &batch.events {
            state.apply(event, &mut changes).ok()?;
            changes.clear();
        }
    }
    Some(Totals::of(&state))
}

/// Keeps recorders of a trace away for as long as it is held: each locks the file that it writes.
/// Where files cannot be locked, nobody is known to record.
fn keep_recorders_away(trace: &Path) -> Result<Option<File>, LibraryError> {
    let Ok(file) = File::open(trace) else { return Ok(None) };
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Err(LibraryError::Recording { path: trace.to_owned() }),
        Ok(()) | Err(TryLockError::Error(_)) => Ok(Some(file)),
    }
}

fn is_trace_name(name: &str) -> bool {
    !name.starts_with('.') && (name.ends_with(".reel") || name.ends_with(".zip"))
}

fn modified(meta: &Metadata) -> u64 {
    let since = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH).duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
