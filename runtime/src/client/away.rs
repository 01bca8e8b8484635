//! A task that waits for tasks on its own thread: its worker gives its slot to another one meanwhile.

use std::cell::Cell;
use std::future::poll_fn;
use std::marker::PhantomData;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::task::current::Current;

thread_local! {
    /// Whether the thread waits already: what it calls to wait need not say so again.
    static IS_AWAY: Cell<bool> = const { Cell::new(false) };
    /// How many tasks the `async` task of this thread awaits.
    static N_AWAITED: Arc<AtomicUsize> = Arc::default();
}

/// While it is there, the task of this thread waits, and has no slot. Dropping it takes as long as it
/// takes a slot to be free.
#[derive(Debug)]
pub(crate) struct Away {
    /// `None`: there is nothing to take back.
    task: Option<Current>,
    /// It belongs to its thread.
    thread: PhantomData<*const ()>,
}

impl Away {
    /// Outside of a task, and where the thread waits already, it does nothing.
    pub(crate) fn begin() -> Self {
        let task = if IS_AWAY.get() { None } else { Current::get() };
        let task = task.filter(|current| {
            let host = Arc::clone(&current.host);
            host.secede(current.assignment, &current.cancellation)
        });
        IS_AWAY.set(IS_AWAY.get() || task.is_some());
        Self { task, thread: PhantomData }
    }
}

impl Drop for Away {
    fn drop(&mut self) {
        if let Some(Current { assignment, cancellation, host, .. }) = self.task.take() {
            host.rejoin(assignment, &cancellation);
            IS_AWAY.set(false);
        }
    }
}

/// A task that is awaited.
#[derive(Debug)]
pub(crate) struct Awaited(Arc<AtomicUsize>);

impl Awaited {
    /// `None`: not by a task on its own thread.
    pub(crate) fn begin() -> Option<Self> {
        Current::get()?;
        let n_awaited = N_AWAITED.with(Arc::clone);
        n_awaited.fetch_add(1, Ordering::Relaxed);
        Some(Self(n_awaited))
    }
}

impl Drop for Awaited {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs what an `async` task gives to its end, on the task's own thread: it has a slot while it is polled, and
/// none while all that it does is to await others.
pub(crate) async fn taking_turns<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut away = None;
    poll_fn(move |cx| {
        // Waits for a slot, which is what the thread is there for.
        drop(away.take());
        let polled = future.as_mut().poll(cx);
        let awaits = N_AWAITED.with(|n_awaited| n_awaited.load(Ordering::Relaxed)) > 0;
        away = (polled.is_pending() && awaits).then(Away::begin);
        polled
    })
    .await
}
