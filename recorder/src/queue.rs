//! What passes between the thread that records and the thread that makes blocks: how far the tail is,
//! and how far the blocks; samples and log lines, which no tail holds.
//!
//! The thread that makes blocks gives way to all others, so whoever records waits for none of its
//! locks: what is counted with each turn are atomic numbers.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskreel_model::{LogLine, Sample};

use crate::RecordError;
use crate::Totals;
use crate::tail::Extent;

/// Beyond so many bytes of the tail whoever records makes blocks itself.
const MAX_BYTES: u64 = 128 << 20;
/// Beyond so many bytes of samples and log lines further ones are dropped.
const MAX_DROPPABLE: usize = 64 << 20;
/// So many bytes of them become blocks at once.
const MANY_DROPPABLE: usize = 4 << 20;
/// How long what is in the tail waits for more, until blocks are made of all of it. A viewer has it
/// from the tail meanwhile, and a short run has its cores for itself.
const FLUSH_AFTER: Duration = Duration::from_millis(400);

/// What becomes blocks beside the events and specs of the tail.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    /// Frames that are to be in blocks, counted from the first.
    pub(crate) frames: u64,
    pub(crate) samples: Vec<Sample>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) n_dropped: u64,
}

/// How the recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// With a footer, and what the state at the end says, if that is known.
    Finish(Option<Totals>),
    /// Without one: something is missing.
    Abandon,
}

#[derive(Debug, Default)]
struct Inner {
    samples: Vec<Sample>,
    logs: Vec<LogLine>,
    /// Bytes of both in memory, about.
    droppable: usize,
    n_dropped: u64,
    /// Since when anything waits; `None`: nothing does.
    since: Option<Instant>,
    closing: bool,
    /// Why no more blocks are made; taken by the first who asks.
    failure: Option<RecordError>,
}

/// How far something is.
#[derive(Debug, Default)]
struct Counted {
    frames: AtomicU64,
    bytes: AtomicU64,
}

impl Inner {
    /// When what waits is to become blocks; `None`: nothing waits.
    fn due(&self) -> Option<Instant> {
        let since = self.since?;
        Some(if self.has_many_droppable() { since } else { since + FLUSH_AFTER })
    }

    fn has_many_droppable(&self) -> bool {
        self.droppable >= MANY_DROPPABLE
    }
}

impl Counted {
    fn set(&self, extent: Extent) {
        self.bytes.store(extent.bytes, Ordering::Relaxed);
        // The last: who sees it sees the bytes too.
        self.frames.store(extent.frames, Ordering::SeqCst);
    }

    fn get(&self) -> Extent {
        let frames = self.frames.load(Ordering::SeqCst);
        Extent { frames, bytes: self.bytes.load(Ordering::Relaxed) }
    }
}

/// What both threads share. Its bound is [`MAX_BYTES`] of the tail.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    /// There is work for the thread.
    work: Condvar,
    /// What the tail holds.
    tail: Counted,
    /// What of it is in blocks.
    folded: Counted,
    /// Bytes in the main file.
    bytes: AtomicU64,
    /// No more blocks are made.
    ended: AtomicBool,
}

impl Queue {
    /// An empty queue beside a file of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { bytes: AtomicU64::new(bytes), ..Self::default() }
    }

    /// A thread that panicked with the lock held left nothing half done: each change is one
    /// assignment or push.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many frames blocks hold, and bytes in the main file; or why no more are made.
    pub(crate) fn progress(&self) -> Result<(u64, u64), Option<RecordError>> {
        if self.is_over() {
            return Err(self.lock().failure.take());
        }
        Ok((self.folded.get().frames, self.bytes.load(Ordering::Relaxed)))
    }

    /// Says how much the tail holds. Returns whether too much of it is not in blocks.
    pub(crate) fn grown(&self, tail: Extent) -> bool {
        let before = self.tail.get();
        self.tail.set(tail);
        // Read behind the store: either this sees that all before was folded, or the thread that
        // folded it sees the new frames.
        let folded = self.folded.get();
        let was_idle = before.frames <= folded.frames;
        if was_idle {
            self.lock().since.get_or_insert_with(Instant::now);
            self.work.notify_one();
        }
        tail.bytes.saturating_sub(folded.bytes) >= MAX_BYTES
    }

    /// Adds a sample, unless too many wait.
    pub(crate) fn push_sample(&self, sample: Sample) {
        self.push(size_of::<Sample>(), |inner| inner.samples.push(sample));
    }

    /// Adds a log line, unless too many wait.
    pub(crate) fn push_log(&self, line: LogLine) {
        let bytes = size_of::<LogLine>() + line.text.len();
        self.push(bytes, |inner| inner.logs.push(line));
    }

    fn push(&self, bytes: usize, add: impl FnOnce(&mut Inner)) {
        let mut inner = self.lock();
        let had_many = inner.has_many_droppable();
        if inner.droppable + bytes <= MAX_DROPPABLE {
            inner.droppable += bytes;
            add(&mut inner);
        } else {
            inner.n_dropped += 1;
        }
        let is_first = inner.since.is_none();
        inner.since.get_or_insert_with(Instant::now);
        if is_first || inner.has_many_droppable() != had_many {
            self.work.notify_one();
        }
    }

    /// Asks the thread to end.
    pub(crate) fn close(&self) {
        self.lock().closing = true;
        self.work.notify_one();
    }

    /// Waits until a block is due, or until the instant given. Returns whether the queue was closed.
    pub(crate) fn wait(&self, until: Option<Instant>) -> bool {
        let mut inner = self.lock();
        loop {
            if inner.closing {
                return true;
            }
            let due = inner.due();
            let Some(instant) = due.into_iter().chain(until).min() else {
                inner = self.work.wait(inner).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let left = instant.saturating_duration_since(Instant::now());
            if left == Duration::ZERO {
                return false;
            }
            let waited = self.work.wait_timeout(inner, left);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// What becomes blocks next, if it is due, or in any case.
    pub(crate) fn pop(&self, in_any_case: bool) -> Option<Pending> {
        let mut inner = self.lock();
        let due = inner.due()?;
        if !in_any_case && due > Instant::now() {
            return None;
        }
        inner.droppable = 0;
        Some(Pending {
            frames: self.tail.get().frames,
            samples: std::mem::take(&mut inner.samples),
            logs: std::mem::take(&mut inner.logs),
            n_dropped: std::mem::take(&mut inner.n_dropped),
        })
    }

    /// Since when the oldest waits that no block holds.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        self.lock().since
    }

    /// Says what of the tail is in blocks, of the frames that were popped, and how large the file is
    /// now. What else was popped is in blocks, too.
    pub(crate) fn done(&self, folded: Extent, popped: u64, bytes: u64) {
        let mut inner = self.lock();
        self.folded.set(folded);
        self.bytes.store(bytes, Ordering::Relaxed);
        if folded.frames < popped {
            // The others are due still.
            return;
        }
        let waits = self.tail.get().frames > folded.frames
            || !(inner.samples.is_empty() && inner.logs.is_empty() && inner.n_dropped == 0);
        inner.since = waits.then(Instant::now);
    }

    /// Whether nothing more is written.
    pub(crate) fn is_over(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Says that nothing more will be written.
    pub(crate) fn end(&self, failure: Option<RecordError>) {
        let mut inner = self.lock();
        inner.failure = inner.failure.take().or(failure);
        self.ended.store(true, Ordering::Release);
    }
}
