//! Events in a tail: quick to write, since the thread that records waits for it.
//!
//! The frequent kinds have rows of fixed width, whose numbers nearly always fit. All other events, and
//! those with larger numbers, are long rows, with their length.

mod put;

use taskreel_model::{
    ClientId, Event, GraphId, Key, Nanos, OptionsId, PrefixId, Stamped, StrId, Suffix, TaskId,
    WorkerId,
};

pub(crate) use put::put_event;

use crate::bytes::{Cursor, Malformed};
use crate::codec::read_row;
use crate::events::{HAS_CAUSE, Submitted, reasons, tag};

/// In the place of a tag: a long row follows. The event of that tag always has one.
const LONG: u8 = 0;
/// In the place of a tag: the `logged_at` of the events that follow. The event of that tag is long.
const INSTANT: u8 = 1;

/// Reads an event, the inverse of [`put_event`]; `last` is the `logged_at` of the one before it, at
/// first 0. An event that this version does not know is `Event::Unknown`.
pub(crate) fn read_event(
    rows: &mut Cursor<'_>,
    seq: u64,
    last: u64,
) -> Result<Stamped<Event>, Malformed> {
    let logged_at = read_instant(rows)?.unwrap_or(last);
    let Some(row) = Row::read(rows)? else {
        return read_long(rows, seq, logged_at, read_rare);
    };
    let what = row.event()?.unwrap_or(Event::Unknown { tag: row.tag });
    let at = Nanos(logged_at.wrapping_sub(row.lag()));
    Ok(Stamped { seq, logged_at: Nanos(logged_at), at, cause: row.cause(seq), what })
}

/// The `logged_at` of the events that follow, if it stands there.
#[inline(always)]
pub(super) fn read_instant(rows: &mut Cursor<'_>) -> Result<Option<u64>, Malformed> {
    if rows.rest().first() != Some(&INSTANT) {
        return Ok(None);
    }
    rows.u8()?;
    rows.u64().map(Some)
}

/// A row of fixed width.
#[derive(Clone, Copy)]
pub(super) struct Row<'a> {
    pub(super) tag: u8,
    pub(super) task: u32,
    own: u8,
    narrow: u16,
    /// What follows; behind the row's end, anything.
    words: [u32; 3],
    deps: &'a [[u8; 4]],
}

/// Bytes of the widest row.
const WIDEST: usize = 20;

/// Bytes of a row without its dependencies, by tag; 0: no such row is known.
const WIDTHS: [u8; 32] = {
    let mut widths = [0; 32];
    widths[tag::TASK_SUBMITTED as usize] = 20;
    widths[tag::RESULT_RELEASED as usize] = 8;
    widths[tag::TASK_ASSIGNED as usize] = 14;
    widths[tag::TRANSFER_STARTED as usize] = 18;
    widths[tag::TRANSFER_FINISHED as usize] = 16;
    widths[tag::TASK_STARTED as usize] = 16;
    widths[tag::TASK_FINISHED as usize] = 18;
    widths[tag::ACTIVITY_RECORDED as usize] = 20;
    widths
};

pub(super) const UNKNOWN: Malformed = Malformed("a row of fixed width is of an unknown kind");

impl<'a> Row<'a> {
    /// The row that comes next; `None`: a long one.
    #[inline(always)]
    pub(super) fn read(rows: &mut Cursor<'a>) -> Result<Option<Self>, Malformed> {
        let rest = rows.rest();
        let bytes: [u8; WIDEST] = rest.first_chunk().copied().unwrap_or_else(|| padded(rest));
        let [tag, own, low, high, ..] = bytes;
        if tag == LONG {
            rows.u8()?;
            return Ok(None);
        }
        let width = WIDTHS.get(usize::from(tag)).filter(|width| **width > 0).ok_or(UNKNOWN)?;
        rows.take(usize::from(*width))?;
        let narrow = u16::from_le_bytes([low, high]);
        let mut deps: &[[u8; 4]] = &[];
        if tag == tag::TASK_SUBMITTED && narrow > 0 {
            deps = rows.take(4 * usize::from(narrow))?.as_chunks().0;
        }
        let [_head, task, words @ ..] = as_words(&bytes);
        Ok(Some(Self { tag, task, own, narrow, words, deps }))
    }

    fn event(&self) -> Result<Option<Event>, Malformed> {
        let (task, worker, to) = (TaskId(self.task), self.worker(), self.worker());
        Ok(match self.tag {
            tag::TASK_SUBMITTED => {
                let Submitted { graph, key, options, wanted, .. } = self.submitted()?;
                let (graph, options) = (GraphId(graph), OptionsId(options));
                let deps = self.deps().map(TaskId).collect();
                Some(Event::TaskSubmitted { task, graph, key, options, wanted, deps })
            }
            tag::RESULT_RELEASED => {
                Some(Event::ResultReleased { client: ClientId(self.client()), task })
            }
            tag::TASK_ASSIGNED => reasons::assign_reason(self.own).map(|reason| {
                Event::TaskAssigned { task, worker, attempt: self.attempt(), reason }
            }),
            tag::TRANSFER_STARTED => {
                let (from, dependent) = self.fetch();
                Some(Event::TransferStarted { task, from, to, dependent: TaskId(dependent) })
            }
            tag::TRANSFER_FINISHED => {
                Some(Event::TransferFinished { task, to, bytes: self.bytes() })
            }
            tag::TASK_STARTED => {
                let (attempt, slot) = self.started();
                Some(Event::TaskStarted { task, worker, attempt, slot })
            }
            tag::TASK_FINISHED => {
                let (attempt, bytes) = (self.attempt(), self.bytes());
                Some(Event::TaskFinished { task, worker, attempt, bytes })
            }
            tag::ACTIVITY_RECORDED => {
                let (activity, took, bytes) = self.activity();
                reasons::activity(activity).map(|activity| Event::ActivityRecorded {
                    task,
                    worker,
                    activity,
                    took,
                    bytes,
                })
            }
            _newer => return Err(UNKNOWN),
        })
    }

    /// How long before it was logged the event happened, in nanoseconds.
    #[inline(always)]
    pub(super) fn lag(&self) -> u64 {
        match self.tag {
            tag::TASK_SUBMITTED | tag::RESULT_RELEASED | tag::TASK_ASSIGNED => 0,
            _reported => u64::from(self.words[0]),
        }
    }

    /// How many events before it its cause is; 0: it has none.
    #[inline(always)]
    pub(super) fn distance(&self) -> u64 {
        if self.tag == tag::TASK_ASSIGNED { u64::from(self.words[0]) } else { 0 }
    }

    fn cause(&self, seq: u64) -> Option<u64> {
        let distance = self.distance();
        (distance > 0).then(|| seq.wrapping_sub(distance))
    }

    #[inline(always)]
    pub(super) fn worker(&self) -> WorkerId {
        WorkerId(u32::from(self.narrow))
    }

    #[inline(always)]
    pub(super) fn client(&self) -> u32 {
        u32::from(self.narrow)
    }

    #[inline(always)]
    pub(super) fn submitted(&self) -> Result<Submitted, Malformed> {
        let [graph, suffix, joined] = self.words;
        let suffix = match self.own & 3 {
            0 => Suffix::None,
            1 => Suffix::Index(suffix),
            2 => Suffix::Name(StrId(suffix)),
            _ => return Err(Malformed("a key has an impossible shape")),
        };
        let (prefix, options) = split(joined);
        let key = Key { prefix: PrefixId(u32::from(prefix)), suffix };
        let (options, wanted) = (u32::from(options), self.own & 4 != 0);
        Ok(Submitted { task: self.task, graph, key, options, wanted })
    }

    #[inline(always)]
    pub(super) fn deps(&self) -> impl ExactSizeIterator<Item = u32> + 'a {
        self.deps.iter().map(|dep| u32::from_le_bytes(*dep))
    }

    /// The reason of an assignment.
    #[inline(always)]
    pub(super) fn reason(&self) -> u8 {
        self.own
    }

    /// Of what was assigned, or finished.
    #[inline(always)]
    pub(super) fn attempt(&self) -> u32 {
        let is_assigned = self.tag == tag::TASK_ASSIGNED;
        u32::from(split(self.words[if is_assigned { 1 } else { 2 }]).0)
    }

    /// Of what finished, or arrived.
    #[inline(always)]
    pub(super) fn bytes(&self) -> u64 {
        u64::from(self.words[1])
    }

    /// Whose copy is fetched, and for what.
    #[inline(always)]
    pub(super) fn fetch(&self) -> (WorkerId, u32) {
        (WorkerId(u32::from(split(self.words[2]).0)), self.words[1])
    }

    /// The attempt and the slot.
    #[inline(always)]
    pub(super) fn started(&self) -> (u32, u16) {
        let (attempt, slot) = split(self.words[1]);
        (u32::from(attempt), slot)
    }

    /// What was done, how long that took, and how many bytes it was about.
    #[inline(always)]
    pub(super) fn activity(&self) -> (u8, Nanos, u64) {
        (self.own, Nanos(u64::from(self.words[1])), u64::from(self.words[2]))
    }
}

/// Word by word, since a loop over the bytes is not seen to be five reads.
#[inline(always)]
fn as_words(bytes: &[u8; WIDEST]) -> [u32; WIDEST / 4] {
    let (words, _) = bytes.as_chunks();
    let &[a, b, c, d, e] = words.first_chunk().expect("so many fit");
    let word = u32::from_le_bytes;
    [word(a), word(b), word(c), word(d), word(e)]
}

/// The inverse of [`joined`].
#[inline(always)]
fn split(joined: u32) -> (u16, u16) {
    (joined as u16, (joined >> 16) as u16)
}

/// The last bytes of a frame, which may be fewer than the widest row.
#[cold]
#[inline(never)]
fn padded(rest: &[u8]) -> [u8; WIDEST] {
    let mut bytes = [0; WIDEST];
    bytes[..rest.len()].copy_from_slice(rest);
    bytes
}

/// Reads a row of numbers of varying length, its fields by `read_body`.
pub(super) fn read_long(
    rows: &mut Cursor<'_>,
    seq: u64,
    last: u64,
    read_body: impl FnOnce(&mut Cursor<'_>, u8) -> Result<Option<Event>, Malformed>,
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

/// Reads the fields with their length.
pub(super) fn read_rare(rows: &mut Cursor<'_>, number: u8) -> Result<Option<Event>, Malformed> {
    let len = rows.u32()?;
    let row = rows.take_len(u64::from(len))?;
    Ok(read_row::<Event>(row).ok().filter(|event| event.tag() == number))
}

#[cfg(test)]
mod tests;
