//! The task that runs on this thread: what its code can say and ask while it runs.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskreel_model::{LogLevel, TaskId};
use tokio::runtime::Handle;

use crate::client::{Client, mark_outside};

/// What a worker does for the tasks that run on it.
pub(crate) trait Host: Send + Sync {
    /// Puts a marker of the task's into the trace.
    fn mark(&self, task: TaskId, name: String);

    /// Puts a span of the task's that ends now into the trace.
    fn span(&self, task: TaskId, name: String, took: Duration);

    /// Puts a line of the task's into the trace.
    fn log(&self, task: TaskId, level: LogLevel, text: &str);

    /// A client of the cluster that the task runs on.
    fn client(&self) -> Option<Client>;

    /// Carries what an `async` task awaits.
    fn io(&self) -> &Handle;
}

/// A task on its worker.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) task: TaskId,
    pub(crate) host: Arc<dyn Host>,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").field("task", &self.task).finish_non_exhaustive()
    }
}

impl Current {
    /// Makes it the task of this thread until the guard is dropped.
    pub(crate) fn enter(self) -> Entered {
        CURRENT.set(Some(self));
        Entered
    }

    /// The task of this thread.
    pub(crate) fn get() -> Option<Self> {
        CURRENT.with_borrow(Clone::clone)
    }
}

/// See [`Current::enter`].
#[derive(Debug)]
pub(crate) struct Entered;

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(None);
    }
}

/// Puts a marker into the trace, at this instant and this task; see [`crate::mark!`].
pub fn mark(name: impl Into<String>) {
    match Current::get() {
        Some(Current { task, host }) => host.mark(task, name.into()),
        None => mark_outside(name.into(), None),
    }
}

/// Begins a span of this task; see [`crate::span!`].
pub fn span(name: impl Into<String>) -> Span {
    Span { name: name.into(), begin: Instant::now() }
}

/// A client of the cluster that runs the present task, for tasks that submit tasks; `None` outside
/// of a task.
///
/// A task that waits for others keeps its slot meanwhile: where every slot of the cluster holds a
/// task that waits, none is left for what they wait for.
pub fn current_client() -> Option<Client> {
    Current::get()?.host.client()
}

/// A stretch of time that goes to the trace when it is dropped, at the thread's task.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped: bind it to a name"]
pub struct Span {
    name: String,
    begin: Instant,
}

impl Drop for Span {
    fn drop(&mut self) {
        let (name, took) = (std::mem::take(&mut self.name), self.begin.elapsed());
        match Current::get() {
            Some(Current { task, host }) => host.span(task, name, took),
            None => mark_outside(name, Some(took)),
        }
    }
}

/// Puts a marker into the trace: `mark!("half of {n} rows")`. It is shown at the task that sets it;
/// outside of a task it goes to the cluster to which the process connected first.
#[macro_export]
macro_rules! mark {
    ($($text:tt)+) => { $crate::mark(::std::format!($($text)+)) };
}

/// Begins a span that lasts until it is dropped: `let _parsing = span!("parse {path}");`. It is shown
/// at the task that it is dropped in; outside of a task it goes to the cluster to which the process
/// connected first.
#[macro_export]
macro_rules! span {
    ($($text:tt)+) => { $crate::span(::std::format!($($text)+)) };
}
