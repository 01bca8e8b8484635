//! What can go wrong with a trace: one enum per operation, and the warnings of a read that went on.

use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why recording could not begin.
#[derive(Debug, Error)]
pub enum CreateError {
    /// The file is there already.
    #[error("{} exists already: give another name, or remove it first", path.display())]
    Exists {
        /// The trace.
        path: PathBuf,
    },
    /// Another process is recording into it.
    #[error("another process is recording into {}: give another name", path.display())]
    InUse {
        /// The trace.
        path: PathBuf,
    },
    /// The file could not be made.
    #[error("cannot create the trace {}: {source}; check the folder, or give another", path.display())]
    Io {
        /// The trace.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// What the run says of itself does not fit into a header.
    #[error("cannot create the trace {}: its header would have {bytes} bytes, more than {limit}; shorten the command line", path.display())]
    HeaderTooLarge {
        /// The trace.
        path: PathBuf,
        /// Size of the header's JSON.
        bytes: usize,
        /// The most a header may have.
        limit: usize,
    },
}

/// Why recording cannot go on. What was appended before is in the file or its tail.
#[derive(Debug, Error)]
pub enum RecordError {
    /// The system refused a write: disk full, read-only.
    #[error("cannot write to {}: {source}; make room or record elsewhere with --record, or go on without a trace with --on-record-error continue", path.display())]
    Io {
        /// The trace or its tail.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file was removed, replaced or cut while it was written.
    #[error("{} was removed, replaced or cut during the run: leave it in place, or record elsewhere with --record", path.display())]
    Removed {
        /// The trace.
        path: PathBuf,
    },
    /// One event or task spec is larger than a block may be.
    #[error("cannot record {what} into {}: it has {bytes} bytes, more than {limit}; pass large data by file", path.display())]
    TooLarge {
        /// The trace.
        path: PathBuf,
        /// The event or task.
        what: String,
        /// Its size.
        bytes: usize,
        /// The most a block may hold.
        limit: usize,
    },
    /// An earlier error ended the recording.
    #[error("{} is incomplete: an earlier error ended the recording", path.display())]
    Stopped {
        /// The trace.
        path: PathBuf,
    },
}

impl From<ReadError> for RecordError {
    /// The recorder reads back what it wrote.
    fn from(why: ReadError) -> Self {
        match why {
            ReadError::Io { path, source, .. } => Self::Io { path, source },
            ReadError::TooMuch { path, .. } | ReadError::Replaced { path } => {
                Self::Removed { path }
            }
        }
    }
}

/// Why a trace could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// There is no such file.
    #[error("there is no file {}: check the path; `reel run` and `reel demo` print where they record", path.display())]
    NotFound {
        /// The path.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read {}: {source}; check the path and its permissions", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file has no bytes.
    #[error("{} is empty: the recording ended before it began; run it again", path.display())]
    Empty {
        /// The path.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("{} is not a trace: it does not begin with REEL; give a .reel file", path.display())]
    NotATrace {
        /// The path.
        path: PathBuf,
    },
    /// The file is a zip that is no pack.
    #[error("{} is not a trace, nor a pack as `reel pack` writes it ({reason}): ask for the .zip as it was made", path.display())]
    NotAPack {
        /// The path.
        path: PathBuf,
        /// What is unexpected.
        reason: &'static str,
    },
    /// The file was written in a newer format.
    #[error("{} has format {found}, this program reads up to format {supported}: update reel", path.display())]
    Newer {
        /// The path.
        path: PathBuf,
        /// Major version of the file.
        found: u8,
        /// Newest major version that can be read.
        supported: u8,
    },
    /// The header is cut or damaged.
    #[error("{}: the header is damaged ({reason}): copy the file again from where it was recorded", path.display())]
    Header {
        /// The path.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It was opened, and could not be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why reading cannot go on. What was returned before stays valid.
#[derive(Debug, Error)]
pub enum ReadError {
    /// The system refused a read.
    #[error("cannot read {} at byte {offset}: {source}; check the disk, or copy the file again", path.display())]
    Io {
        /// The trace.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What the system says.
        source: io::Error,
    },
    /// The file unpacks to far more than a run of its size: it was made to.
    #[error("{}: byte {offset}: {reason}; it was not read on", path.display())]
    TooMuch {
        /// The trace.
        path: PathBuf,
        /// Where in the file.
        offset: u64,
        /// What is too much.
        reason: &'static str,
    },
    /// A growing file became shorter than what was read of it.
    #[error("{} was replaced while it was read: open it again", path.display())]
    Replaced {
        /// The trace.
        path: PathBuf,
    },
}

/// What was skipped or cut while reading. The read went on.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Warning {
    /// No footer: the recorder was killed, or is still at work.
    #[error("the run was not closed: shown is what had been recorded")]
    NotClosed,
    /// The file ends inside a block.
    #[error("byte {offset}: the last {bytes} bytes are an unfinished block and were left out")]
    TornTail {
        /// Where the unfinished block begins.
        offset: u64,
        /// How many bytes were left out.
        bytes: u64,
    },
    /// A stretch of the file is not what was written.
    #[error("byte {offset}: {bytes} bytes are damaged and were skipped ({reason})")]
    Damaged {
        /// Where it begins.
        offset: u64,
        /// How long it is.
        bytes: u64,
        /// How it was noticed.
        reason: &'static str,
    },
    /// Events are missing, so no state after them is known.
    #[error("byte {offset}: events {from} to {} are lost; shown is the run up to there", before - 1)]
    EventsLost {
        /// Where they should have been.
        offset: u64,
        /// The first that is missing.
        from: u64,
        /// The first that is there again.
        before: u64,
    },
    /// Blocks of a kind this version does not know.
    #[error("{n} blocks of unknown kind {kind} were skipped: a newer reel shows more")]
    UnknownBlocks {
        /// The kind.
        kind: u8,
        /// How many.
        n: u64,
    },
    /// Events this version does not know.
    #[error("{n} events of unknown tag {tag} were skipped: a newer reel shows more")]
    UnknownEvents {
        /// The tag.
        tag: u8,
        /// How many.
        n: u64,
    },
}
