//! The clock of one process: nanoseconds since an epoch it chose.

use std::time::Instant;

use taskreel_model::Nanos;

/// A monotonic clock. The scheduler's counts from the begin of the run; embedded workers share it;
/// a worker process has its own, and the scheduler maps its instants by an offset.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    epoch: Instant,
}

impl Clock {
    /// A clock that reads zero now.
    pub fn start() -> Self {
        Self { epoch: Instant::now() }
    }

    /// Time since the epoch.
    pub fn now(&self) -> Nanos {
        self.at(Instant::now())
    }

    /// An instant on this clock; zero if it lies before the epoch.
    pub fn at(&self, instant: Instant) -> Nanos {
        Nanos(instant.saturating_duration_since(self.epoch).as_nanos() as u64)
    }

    /// The instant that reads `at` on this clock.
    pub fn instant(&self, at: Nanos) -> Instant {
        self.epoch + std::time::Duration::from_nanos(at.0)
    }
}
