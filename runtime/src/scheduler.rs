//! The scheduler: one thread owns the state; everything else talks to it through its inbox.

mod clients;
mod core;
mod effects;
pub mod inbound;
mod late;
pub mod load;
mod operate;
mod peers;
mod resume;
mod retire;
mod sample;
mod small_results;
mod specs;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod strangers;
mod workers;

use std::fmt;
use std::sync::mpsc;
use std::time::Duration;

use taskreel_model::{Nanos, Policy, State, Watch};
use taskreel_recorder::{RecordError, RecordSummary, Recorder, RunInfo, SpecBatch};
use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::clock::Clock;
use inbound::{Inbox, inbox};

/// How a scheduler works.
pub struct SchedulerConfig {
    /// The run: its id is what workers and clients that come back name, its name is for people.
    pub run: RunInfo,
    /// The log so far, if the scheduler starts again on one.
    pub resumed: Option<ResumedLog>,
    /// How long it waits for whom.
    pub patience: Patience,
    /// Where the run is recorded; `None`: nowhere.
    pub recorder: Option<Recorder>,
    /// Which worker runs what.
    pub policy: Box<dyn Policy>,
    /// The run's clock: zero is `RunInfo::started_unix_ns`.
    pub clock: Clock,
    /// Sees every event of the live run, on the scheduler's thread: for tests and plots in the
    /// process.
    pub watch: Option<Watch>,
}

/// What a scheduler needs of the log on which it starts again.
#[derive(Debug)]
pub struct ResumedLog {
    /// All its events folded.
    pub state: State,
    /// What to run for its tasks.
    pub specs: Vec<SpecBatch>,
}

/// How long a scheduler waits for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// A worker or client on a connection, from which nothing came for so long, is gone.
    pub silence: Duration,
    /// After a restart, workers of the log that have not come back by then are lost.
    pub workers: Duration,
    /// A client whose connection broke, or which the log shows after a restart, has left when it
    /// has not come back by then.
    pub clients: Duration,
}

impl Default for Patience {
    /// 10 s of silence, 10 s for workers and 30 s for clients to come back.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { silence: seconds(10), workers: seconds(10), clients: seconds(30) }
    }
}

impl fmt::Debug for SchedulerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SchedulerConfig")
            .field("recorder", &self.recorder)
            .field("run", &self.run.run_id)
            .field("policy", &self.policy.name())
            .finish_non_exhaustive()
    }
}

/// What a scheduler leaves when it has stopped.
#[derive(Debug)]
pub struct SchedulerSummary {
    /// The closed trace, if the run was recorded.
    pub record: Option<RecordSummary>,
    /// How long the scheduler ran.
    pub elapsed: Nanos,
    /// The state it ended with: what folding the trace gives.
    pub state: State,
}

/// Why a scheduler did not end well.
#[derive(Debug, Error)]
pub enum SchedulerError {
    /// The run could not be recorded any further (`OnRecordError::Stop`).
    #[error(transparent)]
    Record(#[from] RecordError),
    /// A bug: the thread panicked. The trace up to there is kept.
    #[error("the scheduler failed: {0}")]
    Panicked(String),
}

/// A running scheduler.
#[derive(Debug)]
pub struct SchedulerHandle {
    /// The way to it.
    pub inbox: Inbox,
    running: JoinHandle<()>,
    ended: mpsc::Receiver<Result<SchedulerSummary, SchedulerError>>,
}

impl SchedulerHandle {
    /// Whether it has stopped.
    pub fn is_finished(&self) -> bool {
        self.running.is_finished()
    }

    /// Waits until it has stopped; `Inbound::Stop` makes it.
    ///
    /// # Errors
    /// The run could not be recorded to its end, or the scheduler panicked.
    pub fn join(self) -> Result<SchedulerSummary, SchedulerError> {
        drop(self.inbox);
        let gone = || Err(SchedulerError::Panicked("its thread is gone".to_owned()));
        self.ended.recv().unwrap_or_else(|_gone| gone())
    }
}

/// Starts a scheduler on `thread`, which must be a runtime of one thread. The connections to the
/// scheduler are best carried by the same one: what arrives then wakes no second thread.
pub fn start(config: SchedulerConfig, thread: &Handle) -> SchedulerHandle {
    let (inbox, receiver) = inbox();
    let (tx, ended) = mpsc::channel();
    let running = thread.spawn(core::Core::new(config).run(receiver));
    let running = thread.spawn(async move {
        // Whoever started it may have lost interest.
        let _ = tx.send(running.await.unwrap_or_else(|failed| Err(panicked(failed))));
    });
    SchedulerHandle { inbox, running, ended }
}

fn panicked(failed: JoinError) -> SchedulerError {
    let text = failed.try_into_panic().map(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        text.or_else(|| panic.downcast_ref::<&str>().copied()).map(str::to_owned)
    });
    let text = text.unwrap_or_else(|_cancelled| Some("its thread ended".to_owned()));
    SchedulerError::Panicked(text.unwrap_or_else(|| "no message".to_owned()))
}
