//! The clock of one process: nanoseconds since an epoch it chose.

use std::time::Instant;

use taskreel_model::Nanos;

/// A monotonic clock. The scheduler's counts from the begin of the run; embedded workers share it;
/// a worker process has its own, and the scheduler maps its instants by an offset.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    /// What it read then.
    reading: Nanos,
}

impl Clock {
    /// A clock that reads zero now.
    pub fn start() -> Self {
        Self::start_at(Nanos::ZERO)
    }

    /// A clock that reads `reading` now: that of a run which goes on.
    pub fn start_at(reading: Nanos) -> Self {
        Self { began: now(), reading }
    }

    /// Time since the epoch.
    pub fn now(&self) -> Nanos {
        self.at(now())
    }

    /// An instant on this clock; one before the clock was started is taken for its start.
    pub fn at(&self, instant: Instant) -> Nanos {
        let since = instant.saturating_duration_since(self.began).as_nanos() as u64;
        self.reading + Nanos(since)
    }

    /// The instant that reads `at` on this clock.
    pub fn instant(&self, at: Nanos) -> Instant {
        self.began + std::time::Duration::from_nanos((at - self.reading).0)
    }
}

/// As tokio's timers see it: they may run on a simulated clock.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
