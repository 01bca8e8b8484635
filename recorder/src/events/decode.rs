//! Columns to events: the exact inverse of the encoder, over bytes nobody vouches for.

use std::collections::BTreeMap;

use taskreel_model::{
    ClientId, Event, GraphId, Key, Nanos, OptionsId, PrefixId, Stamped, StrId, Suffix, TaskId,
    WorkerId,
};

use super::columns::{Column, ColumnsIn, Places};
use super::context::Context;
use super::{HAS_CAUSE, reasons, tag};
use crate::bytes::Malformed;
use crate::codec::read_row;
use crate::format::{BlockHeader, MAX_RECORDS};

/// The events of a block.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Decoded {
    pub(crate) events: Vec<Stamped<Event>>,
    /// How many events of which tag are not known: each is in `events` as `Event::Unknown`.
    pub(crate) unknown: BTreeMap<u8, u64>,
}

/// A block whose events are taken out some at a time: all of them at once need far more memory than
/// the block, and more than the nearest caches hold.
#[derive(Debug)]
pub(crate) struct OpenBlock {
    raw: Vec<u8>,
    places: Places,
    context: Context,
    tick: u64,
    /// Bytes of memory that lists may still take.
    room: u64,
    /// `seq` of the event that comes next, and of the one behind the last.
    next: u64,
    end: u64,
}

impl OpenBlock {
    /// Opens a block with that payload. What its events hold in lists takes about `room` bytes of memory
    /// at the most.
    pub(crate) fn new(
        header: &BlockHeader,
        raw: Vec<u8>,
        tick: u64,
        room: u64,
    ) -> Result<Self, Malformed> {
        let places = Places::find(&raw)?;
        let n = header.n_records;
        // Every event has a byte in the column of tags: a forged count cannot take more memory.
        let n_tags = places.columns(&raw).column(Column::Tag).remaining();
        if n > MAX_RECORDS || n_tags != n as usize {
            return Err(Malformed("a block has not as many events as it claims"));
        }
        let end = header.first.checked_add(u64::from(n));
        let end = end.ok_or(Malformed("an event's number is too large"))?;
        let context = Context::new(header.first_at / tick);
        Ok(Self { raw, places, context, tick, room, next: header.first, end })
    }

    /// The next events, `n` at the most; none: that were all.
    pub(crate) fn take(&mut self, n: usize) -> Result<Decoded, Malformed> {
        let left = usize::try_from(self.end - self.next).unwrap_or(usize::MAX);
        let n = n.min(left);
        let columns = self.places.columns(&self.raw);
        let Self { context, tick, room, .. } = self;
        let mut decoder = Decoder { columns, context, tick: *tick, room };
        let mut decoded = Decoded { events: Vec::with_capacity(n), ..Decoded::default() };
        for seq in (self.next..).take(n) {
            decoder.event(seq, &mut decoded)?;
        }
        self.places.leave(&decoder.columns);
        self.next += n as u64;
        Ok(decoded)
    }

    /// Whether some were not taken out yet.
    pub(crate) fn has_more(&self) -> bool {
        self.next < self.end
    }
}

/// All events of a block.
pub(crate) fn decode(
    header: &BlockHeader,
    raw: Vec<u8>,
    tick: u64,
    room: u64,
) -> Result<Decoded, Malformed> {
    OpenBlock::new(header, raw, tick, room)?.take(usize::MAX)
}

struct Decoder<'a> {
    columns: ColumnsIn<'a>,
    context: &'a mut Context,
    tick: u64,
    room: &'a mut u64,
}

/// An event's content and instant in ticks; no content: it is of an unknown kind.
type Body = (Option<Event>, u64);

impl Decoder<'_> {
    fn event(&mut self, seq: u64, decoded: &mut Decoded) -> Result<(), Malformed> {
        let byte = self.columns.byte(Column::Tag)?;
        let step = self.columns.varint(Column::LoggedAt)?;
        self.context.logged_at = self.context.logged_at.wrapping_add(step);
        let cause = if byte & HAS_CAUSE != 0 {
            let distance = self.columns.column(Column::Cause).zigzag()?;
            Some(seq.wrapping_sub(distance as u64))
        } else {
            None
        };
        let tag = byte & !HAS_CAUSE;
        let (what, at) = self.body(tag)?;
        if what.is_none() {
            *decoded.unknown.entry(tag).or_default() += 1;
        }
        decoded.events.push(Stamped {
            seq,
            logged_at: Nanos(self.context.logged_at.saturating_mul(self.tick)),
            at: Nanos(at.saturating_mul(self.tick)),
            cause,
            what: what.unwrap_or(Event::Unknown { tag }),
        });
        Ok(())
    }

    #[inline(always)]
    fn body(&mut self, tag: u8) -> Result<Body, Malformed> {
        match tag {
            tag::TASK_SUBMITTED => self.task_submitted(),
            tag::RESULT_RELEASED => self.result_released(),
            tag::TASK_ASSIGNED => self.task_assigned(),
            tag::TASK_STARTED => self.task_started(),
            tag::TASK_FINISHED => self.task_finished(),
            tag::TRANSFER_STARTED => self.transfer_started(),
            tag::TRANSFER_FINISHED => self.transfer_finished(),
            tag::ACTIVITY_RECORDED => self.activity_recorded(),
            _cold => {
                let at = self.lag()?;
                let column = self.columns.column(Column::Cold);
                let len = column.varint()?;
                let row = column.take_len(len)?;
                // A list of empty texts takes far more memory than bytes in a row.
                let growth = if tag::WITH_LISTS.contains(&tag) { 32 } else { 2 };
                self.take_room(len.saturating_mul(growth))?;
                let event = read_row::<Event>(row).ok().filter(|event| event.tag() == tag);
                Ok((event, at))
            }
        }
    }

    fn take_room(&mut self, bytes: u64) -> Result<(), Malformed> {
        let left = self.room.checked_sub(bytes);
        *self.room =
            left.ok_or(Malformed("a block needs far more memory than a run of its size"))?;
        Ok(())
    }

    #[inline(always)]
    fn lag(&mut self) -> Result<u64, Malformed> {
        let lag = self.columns.column(Column::Lag).zigzag()?;
        Ok(self.context.logged_at.wrapping_sub(lag as u64))
    }

    /// The place of a worker in the block.
    #[inline(always)]
    fn worker(&mut self, column: Column) -> Result<usize, Malformed> {
        let index = usize::try_from(self.columns.varint(column)?).unwrap_or(usize::MAX);
        if index == self.context.workers.len() {
            let id = self.columns.varint_u32(Column::NewWorker)?;
            self.context.add_worker(id);
        }
        if index < self.context.workers.len() {
            Ok(index)
        } else {
            Err(Malformed("a worker is named before it was introduced"))
        }
    }

    #[inline(always)]
    fn worker_id(&self, index: usize) -> WorkerId {
        WorkerId(self.context.workers[index].id)
    }

    fn task_submitted(&mut self) -> Result<Body, Malformed> {
        let at = self.lag()?;
        let graph = GraphId(self.columns.varint_u32(Column::SubmittedGraph)?);
        let options = OptionsId(self.columns.varint_u32(Column::SubmittedOptions)?);
        let Self { columns, context, .. } = self;
        let task = columns.id(Column::SubmittedTask, context.next_submitted)?;
        context.next_submitted = task.wrapping_add(1);
        let prefix = PrefixId(columns.varint_u32(Column::SubmittedPrefix)?);
        let shape = columns.byte(Column::SubmittedShape)?;
        let suffix = match shape & 3 {
            0 => Suffix::None,
            1 => {
                let index = columns.id(Column::SubmittedSuffix, context.next_index)?;
                context.next_index = index.wrapping_add(1);
                Suffix::Index(index)
            }
            2 => {
                let name = columns.id(Column::SubmittedSuffix, context.next_name)?;
                context.next_name = name.wrapping_add(1);
                Suffix::Name(StrId(name))
            }
            _ => return Err(Malformed("a key has an impossible shape")),
        };
        let n_deps = columns.varint(Column::SubmittedDeps)?;
        if n_deps > columns.column(Column::Dep).remaining() as u64 {
            return Err(Malformed("a task claims more dependencies than there are"));
        }
        self.take_room(n_deps.saturating_mul(size_of::<TaskId>() as u64))?;
        let Self { columns, context, .. } = self;
        let mut deps = Vec::with_capacity(n_deps as usize);
        for _ in 0..n_deps {
            let dep = columns.id(Column::Dep, context.next_dep)?;
            context.next_dep = dep.wrapping_add(1);
            deps.push(TaskId(dep));
        }
        let event = Event::TaskSubmitted {
            task: TaskId(task),
            graph,
            key: Key { prefix, suffix },
            options,
            wanted: shape & 4 != 0,
            deps: deps.into_boxed_slice(),
        };
        Ok((Some(event), at))
    }

    #[inline(always)]
    fn result_released(&mut self) -> Result<Body, Malformed> {
        let at = self.lag()?;
        let client = ClientId(self.columns.varint_u32(Column::ReleasedClient)?);
        let task = self.columns.id(Column::ReleasedTask, self.context.next_released)?;
        self.context.next_released = task.wrapping_add(1);
        Ok((Some(Event::ResultReleased { client, task: TaskId(task) }), at))
    }

    #[inline(always)]
    fn task_assigned(&mut self) -> Result<Body, Malformed> {
        let at = self.lag()?;
        let index = self.worker(Column::Worker)?;
        let task = self.columns.id(Column::AssignedTask, self.context.next_assigned)?;
        self.context.next_assigned = task.wrapping_add(1);
        let attempt = self.columns.varint_u32(Column::AssignedAttempt)?;
        let reason = self.columns.byte(Column::AssignedReason)?;
        self.context.workers[index].queue(task, attempt);
        let worker = self.worker_id(index);
        let event = reasons::assign_reason(reason).map(|reason| Event::TaskAssigned {
            task: TaskId(task),
            worker,
            attempt,
            reason,
        });
        Ok((event, at))
    }

    #[inline(always)]
    fn task_started(&mut self) -> Result<Body, Malformed> {
        let index = self.worker(Column::Worker)?;
        let worker = self.worker_id(index);
        let Self { columns, context, .. } = self;
        let of_worker = &mut context.workers[index];
        let (task, attempt) = match columns.varint(Column::StartedFrom)? {
            0 => {
                let task = columns.id(Column::StartedTask, context.next_started)?;
                (task, columns.varint_u32(Column::StartedAttempt)?)
            }
            place => usize::try_from(place - 1)
                .ok()
                .and_then(|position| of_worker.unqueue(position))
                .ok_or(Malformed("a task starts that was not assigned"))?,
        };
        context.next_started = task.wrapping_add(1);
        let slot = u16::try_from(columns.varint(Column::StartedSlot)?)
            .map_err(|_too_large| Malformed("a slot is out of range"))?;
        let at = columns.instant(Column::StartedAt, of_worker.expected_start(slot))?;
        of_worker.start(slot, task, attempt, at);
        Ok((Some(Event::TaskStarted { task: TaskId(task), worker, attempt, slot }), at))
    }

    #[inline(always)]
    fn task_finished(&mut self) -> Result<Body, Malformed> {
        let bytes = self.columns.varint(Column::FinishedBytes)?;
        let index = self.worker(Column::Worker)?;
        let worker = self.worker_id(index);
        let Self { columns, context, .. } = self;
        let of_worker = &mut context.workers[index];
        let (task, attempt, at) = match columns.varint(Column::FinishedIn)? {
            0 => {
                let task = columns.id(Column::FinishedTask, context.next_finished)?;
                let attempt = columns.varint_u32(Column::FinishedAttempt)?;
                (task, attempt, columns.instant(Column::FinishedAt, of_worker.last_at)?)
            }
            place => {
                let place = usize::try_from(place - 1).unwrap_or(usize::MAX);
                let (task, attempt, started_at) = of_worker
                    .running(place)
                    .ok_or(Malformed("a task ends in a slot that runs nothing"))?;
                let at = columns.instant(Column::FinishedAt, started_at)?;
                of_worker.finish(place, at);
                (task, attempt, at)
            }
        };
        context.next_finished = task.wrapping_add(1);
        of_worker.touch(task, at);
        Ok((Some(Event::TaskFinished { task: TaskId(task), worker, attempt, bytes }), at))
    }

    fn transfer_started(&mut self) -> Result<Body, Malformed> {
        let index = self.worker(Column::Worker)?;
        let source = self.worker(Column::FetchFrom)?;
        let (to, from) = (self.worker_id(index), self.worker_id(source));
        let Self { columns, context, .. } = self;
        let of_worker = &mut context.workers[index];
        let dependent = columns.id(Column::FetchDependent, of_worker.last_task)?;
        let task = columns.id(Column::FetchTask, dependent)?;
        let at = columns.instant(Column::FetchAt, of_worker.last_at)?;
        of_worker.add_flight(task, at);
        of_worker.touch(dependent, at);
        let (task, dependent) = (TaskId(task), TaskId(dependent));
        Ok((Some(Event::TransferStarted { task, from, to, dependent }), at))
    }

    fn transfer_finished(&mut self) -> Result<Body, Malformed> {
        let bytes = self.columns.varint(Column::FetchedBytes)?;
        let index = self.worker(Column::Worker)?;
        let to = self.worker_id(index);
        let Self { columns, context, .. } = self;
        let of_worker = &mut context.workers[index];
        let (task, expected) = match columns.varint(Column::FetchedFlight)? {
            0 => (columns.id(Column::FetchedTask, context.next_fetched)?, of_worker.last_at),
            place => usize::try_from(place - 1)
                .ok()
                .and_then(|position| of_worker.remove_flight(position))
                .ok_or(Malformed("a copy arrives that was not sent"))?,
        };
        context.next_fetched = task.wrapping_add(1);
        let at = columns.instant(Column::FetchedAt, expected)?;
        of_worker.last_at = at;
        Ok((Some(Event::TransferFinished { task: TaskId(task), to, bytes }), at))
    }

    fn activity_recorded(&mut self) -> Result<Body, Malformed> {
        let kind = self.columns.byte(Column::ActivityKind)?;
        let took = Nanos(self.columns.varint(Column::ActivityTook)?);
        let bytes = self.columns.varint(Column::ActivityBytes)?;
        let index = self.worker(Column::Worker)?;
        let worker = self.worker_id(index);
        let of_worker = &mut self.context.workers[index];
        let task = self.columns.id(Column::ActivityTask, of_worker.last_task)?;
        let at = self.columns.instant(Column::ActivityAt, of_worker.last_at)?;
        of_worker.touch(task, at);
        let event = reasons::activity(kind).map(|activity| Event::ActivityRecorded {
            task: TaskId(task),
            worker,
            activity,
            took,
            bytes,
        });
        Ok((event, at))
    }
}
