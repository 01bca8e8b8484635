//! What a trace holds, without folding it.

use std::path::Path;

use crate::cursor::{TraceCursor, Wanted};
use crate::{OpenError, RunInfo, Source, Summary, TraceReader, Warning};

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
    /// States that are stored in it.
    pub keyframes: u64,
    /// Bytes of the blocks that hold them.
    pub keyframe_bytes: u64,
    /// What is in it.
    pub summary: Summary,
    /// Whether the run was closed properly.
    pub closed: bool,
    /// What was found wrong.
    pub warnings: Vec<Warning>,
}

impl TraceReader {
    /// What the whole trace holds: from header and footer alone if it was closed, else by reading
    /// all of it.
    ///
    /// # Errors
    /// The file could not be opened or read.
    pub fn info(&self) -> Result<TraceInfo, OpenError> {
        read_info(self.cursor().scanner.path())
    }
}

/// What a trace holds: from header and footer alone if it was closed, else by reading all of it.
///
/// # Errors
/// The file could not be opened or read.
pub fn read_info(path: &Path) -> Result<TraceInfo, OpenError> {
    let mut cursor = TraceCursor::open(path, Wanted::Records)?;
    if let Some(footer) = cursor.footer()? {
        let (keyframes, keyframe_bytes) = footer.keyframes(cursor.scanner.trailer()?);
        return Ok(TraceInfo {
            keyframes,
            keyframe_bytes,
            format: cursor.scanner.format,
            bytes: cursor.scanner.len()?,
            // The footer is a block too, and not in its own index.
            blocks: footer.index.len() as u64 + 1,
            summary: footer.summary,
            closed: true,
            warnings: Vec::new(),
            run: cursor.scanner.info,
        });
    }
    count(path)
}

fn count(path: &Path) -> Result<TraceInfo, OpenError> {
    let mut reader = TraceReader::open(path)?;
    let mut summary = Summary::default();
    while let Some(batch) = reader.next_batch()? {
        summary.count_events(&batch.events);
        summary.samples += batch.samples.len() as u64;
        summary.logs += batch.logs.len() as u64;
    }
    let cursor = reader.cursor();
    summary.specs = cursor.n_specs;
    Ok(TraceInfo {
        keyframes: cursor.n_keyframes,
        keyframe_bytes: cursor.keyframe_bytes,
        run: cursor.scanner.info.clone(),
        format: cursor.scanner.format,
        bytes: cursor.bytes()?,
        blocks: cursor.n_blocks,
        summary,
        closed: cursor.is_finished(),
        warnings: cursor.warnings.clone(),
    })
}
