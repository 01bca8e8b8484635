//! Writing a row.

use taskreel_model::{Event, Nanos, Stamped, Suffix, TaskId};

use super::{INSTANT, LONG};
use crate::bytes::{Room, Sink};
use crate::codec::{MAX_ROW, put_row};
use crate::events::{HAS_CAUSE, tag};

/// Dependencies that are sure to have room.
const DEPS_AT_ONCE: usize = 16;

/// Appends an event; `last` is the `logged_at` of the one before it in the frame, `None` before the
/// first. The error is the length of a row that is too long to be read.
#[inline(always)]
pub(crate) fn put_event(
    out: &mut Sink,
    event: &Stamped<Event>,
    last: &mut Option<Nanos>,
) -> Result<(), usize> {
    if *last != Some(event.logged_at) {
        *last = Some(event.logged_at);
        put_instant(out, event.logged_at);
    }
    if out.fill(|row| put_short(row, event)).is_none() {
        return put_long(out, event);
    }
    if let Event::TaskSubmitted { deps, .. } = &event.what
        && !deps.is_empty()
    {
        put_deps(out, deps);
    }
    Ok(())
}

#[inline(never)]
fn put_instant(out: &mut Sink, logged_at: Nanos) {
    out.byte(INSTANT);
    out.fill(|row| row.fixed(logged_at.0.to_le_bytes()));
}

#[inline(never)]
fn put_deps(out: &mut Sink, deps: &[TaskId]) {
    for deps in deps.chunks(DEPS_AT_ONCE) {
        out.fill(|row| deps.iter().for_each(|dep| row.fixed(dep.0.to_le_bytes())));
    }
}

/// Appends a row of fixed width, but for the dependencies; `None`, and nothing: it is of another kind,
/// or does not fit.
#[inline(always)]
#[expect(clippy::too_many_lines, reason = "a table of the rows")]
fn put_short(row: &mut Room<'_>, event: &Stamped<Event>) -> Option<()> {
    let lag = u32::try_from(event.logged_at.0.wrapping_sub(event.at.0)).ok()?;
    // What the scheduler decides has no lag, and only what is assigned has a cause.
    let at_once = || (lag == 0).then_some(());
    let no_cause = || event.cause.is_none().then_some(());
    let plain = || at_once().and_then(|()| no_cause());
    match event.what {
        Event::TaskSubmitted { task, graph, key, options, wanted, ref deps } => {
            plain()?;
            let (kind, suffix) = match key.suffix {
                Suffix::None => (0, 0),
                Suffix::Index(index) => (1, index),
                Suffix::Name(name) => (2, name.0),
            };
            let n_deps = u16::try_from(deps.len()).ok()?;
            let (prefix, options) = (narrow(key.prefix.0)?, narrow(options.0)?);
            let shape = kind | u8::from(wanted) << 2;
            row.fixed(begin(tag::TASK_SUBMITTED, shape, n_deps, task));
            row.fixed(pair(graph.0, suffix));
            row.fixed(joined(prefix, options).to_le_bytes());
        }
        Event::ResultReleased { client, task } => {
            plain()?;
            row.fixed(begin(tag::RESULT_RELEASED, 0, narrow(client.0)?, task));
        }
        Event::TaskAssigned { task, worker, attempt, reason } => {
            at_once()?;
            // An event is never its own cause, so that 0 says that there is none.
            let distance = match event.cause {
                None => 0,
                Some(cause) => narrow_some(event.seq.wrapping_sub(cause))?,
            };
            let (worker, attempt) = (narrow(worker.0)?, narrow(attempt)?);
            row.fixed(begin(tag::TASK_ASSIGNED, reason as u8, worker, task));
            row.fixed(distance.to_le_bytes());
            row.fixed(attempt.to_le_bytes());
        }
        Event::TransferStarted { task, from, to, dependent } => {
            no_cause()?;
            let (from, to) = (narrow(from.0)?, narrow(to.0)?);
            row.fixed(begin(tag::TRANSFER_STARTED, 0, to, task));
            row.fixed(pair(lag, dependent.0));
            row.fixed(from.to_le_bytes());
        }
        Event::TransferFinished { task, to, bytes } => {
            no_cause()?;
            let (to, bytes) = (narrow(to.0)?, u32::try_from(bytes).ok()?);
            row.fixed(begin(tag::TRANSFER_FINISHED, 0, to, task));
            row.fixed(pair(lag, bytes));
        }
        Event::TaskStarted { task, worker, attempt, slot } => {
            no_cause()?;
            let (worker, attempt) = (narrow(worker.0)?, narrow(attempt)?);
            row.fixed(begin(tag::TASK_STARTED, 0, worker, task));
            row.fixed(pair(lag, joined(attempt, slot)));
        }
        Event::TaskFinished { task, worker, attempt, bytes } => {
            no_cause()?;
            let (attempt, bytes) = (narrow(attempt)?, u32::try_from(bytes).ok()?);
            row.fixed(begin(tag::TASK_FINISHED, 0, narrow(worker.0)?, task));
            row.fixed(pair(lag, bytes));
            row.fixed(attempt.to_le_bytes());
        }
        Event::ActivityRecorded { task, worker, activity, took, bytes } => {
            no_cause()?;
            let (worker, bytes) = (narrow(worker.0)?, u32::try_from(bytes).ok()?);
            let took = u32::try_from(took.0).ok()?;
            row.fixed(begin(tag::ACTIVITY_RECORDED, activity as u8, worker, task));
            row.fixed(pair(lag, took));
            row.fixed(bytes.to_le_bytes());
        }
        ref _rare => return None,
    }
    Some(())
}

/// A number that nearly always fits into two bytes.
#[inline(always)]
fn narrow(number: u32) -> Option<u16> {
    u16::try_from(number).ok()
}

/// A number that is not 0 and nearly always fits into four bytes.
#[inline(always)]
fn narrow_some(number: u64) -> Option<u32> {
    u32::try_from(number).ok().filter(|&number| number != 0)
}

/// What every row of fixed width begins with, as one number to be stored at once.
#[inline(always)]
fn begin(tag: u8, own: u8, narrow: u16, task: TaskId) -> [u8; 8] {
    pair(u32::from(tag) | u32::from(own) << 8 | u32::from(narrow) << 16, task.0)
}

/// Two numbers, likewise.
#[inline(always)]
fn pair(first: u32, second: u32) -> [u8; 8] {
    (u64::from(first) | u64::from(second) << 32).to_le_bytes()
}

/// Two small numbers, likewise.
#[inline(always)]
fn joined(first: u16, second: u16) -> u32 {
    u32::from(first) | u32::from(second) << 16
}

#[cold]
#[inline(never)]
fn put_long(out: &mut Sink, event: &Stamped<Event>) -> Result<(), usize> {
    let caused = if event.cause.is_some() { HAS_CAUSE } else { 0 };
    out.byte(LONG);
    out.byte(event.what.tag() | caused);
    out.varint(0); // The instant was just put.
    out.zigzag(event.logged_at.0.wrapping_sub(event.at.0) as i64);
    if let Some(cause) = event.cause {
        out.zigzag(event.seq.wrapping_sub(cause) as i64);
    }
    let mut len = 0;
    out.append(|out| {
        let begin = out.len();
        out.extend_from_slice(&[0; 4]);
        put_row(out, &event.what);
        len = out.len() - begin - 4;
        out[begin..begin + 4].copy_from_slice(&(len as u32).to_le_bytes());
    });
    if len <= MAX_ROW { Ok(()) } else { Err(len) }
}
