//! The task that runs on this thread: what its code can say and ask while it runs.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use taskreel_model::{LogLevel, TaskId};
use tokio::runtime::Handle;

use crate::client::{Client, mark_outside};
use crate::executor::Cancellation;
use crate::wire::message::Assignment;

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

    /// The task of the calling thread waits for others: its slot is free for another one. `false`: it
    /// waits in its slot.
    fn secede(self: Arc<Self>, assignment: Assignment, cancellation: &Cancellation) -> bool;

    /// It goes on as soon as a slot is free, or at once if it was given up.
    fn rejoin(self: Arc<Self>, assignment: Assignment, cancellation: &Cancellation);
}

/// A task on its worker.
#[derive(Clone)]
pub(crate) struct Current {
    pub(crate) assignment: Assignment,
    pub(crate) priority: i32,
    pub(crate) cancellation: Arc<Cancellation>,
    pub(crate) host: Arc<dyn Host>,
}

thread_local! {
    static CURRENT: RefCell<Option<Current>> = const { RefCell::new(None) };
}

impl fmt::Debug for Current {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Current").field("assignment", &self.assignment).finish_non_exhaustive()
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

    /// Which task that is.
    pub(crate) fn task(&self) -> TaskId {
        self.assignment.task
    }

    /// The task that runs on this thread.
    pub(crate) fn task_here() -> Option<TaskId> {
        CURRENT.with_borrow(|current| current.as_ref().map(Self::task))
    }

    /// What the priority of a call is counted from on this thread: what a task submits goes before
    /// what was submitted with it, so that few tasks have begun and wait at a time.
    pub(crate) fn base_priority() -> i32 {
        CURRENT.with_borrow(|current| match current {
            Some(current) => current.priority.saturating_add(1),
            None => 0,
        })
    }

    /// Whether the task of this thread was given up, or has taken too long.
    pub(crate) fn is_given_up() -> bool {
        CURRENT.with_borrow(|current| {
            current.as_ref().is_some_and(|current| current.cancellation.reason().is_some())
        })
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
        Some(current) => current.host.mark(current.task(), name.into()),
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
/// While a task waits for tasks on its own thread - in `wait`, `gather`, `as_completed`, or by `.await` - another
/// task has its slot; it goes on as soon as a slot of its worker is free. So tasks may wait for tasks that wait for
/// tasks, however few slots there are. Each that waits keeps its thread, its arguments and its resources. What a
/// task submits has a priority of one more than its own, so that as few as can be wait at a time.
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
            Some(current) => current.host.span(current.task(), name, took),
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
