//! The bounded queue between the thread that records and the thread that writes blocks.

use std::mem;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use taskreel_model::{Event, LogLine, Sample, Stamped};

use crate::{RecordError, SpecBatch, Totals};

/// So many events make a block at once, without waiting for more.
const FULL_EVENTS: usize = 64 << 10;
/// So many bytes, as the queue weighs them, do too.
const FULL_WEIGHT: usize = 8 << 20;
/// Beyond this weight the caller waits for the writer.
const MAX_WEIGHT: usize = 64 << 20;
/// Beyond this many samples, or log lines, further ones are dropped.
const MAX_DROPPABLE: usize = 16 << 10;
/// From so many events on, a block is worth its overhead after `FLUSH_AFTER`.
const WORTHWHILE_EVENTS: usize = 512;
/// How long enough events wait for more.
const FLUSH_AFTER: Duration = Duration::from_millis(100);
/// How long a few wait: a viewer has them from the tail meanwhile.
const FLUSH_FEW_AFTER: Duration = Duration::from_millis(500);

/// What is to be written next.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(crate) events: Vec<Stamped<Event>>,
    pub(crate) specs: Vec<SpecBatch>,
    pub(crate) samples: Vec<Sample>,
    pub(crate) logs: Vec<LogLine>,
    pub(crate) n_dropped: u64,
    /// The last call of `append` or `specs` that is in it.
    pub(crate) ticket: u64,
    weight: usize,
    since: Option<Instant>,
}

/// How soon what waits becomes a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Nothing,
    Few,
    Worthwhile,
    Full,
}

/// How the recording ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Closing {
    /// With a footer, and what the state at the end says, if that is known.
    Finish(Option<Totals>),
    /// Without one: something is missing.
    Abandon,
}

/// What the writing thread is to do.
#[derive(Debug)]
pub(crate) struct Work {
    pub(crate) pending: Pending,
    pub(crate) closing: Option<Closing>,
}

#[derive(Debug, Default)]
struct Inner {
    pending: Pending,
    closing: Option<Closing>,
    /// The last ticket that blocks hold.
    folded: u64,
    /// Bytes in the main file.
    bytes: u64,
    /// Memory of events that were written, for the next ones.
    spare: Vec<Stamped<Event>>,
    /// The writing thread ended; the error is taken by the first who asks.
    ended: bool,
    failure: Option<RecordError>,
}

/// The queue. Its bound is [`MAX_WEIGHT`].
#[derive(Debug, Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    /// There is work, or more than before.
    work: Condvar,
    /// There is room, or the writing thread ended.
    room: Condvar,
}

impl Queue {
    /// An empty queue beside a file of so many bytes.
    pub(crate) fn new(bytes: u64) -> Self {
        Self { inner: Mutex::new(Inner { bytes, ..Inner::default() }), ..Self::default() }
    }

    /// A thread that panicked with the lock held left nothing half done: each change is one
    /// assignment or push.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last ticket that blocks hold, and bytes in the main file; or why the writer gave up.
    pub(crate) fn progress(&self) -> Result<(u64, u64), Option<RecordError>> {
        let mut inner = self.lock();
        if inner.ended { Err(inner.failure.take()) } else { Ok((inner.folded, inner.bytes)) }
    }

    /// Adds events; waits for room.
    pub(crate) fn push_events(
        &self,
        weight: usize,
        ticket: u64,
        add: impl FnOnce(&mut Vec<Stamped<Event>>),
    ) {
        self.push(weight, ticket, |pending| add(&mut pending.events));
    }

    /// Adds specs; waits for room.
    pub(crate) fn push_specs(&self, batch: SpecBatch, ticket: u64) {
        let weight = batch.bytes.len() + 4 * batch.lens.len();
        self.push(weight, ticket, |pending| pending.specs.push(batch));
    }

    fn push(&self, weight: usize, ticket: u64, add: impl FnOnce(&mut Pending)) {
        let mut inner = self.lock();
        while inner.pending.weight >= MAX_WEIGHT && !inner.ended {
            inner = self.room.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        let pending = &mut inner.pending;
        let before = pending.urgency();
        add(pending);
        pending.ticket = ticket;
        pending.weight += weight;
        pending.since.get_or_insert_with(Instant::now);
        if pending.urgency() > before {
            self.work.notify_one();
        }
    }

    /// Adds a sample, unless too many wait.
    pub(crate) fn push_sample(&self, sample: Sample) {
        self.push_droppable(|pending| {
            if pending.samples.len() < MAX_DROPPABLE {
                pending.samples.push(sample);
            } else {
                pending.n_dropped += 1;
            }
        });
    }

    /// Adds a log line, unless too many wait.
    pub(crate) fn push_log(&self, line: LogLine) {
        self.push_droppable(|pending| {
            if pending.logs.len() < MAX_DROPPABLE {
                pending.logs.push(line);
            } else {
                pending.n_dropped += 1;
            }
        });
    }

    fn push_droppable(&self, add: impl FnOnce(&mut Pending)) {
        let pending = &mut self.lock().pending;
        let before = pending.urgency();
        add(pending);
        pending.since.get_or_insert_with(Instant::now);
        if pending.urgency() > before {
            self.work.notify_one();
        }
    }

    /// Asks the writing thread to write what is left and end.
    pub(crate) fn close(&self, closing: Closing) {
        self.lock().closing.get_or_insert(closing);
        self.work.notify_one();
    }

    /// Waits until a block is due, `at_most` so long, and takes all that waits.
    pub(crate) fn take(&self, at_most: Option<Duration>) -> Work {
        let until = at_most.map(|time| Instant::now() + time);
        let mut inner = self.lock();
        while inner.closing.is_none() {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) && inner.pending.since.is_none() {
                break;
            }
            let due = inner.pending.wait_for();
            inner = match due.or(left) {
                Some(Duration::ZERO) => break,
                Some(time) => {
                    let waited = self.work.wait_timeout(inner, time);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => self.work.wait(inner).unwrap_or_else(PoisonError::into_inner),
            };
        }
        // A ticket is a high-water mark: work without events or specs leaves it where it was.
        let ticket = inner.pending.ticket;
        let events = mem::take(&mut inner.spare);
        let next = Pending { events, ticket, ..Pending::default() };
        let pending = mem::replace(&mut inner.pending, next);
        self.room.notify_one();
        Work { pending, closing: inner.closing }
    }

    /// Says that what was taken is in blocks, and how large the file is now.
    pub(crate) fn done(&self, mut pending: Pending, bytes: u64) {
        // The events are dropped before the lock is taken: each may own memory.
        pending.events.clear();
        let mut inner = self.lock();
        inner.folded = pending.ticket;
        inner.bytes = bytes;
        if pending.events.capacity() <= 2 * FULL_EVENTS {
            inner.spare = pending.events;
        }
    }

    /// Says that nothing more will be written.
    pub(crate) fn end(&self, failure: Option<RecordError>) {
        let mut inner = self.lock();
        inner.ended = true;
        inner.failure = inner.failure.take().or(failure);
        self.room.notify_one();
    }
}

impl Pending {
    fn urgency(&self) -> Urgency {
        if self.since.is_none() {
            Urgency::Nothing
        } else if self.events.len() >= FULL_EVENTS || self.weight >= FULL_WEIGHT {
            Urgency::Full
        } else if self.events.len() >= WORTHWHILE_EVENTS {
            Urgency::Worthwhile
        } else {
            Urgency::Few
        }
    }

    /// How long a block may still wait; `None`: there is nothing to write.
    fn wait_for(&self) -> Option<Duration> {
        let limit = match self.urgency() {
            Urgency::Nothing => return None,
            Urgency::Few => FLUSH_FEW_AFTER,
            Urgency::Worthwhile => FLUSH_AFTER,
            Urgency::Full => Duration::ZERO,
        };
        self.since.map(|since| limit.saturating_sub(since.elapsed()))
    }
}

/// About the bytes events take in memory.
pub(crate) fn weigh(events: &[Stamped<Event>]) -> usize {
    events.iter().map(weight).sum()
}

/// About the bytes an event takes in memory.
fn weight(event: &Stamped<Event>) -> usize {
    let behind_a_box = match &event.what {
        Event::TaskSubmitted { deps, .. } => 4 * deps.len(),
        Event::Interned { text, .. } => text.len(),
        Event::PrefixDeclared { name, .. } => name.len(),
        Event::OptionsDeclared { .. } | Event::WorkerJoined { .. } => 512,
        // All others hold nothing beyond themselves.
        _plain => 0,
    };
    size_of::<Stamped<Event>>() + behind_a_box
}
