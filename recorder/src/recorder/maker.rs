//! Makes blocks of what waits, stores states between them, and brings all to the disk.
//!
//! A thread of low priority does it while the cores have nothing better to do: it reads the tail back,
//! so that what waits takes no memory. Whoever cannot wait for that, since too much waits or the run is
//! over, does it in its place.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use crate::disk::Conditions;
use crate::keyframe::Keyframer;
use crate::queue::{Closing, Pending, Queue};
use crate::tail::{Extent, Frame, Next, TailReader, tail_paths};
use crate::writer::BlockWriter;
use crate::{RecordError, Summary};

/// What waits, and what is in blocks, is on the disk so long after it was acknowledged, about: a
/// loss of power takes the last second.
const SYNC_AFTER: Duration = Duration::from_millis(400);

/// What makes blocks, one after the other.
#[derive(Debug)]
pub(super) struct Maker {
    writer: BlockWriter,
    keyframer: Keyframer,
    tail: TailReader,
    /// What of the tail is in blocks.
    folded: Extent,
    tails: [PathBuf; 2],
    /// The last time all was on the disk.
    synced: Instant,
    /// Bytes of the main file that were.
    synced_bytes: u64,
    /// Since when something is not on the disk, as far as that was looked at.
    dirty_since: Option<Instant>,
    /// Whether what was acknowledged is to survive a loss of power.
    durable: bool,
    conditions: Conditions,
}

/// The maker, taken when the recording ends.
pub(super) type SharedMaker = Arc<Mutex<Option<Maker>>>;

/// What a maker leaves behind.
#[derive(Debug, Default)]
pub(super) struct Closed {
    pub(super) summary: Summary,
    pub(super) bytes: u64,
    /// Whether all that was pushed is in the file.
    pub(super) complete: bool,
}

impl Maker {
    pub(super) fn new(writer: BlockWriter, keyframer: Keyframer, tail: TailReader) -> Self {
        Self {
            tails: tail_paths(writer.path()),
            writer,
            keyframer,
            tail,
            folded: Extent::default(),
            synced: Instant::now(),
            synced_bytes: 0,
            dirty_since: None,
            durable: false,
            conditions: Conditions::default(),
        }
    }

    /// Under what conditions it works, and whether what was acknowledged is to survive a loss of power.
    pub(super) fn under(self, conditions: Conditions, durable: bool) -> Self {
        Self { conditions, durable, ..self }
    }

    /// Makes a block of the oldest that waits, if it is due or in any case. Returns whether it was.
    fn make(&mut self, queue: &Queue, in_any_case: bool) -> Result<bool, RecordError> {
        // Behind a failure, what follows would leave a gap.
        if queue.is_over() {
            return Ok(false);
        }
        let Some(Pending { frames, samples, logs, n_dropped }) = queue.pop(in_any_case) else {
            return Ok(false);
        };
        if self.folded.frames < frames {
            self.fold(frames)?;
        }
        self.writer.samples(&samples)?;
        self.writer.logs(&logs)?;
        self.writer.count_dropped(n_dropped);
        if self.durable {
            // The tail that holds it, which is on the disk, may be emptied from now on.
            self.writer.sync()?;
            self.synced_bytes = self.writer.bytes();
        }
        queue.done(self.folded, frames, self.writer.bytes());
        Ok(true)
    }

    /// Makes a block of events, or fewer, of what the tail holds up to a frame.
    fn fold(&mut self, frames: u64) -> Result<(), RecordError> {
        let Self { tail, writer, folded, tails, .. } = self;
        let before = *folded;
        tail.frames(|frame: &Frame<'_>| {
            let is_full = writer.frame(frame)?;
            folded.frames += 1;
            folded.bytes += frame.bytes();
            let is_enough = is_full || folded.frames == frames;
            Ok::<_, RecordError>(if is_enough { Next::Enough } else { Next::GoOn })
        })?;
        if *folded == before {
            // The frames were acknowledged, so they were there.
            return Err(RecordError::Removed { path: tails[0].clone() });
        }
        writer.close_blocks()
    }

    /// When all is to be on the disk; `None`: it is.
    fn sync_at(&mut self, queue: &Queue) -> Option<Instant> {
        if self.dirty_since.is_none() {
            let is_dirty = self.writer.bytes() > self.synced_bytes;
            let since = queue.waits_since().or_else(|| is_dirty.then_some(self.synced));
            self.dirty_since = since.map(|since| since.max(self.synced));
        }
        Some(self.dirty_since? + SYNC_AFTER)
    }

    fn sync(&mut self, queue: &Queue) -> Result<(), RecordError> {
        // What is written while this goes on is for the next time.
        self.synced = Instant::now();
        self.dirty_since = None;
        if self.writer.bytes() > self.synced_bytes {
            self.writer.sync()?;
            self.synced_bytes = self.writer.bytes();
        }
        if queue.waits_since().is_none() {
            return Ok(());
        }
        for path in &self.tails {
            match self.conditions.sync(path) {
                Err(why) if why.kind() != io::ErrorKind::NotFound => {
                    return Err(RecordError::Io { path: path.clone(), source: why });
                }
                _synced_or_not_begun => {}
            }
        }
        Ok(())
    }

    /// One round of the thread. Returns when the next one is due at the latest.
    fn round(&mut self, queue: &Queue) -> Result<Option<Instant>, RecordError> {
        let made = self.make(queue, false)?;
        let now = Instant::now();
        if self.sync_at(queue).is_some_and(|at| at <= now) {
            self.sync(queue)?;
        }
        // A state behind is made up for when no block is due.
        if !made && self.keyframer.follow(&mut self.writer)? {
            return Ok(Some(now));
        }
        Ok(self.sync_at(queue))
    }

    /// Writes what waits and, if nothing is missing, the footer.
    fn finish(&mut self, queue: &Queue, closing: Closing) -> Result<(), RecordError> {
        while self.make(queue, true)? {}
        match closing {
            Closing::Finish(totals) => {
                self.keyframer.finish(&mut self.writer)?;
                let totals = totals.or_else(|| self.keyframer.totals(&self.writer));
                self.writer.set_totals(totals);
                self.writer.finish()
            }
            Closing::Abandon => self.writer.sync(),
        }
    }
}

fn lock(maker: &SharedMaker) -> MutexGuard<'_, Option<Maker>> {
    maker.lock().expect("whoever made blocks did not panic")
}

/// The thread: works until the recording ends.
pub(super) fn run(maker: &SharedMaker, queue: &Queue) {
    give_way();
    let mut until = None;
    while !queue.wait(until) {
        let mut guard = lock(maker);
        let Some(maker) = guard.as_mut() else { return };
        match maker.round(queue) {
            Ok(_) if queue.is_over() => return,
            Ok(next) => until = next,
            Err(why) => return queue.end(Some(why)),
        }
    }
}

/// Makes blocks of all that waits, in place of the thread that does not keep up.
pub(super) fn help(maker: &SharedMaker, queue: &Queue) -> Result<(), RecordError> {
    let mut guard = lock(maker);
    let Some(maker) = guard.as_mut() else { return Ok(()) };
    let made = loop {
        match maker.make(queue, true) {
            Ok(true) => {}
            Ok(false) => break Ok(()),
            Err(why) => break Err(why),
        }
    };
    made.inspect_err(|_why| queue.end(None))
}

/// Ends the thread, and does what is left to do.
pub(super) fn close(maker: &SharedMaker, queue: &Queue, closing: Closing) -> Closed {
    queue.close();
    let Some(mut maker) = lock(maker).take() else { return Closed::default() };
    // What failed once is not tried again.
    let outcome = match queue.progress() {
        Ok(_) => maker.finish(queue, closing),
        Err(Some(failure)) => Err(failure),
        Err(None) => return Closed { complete: false, ..maker.closed() },
    };
    let complete = outcome.is_ok();
    queue.end(outcome.err());
    Closed { complete, ..maker.closed() }
}

impl Maker {
    fn closed(&self) -> Closed {
        let summary = self.writer.summary().clone();
        Closed { summary, bytes: self.writer.bytes(), complete: false }
    }
}

/// Makes blocks in place of the recorder's thread, whenever it is told to.
#[derive(Clone, Debug)]
pub struct Hand {
    maker: SharedMaker,
    queue: Arc<Queue>,
}

impl Hand {
    pub(super) fn new(maker: &SharedMaker, queue: &Arc<Queue>) -> Self {
        Self { maker: Arc::clone(maker), queue: Arc::clone(queue) }
    }

    /// Makes blocks of what has waited longest, and then, if `sync`, brings all to the disk. An error is
    /// told by the next call of the recorder, as one of its thread is.
    pub fn work(&self, sync: bool) {
        let mut guard = lock(&self.maker);
        let Some(maker) = guard.as_mut() else { return };
        let mut done = maker.make(&self.queue, true).map(drop);
        if sync && !self.queue.is_over() {
            done = done.and_then(|()| maker.sync(&self.queue));
        }
        if let Err(why) = done {
            self.queue.end(Some(why));
        }
    }
}

/// Lets every other thread go first: what waits is safe in the tail meanwhile.
#[cfg(target_os = "linux")]
fn give_way() {
    // One that may not do so works all the same.
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19);
}

#[cfg(not(target_os = "linux"))]
fn give_way() {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Recorder, RecorderOptions, RunInfo};

    /// New events wait all the time: what must be on the disk by an instant must not wait with them.
    #[test]
    fn under_steady_load_the_sync_comes_when_it_was_due() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.reel");
        let conditions = Conditions { by_hand: true, ..Conditions::default() };
        let options = RecorderOptions::default();
        let mut recorder =
            Recorder::create_under(&path, &RunInfo::default(), options, conditions).unwrap();
        let hand = recorder.hand();
        let mut due = Vec::new();
        for turn in crate::run::turns(7, 100, 2, 2) {
            recorder.append(&turn).unwrap();
            let mut guard = lock(&hand.maker);
            let maker = guard.as_mut().unwrap();
            due.push(maker.sync_at(&hand.queue).unwrap());
            maker.make(&hand.queue, true).unwrap();
        }
        assert!(due.len() > 9);
        assert!(due.iter().all(|at| *at == due[0]), "{due:?}");
        let mut guard = lock(&hand.maker);
        let maker = guard.as_mut().unwrap();
        maker.sync(&hand.queue).unwrap();
        assert_eq!(maker.sync_at(&hand.queue), None, "all is on the disk");
    }
}
