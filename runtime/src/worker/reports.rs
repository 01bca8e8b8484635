//! Reports on their way to the scheduler: gathered, and sent in batches that keep their order.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use taskreel_model::{LogLine, Report};

use crate::wire::LinkSender;
use crate::wire::message::FromWorker;

/// How long a report waits at the most while slots are busy.
const GATHER_TIME: Duration = Duration::from_millis(1);

/// So many empty rounds, and the flusher sleeps until it is woken.
const IDLE_ROUNDS: u32 = 20;

/// Reports that make a batch worth sending at once.
const FULL_BATCH: usize = 2048;

/// Log lines that may wait; more are dropped, and counted.
const MAX_LOG_LINES: usize = 10_000;

/// What a worker has to report.
#[derive(Debug)]
pub(crate) struct Reports {
    waiting: Mutex<Waiting>,
    wake: Condvar,
    /// Held from taking a batch until it is sent, so that batches do not overtake one another.
    tx: Mutex<LinkSender<FromWorker>>,
}

#[derive(Debug, Default)]
struct Waiting {
    reports: Vec<Report>,
    logs: Vec<LogLine>,
    n_dropped_logs: u64,
    /// The flusher sleeps until it is woken.
    asleep: bool,
    /// The flusher is to send now.
    hurry: bool,
    stopped: bool,
}

impl Reports {
    pub(crate) fn new(tx: LinkSender<FromWorker>) -> Self {
        Self { waiting: Mutex::default(), wake: Condvar::new(), tx: Mutex::new(tx) }
    }

    /// Adds a report; it is sent within a millisecond.
    pub(crate) fn push(&self, report: Report) {
        let mut waiting = self.lock();
        waiting.reports.push(report);
        self.added(waiting);
    }

    /// Adds several, which stay together.
    pub(crate) fn extend(&self, reports: impl IntoIterator<Item = Report>) {
        let mut waiting = self.lock();
        waiting.reports.extend(reports);
        self.added(waiting);
    }

    /// Adds a log line.
    pub(crate) fn log(&self, line: LogLine) {
        let mut waiting = self.lock();
        if waiting.logs.len() < MAX_LOG_LINES {
            waiting.logs.push(line);
        } else {
            waiting.n_dropped_logs += 1;
        }
        self.added(waiting);
    }

    fn added(&self, mut waiting: MutexGuard<'_, Waiting>) {
        let is_full = waiting.reports.len() >= FULL_BATCH && !waiting.hurry;
        if is_full {
            waiting.hurry = true;
        }
        if waiting.asleep || is_full {
            self.wake.notify_one();
        }
    }

    /// Sends all that is there, from the calling thread: for a slot that has nothing else to do.
    pub(crate) fn flush(&self) {
        let tx = self.tx.lock().unwrap_or_else(PoisonError::into_inner);
        let (reports, logs) = {
            let mut waiting = self.lock();
            waiting.hurry = false;
            waiting.note_dropped();
            (std::mem::take(&mut waiting.reports), std::mem::take(&mut waiting.logs))
        };
        // A scheduler that is gone is noticed where its messages are received.
        if !logs.is_empty() {
            let _ = tx.blocking_send(FromWorker::Logs(logs));
        }
        if !reports.is_empty() {
            let _ = tx.blocking_send(FromWorker::Reports(reports));
        }
    }

    /// Has the flusher send all that is there, from a thread that must not wait.
    pub(crate) fn hurry(&self) {
        self.lock().hurry = true;
        self.wake.notify_one();
    }

    /// Ends the flusher, after what is there.
    pub(crate) fn stop(&self) {
        self.lock().stopped = true;
        self.wake.notify_one();
    }

    /// The flusher's loop: a thread of its own calls it.
    pub(crate) fn run_flusher(&self) {
        let mut idle_rounds = 0;
        loop {
            let mut waiting = self.lock();
            if waiting.is_empty() {
                idle_rounds += 1;
            } else {
                idle_rounds = 0;
            }
            if waiting.stopped && waiting.is_empty() {
                return;
            }
            if !waiting.hurry && !waiting.stopped {
                waiting.asleep = idle_rounds > IDLE_ROUNDS;
                waiting = if waiting.asleep {
                    self.wake.wait(waiting).unwrap_or_else(PoisonError::into_inner)
                } else {
                    let woken = self.wake.wait_timeout(waiting, GATHER_TIME);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                };
                if waiting.asleep {
                    // Woken by the first report of a burst: let the others come.
                    waiting.asleep = false;
                    idle_rounds = 0;
                    continue;
                }
            }
            waiting.hurry = false;
            let nothing = waiting.is_empty();
            drop(waiting);
            if !nothing {
                self.flush();
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.logs.is_empty()
    }

    fn note_dropped(&mut self) {
        let n_dropped = std::mem::take(&mut self.n_dropped_logs);
        if n_dropped > 0
            && let Some(last) = self.logs.last_mut()
        {
            last.text = format!("[{n_dropped} more lines were dropped: too many at once]");
        }
    }
}
