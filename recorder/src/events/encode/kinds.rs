//! The columns of the frequent kinds of events. Each follows [`Encoder::begin`].

use taskreel_model::{Nanos, Suffix, WorkerId};

use super::{Attempt, Encoder, Submitted};
use crate::bytes::put_zigzag;
use crate::events::columns::Column;

impl Encoder {
    /// The rest of a [`taskreel_model::Event::TaskSubmitted`].
    #[inline(always)]
    pub(crate) fn task_submitted(
        &mut self,
        submitted: Submitted,
        deps: impl ExactSizeIterator<Item = u32>,
        at: u64,
    ) {
        self.lag(at);
        let Submitted { task, graph, key, options, wanted } = submitted;
        let Self { out, context, .. } = self;
        out.varint(Column::SubmittedGraph, graph);
        out.varint(Column::SubmittedOptions, options);
        out.id(Column::SubmittedTask, context.next_submitted, task);
        context.next_submitted = task.wrapping_add(1);
        out.varint(Column::SubmittedPrefix, key.prefix.0);
        let wanted = if wanted { 4 } else { 0 };
        match key.suffix {
            Suffix::None => out.byte(Column::SubmittedShape, wanted),
            Suffix::Index(index) => {
                out.byte(Column::SubmittedShape, wanted | 1);
                out.id(Column::SubmittedSuffix, context.next_index, index);
                context.next_index = index.wrapping_add(1);
            }
            Suffix::Name(name) => {
                out.byte(Column::SubmittedShape, wanted | 2);
                out.id(Column::SubmittedSuffix, context.next_name, name.0);
                context.next_name = name.0.wrapping_add(1);
            }
        }
        out.varint(Column::SubmittedDeps, deps.len() as u64);
        self.weight += 5 * deps.len();
        for dep in deps {
            put_zigzag(out.long(Column::Dep), i64::from(dep) - i64::from(context.next_dep));
            context.next_dep = dep.wrapping_add(1);
        }
    }

    /// The rest of a [`taskreel_model::Event::ResultReleased`].
    #[inline(always)]
    pub(crate) fn result_released(&mut self, client: u32, task: u32, at: u64) {
        self.lag(at);
        self.out.varint(Column::ReleasedClient, client);
        self.out.id(Column::ReleasedTask, self.context.next_released, task);
        self.context.next_released = task.wrapping_add(1);
    }

    /// The rest of a [`taskreel_model::Event::TaskAssigned`].
    #[inline(always)]
    pub(crate) fn task_assigned(&mut self, run: Attempt, worker: WorkerId, reason: u8, at: u64) {
        self.lag(at);
        let worker = self.worker(worker, Column::Worker);
        let Attempt { task, attempt } = run;
        self.out.id(Column::AssignedTask, self.context.next_assigned, task);
        self.context.next_assigned = task.wrapping_add(1);
        self.out.varint(Column::AssignedAttempt, attempt);
        self.out.byte(Column::AssignedReason, reason);
        self.context.workers[worker].queue(task, attempt);
    }

    /// The rest of a [`taskreel_model::Event::TaskStarted`].
    #[inline(always)]
    pub(crate) fn task_started(&mut self, run: Attempt, worker: WorkerId, slot: u16, at: u64) {
        let worker = self.worker(worker, Column::Worker);
        let (Attempt { task, attempt }, Self { out, context, .. }) = (run, self);
        let of_worker = &mut context.workers[worker];
        match of_worker.find_queued(task, attempt) {
            Some(position) => {
                out.varint(Column::StartedFrom, position as u64 + 1);
                of_worker.unqueue(position);
            }
            None => {
                out.varint(Column::StartedFrom, 0_u64);
                out.id(Column::StartedTask, context.next_started, task);
                out.varint(Column::StartedAttempt, attempt);
            }
        }
        context.next_started = task.wrapping_add(1);
        out.varint(Column::StartedSlot, slot);
        out.instant(Column::StartedAt, of_worker.expected_start(slot), at);
        of_worker.start(slot, task, attempt, at);
    }

    /// The rest of a [`taskreel_model::Event::TaskFinished`].
    #[inline(always)]
    pub(crate) fn task_finished(&mut self, run: Attempt, worker: WorkerId, bytes: u64, at: u64) {
        self.out.varint(Column::FinishedBytes, bytes);
        let worker = self.worker(worker, Column::Worker);
        let (Attempt { task, attempt }, Self { out, context, .. }) = (run, self);
        let of_worker = &mut context.workers[worker];
        let place = of_worker.find_running(task, attempt);
        out.varint(Column::FinishedIn, place.map_or(0, |place| place as u64 + 1));
        let expected = match place.and_then(|place| of_worker.running(place)) {
            Some((_task, _attempt, started_at)) => started_at,
            None => {
                out.id(Column::FinishedTask, context.next_finished, task);
                out.varint(Column::FinishedAttempt, attempt);
                of_worker.last_at
            }
        };
        out.instant(Column::FinishedAt, expected, at);
        if let Some(place) = place {
            of_worker.finish(place, at);
        }
        context.next_finished = task.wrapping_add(1);
        of_worker.touch(task, at);
    }

    /// The rest of a [`taskreel_model::Event::TransferStarted`] between two workers.
    #[inline]
    pub(crate) fn transfer_started(
        &mut self,
        task: u32,
        (from, to): (WorkerId, WorkerId),
        dependent: u32,
        at: u64,
    ) {
        let to = self.worker(to, Column::Worker);
        self.worker(from, Column::FetchFrom);
        let Self { out, context, .. } = self;
        let of_worker = &mut context.workers[to];
        out.id(Column::FetchDependent, of_worker.last_task, dependent);
        out.id(Column::FetchTask, dependent, task);
        out.instant(Column::FetchAt, of_worker.last_at, at);
        of_worker.add_flight(task, at);
        of_worker.touch(dependent, at);
    }

    /// The rest of a [`taskreel_model::Event::TransferFinished`].
    #[inline]
    pub(crate) fn transfer_finished(&mut self, task: u32, to: WorkerId, bytes: u64, at: u64) {
        self.out.varint(Column::FetchedBytes, bytes);
        let to = self.worker(to, Column::Worker);
        let Self { out, context, .. } = self;
        let of_worker = &mut context.workers[to];
        let flight = of_worker.find_flight(task);
        out.varint(Column::FetchedFlight, flight.map_or(0, |position| position as u64 + 1));
        let expected = match flight.and_then(|position| of_worker.remove_flight(position)) {
            Some((_task, started_at)) => started_at,
            None => {
                out.id(Column::FetchedTask, context.next_fetched, task);
                of_worker.last_at
            }
        };
        context.next_fetched = task.wrapping_add(1);
        out.instant(Column::FetchedAt, expected, at);
        of_worker.last_at = at;
    }

    /// The rest of a [`taskreel_model::Event::ActivityRecorded`].
    #[inline]
    pub(crate) fn activity_recorded(
        &mut self,
        task: u32,
        worker: WorkerId,
        activity: u8,
        (took, bytes): (Nanos, u64),
        at: u64,
    ) {
        self.out.byte(Column::ActivityKind, activity);
        self.out.varint(Column::ActivityTook, took.0);
        self.out.varint(Column::ActivityBytes, bytes);
        let worker = self.worker(worker, Column::Worker);
        let context = &mut self.context.workers[worker];
        self.out.id(Column::ActivityTask, context.last_task, task);
        self.out.instant(Column::ActivityAt, context.last_at, at);
        context.touch(task, at);
    }
}
