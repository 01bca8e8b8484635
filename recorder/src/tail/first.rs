//! Rows as the first tails had them: the fields of the frequent kinds as numbers of varying length.
//! They are only read.

use taskreel_model::{
    ClientId, Event, GraphId, Key, Nanos, OptionsId, PrefixId, Stamped, StrId, Suffix, TaskId,
    WorkerId,
};

use super::row::{read_long, read_rare};
use crate::bytes::{Cursor, Malformed};
use crate::events::{reasons, tag};

/// Reads an event; `last` is the `logged_at` of the one before it in the frame, at first 0.
pub(super) fn read_event(
    rows: &mut Cursor<'_>,
    seq: u64,
    last: u64,
) -> Result<Stamped<Event>, Malformed> {
    read_long(rows, seq, last, read_body)
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
        _rare => return read_rare(rows, number),
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
    use super::*;

    #[test]
    fn each_frequent_kind_is_read() {
        let (task, worker, attempt) = (TaskId(5), WorkerId(1), 2);
        let cases: [(&[u8], Event); 3] = [
            (
                &[7, 9, 2, 5, 5, 3, 0, 7, 1, 2, 200, 1, 4],
                Event::TaskSubmitted {
                    task,
                    graph: GraphId(3),
                    key: Key { prefix: PrefixId(0), suffix: Suffix::Index(7) },
                    options: OptionsId(1),
                    wanted: true,
                    deps: [TaskId(200), TaskId(4)].into(),
                },
            ),
            (&[26, 9, 2, 5, 1, 2, 0], Event::TaskStarted { task, worker, attempt, slot: 0 }),
            (&[27, 9, 2, 5, 1, 2, 30], Event::TaskFinished { task, worker, attempt, bytes: 30 }),
        ];
        for (bytes, what) in cases {
            let read = read_event(&mut Cursor::new(bytes), 8, 91);
            let (logged_at, at) = (Nanos(100), Nanos(99));
            assert_eq!(read, Ok(Stamped { seq: 8, logged_at, at, cause: None, what }));
            assert!(read_event(&mut Cursor::new(&bytes[..bytes.len() - 1]), 8, 91).is_err());
        }
    }
}
