//! The bounded queue between the thread that records and the thread that makes blocks.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskreel_model::{LogLine, Sample};

use crate::rows::Rows;
use crate::{RecordError, SpecBatch, Totals};

/// So many events make a block at once, without waiting for more.
const FULL_EVENTS: usize = 64 << 10;
/// So many bytes do too.
const FULL_WEIGHT: usize = 8 << 20;
/// Beyond this weight whoever records makes blocks itself.
const MAX_WEIGHT: usize = 64 << 20;
/// Beyond this many samples, or log lines, further ones are dropped.
const MAX_DROPPABLE: usize = 16 << 10;
/// How long what is less than a block waits for more: a viewer has it from the tail meanwhile.
const FLUSH_AFTER: Duration = Duration::from_millis(400);

/// What becomes blocks together.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) rows: Rows,
    pub(crate) specs: Vec<SpecBatch>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) n_dropped: u64,
    /// The last frame of the tail that is in it; 0: none is.
    ticket: u64,
    spec_bytes: usize,
    since: Option<Instant>,
}

/// How the recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// With a footer, and what the state at the end says, if that is known.
    Finish(Option<Totals>),
    /// Without one: something is missing.
    Abandon,
}

/// What the queue holds.
#[derive(Debug, Default)]
struct Inner {
    /// What comes is added to the last one; all before it are full.
    waiting: VecDeque<Pending>,
    /// Bytes of all before the last one.
    weight: usize,
    closing: bool,
    /// Memory of rows that are in blocks, for the next ones.
    spare: Vec<Rows>,
    /// Why no more blocks are made; taken by the first who asks.
    failure: Option<RecordError>,
}

/// The queue. Its bound is [`MAX_WEIGHT`].
#[derive(Debug, Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    /// There is work for the thread.
    work: Condvar,
    /// The last frame of the tail that blocks hold.
    folded: AtomicU64,
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

    /// The last frame that blocks hold, and bytes in the main file; or why no more are made.
    pub(crate) fn progress(&self) -> Result<(u64, u64), Option<RecordError>> {
        if self.is_over() {
            return Err(self.lock().failure.take());
        }
        Ok((self.folded.load(Ordering::Acquire), self.bytes.load(Ordering::Relaxed)))
    }

    /// Adds the payload of a frame of `n` events. Returns whether there is too much.
    pub(crate) fn push_rows(&self, ticket: u64, first: u64, n: u32, payload: &[u8]) -> bool {
        self.push(|pending| {
            pending.rows.push(first, n, payload);
            pending.ticket = ticket;
        })
    }

    /// Adds specs. Returns whether there is too much.
    pub(crate) fn push_specs(&self, batch: SpecBatch, ticket: u64) -> bool {
        self.push(|pending| {
            pending.spec_bytes += batch.bytes.len() + 4 * batch.lens.len();
            pending.specs.push(batch);
            pending.ticket = ticket;
        })
    }

    fn push(&self, add: impl FnOnce(&mut Pending)) -> bool {
        let mut inner = self.lock();
        if inner.waiting.back().is_none_or(Pending::is_full) {
            let weight = inner.waiting.back().map_or(0, Pending::weight);
            inner.weight += weight;
            let rows = inner.spare.pop().unwrap_or_default();
            inner.waiting.push_back(Pending { rows, ..Pending::default() });
        }
        let is_first = inner.waiting.len() == 1;
        let pending = inner.waiting.back_mut().expect("one was just added");
        let is_new = pending.since.is_none();
        if is_new {
            pending.since = Some(Instant::now());
        }
        add(pending);
        if is_first && (is_new || pending.is_full()) {
            self.work.notify_one();
        }
        inner.weight >= MAX_WEIGHT
    }

    /// Adds a sample, unless too many wait.
    pub(crate) fn push_sample(&self, sample: Sample) {
        self.push(|pending| {
            if pending.samples.len() < MAX_DROPPABLE {
                pending.samples.push(sample);
            } else {
                pending.n_dropped += 1;
            }
        });
    }

    /// Adds a log line, unless too many wait.
    pub(crate) fn push_log(&self, line: LogLine) {
        self.push(|pending| {
            if pending.logs.len() < MAX_DROPPABLE {
                pending.logs.push(line);
            } else {
                pending.n_dropped += 1;
            }
        });
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
            let due = inner.waiting.front().and_then(Pending::due);
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
        let due = inner.waiting.front()?.due()?;
        if !in_any_case && due > Instant::now() {
            return None;
        }
        let pending = inner.waiting.pop_front()?;
        if !inner.waiting.is_empty() {
            inner.weight -= pending.weight();
        }
        Some(pending)
    }

    /// Since when the oldest waits that no block holds.
    pub(crate) fn waits_since(&self) -> Option<Instant> {
        self.lock().waiting.front()?.since
    }

    /// Says that what was popped is in blocks, and how large the file is now.
    pub(crate) fn done(&self, mut pending: Pending, bytes: u64) {
        self.folded.fetch_max(pending.ticket, Ordering::AcqRel);
        self.bytes.store(bytes, Ordering::Relaxed);
        pending.rows.clear();
        let mut inner = self.lock();
        if inner.spare.is_empty() {
            inner.spare.push(pending.rows);
        }
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

impl Pending {
    fn weight(&self) -> usize {
        self.rows.weight() + self.spec_bytes
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= FULL_EVENTS || self.weight() >= FULL_WEIGHT
    }

    /// When it is to become blocks; `None`: there is nothing in it.
    fn due(&self) -> Option<Instant> {
        let since = self.since?;
        Some(if self.is_full() { since } else { since + FLUSH_AFTER })
    }
}
