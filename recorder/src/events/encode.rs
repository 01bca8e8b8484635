//! Events to columns.

use std::collections::HashMap;

use taskreel_model::{Event, Key, Nanos, Stamped, Suffix, TaskId, WorkerId};

use super::HAS_CAUSE;
use super::columns::{Column, ColumnsOut};
use super::context::Context;
use crate::codec::put_row;

/// Makes payloads of event blocks; keeps its memory between blocks.
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
    first: u64,
    first_at: Nanos,
    last_at: Nanos,
    /// About the bytes of what has no bound of its own.
    weight: usize,
}

/// A payload and what its block's header says of it.
#[derive(Debug)]
pub(crate) struct Encoded {
    pub(crate) raw: Vec<u8>,
    pub(crate) n_events: u32,
    pub(crate) first: u64,
    pub(crate) first_at: u64,
    pub(crate) last_at: u64,
}

/// Instants of one event, in ticks.
#[derive(Clone, Copy)]
struct When {
    logged_at: u64,
    at: u64,
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
            first: 0,
            first_at: Nanos::ZERO,
            last_at: Nanos::ZERO,
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
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return };
        if self.n_events == 0 {
            self.context = Context::new(first.logged_at.0 / self.tick);
            self.block = self.block.wrapping_add(1);
            self.far_places.clear();
            (self.first, self.first_at) = (first.seq, first.logged_at);
        }
        self.n_events += events.len();
        self.last_at = last.logged_at;
        for event in events {
            self.event(event);
        }
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
        let round = |instant: Nanos| instant.0 - instant.0 % self.tick;
        self.weight = 0;
        Some(Encoded {
            n_events: std::mem::take(&mut self.n_events) as u32,
            first: self.first,
            first_at: round(self.first_at),
            last_at: round(self.last_at),
            raw: self.out.drain(),
        })
    }

    fn event(&mut self, event: &Stamped<Event>) {
        let when = When { logged_at: event.logged_at.0 / self.tick, at: event.at.0 / self.tick };
        let caused = if event.cause.is_some() { HAS_CAUSE } else { 0 };
        self.out.byte(Column::Tag, event.what.tag() | caused);
        // Instants of the log do not decrease, so the difference needs no sign; one that does
        // anyway becomes a large number that wraps back.
        let step = when.logged_at.wrapping_sub(self.context.logged_at);
        self.out.varint(Column::LoggedAt, step);
        self.context.logged_at = when.logged_at;
        if let Some(cause) = event.cause {
            self.out.instant(Column::Cause, cause, event.seq);
        }
        self.body(&event.what, when);
    }

    fn body(&mut self, event: &Event, when: When) {
        match *event {
            Event::TaskSubmitted { task, graph, key, options, wanted, ref deps } => {
                self.lag(when);
                self.out.varint(Column::SubmittedGraph, graph.0);
                self.out.varint(Column::SubmittedOptions, options.0);
                self.task_submitted(task, key, wanted, deps);
            }
            Event::ResultReleased { client, task } => {
                self.lag(when);
                self.out.varint(Column::ReleasedClient, client.0);
                self.out.id(Column::ReleasedTask, self.context.next_released, task.0);
                self.context.next_released = task.0.wrapping_add(1);
            }
            Event::TaskAssigned { task, worker, attempt, reason } => {
                self.lag(when);
                let worker = self.worker(worker, Column::Worker);
                self.out.id(Column::AssignedTask, self.context.next_assigned, task.0);
                self.context.next_assigned = task.0.wrapping_add(1);
                self.out.varint(Column::AssignedAttempt, attempt);
                self.out.byte(Column::AssignedReason, reason as u8);
                self.context.workers[worker].queue(task.0, attempt);
            }
            Event::TaskStarted { task, worker, attempt, slot } => {
                self.task_started(task, worker, attempt, slot, when.at);
            }
            Event::TaskFinished { task, worker, attempt, bytes } => {
                self.out.varint(Column::FinishedBytes, bytes);
                self.task_finished(task, worker, attempt, when.at);
            }
            Event::TransferStarted { task, from, to, dependent } => {
                self.transfer_started(task, from, to, dependent, when.at);
            }
            Event::TransferFinished { task, to, bytes } => {
                self.out.varint(Column::FetchedBytes, bytes);
                self.transfer_finished(task, to, when.at);
            }
            Event::ActivityRecorded { task, worker, activity, took, bytes } => {
                self.out.byte(Column::ActivityKind, activity as u8);
                self.out.varint(Column::ActivityTook, took.0);
                self.out.varint(Column::ActivityBytes, bytes);
                let worker = self.worker(worker, Column::Worker);
                let context = &mut self.context.workers[worker];
                self.out.id(Column::ActivityTask, context.last_task, task.0);
                self.out.instant(Column::ActivityAt, context.last_at, when.at);
                context.touch(task.0, when.at);
            }
            // Rare kinds, and those that later versions add, need no columns of their own.
            ref cold => self.cold(cold, when),
        }
    }

    fn cold(&mut self, event: &Event, when: When) {
        self.lag(when);
        self.row.clear();
        // What this version did not understand keeps its place in a copy, without its content.
        if !matches!(event, Event::Unknown { .. }) {
            put_row(&mut self.row, event);
        }
        self.weight += self.row.len();
        let column = self.out.column(Column::Cold);
        column.varint(self.row.len() as u64);
        column.append(|bytes| bytes.extend_from_slice(&self.row));
    }

    /// How long before it was logged the event happened.
    fn lag(&mut self, when: When) {
        self.out.instant(Column::Lag, when.at, when.logged_at);
    }

    /// Names a worker by its place in the block; returns that place.
    fn worker(&mut self, id: WorkerId, column: Column) -> usize {
        let n_known = self.context.workers.len();
        let index = self.place(id).unwrap_or(n_known);
        self.out.varint(column, index as u64);
        if index == n_known {
            self.out.varint(Column::NewWorker, id.0);
            self.context.add_worker(id.0);
            match self.places.get_mut(id.index()) {
                Some(place) => *place = (self.block, index),
                None => drop(self.far_places.insert(id, index)),
            }
        }
        index
    }

    /// Where a worker is in the block, if it was named.
    fn place(&mut self, id: WorkerId) -> Option<usize> {
        if id.index() >= MAX_PLACES {
            return self.far_places.get(&id).copied();
        }
        if id.index() >= self.places.len() {
            self.places.resize(id.index() + 1, (0, 0));
        }
        let (block, place) = self.places[id.index()];
        (block == self.block && place < self.context.workers.len()).then_some(place)
    }

    fn task_submitted(&mut self, task: TaskId, key: Key, wanted: bool, deps: &[TaskId]) {
        self.weight += 5 * deps.len();
        let Self { out, context, .. } = self;
        out.id(Column::SubmittedTask, context.next_submitted, task.0);
        context.next_submitted = task.0.wrapping_add(1);
        out.varint(Column::SubmittedPrefix, key.prefix.0);
        let shape = match key.suffix {
            Suffix::None => 0,
            Suffix::Index(_) => 1,
            Suffix::Name(_) => 2,
        };
        out.byte(Column::SubmittedShape, shape | if wanted { 4 } else { 0 });
        match key.suffix {
            Suffix::None => {}
            Suffix::Index(index) => {
                out.id(Column::SubmittedSuffix, context.next_index, index);
                context.next_index = index.wrapping_add(1);
            }
            Suffix::Name(name) => {
                out.id(Column::SubmittedSuffix, context.next_name, name.0);
                context.next_name = name.0.wrapping_add(1);
            }
        }
        out.varint(Column::SubmittedDeps, deps.len() as u64);
        for dep in deps {
            out.id(Column::Dep, context.next_dep, dep.0);
            context.next_dep = dep.0.wrapping_add(1);
        }
    }

    fn task_started(&mut self, task: TaskId, worker: WorkerId, attempt: u32, slot: u16, at: u64) {
        let worker = self.worker(worker, Column::Worker);
        let Self { out, context, .. } = self;
        let of_worker = &mut context.workers[worker];
        match of_worker.find_queued(task.0, attempt) {
            Some(position) => {
                out.varint(Column::StartedFrom, position as u64 + 1);
                of_worker.unqueue(position);
            }
            None => {
                out.varint(Column::StartedFrom, 0_u64);
                out.id(Column::StartedTask, context.next_started, task.0);
                out.varint(Column::StartedAttempt, attempt);
            }
        }
        context.next_started = task.0.wrapping_add(1);
        out.varint(Column::StartedSlot, slot);
        out.instant(Column::StartedAt, of_worker.expected_start(slot), at);
        of_worker.start(slot, task.0, attempt, at);
    }

    fn task_finished(&mut self, task: TaskId, worker: WorkerId, attempt: u32, at: u64) {
        let worker = self.worker(worker, Column::Worker);
        let Self { out, context, .. } = self;
        let of_worker = &mut context.workers[worker];
        let place = of_worker.find_running(task.0, attempt);
        out.varint(Column::FinishedIn, place.map_or(0, |place| place as u64 + 1));
        let expected = match place.and_then(|place| of_worker.running(place)) {
            Some((_task, _attempt, started_at)) => started_at,
            None => {
                out.id(Column::FinishedTask, context.next_finished, task.0);
                out.varint(Column::FinishedAttempt, attempt);
                of_worker.last_at
            }
        };
        out.instant(Column::FinishedAt, expected, at);
        if let Some(place) = place {
            of_worker.finish(place, at);
        }
        context.next_finished = task.0.wrapping_add(1);
        of_worker.touch(task.0, at);
    }

    fn transfer_started(
        &mut self,
        task: TaskId,
        from: WorkerId,
        to: WorkerId,
        dependent: TaskId,
        at: u64,
    ) {
        let to = self.worker(to, Column::Worker);
        self.worker(from, Column::FetchFrom);
        let Self { out, context, .. } = self;
        let of_worker = &mut context.workers[to];
        out.id(Column::FetchDependent, of_worker.last_task, dependent.0);
        out.id(Column::FetchTask, dependent.0, task.0);
        out.instant(Column::FetchAt, of_worker.last_at, at);
        of_worker.add_flight(task.0, at);
        of_worker.touch(dependent.0, at);
    }

    fn transfer_finished(&mut self, task: TaskId, to: WorkerId, at: u64) {
        let to = self.worker(to, Column::Worker);
        let Self { out, context, .. } = self;
        let of_worker = &mut context.workers[to];
        let flight = of_worker.find_flight(task.0);
        out.varint(Column::FetchedFlight, flight.map_or(0, |position| position as u64 + 1));
        let expected = match flight.and_then(|position| of_worker.remove_flight(position)) {
            Some((_task, started_at)) => started_at,
            None => {
                out.id(Column::FetchedTask, context.next_fetched, task.0);
                of_worker.last_at
            }
        };
        context.next_fetched = task.0.wrapping_add(1);
        out.instant(Column::FetchedAt, expected, at);
        of_worker.last_at = at;
    }
}
