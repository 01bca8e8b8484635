//! A session: one client's connection, shared by the client and all its futures.

mod results;

use std::io;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use bytes::Bytes;
pub(crate) use results::Located;
use taskreel_model::{Nanos, TaskId};
use tokio::runtime::Handle;
use tokio::sync::Notify;

use super::buffer::{Buffer, GRAPH_TASKS};
use super::carry::{Remote, converse};
use super::future::{Held, obstacle};
use super::outgoing::{Outgoing, Sent};
use super::shelf::Shelf;
use super::table::Table;
use super::{TaskError, TaskErrorKind};
use crate::executor::Offer;
use crate::io_thread::{Carrier, IoThread};
use crate::peers::Peers;
use crate::task::current::Current;
use crate::task::{Draft, MAX_SPEC_BYTES};
use crate::wire::Link;
use crate::wire::message::{FromClient, ToClient};

/// The sessions of this process, oldest first: for what its program says outside of tasks.
static SESSIONS: Mutex<Vec<Weak<Session>>> = Mutex::new(Vec::new());

/// How long a client that leaves waits for its last words to be sent.
const FAREWELL: Duration = Duration::from_secs(2);

/// The client's side of a connection. When it is dropped the client leaves.
#[derive(Debug)]
pub(crate) struct Session {
    core: Arc<Core>,
    peers: Peers,
    io: Handle,
    /// To carry the connection while a result is waited for, where it is this session's alone.
    carrier: Option<Carrier>,
    /// Long scattered values, once there are some.
    shelf: OnceLock<Shelf>,
    /// Whether it is that of the tasks of a worker: then it is of the run in which these have their ids.
    is_for_tasks: AtomicBool,
    /// The runtime, where the session brought its own.
    _io_thread: Option<IoThread>,
}

/// What the session shares with the task that carries it.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) buffer: Mutex<Buffer>,
    /// Locked before the buffer where both are.
    pub(super) outgoing: Mutex<Outgoing>,
    /// The buffer has something, and is not watched.
    pub(super) some: Notify,
    /// It should be sent at once.
    pub(super) now: Notify,
    /// Some of it was sent.
    pub(super) drained: Condvar,
    pub(super) table: Mutex<Table>,
    /// Something in the table changed.
    pub(super) ended: Condvar,
    /// Whether nothing more will be sent.
    pub(super) sent_all: Mutex<bool>,
    pub(super) farewell: Condvar,
}

/// Makes one graph of what its thread submits, and keeps it from being sent in the middle of a part.
#[derive(Debug)]
pub(crate) struct Hold<'a> {
    core: &'a Core,
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        lock(&self.core.buffer).let_go();
    }
}

impl Session {
    /// Begins a session over a link; with a `remote` it goes on over another when that breaks.
    /// `io` carries it; `io_thread` is that runtime, if the session is to own it.
    pub(crate) fn new(
        link: Link<FromClient, ToClient>,
        remote: Option<Remote>,
        graph_name: String,
        peers: Peers,
        (io, io_thread): (Handle, Option<IoThread>),
    ) -> Arc<Self> {
        let core = Arc::new(Core {
            buffer: Mutex::new(Buffer::new(graph_name)),
            outgoing: Mutex::default(),
            some: Notify::new(),
            now: Notify::new(),
            drained: Condvar::new(),
            table: Mutex::default(),
            ended: Condvar::new(),
            sent_all: Mutex::new(false),
            farewell: Condvar::new(),
        });
        io.spawn(converse(Arc::clone(&core), link, remote));
        let carrier = io_thread.as_ref().map(IoThread::carrier);
        let shelf = OnceLock::new();
        let is_for_tasks = AtomicBool::new(false);
        let session =
            Arc::new(Self { core, peers, io, carrier, shelf, is_for_tasks, _io_thread: io_thread });
        let mut sessions = lock(&SESSIONS);
        sessions.retain(|known| known.strong_count() > 0);
        sessions.push(Arc::downgrade(&session));
        drop(sessions);
        session
    }

    /// From now on tasks submit through it.
    pub(crate) fn serve_tasks(&self) {
        self.is_for_tasks.store(true, Ordering::Relaxed);
    }

    /// Submits a call; it is sent within a millisecond.
    pub(crate) fn submit(self: &Arc<Self>, mut draft: Draft) -> Result<Arc<Held>, Arc<TaskError>> {
        self.check(&draft)?;
        let priority = draft.wishes.priority;
        draft.wishes.priority = priority.saturating_add(Current::base_priority());
        let is_nested = self.is_for_tasks.load(Ordering::Relaxed);
        let parent = if is_nested { Current::task_here() } else { None };
        let mut inputs_kept = Vec::new();
        let mut buffer = lock(&self.core.buffer);
        while buffer.is_full() && !buffer.closing {
            self.core.now.notify_one();
            buffer = self.core.drained.wait(buffer).unwrap_or_else(PoisonError::into_inner);
        }
        let is_news = buffer.is_empty() && !buffer.watched;
        let (local, key) = buffer.push(draft, parent, &mut inputs_kept);
        lock(&self.core.table).insert(local);
        let full = buffer.has_full_graph();
        drop(buffer);
        // Dropping a future locks the buffer, so it is done only here.
        drop(inputs_kept);
        if is_news {
            self.core.some.notify_one();
        }
        if full {
            self.core.now.notify_one();
        }
        Ok(Arc::new(Held::new(Arc::clone(self), local, key)))
    }

    fn check(self: &Arc<Self>, draft: &Draft) -> Result<(), Arc<TaskError>> {
        let key = || draft.key.clone().unwrap_or_else(|| draft.prefix.clone().into_owned());
        if let Some(error) = &draft.error {
            let own = error.culprit().is_none() && error.key() == key();
            return Err(if own { Arc::clone(error) } else { Arc::new(error.of_dependent(key())) });
        }
        let reason = if draft.n_bytes() > MAX_SPEC_BYTES {
            format!(
                "its arguments take {} bytes, more than {MAX_SPEC_BYTES}: pass large data as the \
                 result of a task, or in a file",
                draft.n_bytes()
            )
        } else {
            match obstacle(self, draft) {
                Some(reason) => reason,
                None => return Ok(()),
            }
        };
        Err(Arc::new(TaskError::new(TaskErrorKind::Rejected, key(), reason)))
    }

    /// What this thread submits until the guard is dropped is to be one graph, of so many tasks.
    pub(crate) fn hold(&self, (n_least, n_most): (usize, Option<usize>)) -> Hold<'_> {
        let n_tasks = n_most.unwrap_or(n_least);
        if !lock(&self.core.buffer).has_room(n_tasks) {
            self.flush();
        }
        lock(&self.core.buffer).hold(Instant::now(), n_least <= GRAPH_TASKS);
        Hold { core: &self.core, thread: PhantomData }
    }

    /// Sends what waits, now.
    pub(crate) fn flush(&self) {
        if self.core.send() == Sent::Some {
            self.core.now.notify_one();
        }
    }

    /// Puts a long value where workers can fetch it.
    ///
    /// # Errors
    /// It cannot be served.
    pub(crate) fn put(&self, value: Bytes) -> io::Result<Offer> {
        if self.shelf.get().is_none() {
            let shelf = Shelf::open(&self.peers, &self.io)?;
            // Another thread may have been first; then this one closes.
            let _ = self.shelf.set(shelf);
        }
        Ok(self.shelf.get().expect("set above").put(value))
    }

    /// The value under that name is the result of the task: it is kept as long as the task is.
    pub(crate) fn name_value(&self, held: &Held, name: TaskId) {
        if let Some(shelf) = self.shelf.get() {
            shelf.name(held.local(), name);
        }
    }

    pub(crate) fn release(&self, local: u32) {
        if let Some(shelf) = self.shelf.get() {
            shelf.release(local);
        }
        if lock(&self.core.table).remove(local) {
            self.core.add(|buffer| buffer.release(local));
        }
    }

    pub(crate) fn cancel(&self, local: u32) {
        self.core.add(|buffer| buffer.cancel(local));
        self.flush();
    }

    pub(crate) fn detach(&self, local: u32) {
        if lock(&self.core.table).detach(local) {
            self.core.add(|buffer| buffer.release(local));
        }
    }

    pub(crate) fn shut_down(&self) {
        self.core.add(Buffer::shut_down);
        self.flush();
    }

    pub(crate) fn name_graphs(&self, name: String) {
        lock(&self.core.buffer).name_graphs(name);
        self.flush();
    }

    /// Leaves, although there may be futures left: they get no result any more.
    pub(super) fn leave(&self) {
        lock(&self.core.buffer).closing = true;
        self.core.some.notify_one();
        self.core.now.notify_one();
        if self._io_thread.is_some() {
            let sent_all = lock(&self.core.sent_all);
            // Late or not: there is nothing more to do than to go.
            let _ = self.core.farewell.wait_timeout_while(sent_all, FAREWELL, |sent| !*sent);
        }
    }

    /// Has all threads that wait look again.
    pub(super) fn wake(&self) {
        // Whoever looked before this waits by now.
        drop(lock(&self.core.table));
        self.core.ended.notify_all();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.leave();
    }
}

impl Core {
    pub(super) fn add(&self, change: impl FnOnce(&mut Buffer)) {
        let mut buffer = lock(&self.buffer);
        let is_news = buffer.is_empty() && !buffer.watched;
        change(&mut buffer);
        drop(buffer);
        if is_news {
            self.some.notify_one();
        }
    }

    /// Sends what waits, on the thread that calls.
    pub(super) fn send(&self) -> Sent {
        let sent = lock(&self.outgoing).send(&self.buffer);
        self.drained.notify_all();
        sent
    }

    pub(super) fn close(&self, reason: String) {
        lock(&self.buffer).closing = true;
        self.drained.notify_all();
        let wakers = lock(&self.table).close(reason);
        self.ended.notify_all();
        wakers.into_iter().for_each(std::task::Waker::wake);
    }
}

/// Puts a marker of the program's own, or with `took` a span that ends now, into the trace of the
/// cluster to which the process connected first. Without one it does nothing.
pub(crate) fn mark_outside(name: String, took: Option<Duration>) {
    let session = lock(&SESSIONS).iter().find_map(Weak::upgrade);
    let Some(session) = session else { return };
    let took = took.map(|took| Nanos(took.as_nanos() as u64));
    session.core.add(|buffer| buffer.mark(name, took));
    // Its instant is that at which the scheduler has it.
    session.flush();
}

/// A panic while a lock was held leaves nothing half done that a later reader would trip over.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
