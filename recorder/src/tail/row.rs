//! One event in a tail: quick to write, since the thread that records waits for it.
//!
//! The frequent kinds are their fields as numbers; all others are rows with their length.

use taskreel_model::{
    ClientId, Event, GraphId, Key, Nanos, OptionsId, PrefixId, Stamped, StrId, Suffix, TaskId,
    WorkerId,
};

use crate::bytes::{Cursor, Malformed, Room, Sink};
use crate::codec::{put_row, read_row};
use crate::events::{HAS_CAUSE, reasons, tag};

/// Appends an event; `last` is the `logged_at` of the one before it in the frame, at first 0.
pub(crate) fn put_event(out: &mut Sink, event: &Stamped<Event>, last: u64) {
    let is_hot = out.fill(|row| {
        let caused = if event.cause.is_some() { HAS_CAUSE } else { 0 };
        row.byte(event.what.tag() | caused);
        row.varint(event.logged_at.0.wrapping_sub(last));
        row.zigzag(event.logged_at.0.wrapping_sub(event.at.0) as i64);
        if let Some(cause) = event.cause {
            row.zigzag(event.seq.wrapping_sub(cause) as i64);
        }
        put_hot(row, &event.what)
    });
    if let Event::TaskSubmitted { deps, .. } = &event.what {
        for dep in deps {
            out.varint(u64::from(dep.0));
        }
    }
    if !is_hot {
        out.append(|out| {
            let begin = out.len();
            out.extend_from_slice(&[0; 4]);
            put_row(out, &event.what);
            let len = (out.len() - begin - 4) as u32;
            out[begin..begin + 4].copy_from_slice(&len.to_le_bytes());
        });
    }
}

/// Appends the fields of a frequent kind, but for the dependencies; `false`: it is none.
#[inline(always)]
fn put_hot(out: &mut Room<'_>, event: &Event) -> bool {
    match *event {
        Event::TaskSubmitted { task, graph, key, options, wanted, ref deps } => {
            let (kind, suffix) = match key.suffix {
                Suffix::None => (0, 0),
                Suffix::Index(index) => (1, index),
                Suffix::Name(name) => (2, name.0),
            };
            out.byte(kind | u8::from(wanted) << 2);
            out.all([task.0, graph.0, key.prefix.0, suffix, options.0, deps.len() as u32]);
        }
        Event::ResultReleased { client, task } => out.all([client.0, task.0]),
        Event::TaskAssigned { task, worker, attempt, reason } => {
            out.byte(reason as u8);
            out.all([task.0, worker.0, attempt]);
        }
        Event::TransferStarted { task, from, to, dependent } => {
            out.all([task.0, from.0, to.0, dependent.0]);
        }
        Event::TransferFinished { task, to, bytes } => {
            out.all([task.0, to.0]);
            out.varint(bytes);
        }
        Event::TaskStarted { task, worker, attempt, slot } => {
            out.all([task.0, worker.0, attempt, u32::from(slot)]);
        }
        Event::TaskFinished { task, worker, attempt, bytes } => {
            out.all([task.0, worker.0, attempt]);
            out.varint(bytes);
        }
        Event::ActivityRecorded { task, worker, activity, took, bytes } => {
            out.byte(activity as u8);
            out.all([task.0, worker.0]);
            out.varint(took.0);
            out.varint(bytes);
        }
        ref _rare => return false,
    }
    true
}

/// Reads an event, the inverse of [`put_event`]. An event that this version does not know is
/// `Event::Unknown`.
pub(crate) fn read_event(
    rows: &mut Cursor<'_>,
    seq: u64,
    last: u64,
) -> Result<Stamped<Event>, Malformed> {
    let byte = rows.u8()?;
    let logged_at = last.wrapping_add(rows.varint()?);
    let at = logged_at.wrapping_sub(rows.zigzag()? as u64);
    let cause =
        if byte & HAS_CAUSE != 0 { Some(seq.wrapping_sub(rows.zigzag()? as u64)) } else { None };
    let number = byte & !HAS_CAUSE;
    let what = read_body(rows, number)?.unwrap_or(Event::Unknown { tag: number });
    Ok(Stamped { seq, logged_at: Nanos(logged_at), at: Nanos(at), cause, what })
}

fn read_body(rows: &mut Cursor<'_>, number: u8) -> Result<Option<Event>, Malformed> {
    let task = |rows: &mut Cursor<'_>| rows.varint_u32().map(TaskId);
    let worker = |rows: &mut Cursor<'_>| rows.varint_u32().map(WorkerId);
    Ok(Some(match number {
        tag::TASK_SUBMITTED => read_submitted(rows)?,
        tag::RESULT_RELEASED => {
            Event::ResultReleased { client: ClientId(rows.varint_u32()?), task: task(rows)? }
        }
        tag::TASK_ASSIGNED => {
            let reason = rows.u8()?;
            let (task, worker, attempt) = (task(rows)?, worker(rows)?, rows.varint_u32()?);
            return Ok(reasons::assign_reason(reason).map(|reason| Event::TaskAssigned {
                task,
                worker,
                attempt,
                reason,
            }));
        }
        tag::TRANSFER_STARTED => Event::TransferStarted {
            task: task(rows)?,
            from: worker(rows)?,
            to: worker(rows)?,
            dependent: task(rows)?,
        },
        tag::TRANSFER_FINISHED => {
            Event::TransferFinished { task: task(rows)?, to: worker(rows)?, bytes: rows.varint()? }
        }
        tag::TASK_STARTED => Event::TaskStarted {
            task: task(rows)?,
            worker: worker(rows)?,
            attempt: rows.varint_u32()?,
            slot: u16::try_from(rows.varint()?)
                .map_err(|_too_large| Malformed("a slot is out of range"))?,
        },
        tag::TASK_FINISHED => Event::TaskFinished {
            task: task(rows)?,
            worker: worker(rows)?,
            attempt: rows.varint_u32()?,
            bytes: rows.varint()?,
        },
        tag::ACTIVITY_RECORDED => {
            let activity = rows.u8()?;
            let (task, worker) = (task(rows)?, worker(rows)?);
            let (took, bytes) = (Nanos(rows.varint()?), rows.varint()?);
            return Ok(reasons::activity(activity).map(|activity| Event::ActivityRecorded {
                task,
                worker,
                activity,
                took,
                bytes,
            }));
        }
        _rare => {
            let len = rows.u32()?;
            let row = rows.take_len(u64::from(len))?;
            return Ok(read_row::<Event>(row).ok().filter(|event| event.tag() == number));
        }
    }))
}

fn read_submitted(rows: &mut Cursor<'_>) -> Result<Event, Malformed> {
    let shape = rows.u8()?;
    let task = TaskId(rows.varint_u32()?);
    let graph = GraphId(rows.varint_u32()?);
    let prefix = PrefixId(rows.varint_u32()?);
    let suffix = rows.varint_u32()?;
    let suffix = match shape & 3 {
        0 => Suffix::None,
        1 => Suffix::Index(suffix),
        2 => Suffix::Name(StrId(suffix)),
        _ => return Err(Malformed("a key has an impossible shape")),
    };
    let options = OptionsId(rows.varint_u32()?);
    let n_deps = rows.varint_u32()? as usize;
    if n_deps > rows.remaining() {
        return Err(Malformed("a task claims more dependencies than there are"));
    }
    let mut deps = Vec::with_capacity(n_deps);
    for _ in 0..n_deps {
        deps.push(TaskId(rows.varint_u32()?));
    }
    let (key, wanted) = (Key { prefix, suffix }, shape & 4 != 0);
    Ok(Event::TaskSubmitted { task, graph, key, options, wanted, deps: deps.into_boxed_slice() })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rows(events: &[Stamped<Event>]) -> Vec<u8> {
        let (mut out, mut last) = (Sink::default(), 0);
        for event in events {
            put_event(&mut out, event, last);
            last = event.logged_at.0;
        }
        out.bytes().to_vec()
    }

    fn read_all(bytes: &[u8], n: usize) -> Result<Vec<Stamped<Event>>, Malformed> {
        let (mut rows, mut last) = (Cursor::new(bytes), 0);
        (0..n as u64)
            .map(|seq| {
                let event = read_event(&mut rows, seq, last)?;
                last = event.logged_at.0;
                Ok(event)
            })
            .collect()
    }

    #[test]
    fn events_come_back_and_cut_ones_do_not() {
        let mut events = crate::run::turns(5, 40, 2, 2).concat();
        let task = TaskId(u32::MAX);
        let (from, to) = (WorkerId(1), WorkerId(u32::MAX));
        let more = [
            Event::TransferStarted { task, from, to, dependent: TaskId(3) },
            Event::TransferFinished { task, to, bytes: u64::MAX },
            Event::ActivityRecorded {
                task,
                worker: to,
                activity: taskreel_model::Activity::DiskRead,
                took: Nanos(u64::MAX),
                bytes: 0,
            },
            Event::Marked { name: StrId(3), task: None },
        ];
        for what in more {
            let seq = events.len() as u64;
            let (logged_at, at) = (Nanos(u64::MAX - 10 + seq % 3), Nanos(7));
            events.push(Stamped { seq, logged_at, at, cause: Some(0), what });
        }
        let bytes = rows(&events);
        assert_eq!(read_all(&bytes, events.len()), Ok(events.clone()));
        for len in 0..bytes.len() {
            assert!(read_all(&bytes[..len], events.len()).is_err(), "cut at {len}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let _ = read_all(&bytes, 4);
        }
    }
}
