//! Memory: keeps a worker under its limit.
//!
//! | share of the limit | of what | what happens |
//! |---|---|---|
//! | 60 % | results in memory | the least recently used go to disk, before the slot goes on |
//! | 70 % | the process | more of them do |
//! | 80 % | the process, or results in memory | the worker pauses: it starts nothing, and gives back what it has not begun |
//! | 95 % | the process | the worker ends, if a supervisor starts another |
//!
//! The process is looked at only where it is this worker's alone. A worker whose disk takes nothing
//! more pauses too, and says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use taskreel_model::{LogLevel, LogLine, PauseReason, Reported};
use tokio::time::MissedTickBehavior;

use super::Shared;
use super::store::Room;
use crate::reading::ProcessReader;
use crate::wire::message::FromWorker;

/// How often the process is looked at.
const PERIOD: Duration = Duration::from_millis(100);

/// Share of the limit that results in memory may take.
const TARGET_PERCENT: u64 = 60;

/// Share at which the process has results spilled until it is back at the target.
const SPILL_PERCENT: u64 = 70;

/// Share at which the worker pauses.
const PAUSE_PERCENT: u64 = 80;

/// Share at which a supervised worker ends.
const TERMINATE_PERCENT: u64 = 95;

/// So often in a row it must be found beyond that, each time after spilling what it can.
const TERMINATE_LOOKS: u32 = 3;

/// How long the last words of a worker that ends may take, and its commands to be killed.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The status of a worker that ended itself: `EX_TEMPFAIL`, try again.
const ENDED_ITSELF: i32 = 75;

/// Bytes of results that a worker with that limit keeps in memory.
pub(crate) fn target(limit: u64) -> u64 {
    percent(limit, TARGET_PERCENT)
}

/// Whether the worker is paused, and why.
#[derive(Debug, Default)]
pub(super) struct Pause(AtomicU8);

impl Pause {
    pub(super) fn is_on(&self) -> bool {
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
    pub(super) fn end(&self) {
        self.0.store(0, Ordering::Release);
    }
}

/// Spills what is too much, with `extra` bytes that are to come. Blocks while it writes: slots
/// produce no faster than the disk takes.
pub(super) fn make_room(shared: &Shared, extra: u64) {
    if shared.store.is_short_of(extra) {
        settle(shared, shared.store.make_room(extra));
    }
}

/// Watches the process until aborted. `is_alone`: it is this worker's alone.
pub(super) async fn watch(shared: Arc<Shared>, is_alone: bool, supervised: bool) {
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut reader = is_alone.then(ProcessReader::new);
    let mut n_over = 0;
    loop {
        ticks.tick().await;
        let rss = reader.as_mut().map_or(0, ProcessReader::rss_bytes);
        let is_over = rss > percent(shared.info.memory_limit, TERMINATE_PERCENT);
        n_over = if is_over { n_over + 1 } else { 0 };
        if supervised && n_over >= TERMINATE_LOOKS {
            end(&shared, rss).await;
        }
        let watched = Arc::clone(&shared);
        let looked = tokio::task::spawn_blocking(move || look(&watched, rss)).await;
        if let Err(error) = looked {
            tracing::error!(%error, "a worker's memory is no longer watched");
            return;
        }
    }
}

/// Ends this process, and says why: what tasks take besides results cannot be spilled.
async fn end(shared: &Arc<Shared>, rss: u64) -> ! {
    let (at, worker, limit) = (shared.clock.now(), shared.known_id(), shared.info.memory_limit);
    let text = format!(
        "ended: {rss} of {limit} bytes are in use, more than {TERMINATE_PERCENT} %; another starts"
    );
    tracing::warn!(worker = shared.info.name, "{text}");
    shared.reports.log(LogLine { at, worker, task: None, level: LogLevel::Error, text });
    let theirs = Arc::clone(shared);
    let saying = tokio::task::spawn_blocking(move || {
        theirs.reports.flush();
        if let Some(tx) = theirs.link() {
            // A scheduler that is gone will hear of it from those that are left.
            let _ = tx.blocking_send(FromWorker::OutOfMemory);
        }
        theirs.stop();
    });
    // Late or not: it goes.
    let _ = tokio::time::timeout(LAST_WORDS, saying).await;
    tokio::time::sleep(LAST_WORDS).await;
    shared.store.remove_files();
    std::process::exit(ENDED_ITSELF);
}

/// Looks once: spills, pauses or resumes.
fn look(shared: &Shared, rss: u64) {
    let limit = shared.info.memory_limit;
    let managed = shared.store.n_bytes();
    if rss > percent(limit, SPILL_PERCENT) {
        let excess = rss - target(limit);
        settle(shared, shared.store.shrink_to(managed.saturating_sub(excess)));
    } else if shared.pause.reason() == Some(PauseReason::DiskFull) {
        settle(shared, shared.store.make_room(0));
    }
    let used = rss.max(shared.store.n_bytes());
    let is_over = used > percent(limit, PAUSE_PERCENT);
    match shared.pause.reason() {
        None if is_over && shared.is_busy() => pause(shared, PauseReason::Memory),
        // When nothing runs and nothing is left to spill, waiting would change nothing.
        Some(PauseReason::Memory) if !is_over || !shared.is_busy() => resume(shared),
        None | Some(PauseReason::Memory | PauseReason::DiskFull | PauseReason::Requested) => {}
    }
}

/// What follows from an attempt to spill.
fn settle(shared: &Shared, room: Room) {
    match room {
        Room::Made | Room::Stuck => {
            if shared.pause.reason() == Some(PauseReason::DiskFull) {
                resume(shared);
            }
        }
        Room::Failed(error) => {
            if shared.pause.begin(PauseReason::DiskFull) {
                let folder = shared.store.spill_parent().map(|path| path.display().to_string());
                let folder = folder.unwrap_or_default();
                let text = format!("paused: results cannot be spilled to {folder}: {error}");
                tracing::warn!(worker = shared.info.name, "{text}");
                paused(shared, PauseReason::DiskFull, text);
            }
        }
    }
}

fn pause(shared: &Shared, reason: PauseReason) {
    if shared.pause.begin(reason) {
        let limit = shared.info.memory_limit;
        let text = format!("paused: more than {PAUSE_PERCENT} % of {limit} bytes are in use");
        tracing::info!(worker = shared.info.name, "{text}");
        paused(shared, reason, text);
    }
}

/// Tells of a pause, and gives back what has not begun.
fn paused(shared: &Shared, reason: PauseReason, text: String) {
    let (at, worker) = (shared.clock.now(), shared.known_id());
    shared.reports.log(LogLine { at, worker, task: None, level: LogLevel::Warn, text });
    // One lock for all: no slot takes a task that was given back.
    let mut board = shared.board();
    shared.report(Reported::Paused { reason });
    for given in board.give_back() {
        shared.report(Reported::GaveBack { task: given.task, attempt: given.attempt });
    }
    drop(board);
    shared.reports.hurry();
}

fn resume(shared: &Shared) {
    shared.pause.end();
    shared.report(Reported::Resumed);
    shared.reports.hurry();
    // A slot that is about to wait holds the board until it does.
    drop(shared.board());
    shared.idle.tell_all();
}

fn percent(limit: u64, share: u64) -> u64 {
    (u128::from(limit) * u128::from(share) / 100) as u64
}
