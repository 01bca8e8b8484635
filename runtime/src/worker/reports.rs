//! Reports on their way to the scheduler: gathered, and sent in batches that keep their order.
//!
//! Reports are numbered. Those that the scheduler is not known to have are kept, and sent again when
//! the connection broke or the scheduler started again; those that wait for long go to the disk, in case
//! the worker is killed (`journal.rs`).

mod way;

use std::mem;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use taskreel_model::{LogLine, Report};

use crate::wire::LinkSender;
use crate::wire::message::{Assignment, FromWorker, WorkerBefore};
use crate::worker::journal::Journal;
use way::Way;

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
    /// Never locked on the thread that carries the link: whoever holds it may wait for that one.
    way: Mutex<Way>,
    /// The number of the last report that the scheduler said it has.
    accepted: AtomicU64,
    /// Reports are kept that are not on the disk.
    is_unsaved: AtomicBool,
}

#[derive(Debug, Default)]
struct Waiting {
    reports: Vec<Report>,
    /// Small results that go with them.
    results: Vec<(Assignment, Bytes)>,
    logs: Vec<LogLine>,
    n_dropped_logs: u64,
    /// The flusher sleeps until it is woken.
    asleep: bool,
    /// The flusher is to send now.
    hurry: bool,
    stopped: bool,
}

impl Reports {
    /// `journal`: where reports are kept until the scheduler has them; `None`: they are not.
    pub(crate) fn new(journal: Option<Journal>) -> Self {
        Self {
            waiting: Mutex::default(),
            wake: Condvar::new(),
            way: Mutex::new(Way::new(journal)),
            accepted: AtomicU64::new(0),
            is_unsaved: AtomicBool::new(false),
        }
    }

    /// There is a connection, and the worker is `now` that one. First of all sends again what the scheduler does not have: `through`
    /// is the last one that it has; `None`: it is a new worker there, and reports are counted anew;
    /// what it did not get to tell as who it was before is told as such. Then sends what `last` gives: it takes the reports that wait by the function
    /// that it is given, at the moment of which its message tells.
    pub(crate) fn attach(
        &self,
        tx: LinkSender<FromWorker>,
        now: &WorkerBefore,
        through: Option<u64>,
        last: impl FnOnce(&dyn Fn() -> Vec<Report>) -> (Vec<Report>, Option<FromWorker>),
    ) {
        let mut way = self.lock_way();
        match through {
            Some(through) => way.accepted(through),
            None => {
                way.accepted(self.accepted.swap(0, Ordering::Relaxed));
                // Numbered and kept, not sent.
                way.tx = None;
                let Waiting { reports, .. } = self.lock().take();
                way.send(reports, Vec::new());
                way.begin_anew(now);
            }
        }
        way.tx = Some(tx);
        way.send_kept();
        let (reports, last) = last(&|| mem::take(&mut self.lock().reports));
        way.send(reports, Vec::new());
        if let (Some(last), Some(tx)) = (last, &way.tx) {
            let _ = tx.blocking_send(last);
        }
    }

    /// The connection is gone: from now on reports are only kept.
    pub(crate) fn detach(&self) {
        let mut way = self.lock_way();
        way.tx = None;
        way.accepted(self.accepted.load(Ordering::Relaxed));
        way.save(true);
    }

    /// Whether reports are kept that are not on the disk.
    pub(crate) fn is_unsaved(&self) -> bool {
        self.is_unsaved.load(Ordering::Relaxed)
    }

    /// Writes to the disk what has waited for long to be accepted.
    pub(crate) fn save(&self) {
        let mut way = self.lock_way();
        way.accepted(self.accepted.load(Ordering::Relaxed));
        self.is_unsaved.store(false, Ordering::Relaxed);
        if way.save(false) {
            self.is_unsaved.store(true, Ordering::Relaxed);
        }
    }

    /// The scheduler has what was told of a worker that was. Not to be called on the thread that
    /// carries the link.
    pub(crate) fn told(&self, of: &WorkerBefore) {
        self.lock_way().told(of);
    }

    /// The run is over: nobody will ask for what is kept.
    pub(crate) fn forget(&self) {
        self.lock_way().forget();
    }

    /// The scheduler has the reports up to that number: the next batch lets go of them.
    pub(crate) fn accepted(&self, through: u64) {
        self.accepted.store(through, Ordering::Relaxed);
    }

    /// Adds a report; it is sent within a millisecond.
    pub(crate) fn push(&self, report: Report) {
        let mut waiting = self.lock();
        waiting.reports.push(report);
        self.added(waiting);
    }

    /// Adds several, which stay together.
    pub(crate) fn extend(&self, reports: impl IntoIterator<Item = Report>) {
        self.extend_with(reports, None);
    }

    /// Adds several, which stay together, with the result that they are of, if it is to go with them.
    pub(crate) fn extend_with(
        &self,
        reports: impl IntoIterator<Item = Report>,
        result: Option<(Assignment, Bytes)>,
    ) {
        let mut waiting = self.lock();
        waiting.reports.extend(reports);
        waiting.results.extend(result);
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
        let mut way = self.lock_way();
        let Waiting { reports, results, logs, .. } = self.lock().take();
        // A scheduler that is gone is noticed where its messages are received.
        if let Some(tx) = way.tx.as_ref().filter(|_| !logs.is_empty()) {
            let _ = tx.blocking_send(FromWorker::Logs(logs));
        }
        way.accepted(self.accepted.load(Ordering::Relaxed));
        if !reports.is_empty() && way.keeps() {
            self.is_unsaved.store(true, Ordering::Relaxed);
        }
        way.send(reports, results);
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

    fn lock_way(&self) -> MutexGuard<'_, Way> {
        self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn is_empty(&self) -> bool {
        self.reports.is_empty() && self.logs.is_empty()
    }

    /// Takes all that waits.
    fn take(&mut self) -> Self {
        self.hurry = false;
        self.note_dropped();
        let (reports, results) = (mem::take(&mut self.reports), mem::take(&mut self.results));
        Self { reports, results, logs: mem::take(&mut self.logs), ..Self::default() }
    }

    fn note_dropped(&mut self) {
        let n_dropped = mem::take(&mut self.n_dropped_logs);
        if n_dropped > 0
            && let Some(last) = self.logs.last_mut()
        {
            last.text = format!("[{n_dropped} more lines were dropped: too many at once]");
        }
    }
}
