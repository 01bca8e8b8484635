//! Events to columns.

mod kinds;

use std::collections::HashMap;

use taskreel_model::{Event, Key, Nanos, Stamped, WorkerId};

use super::HAS_CAUSE;
use super::columns::{Column, ColumnsOut, MAX_UNSETTLED};
use super::context::Context;
use crate::bytes::put_varint;
use crate::codec::put_row;

/// Makes payloads of event blocks; keeps its memory between blocks.
///
/// Whoever has events in another form than [`Event`] tells of each by [`begin`](Self::begin) and then the
/// function of its kind.
#[derive(Debug)]
pub(crate) struct Encoder {
    tick: u64,
    out: ColumnsOut,
    context: Context,
    /// By worker: its place in `context.workers` and the block for which that is true.
    places: Vec<(u32, usize)>,
    /// The same for high ids, of the open block.
    far_places: HashMap<WorkerId, usize>,
    /// Counts the blocks.
    block: u32,
    row: Vec<u8>,
    n_events: usize,
    n_unsettled: usize,
    first: u64,
    first_at: Nanos,
    /// The `logged_at` of the last event, and the same in ticks.
    last_at: Nanos,
    now: u64,
    /// Workers of the open block that were lost though nobody sent them away.
    n_lost: u64,
    /// About the bytes of what has no bound of its own.
    weight: usize,
}

/// A payload and what its block's header says of it.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) raw: Vec<u8>,
    pub(crate) counts: Counts,
    pub(crate) first: u64,
    pub(crate) first_at: u64,
    pub(crate) last_at: u64,
}

/// How many events a block has.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) n_events: u32,
    /// By tag.
    pub(crate) by_tag: [u32; HAS_CAUSE as usize],
    /// Workers that were lost though nobody sent them away.
    pub(crate) n_lost: u64,
}

/// A task and the attempt at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) task: u32,
    pub(crate) attempt: u32,
}

/// What is submitted, but for its dependencies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Submitted {
    pub(crate) task: u32,
    pub(crate) graph: u32,
    pub(crate) key: Key,
    pub(crate) options: u32,
    pub(crate) wanted: bool,
}

/// Workers of higher ids are looked up otherwise: a forged trace has any.
const MAX_PLACES: usize = 1 << 16;

impl Encoder {
    /// For instants rounded down to `tick` nanoseconds.
    pub(crate) fn new(tick: u64) -> Self {
        Self {
            tick,
            out: ColumnsOut::new(),
            context: Context::new(0),
            places: Vec::new(),
            far_places: HashMap::new(),
            block: 0,
            row: Vec::new(),
            n_events: 0,
            n_unsettled: 0,
            first: 0,
            first_at: Nanos::ZERO,
            last_at: Nanos::ZERO,
            now: 0,
            n_lost: 0,
            weight: 0,
        }
    }

    /// Events in the open block.
    pub(crate) fn n_events(&self) -> usize {
        self.n_events
    }

    /// Bytes of rows and dependencies in the open block, about: all else is small.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// Adds events to the open block. Their `seq` must be without gaps.
    pub(crate) fn add(&mut self, events: &[Stamped<Event>]) {
        events.iter().for_each(|event| self.event(event));
    }

    /// The payload of a block with just these events.
    #[cfg(test)]
    pub(crate) fn encode(&mut self, events: &[Stamped<Event>]) -> Vec<u8> {
        self.add(events);
        self.finish().map_or_else(|| self.out.drain(), |encoded| encoded.raw)
    }

    /// Closes the open block, if there are events in it.
    pub(crate) fn finish(&mut self) -> Option<Encoded> {
        if self.n_events == 0 {
            return None;
        }
        self.settle();
        let mut by_tag = [0; HAS_CAUSE as usize];
        self.out.tags().iter().for_each(|tag| by_tag[usize::from(tag & !HAS_CAUSE)] += 1);
        let n_events = std::mem::take(&mut self.n_events) as u32;
        self.weight = 0;
        Some(Encoded {
            counts: Counts { n_events, by_tag, n_lost: std::mem::take(&mut self.n_lost) },
            first: self.first,
            first_at: self.first_at.0 - self.first_at.0 % self.tick,
            last_at: self.now.saturating_mul(self.tick),
            raw: self.out.drain(),
        })
    }

    fn settle(&mut self) {
        self.out.settle();
        self.n_unsettled = 0;
    }

    /// Adds what all events have; what its kind has must follow. `tag`: with [`HAS_CAUSE`] if it has a
    /// cause, which lies so far before it.
    #[inline(always)]
    pub(crate) fn begin(&mut self, seq: u64, logged_at: Nanos, tag: u8, distance: u64) {
        if self.last_at != logged_at || self.n_events == 0 {
            (self.last_at, self.now) = (logged_at, logged_at.0 / self.tick);
        }
        if self.n_events == 0 {
            self.begin_block(seq);
        }
        if self.n_unsettled == MAX_UNSETTLED {
            self.settle();
        }
        self.n_events += 1;
        self.n_unsettled += 1;
        self.out.byte(Column::Tag, tag);
        // Instants of the log do not decrease, so the difference needs no sign; one that does
        // anyway becomes a large number that wraps back.
        self.out.varint(Column::LoggedAt, self.now.wrapping_sub(self.context.logged_at));
        self.context.logged_at = self.now;
        if tag & HAS_CAUSE != 0 {
            self.out.zigzag(Column::Cause, distance as i64);
        }
    }

    #[cold]
    fn begin_block(&mut self, first: u64) {
        self.context = Context::new(self.now);
        self.block = self.block.wrapping_add(1);
        self.far_places.clear();
        (self.first, self.first_at) = (first, self.last_at);
    }

    /// An instant in ticks.
    #[inline(always)]
    pub(crate) fn ticks(&self, at: Nanos) -> u64 {
        if at == self.last_at { self.now } else { at.0 / self.tick }
    }

    fn event(&mut self, event: &Stamped<Event>) {
        let (tag, distance) = match event.cause {
            Some(cause) => (event.what.tag() | HAS_CAUSE, event.seq.wrapping_sub(cause)),
            None => (event.what.tag(), 0),
        };
        self.begin(event.seq, event.logged_at, tag, distance);
        let at = self.ticks(event.at);
        match event.what {
            Event::TaskSubmitted { task, graph, key, options, wanted, ref deps } => {
                let (task, graph, options) = (task.0, graph.0, options.0);
                let deps = deps.iter().map(|dep| dep.0);
                self.task_submitted(Submitted { task, graph, key, options, wanted }, deps, at);
            }
            Event::ResultReleased { client, task } => self.result_released(client.0, task.0, at),
            Event::TaskAssigned { task, worker, attempt, reason } => {
                self.task_assigned(Attempt { task: task.0, attempt }, worker, reason as u8, at);
            }
            Event::TaskStarted { task, worker, attempt, slot } => {
                self.task_started(Attempt { task: task.0, attempt }, worker, slot, at);
            }
            Event::TaskFinished { task, worker, attempt, bytes } => {
                self.task_finished(Attempt { task: task.0, attempt }, worker, bytes, at);
            }
            Event::TransferStarted { task, from, to, dependent } => {
                self.transfer_started(task.0, (from, to), dependent.0, at);
            }
            Event::TransferFinished { task, to, bytes } => {
                self.transfer_finished(task.0, to, bytes, at);
            }
            Event::ActivityRecorded { task, worker, activity, took, bytes } => {
                self.activity_recorded(task.0, worker, activity as u8, (took, bytes), at);
            }
            // Rare kinds, and those that later versions add, need no columns of their own.
            ref cold => self.cold(cold, at),
        }
    }

    fn cold(&mut self, event: &Event, at: u64) {
        self.lag(at);
        self.row.clear();
        // What this version did not understand keeps its place in a copy, without its content.
        if !matches!(event, Event::Unknown { .. }) {
            put_row(&mut self.row, event);
        }
        if let Event::WorkerLost { reason, .. } = event {
            self.n_lost += u64::from(reason.is_unplanned());
        }
        self.weight += self.row.len();
        let column = self.out.long(Column::Cold);
        put_varint(column, self.row.len() as u64);
        column.extend_from_slice(&self.row);
    }

    /// How long before it was logged the event happened.
    #[inline(always)]
    fn lag(&mut self, at: u64) {
        self.out.instant(Column::Lag, at, self.now);
    }

    /// Names a worker by its place in the block; returns that place.
    #[inline(always)]
    fn worker(&mut self, id: WorkerId, column: Column) -> usize {
        let index = match self.places.get(id.index()) {
            Some(&(block, place)) if block == self.block => place,
            Some(_) | None => self.far_or_new(id),
        };
        self.out.varint(column, index as u64);
        index
    }

    /// The place of a worker that was not named in the block yet, or has a high id.
    #[cold]
    fn far_or_new(&mut self, id: WorkerId) -> usize {
        if let Some(&index) = self.far_places.get(&id) {
            return index;
        }
        let index = self.context.workers.len();
        self.out.varint(Column::NewWorker, id.0);
        self.context.add_worker(id.0);
        if id.index() >= MAX_PLACES {
            self.far_places.insert(id, index);
            return index;
        }
        if id.index() >= self.places.len() {
            self.places.resize(id.index() + 1, (0, 0));
        }
        self.places[id.index()] = (self.block, index);
        index
    }
}
