//! When a worker spills more, pauses and goes on: the rules alone. Who looks when, and who is told, is `memory.rs`, and
//! of simulated workers the storm.

use std::sync::atomic::{AtomicU8, Ordering};

use taskreel_model::PauseReason;

use super::store::{Room, Store};

/// Share of the limit that results in memory may take.
const TARGET_PERCENT: u64 = 60;

/// Share at which the process has results spilled until it is back at the target.
const SPILL_PERCENT: u64 = 70;

/// Share at which the worker pauses.
const PAUSE_PERCENT: u64 = 80;

/// Whether the worker is paused, and why.
#[derive(Debug, Default)]
pub(crate) struct Pause(AtomicU8);

/// What follows from a look.
#[derive(Debug)]
pub(crate) enum Turned {
    /// It starts nothing from now on. The text says why, to whoever reads its log.
    Paused(PauseReason, String),
    /// It goes on.
    Resumed,
}

/// What memory is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Use {
    /// Bytes that the worker may use.
    pub(crate) limit: u64,
    /// Bytes of the process; 0: it is not this worker's alone.
    pub(crate) rss: u64,
    /// Whether any task runs.
    pub(crate) is_busy: bool,
}

/// Bytes of results that a worker with that limit keeps in memory.
pub(crate) fn target(limit: u64) -> u64 {
    percent(limit, TARGET_PERCENT)
}

/// That share of a limit.
pub(super) fn percent(limit: u64, share: u64) -> u64 {
    (u128::from(limit) * u128::from(share) / 100) as u64
}

impl Pause {
    pub(crate) fn is_on(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }

    fn reason(&self) -> Option<PauseReason> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            1 => Some(PauseReason::Memory),
            2 => Some(PauseReason::DiskFull),
            _ => Some(PauseReason::Requested),
        }
    }

    /// Whether it was not paused before.
    fn begin(&self, reason: PauseReason) -> bool {
        let code = match reason {
            PauseReason::Memory => 1,
            PauseReason::DiskFull => 2,
            PauseReason::Requested => 3,
        };
        self.0.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// It is not, or is to be found out anew.
    pub(crate) fn end(&self) {
        self.0.store(0, Ordering::Release);
    }

    /// Spills what is too much, with `extra` bytes that are to come, and tells what follows from that. Blocks while
    /// it writes.
    pub(crate) fn make_room(&self, store: &Store, extra: u64, tell: impl FnOnce(Turned)) {
        if store.is_short_of(extra) {
            self.settle(store, store.make_room(extra), tell);
        }
    }

    /// Looks once, spills, and tells what follows: nothing, a pause or its end.
    pub(crate) fn look(&self, store: &Store, now: Use, mut tell: impl FnMut(Turned)) {
        let Use { limit, rss, is_busy } = now;
        if rss > percent(limit, SPILL_PERCENT) {
            let excess = rss - target(limit);
            let room = store.shrink_to(store.n_bytes().saturating_sub(excess));
            self.settle(store, room, &mut tell);
        } else if self.reason() == Some(PauseReason::DiskFull) {
            self.settle(store, store.make_room(0), &mut tell);
        }
        let is_over = rss.max(store.n_bytes()) > percent(limit, PAUSE_PERCENT);
        match self.reason() {
            None if is_over && is_busy && self.begin(PauseReason::Memory) => {
                let share = PAUSE_PERCENT;
                let text = format!("paused: more than {share} % of {limit} bytes are in use");
                tell(Turned::Paused(PauseReason::Memory, text));
            }
            // When nothing runs and nothing is left to spill, waiting would change nothing.
            Some(PauseReason::Memory) if !is_over || !is_busy => self.resume(tell),
            None | Some(PauseReason::Memory | PauseReason::DiskFull | PauseReason::Requested) => {}
        }
    }

    /// What follows from an attempt to spill.
    fn settle(&self, store: &Store, room: Room, tell: impl FnOnce(Turned)) {
        match room {
            Room::Made | Room::Stuck => {
                if self.reason() == Some(PauseReason::DiskFull) {
                    self.resume(tell);
                }
            }
            Room::Failed(error) => {
                if self.begin(PauseReason::DiskFull) {
                    let folder = store.spill_parent().map(|path| path.display().to_string());
                    let folder = folder.unwrap_or_default();
                    let text = format!("paused: results cannot be spilled to {folder}: {error}");
                    tell(Turned::Paused(PauseReason::DiskFull, text));
                }
            }
        }
    }

    fn resume(&self, tell: impl FnOnce(Turned)) {
        self.end();
        tell(Turned::Resumed);
    }
}
