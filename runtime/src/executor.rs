//! Executors: what can run a task. Functions and commands are two; others go beside them.

mod command;
mod function;
mod pull;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::{FailureKind, LogLevel};
use tokio::runtime::Handle;
use tokio::sync::Notify;

pub use command::CommandExecutor;
pub use function::FunctionExecutor;
pub(crate) use pull::{Offer, PullExecutor};
pub use value::ValueExecutor;

use crate::task::spec;

/// Runs tasks of one kind. Called on a slot's thread, where it may block.
pub trait Executor: Send + Sync {
    /// Runs one task and gives its encoded result.
    ///
    /// # Errors
    /// The task's failure.
    fn run(&self, job: &Job<'_>) -> Result<Completed, Failure>;

    /// Whether it ends soon after `Job::cancellation` says so. If not, the worker leaves the thread
    /// to itself when the time is up, and puts another into the slot.
    fn can_stop(&self) -> bool;
}

/// One task to run.
pub struct Job<'a> {
    /// What runs: `TaskOptions::function`.
    pub function: &'a str,
    /// The executor's own part of the spec.
    pub body: &'a [u8],
    /// The results it takes, in the order of its dependencies.
    pub inputs: &'a [Bytes],
    /// Told when it is to stop.
    pub cancellation: &'a Cancellation,
    /// Takes the lines it writes.
    pub log: &'a (dyn Fn(LogLevel, &str) + Sync),
}

impl fmt::Debug for Job<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("function", &self.function).finish_non_exhaustive()
    }
}

/// What a task that ended well leaves behind.
#[derive(Clone, Debug)]
pub struct Completed {
    /// Its encoded result.
    pub result: Bytes,
    /// Time spent decoding its inputs.
    pub decode_took: Duration,
    /// Time spent encoding its result.
    pub encode_took: Duration,
}

/// Why a task failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What made it fail.
    pub kind: FailureKind,
    /// The message, for people.
    pub message: String,
}

impl Failure {
    /// Longest message kept: the begin and the end of a longer one remain.
    pub const MAX_MESSAGE_BYTES: usize = 16 << 10;

    /// A failure; a message that is too long is cut in the middle.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: shortened(message.into()) }
    }
}

/// Tells a running task to stop.
#[derive(Debug, Default)]
pub struct Cancellation {
    reason: AtomicU8,
    told: Notify,
    /// The slot whose thread it holds, and one more; 0: it gives the thread back by itself.
    holds: AtomicU32,
    left_behind: AtomicBool,
}

/// Why a running task is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// Its time is up.
    Timeout,
    /// Nobody wants it any more.
    Revoked,
}

impl Cancellation {
    /// Tells it; the first reason stays.
    pub fn cancel(&self, reason: StopReason) {
        let code = match reason {
            StopReason::Timeout => 1,
            StopReason::Revoked => 2,
        };
        if self.reason.compare_exchange(0, code, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.told.notify_waiters();
            self.told.notify_one();
        }
    }

    /// It runs in that slot, and nothing makes it stop.
    pub(crate) fn holds(&self, slot: u16) {
        self.left_behind.store(false, Ordering::Release);
        self.holds.store(u32::from(slot) + 1, Ordering::Release);
    }

    /// The slot whose thread it holds.
    pub(crate) fn slot(&self) -> Option<u16> {
        Some(self.holds.load(Ordering::Acquire).checked_sub(1)? as u16)
    }

    /// Leaves the thread that it holds to it: the slot that needs another. `None`: it holds none, or
    /// was left before. It may be that it waits for others, and gets another slot later.
    pub(crate) fn leave_behind(&self) -> Option<u16> {
        let slot = self.holds.swap(0, Ordering::AcqRel).checked_sub(1)?;
        self.left_behind.store(true, Ordering::Release);
        Some(slot as u16)
    }

    /// Whether its thread was left to it, and has lost its slot.
    pub(crate) fn is_left_behind(&self) -> bool {
        self.left_behind.load(Ordering::Acquire)
    }

    /// The reason, once it was told.
    pub fn reason(&self) -> Option<StopReason> {
        match self.reason.load(Ordering::Acquire) {
            0 => None,
            1 => Some(StopReason::Timeout),
            _ => Some(StopReason::Revoked),
        }
    }

    /// Waits until it is told.
    pub async fn cancelled(&self) -> StopReason {
        loop {
            // Made before it looks: then nothing is missed that is told in between.
            let told = self.told.notified();
            if let Some(reason) = self.reason() {
                return reason;
            }
            told.await;
        }
    }
}

/// The executors of a worker, by the tag in front of a spec.
#[derive(Clone)]
pub struct Executors {
    by_tag: BTreeMap<u8, Arc<dyn Executor>>,
}

impl fmt::Debug for Executors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.by_tag.keys()).finish()
    }
}

impl Executors {
    /// Functions, commands and scattered values; `io` waits for the processes.
    pub fn new(io: Handle) -> Self {
        let mut executors = Self { by_tag: BTreeMap::new() };
        executors.add(spec::FUNCTION, Arc::new(FunctionExecutor));
        executors.add(spec::VALUE, Arc::new(ValueExecutor));
        executors.add(spec::COMMAND, Arc::new(CommandExecutor::new(io)));
        executors
    }

    /// Adds one, or replaces that of the same tag.
    pub fn add(&mut self, tag: u8, executor: Arc<dyn Executor>) {
        self.by_tag.insert(tag, executor);
    }

    pub(crate) fn get(&self, tag: u8) -> Option<&Arc<dyn Executor>> {
        self.by_tag.get(&tag)
    }
}

fn shortened(message: String) -> String {
    let max = Failure::MAX_MESSAGE_BYTES;
    if message.len() <= max {
        return message;
    }
    let head = message.floor_char_boundary(max / 2);
    let tail = message.ceil_char_boundary(message.len() - max / 2);
    format!("{}\n[…]\n{}", &message[..head], &message[tail..])
}
