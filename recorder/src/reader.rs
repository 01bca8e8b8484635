//! Reading a trace: finished or cut ([`TraceReader`]), or while it grows ([`Tailer`]).

use std::path::Path;

use crate::{Batch, OpenError, ReadError, RunInfo, Source, SpecBatch, Summary, Warning};

/// Reads a trace from its begin to its end, or to where it was cut.
#[derive(Debug)]
pub struct TraceReader {}

/// Follows a trace while it is written.
#[derive(Debug)]
pub struct Tailer {}

/// What a trace holds, without its events.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceInfo {
    /// What the run says of itself.
    pub run: RunInfo,
    /// Format of the file: major and minor version.
    pub format: (u8, u8),
    /// Size of the file in bytes, with its tail.
    pub bytes: u64,
    /// Blocks in the file.
    pub blocks: u64,
    /// What is in it.
    pub summary: Summary,
    /// Whether the run was closed properly.
    pub closed: bool,
    /// What was found wrong.
    pub warnings: Vec<Warning>,
}

impl TraceReader {
    /// Opens a trace.
    ///
    /// # Errors
    /// There is no such file, it is empty, something else, damaged at its begin, or too new.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let _ = path;
        unimplemented!()
    }
}

impl Tailer {
    /// Opens a trace that may still grow.
    ///
    /// # Errors
    /// As for [`TraceReader::open`].
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let _ = path;
        unimplemented!()
    }
}

macro_rules! stub {
    ($t:ty) => {
        impl Source for $t {
            fn run_info(&self) -> &RunInfo {
                unimplemented!()
            }
            fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
                unimplemented!()
            }
            fn is_finished(&self) -> bool {
                unimplemented!()
            }
            fn warnings(&self) -> &[Warning] {
                unimplemented!()
            }
        }
    };
}
stub!(TraceReader);
stub!(Tailer);

/// What a trace holds: from header and footer, or where it was not closed, by reading it all.
///
/// # Errors
/// As for [`TraceReader::open`].
pub fn read_info(path: &Path) -> Result<TraceInfo, OpenError> {
    let _ = path;
    unimplemented!()
}

/// The task specs of a trace, for a scheduler that starts again on it.
///
/// # Errors
/// As for [`TraceReader::open`]; damaged specs are left out with a warning.
pub fn read_specs(path: &Path) -> Result<(Vec<SpecBatch>, Vec<Warning>), OpenError> {
    let _ = path;
    unimplemented!()
}
