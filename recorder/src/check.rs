//! Looks through a whole trace for everything that is wrong with it, and saves what can be saved.

mod blocks;
mod repair;

use std::fmt;
use std::path::Path;

pub use repair::{RepairError, Repaired, repair_trace};

use crate::OpenError;
use crate::trace_file::TraceFile;
use blocks::Walk;

/// What is wrong at one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Where it begins in the file.
    pub offset: u64,
    /// How many bytes it concerns; 0: none can be named.
    pub bytes: u64,
    /// What it is.
    pub what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bytes {
            0 => write!(f, "byte {}: {}", self.offset, self.what),
            n => write!(f, "byte {}, {n} bytes: {}", self.offset, self.what),
        }
    }
}

/// What a whole trace was found to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReport {
    /// Everything that is wrong, in the order of the file; at most some thousand are kept.
    pub findings: Vec<Finding>,
    /// Findings beyond those kept.
    pub n_more: u64,
    /// Blocks that are whole, the footer too.
    pub blocks: u64,
    /// Events in them and in the tail.
    pub events: u64,
    /// Those of the events that only the tail holds.
    pub tail_events: u64,
    /// States that are stored.
    pub keyframes: u64,
    /// Whether the run was closed.
    pub closed: bool,
    /// Blocks and events of kinds that this version does not know: no fault.
    pub unknown: u64,
}

impl CheckReport {
    /// Whether nothing is wrong. A run that was not closed is a finding.
    pub fn is_sound(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Reads every byte of a trace and its tail: checksums, contents, the order of the log, whether the
/// events fold, whether stored states and the footer are what they should be. Of a pack, the other parts, too:
/// their offsets are those in the zip.
///
/// # Errors
/// The file cannot be opened or read, or is no trace.
pub fn check_trace(path: &Path) -> Result<CheckReport, OpenError> {
    let mut walk = Walk::open(path)?;
    while walk.step()?.is_some() {}
    let mut report = walk.report;
    let fault = |source| OpenError::Io { path: path.to_owned(), source };
    for (offset, bytes, name) in TraceFile::open(path)?.damaged_parts().map_err(fault)? {
        let what = format!("{name}, beside the trace, is not what was packed");
        report.findings.push(Finding { offset, bytes, what });
    }
    Ok(report)
}
