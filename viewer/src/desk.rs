//! Long answers: what has to read the whole trace, or draw a film. They are worked out on threads
//! of their own, a few at a time, so that neither following the run nor looking back waits.

mod until;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use taskreel_recorder::{OpenError, Source};
use taskreel_replay::plots::Plot;
use taskreel_replay::{Instant, Timeline};
use tokio::sync::{Semaphore, watch};

use crate::fold::{SharedReopen, reopened};
use until::Until;

/// Most answers worked out at the same time.
const WORKING_MAX: usize = 2;
/// Most questions that may wait for their turn.
const WAITING_MAX: usize = 24;

/// Why there is no long answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// Too many wait already.
    Busy,
    /// The viewer is stopping, or the answer could not be worked out.
    Gone,
}

/// Works out long answers.
#[derive(Clone, Debug)]
pub(crate) struct Desk {
    trace: Trace,
    working: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

/// The trace, to be read from its begin as often as it takes.
#[derive(Clone)]
pub(crate) struct Trace {
    reopen: SharedReopen,
    stopped: watch::Receiver<bool>,
}

impl std::fmt::Debug for Trace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trace").finish_non_exhaustive()
    }
}

impl Desk {
    pub(crate) fn new(reopen: SharedReopen, stopped: watch::Receiver<bool>) -> Self {
        Self {
            trace: Trace { reopen, stopped },
            working: Arc::new(Semaphore::new(WORKING_MAX)),
            waiting: Arc::default(),
        }
    }

    /// What `answer` makes of the trace, on a thread where that may take its time.
    ///
    /// # Errors
    /// Too many wait already, or the viewer is stopping.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&Trace) -> T + Send + 'static,
    ) -> Result<T, NoAnswer> {
        let _place = Place::take(&self.waiting)?;
        let permit =
            self.working.clone().acquire_owned().await.map_err(|_closed| NoAnswer::Gone)?;
        let trace = self.trace.clone();
        // Whoever asked may leave meanwhile; the permit stays with the work.
        let work = tokio::task::spawn_blocking(move || {
            let answer = answer(&trace);
            drop(permit);
            answer
        });
        work.await.map_err(|_panic| NoAnswer::Gone)
    }
}

/// A place among those that wait; given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(waiting: &Arc<AtomicUsize>) -> Result<Self, NoAnswer> {
        let place = Self(waiting.clone());
        let n_before = waiting.fetch_add(1, Ordering::Relaxed);
        if n_before < WAITING_MAX { Ok(place) } else { Err(NoAnswer::Busy) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Trace {
    /// The trace from its begin. It ends early once the viewer stops.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn open(&self) -> Result<Box<dyn Source>, OpenError> {
        self.until(None)
    }

    /// The trace up to an instant; `None`, and a percentage: all of it.
    ///
    /// # Errors
    /// As for [`Trace::open`].
    pub(crate) fn until(&self, at: Option<Instant>) -> Result<Box<dyn Source>, OpenError> {
        let stopped = self.stopped.clone();
        Ok(Box::new(Until::new(reopened(&self.reopen)?, at, stopped)))
    }

    /// A timeline at the run's begin that feeds these plots.
    ///
    /// # Errors
    /// As for [`Trace::open`].
    pub(crate) fn timeline(&self, plots: Vec<Box<dyn Plot>>) -> Result<Timeline, OpenError> {
        let trace = self.clone();
        Timeline::rewindable(Box::new(move || trace.open()), plots)
    }
}
