//! How much a file may unpack to: a maintainer opens a stranger's trace, and a few kilobytes must not
//! fill the memory or keep the cores busy for minutes.
//!
//! What recorded runs hold for each byte of their file is known; a file may hold some times more, and
//! a small one always as much as a modest machine handles in seconds.

use taskreel_model::{Event, Stamped};

use crate::format::MAX_RECORDS;

/// Bytes of payloads before compression, whatever the file's size, and for each of its bytes. Runs of
/// equal tasks have 60.
const RAW: (u64, u64) = (256 << 20, 256);
/// Records. Runs of equal tasks have 5 for each byte.
const RECORDS: (u64, u64) = (16 << 20, 32);
/// Bytes of memory for what a state never lets go: workers, strings, options. Runs with long error
/// texts have 4 for each byte.
const LASTING: (u64, u64) = (96 << 20, 64);

/// What was unpacked so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Spent {
    raw: u64,
    records: u64,
    lasting: u64,
}

impl Spent {
    /// Counts a block before it is unpacked.
    pub(crate) fn block(&mut self, raw_len: u32, n_records: u32) {
        self.raw += u64::from(raw_len);
        // One that claims more is refused when it is decoded.
        self.records += u64::from(n_records.min(MAX_RECORDS));
    }

    /// Counts what its events leave in a state for good.
    pub(crate) fn events(&mut self, events: &[Stamped<Event>]) {
        self.lasting += events.iter().map(|event| lasting(&event.what)).sum::<u64>();
    }

    /// What a file of so many bytes may not hold and did.
    pub(crate) fn beyond(&self, file_bytes: u64) -> Option<&'static str> {
        let allowed =
            |(base, each): (u64, u64)| base.saturating_add(file_bytes.saturating_mul(each));
        if self.raw > allowed(RAW) || self.records > allowed(RECORDS) {
            Some("it unpacks to far more than a run of its size")
        } else if self.lasting > allowed(LASTING) {
            Some("its workers and texts need far more memory than those of a run of its size")
        } else {
            None
        }
    }
}

/// About the bytes that an event adds to a state for ever.
fn lasting(event: &Event) -> u64 {
    match event {
        Event::WorkerJoined { info, .. } => 1_024 + 8 * u64::from(info.slots),
        Event::Interned { text, .. } => 128 + 2 * text.len() as u64,
        Event::PrefixDeclared { name, .. } => 512 + 2 * name.len() as u64,
        Event::OptionsDeclared { .. } => 1_024,
        Event::ClientConnected { .. } | Event::GraphSubmitted { .. } => 128,
        // Nothing else stays once its task is forgotten.
        _passing => 0,
    }
}
