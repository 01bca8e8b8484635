//! What slots do that have no task: they sleep, or one of them carries the worker's sockets.
//!
//! A slot whose tasks are short waits at the sockets itself, so that the next task wakes its thread and
//! no other. One whose tasks take longer sleeps until it is told: they would keep the worker from
//! hearing anything else meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

use super::board::Board;
use crate::io_thread::Carrier;

/// Tasks that take less are short, on a worker of one slot: to wake a thread takes a good part of that.
/// With more slots it is that divided among them, since those that sleep may be missing work as long as
/// the one runs a task that has just left the sockets. What a worker itself does for a task takes ten
/// times as long where nothing is optimised.
const SHORT: Duration = Duration::from_micros(if cfg!(debug_assertions) { 1_000 } else { 100 });

/// A slot was busy so many times with nothing but short tasks before it goes to the sockets.
const SHORT_SPELLS: u32 = 4;

/// How idle slots are told that there is something to do.
#[derive(Debug)]
pub(super) struct Idle {
    /// Wakes those that sleep.
    told: Condvar,
    /// Wakes the one that is at the sockets.
    at_sockets: Notify,
    /// Whether there is one. Changed only while the board is locked.
    is_at_sockets: AtomicBool,
    /// `None`: the sockets are not this worker's alone.
    carrier: Option<Carrier>,
    /// Tasks that take less are short.
    short: Duration,
}

/// How long a slot's tasks take.
#[derive(Debug)]
pub(super) struct Pace {
    /// Since when it has been busy, and with how many tasks.
    since: Instant,
    n_tasks: u32,
    /// The last so many spells had nothing but short tasks, on average.
    n_short: u32,
}

impl Idle {
    /// For a worker with so many slots.
    pub(super) fn new(carrier: Option<Carrier>, n_slots: u16) -> Self {
        Self {
            short: SHORT / u32::from(n_slots.max(1)),
            told: Condvar::new(),
            at_sockets: Notify::new(),
            is_at_sockets: AtomicBool::new(false),
            carrier,
        }
    }

    /// Wakes as many slots as there are new tasks on the board, or more.
    pub(super) fn tell(&self, n_tasks: usize) {
        let mut n_left = n_tasks;
        if self.is_at_sockets.load(Ordering::Acquire) {
            self.at_sockets.notify_one();
            n_left -= 1;
        }
        match n_left {
            0 => {}
            1 => self.told.notify_one(),
            _ => self.told.notify_all(),
        }
    }

    /// Wakes all.
    pub(super) fn tell_all(&self) {
        self.at_sockets.notify_one();
        self.told.notify_all();
    }

    /// Waits until it is told, or for no reason. `relock` locks the board.
    pub(super) fn wait<'a>(
        &self,
        board: MutexGuard<'a, Board>,
        pace: &mut Pace,
        relock: impl FnOnce() -> MutexGuard<'a, Board>,
    ) -> MutexGuard<'a, Board> {
        let carrier = self.carrier.as_ref().filter(|_| pace.is_short());
        let is_free = |_: &&Carrier| !self.is_at_sockets.swap(true, Ordering::AcqRel);
        let Some(carrier) = carrier.filter(is_free) else {
            return self.told.wait(board).unwrap_or_else(PoisonError::into_inner);
        };
        drop(board);
        if carrier.drive(self.at_sockets.notified()).is_none() {
            // The worker's end is near: it is told of that as the others are.
            pace.n_short = 0;
        }
        let board = relock();
        self.is_at_sockets.store(false, Ordering::Release);
        // It may have been told more than once, and takes one task.
        if board.n_ready() > 1 {
            self.told.notify_all();
        }
        board
    }
}

impl Pace {
    /// Of a slot that has not run anything yet.
    pub(super) fn new() -> Self {
        Self { since: Instant::now(), n_tasks: 0, n_short: 0 }
    }

    /// It begins a task.
    pub(super) fn begin(&mut self) {
        if self.n_tasks == 0 {
            self.since = Instant::now();
        }
        self.n_tasks += 1;
    }

    /// It has nothing to do.
    pub(super) fn end(&mut self, idle: &Idle) {
        if self.n_tasks == 0 {
            return;
        }
        let is_short = self.since.elapsed() < idle.short * self.n_tasks;
        self.n_short = if is_short { self.n_short.saturating_add(1) } else { 0 };
        self.n_tasks = 0;
    }

    fn is_short(&self) -> bool {
        self.n_short >= SHORT_SPELLS
    }
}
