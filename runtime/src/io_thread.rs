//! What carries sockets, timers and child processes: one small tokio runtime, and the threads that
//! drive it.
//!
//! A thread that waits for a message anyway drives the runtime itself meanwhile ([`Carrier::drive`]):
//! then the message wakes that thread and no other, and to wake a thread is most of the time that a
//! small message takes. While nobody waits a thread of the runtime's own stands in. It comes one to two
//! milliseconds after the last has gone, so that a thread which goes only to run a short task, and
//! waits again, does not have to wake it each time.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

/// How often the stand-in looks whether somebody drives; it takes over when nobody did from one
/// look to the next.
const LOOK_PERIOD: Duration = Duration::from_millis(1);

/// After so many looks at which one and the same drove, the stand-in sleeps until it has gone.
const QUIET_LOOKS: u32 = 20;

/// A runtime, and the thread that stands in when nobody else drives it. Users of the library need no
/// runtime, and one that they have is left alone. Dropping it abandons what still runs on it.
#[derive(Debug)]
pub(crate) struct IoThread {
    shared: Arc<Shared>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

/// The way for others to drive the runtime while they wait. Does not keep it alive.
#[derive(Clone, Debug)]
pub(crate) struct Carrier(Weak<Shared>);

#[derive(Debug)]
struct Shared {
    /// Always there, but while it is being dropped.
    runtime: Option<Runtime>,
    drivers: Mutex<Drivers>,
    /// The stand-in is to look.
    look: Condvar,
    /// The stand-in is to make way.
    make_way: Notify,
    stop: CancellationToken,
}

/// Who drives. The runtime lets one of them have the sockets, and passes them on when it goes.
#[derive(Debug, Default)]
struct Drivers {
    /// How many threads drive, without the stand-in...
    n: u32,
    /// ...and how many came since the start.
    n_came: u64,
    stands_in: bool,
    /// The stand-in sleeps until it is woken.
    asleep: bool,
}

impl IoThread {
    /// Starts it.
    ///
    /// # Errors
    /// The system refuses a thread or an event queue.
    pub(crate) fn start(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let shared = Arc::new(Shared {
            runtime: Some(runtime),
            drivers: Mutex::default(),
            look: Condvar::new(),
            make_way: Notify::new(),
            stop: CancellationToken::new(),
        });
        let theirs = Arc::clone(&shared);
        let thread = thread::Builder::new().name(name.to_owned()).spawn(move || {
            theirs.stand_in();
        })?;
        Ok(Self { shared, handle, thread: Some(thread) })
    }

    /// To spawn on it.
    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// To drive it.
    pub(crate) fn carrier(&self) -> Carrier {
        Carrier(Arc::downgrade(&self.shared))
    }
}

impl Drop for IoThread {
    fn drop(&mut self) {
        self.shared.stop.cancel();
        // The stand-in that is about to sleep holds the lock until it does.
        drop(self.shared.lock());
        self.shared.look.notify_one();
        let Some(thread) = self.thread.take() else { return };
        if thread.thread().id() != thread::current().id() && thread.join().is_err() {
            tracing::error!("the I/O thread panicked");
        }
    }
}

impl Carrier {
    /// Waits for the future, and carries sockets and timers meanwhile. `None`: the runtime is no more,
    /// or the caller is within a runtime, where it must not wait.
    pub(crate) fn drive<F: Future>(&self, future: F) -> Option<F::Output> {
        if Handle::try_current().is_ok() {
            return None;
        }
        let shared = self.0.upgrade()?;
        let runtime = shared.runtime.as_ref()?;
        let _driving = Driving::begin(&shared);
        runtime.block_on(shared.stop.run_until_cancelled(future))
    }
}

/// A thread that drives.
struct Driving<'a>(&'a Shared);

impl<'a> Driving<'a> {
    fn begin(shared: &'a Shared) -> Self {
        let mut drivers = shared.lock();
        drivers.n += 1;
        drivers.n_came += 1;
        if drivers.stands_in {
            shared.make_way.notify_one();
        }
        Self(shared)
    }
}

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        let mut drivers = self.0.lock();
        drivers.n -= 1;
        if drivers.n == 0 && drivers.asleep {
            drivers.asleep = false;
            self.0.look.notify_one();
        }
    }
}

impl Shared {
    /// The stand-in's loop.
    fn stand_in(&self) {
        let Some(runtime) = &self.runtime else { return };
        let (mut n_seen, mut n_quiet) = (0, 0);
        let mut drivers = self.lock();
        while !self.stop.is_cancelled() {
            n_quiet = if drivers.n_came == n_seen { n_quiet + 1 } else { 0 };
            n_seen = drivers.n_came;
            if n_quiet > 0 && drivers.n == 0 {
                drivers.stands_in = true;
                drop(drivers);
                // Told to make way, or to stop.
                let _ = runtime.block_on(self.stop.run_until_cancelled(self.make_way.notified()));
                drivers = self.lock();
                drivers.stands_in = false;
                continue;
            }
            if n_quiet > QUIET_LOOKS {
                n_quiet = 0;
                drivers.asleep = true;
                drivers = self.look.wait(drivers).unwrap_or_else(PoisonError::into_inner);
                drivers.asleep = false;
            }
            let waited = self.look.wait_timeout(drivers, LOOK_PERIOD);
            drivers = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Drivers> {
        self.drivers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

#[cfg(test)]
mod tests;
