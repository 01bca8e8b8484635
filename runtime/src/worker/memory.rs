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
use std::time::Duration;

use taskreel_model::{LogLevel, LogLine, PauseReason, Reported};
use tokio::time::MissedTickBehavior;

use super::Shared;
use super::pause::{Turned, Use, percent};
use crate::reading::ProcessReader;
use crate::wire::message::FromWorker;

/// How often the process is looked at.
const PERIOD: Duration = Duration::from_millis(100);

/// Share at which a supervised worker ends.
const TERMINATE_PERCENT: u64 = 95;

/// So often in a row it must be found beyond that, each time after spilling what it can.
const TERMINATE_LOOKS: u32 = 3;

/// How long the last words of a worker that ends may take, and its commands to be killed.
const LAST_WORDS: Duration = Duration::from_millis(100);

/// The status of a worker that ended itself: `EX_TEMPFAIL`, try again.
const ENDED_ITSELF: i32 = 75;

/// Spills what is too much, with `extra` bytes that are to come. Blocks while it writes: slots
/// produce no faster than the disk takes.
pub(super) fn make_room(shared: &Shared, extra: u64) {
    shared.pause.make_room(&shared.store, extra, |turned| follow(shared, turned));
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
    let now = Use { limit: shared.info.memory_limit, rss, is_busy: shared.is_busy() };
    shared.pause.look(&shared.store, now, |turned| follow(shared, turned));
}

fn follow(shared: &Shared, turned: Turned) {
    match turned {
        Turned::Paused(reason, text) => {
            tracing::warn!(worker = shared.info.name, "{text}");
            paused(shared, reason, text);
        }
        Turned::Resumed => resumed(shared),
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

/// It goes on.
fn resumed(shared: &Shared) {
    shared.report(Reported::Resumed);
    shared.reports.hurry();
    // A slot that is about to wait holds the board until it does.
    drop(shared.board());
    shared.idle.tell_all();
}
