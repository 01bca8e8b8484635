//! The writing thread: makes blocks of what waits, stores states between them.

use std::time::{Duration, Instant};

use crate::keyframe::Keyframer;
use crate::queue::{Closing, Pending, Queue};
use crate::writer::BlockWriter;
use crate::{RecordError, Summary};

/// Blocks are on the disk so long after they were written, and events are in blocks within half a
/// second: a loss of power takes the last second.
const SYNC_AFTER: Duration = Duration::from_millis(400);

/// What the writing thread leaves behind.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) summary: Summary,
    pub(super) bytes: u64,
    /// Whether all that was pushed is in the file.
    pub(super) complete: bool,
}

/// Tells the recording thread that this one ended, even by a panic: it must not wait for room.
struct EndGuard<'a>(&'a Queue);

impl Drop for EndGuard<'_> {
    fn drop(&mut self) {
        self.0.end(None);
    }
}

/// The writing thread: makes blocks of what waits until it is told to close.
pub(super) fn write_blocks(
    mut writer: BlockWriter,
    mut keyframer: Keyframer,
    queue: &Queue,
) -> Closed {
    let _guard = EndGuard(queue);
    let outcome = write_until_closed(&mut writer, &mut keyframer, queue);
    let complete = outcome.is_ok();
    queue.end(outcome.err());
    Closed { summary: writer.summary().clone(), bytes: writer.bytes(), complete }
}

fn write_until_closed(
    writer: &mut BlockWriter,
    keyframer: &mut Keyframer,
    queue: &Queue,
) -> Result<(), RecordError> {
    // Since when there is something that a loss of power would take.
    let mut unsynced: Option<Instant> = None;
    loop {
        let work = queue.take(unsynced.map(|since| SYNC_AFTER.saturating_sub(since.elapsed())));
        let bytes = writer.bytes();
        write_pending(writer, queue, work.pending)?;
        match work.closing {
            Some(Closing::Finish(totals)) => {
                keyframer.finish(writer)?;
                writer.set_totals(totals.or_else(|| keyframer.totals(writer)));
                return writer.finish();
            }
            Some(Closing::Abandon) => return writer.sync(),
            None => keyframer.follow(writer)?,
        }
        if writer.bytes() > bytes {
            unsynced.get_or_insert_with(Instant::now);
        }
        if unsynced.is_some_and(|since| since.elapsed() >= SYNC_AFTER) {
            writer.sync()?;
            unsynced = None;
        }
    }
}

fn write_pending(
    writer: &mut BlockWriter,
    queue: &Queue,
    pending: Pending,
) -> Result<(), RecordError> {
    // A scheduler that starts again needs the specs of every task that an event names.
    for batch in &pending.specs {
        writer.specs(batch)?;
    }
    writer.events(&pending.events)?;
    writer.samples(&pending.samples)?;
    writer.logs(&pending.logs)?;
    writer.count_dropped(pending.n_dropped);
    queue.done(pending, writer.bytes());
    Ok(())
}
