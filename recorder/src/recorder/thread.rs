//! The writing thread: makes blocks of what waits, stores states between them.

use crate::keyframe::Keyframer;
use crate::queue::{Closing, Pending, Queue};
use crate::writer::{BlockWriter, EVENTS_PER_BLOCK};
use crate::{RecordError, Summary};

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
    let outcome = loop {
        let work = queue.take();
        match write_pending(&mut writer, &mut keyframer, queue, work.pending) {
            Err(failure) => break Err(failure),
            Ok(()) => match work.closing {
                Some(Closing::Finish) => break writer.finish(),
                Some(Closing::Abandon) => break Ok(()),
                None => {}
            },
        }
    };
    let complete = outcome.is_ok();
    queue.end(outcome.err());
    Closed { summary: writer.summary().clone(), bytes: writer.bytes(), complete }
}

fn write_pending(
    writer: &mut BlockWriter,
    keyframer: &mut Keyframer,
    queue: &Queue,
    pending: Pending,
) -> Result<(), RecordError> {
    // A scheduler that starts again needs the specs of every task that an event names.
    for batch in &pending.specs {
        writer.specs(batch)?;
    }
    for events in pending.events.chunks(EVENTS_PER_BLOCK) {
        writer.events(events)?;
        keyframer.fold(events, |instant| writer.quantize(instant));
        write_keyframe(writer, keyframer)?;
    }
    writer.samples(&pending.samples)?;
    writer.logs(&pending.logs)?;
    writer.count_dropped(pending.n_dropped);
    queue.done(pending, writer.bytes());
    Ok(())
}

/// Writes a keyframe if one is due. The next block of events begins at its `seq`.
fn write_keyframe(writer: &mut BlockWriter, keyframer: &mut Keyframer) -> Result<(), RecordError> {
    let file_bytes = writer.bytes();
    let room = keyframer.room(file_bytes);
    let Some(state) = keyframer.due(file_bytes) else { return Ok(()) };
    let (bytes, written) = writer.keyframe(state, room)?;
    keyframer.done(bytes, written);
    Ok(())
}
