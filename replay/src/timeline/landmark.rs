//! Places of a run that a person looks for: errors, lost workers, markers.

use taskreel_model::{Event, Stamped};

/// A kind of place to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Landmark {
    /// An attempt failed, whether or not it is tried again.
    Error,
    /// A worker went that nobody sent away.
    WorkerLoss,
    /// A marker or the end of a span of the user's.
    Marker,
}

/// Which way along the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toward {
    /// To later events.
    Next,
    /// To earlier events.
    Previous,
}

impl Landmark {
    /// What an event is, if a person may look for it.
    pub fn of(event: &Event) -> Option<Self> {
        if let Event::WorkerLost { reason, .. } = event {
            return reason.is_unplanned().then_some(Self::WorkerLoss);
        }
        let is_mark = matches!(event, Event::Marked { .. } | Event::SpanRecorded { .. });
        match is_mark {
            true => Some(Self::Marker),
            false => matches!(event, Event::TaskFailed { .. }).then_some(Self::Error),
        }
    }
}

/// The landmarks of the log up to some event, so that going back to one needs no search.
#[derive(Debug, Default)]
pub(super) struct Landmarks {
    /// Rising in `seq`.
    found: Vec<(u64, Landmark)>,
    /// `seq` of the first event that was not looked at.
    next_seq: u64,
}

impl Landmarks {
    /// The log begins with that event: it is a part of a run.
    pub(super) fn begin(&mut self, seq: u64) {
        self.next_seq = self.next_seq.max(seq);
    }

    /// Looks at an event that the timeline passes, unless it did before.
    pub(super) fn pass(&mut self, event: &Stamped<Event>) {
        if event.seq != self.next_seq {
            return;
        }
        self.next_seq += 1;
        self.found.extend(Landmark::of(&event.what).map(|kind| (event.seq, kind)));
    }

    /// `seq` of the first event that was not looked at.
    pub(super) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The last one of a kind before `seq`.
    pub(super) fn before(&self, seq: u64, kind: Landmark) -> Option<u64> {
        let end = self.found.partition_point(|(found, _)| *found < seq);
        self.found[..end].iter().rev().find(|(_, k)| *k == kind).map(|(seq, _)| *seq)
    }

    /// The first one of a kind at `seq` or later, of those that were passed.
    pub(super) fn from(&self, seq: u64, kind: Landmark) -> Option<u64> {
        let begin = self.found.partition_point(|(found, _)| *found < seq);
        self.found[begin..].iter().find(|(_, k)| *k == kind).map(|(seq, _)| *seq)
    }
}
