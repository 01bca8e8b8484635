//! How much a file may unpack to: a maintainer opens a stranger's trace, and a few kilobytes must not
//! fill the memory or keep the cores busy for minutes.
//!
//! What recorded runs hold for each byte of their file is known; a file may hold some times more, and
//! a small one always as much as a modest machine handles in seconds.

mod texts;

use taskreel_model::{Event, Stamped, Task, Text};

use crate::format::MAX_RECORDS;
use texts::LongTexts;

/// What any file may have, and what more it may have for each of its bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Allowance {
    floor: u64,
    each: u64,
}

/// Bytes of payloads before compression. A run of tasks that do nothing has 114 for each byte.
const RAW: Allowance = Allowance { floor: 128 << 20, each: 256 };
/// Records. Such a run has 7 for each byte.
const RECORDS: Allowance = Allowance { floor: 4 << 20, each: 24 };
/// Bytes of memory that a state may take: tasks with their dependencies, workers, texts. Such a run
/// has 290 for each byte while no task is forgotten: one takes 0.8 bytes.
const STATE: Allowance = Allowance { floor: 64 << 20, each: 512 };
/// Bytes of long texts, as often as events name them.
const TEXTS: Allowance = Allowance { floor: 64 << 20, each: 256 };
/// Bytes of memory of stored states, as often as one is taken apart: that takes time, and tasks that say
/// nothing new take no byte in one.
const STORED: Allowance = Allowance { floor: 128 << 20, each: 4_096 };
/// Bytes of a stored state before compression become at most so many times as much when it is taken
/// apart.
const KEYFRAME_GROWTH: u64 = 16;

/// Bytes of memory for a task beside what it holds in lists: its place in the table and in a queue.
const TASK: u64 = size_of::<Task>() as u64 + 48;
/// For a dependency: in the lists of both tasks, which grow by doubling.
const DEPENDENCY: u64 = 16;
/// For a result on its way, and for a copy: among those of its task and of its worker.
const FLIGHT: u64 = 96;
const COPY: u64 = 24;
/// For a text beside its bytes, which are there twice.
const TEXT: u64 = 128;

impl Allowance {
    /// What a file of so many bytes may have.
    fn of(self, file_bytes: u64) -> u64 {
        self.floor.saturating_add(file_bytes.saturating_mul(self.each))
    }
}

/// The memory that a state in a file of so many bytes may take.
pub(crate) fn state_bytes(file_bytes: u64) -> u64 {
    STATE.of(file_bytes)
}

/// Whether a stored state of so many bytes before compression fits into so much memory while it is
/// taken apart.
pub(crate) fn keyframe_fits(raw_len: usize, state_bytes: u64) -> bool {
    (raw_len as u64).saturating_mul(KEYFRAME_GROWTH) <= state_bytes
}

/// What was unpacked so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    raw: u64,
    records: u64,
    state: u64,
    texts: u64,
    stored: u64,
    long: LongTexts,
}

impl Spent {
    /// Counts a block before it is unpacked.
    pub(crate) fn block(&mut self, raw_len: u32, n_records: u32) {
        self.raw += u64::from(raw_len);
        // One that claims more is refused when it is decoded.
        self.records += u64::from(n_records.min(MAX_RECORDS));
    }

    /// Counts what events add to a state. What lets go of tasks and copies again is not counted:
    /// whether it does is known only to who folds.
    pub(crate) fn events(&mut self, events: &[Stamped<Event>]) {
        for event in events {
            self.state += added(&event.what);
            self.texts += self.long.named_by(&event.what);
            if let Event::TransferFinished { .. } | Event::TransferFailed { .. } = event.what {
                self.state = self.state.saturating_sub(FLIGHT);
            }
        }
    }

    /// Counts a stored state that would take so much memory. Returns whether a file of so many bytes may have it.
    pub(crate) fn stored(&mut self, state_bytes: u64, file_bytes: u64) -> bool {
        self.stored = self.stored.saturating_add(state_bytes);
        self.stored <= STORED.of(file_bytes)
    }

    /// The memory that events of a file of so many bytes may still take.
    pub(crate) fn room(&self, file_bytes: u64) -> u64 {
        state_bytes(file_bytes).saturating_sub(self.state)
    }

    /// What a file of so many bytes may not hold and did.
    pub(crate) fn beyond(&self, file_bytes: u64) -> Option<&'static str> {
        if self.raw > RAW.of(file_bytes) || self.records > RECORDS.of(file_bytes) {
            Some("it unpacks to far more than a run of its size")
        } else if self.state > STATE.of(file_bytes) {
            Some(
                "its tasks, workers and texts need far more memory than those of a run of its size",
            )
        } else if self.texts > TEXTS.of(file_bytes) {
            Some("its long names come up far more often than those of a run of its size")
        } else {
            None
        }
    }
}

/// About the bytes that an event adds to a state.
fn added(event: &Event) -> u64 {
    let mut texts = 0;
    event.texts(|text| {
        if let Text::Said(_, text) = text {
            texts += TEXT + 2 * text.len() as u64;
        }
    });
    texts + added_beside_texts(event)
}

/// Of those, what is not for texts. What is not named here changes what is there.
fn added_beside_texts(event: &Event) -> u64 {
    if let Event::TaskSubmitted { deps, .. } = event {
        TASK + DEPENDENCY * deps.len() as u64
    } else if let Event::TransferStarted { .. } = event {
        FLIGHT
    } else if let Event::TransferFinished { .. }
    | Event::ReplicaAdded { .. }
    | Event::ResultWanted { .. } = event
    {
        COPY
    } else if let Event::WorkerJoined { info, .. } = event {
        1_024 + 8 * u64::from(info.slots)
    } else if let Event::PrefixDeclared { .. } = event {
        512
    } else if let Event::OptionsDeclared { .. } = event {
        1_024
    } else if let Event::ClientConnected { .. }
    | Event::GraphSubmitted { .. }
    | Event::GraphExtended { .. } = event
    {
        128
    } else {
        0
    }
}

#[cfg(test)]
mod tests {
    use taskreel_model::State;

    use super::*;

    /// Events of a run as long as it grows: nothing is let go.
    fn events(n_tasks: u32) -> Vec<Stamped<Event>> {
        crate::run::turns(5, n_tasks, 2, 2).concat()
    }

    #[test]
    fn an_honest_run_stays_far_within_its_budget() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.reel");
        let options = crate::RecorderOptions::default();
        let mut recorder =
            crate::Recorder::create(&path, &crate::RunInfo::default(), options).unwrap();
        let events = events(30_000);
        recorder.append(&events).unwrap();
        let file_bytes = recorder.finish().unwrap().bytes;
        let mut spent = Spent::default();
        spent.events(&events);
        spent.records = events.len() as u64;
        // Without the floors, which alone would do for this run.
        assert!(spent.state < STATE.each * file_bytes, "{spent:?} of {file_bytes}");
        assert!(spent.records < RECORDS.each * file_bytes, "{spent:?} of {file_bytes}");
    }

    #[test]
    fn what_is_counted_is_what_a_state_takes() {
        let mut spent = Spent::default();
        let mut state = State::new();
        for event in events(2_000) {
            spent.events(std::slice::from_ref(&event));
            state.apply(&event, &mut Vec::new()).unwrap();
        }
        // A stored state knows what it needs, to the byte of its lists.
        let needed = state.keyframe().restore(spent.state);
        assert!(needed.is_ok(), "{needed:?}");
    }
}
