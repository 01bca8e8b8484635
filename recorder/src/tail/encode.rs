//! Rows of a tail straight to the columns of a block: making an event of each in between would take
//! twice as long, and a run whose cores are busy pays for it.

use taskreel_model::Nanos;

use super::row::{Row, UNKNOWN, read_instant, read_long, read_rare};
use crate::bytes::{Cursor, Malformed};
use crate::events::{Attempt, Encoder, HAS_CAUSE, tag};

/// The rows of a frame that were not encoded yet.
#[derive(Debug)]
pub(crate) struct Rows<'a> {
    rows: Cursor<'a>,
    /// `seq` of the next event, and of the one behind the last.
    seq: u64,
    end: u64,
    /// `logged_at` of the event before.
    last: u64,
}

impl<'a> Rows<'a> {
    /// Those of the events from `seq` to before `end`.
    pub(super) fn new(payload: &'a [u8], seq: u64, end: u64) -> Self {
        Self { rows: Cursor::new(payload), seq, end, last: 0 }
    }

    /// Encodes the next events, `n` at the most. Returns whether there were any.
    pub(crate) fn encode(&mut self, n: u64, encoder: &mut Encoder) -> Result<bool, Malformed> {
        let until = self.end.min(self.seq.saturating_add(n));
        let has_any = self.seq < until;
        while self.seq < until {
            self.last = read_instant(&mut self.rows)?.unwrap_or(self.last);
            match Row::read(&mut self.rows)? {
                Some(row) => encode_row(&row, self.seq, self.last, encoder)?,
                None => self.encode_long(encoder)?,
            }
            self.seq += 1;
        }
        Ok(has_any)
    }

    #[cold]
    fn encode_long(&mut self, encoder: &mut Encoder) -> Result<(), Malformed> {
        let event = read_long(&mut self.rows, self.seq, self.last, read_rare)?;
        self.last = event.logged_at.0;
        encoder.add(&[event]);
        Ok(())
    }
}

/// Encodes a row of fixed width. Its reasons are this version's: it wrote the row itself.
#[inline(always)]
fn encode_row(
    row: &Row<'_>,
    seq: u64,
    logged_at: u64,
    encoder: &mut Encoder,
) -> Result<(), Malformed> {
    let (task, worker) = (row.task, row.worker());
    // Once for each kind, so that of each only its own fields are looked at.
    let begin = |encoder: &mut Encoder| begin_row(row, seq, logged_at, encoder);
    match row.tag {
        tag::TASK_SUBMITTED => {
            let at = begin(encoder);
            encoder.task_submitted(row.submitted()?, row.deps(), at);
        }
        tag::RESULT_RELEASED => {
            let at = begin(encoder);
            encoder.result_released(row.client(), task, at);
        }
        tag::TASK_ASSIGNED => {
            let (at, run) = (begin(encoder), Attempt { task, attempt: row.attempt() });
            encoder.task_assigned(run, worker, row.reason(), at);
        }
        tag::TRANSFER_STARTED => {
            let (at, (from, dependent)) = (begin(encoder), row.fetch());
            encoder.transfer_started(task, (from, worker), dependent, at);
        }
        tag::TRANSFER_FINISHED => {
            let at = begin(encoder);
            encoder.transfer_finished(task, worker, row.bytes(), at);
        }
        tag::TASK_STARTED => {
            let (at, (attempt, slot)) = (begin(encoder), row.started());
            encoder.task_started(Attempt { task, attempt }, worker, slot, at);
        }
        tag::TASK_FINISHED => {
            let (at, run) = (begin(encoder), Attempt { task, attempt: row.attempt() });
            encoder.task_finished(run, worker, row.bytes(), at);
        }
        tag::ACTIVITY_RECORDED => {
            let (at, (activity, took, bytes)) = (begin(encoder), row.activity());
            encoder.activity_recorded(task, worker, activity, (took, bytes), at);
        }
        _newer => return Err(UNKNOWN),
    }
    Ok(())
}

/// Encodes what all rows have. Returns when the event happened, in ticks.
#[inline(always)]
fn begin_row(row: &Row<'_>, seq: u64, logged_at: u64, encoder: &mut Encoder) -> u64 {
    let distance = row.distance();
    let caused = if distance > 0 { HAS_CAUSE } else { 0 };
    encoder.begin(seq, Nanos(logged_at), row.tag | caused, distance);
    encoder.ticks(Nanos(logged_at.wrapping_sub(row.lag())))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::bytes::Sink;
    use crate::events::any_events;
    use crate::tail::row::put_event;

    const TICK: u64 = 1_000;

    proptest! {
        /// The same block, whether events are made in between or not.
        #[test]
        fn rows_become_the_columns_of_their_events(events in any_events(), n in 1..300_u64) {
            let (mut out, mut last) = (Sink::default(), None);
            for event in &events {
                put_event(&mut out, event, &mut last).unwrap();
            }
            let first = events.first().map_or(0, |event| event.seq);
            let mut rows = Rows::new(out.bytes(), first, first + events.len() as u64);
            let (mut encoder, mut expected) = (Encoder::new(TICK), Encoder::new(TICK));
            while rows.encode(n, &mut encoder).unwrap() {}
            expected.add(&events);
            let (made, expected) = (encoder.finish(), expected.finish());
            prop_assert_eq!(made.map(|it| it.raw), expected.map(|it| it.raw));
        }
    }
}
