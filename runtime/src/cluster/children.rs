//! The worker processes of a cluster: started, started again when they die, and ended.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::StartError;
use super::child::{ChildSetup, ChildWorker};
use crate::scheduler::inbound::{Inbound, Inbox};

/// How long worker processes may take to join.
const JOIN_PATIENCE: Duration = Duration::from_secs(30);

/// How often running workers are looked after.
const LOOK: Duration = Duration::from_millis(100);

/// So many processes may die without one that joins, or each of them once if there are more, and no more
/// are started.
const MAX_VAIN: usize = 6;

/// How often a process is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(5);

/// The running worker processes. Clones are of the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Children {
    all: Arc<Mutex<Vec<ChildWorker>>>,
    setup: Option<Arc<ChildSetup>>,
    /// Names of those that were asked to leave.
    leaving: Arc<Mutex<BTreeSet<String>>>,
    /// They are started when there is work, so that there may be none.
    may_be_none: bool,
    /// They are to end.
    closing: Arc<AtomicBool>,
}

impl Children {
    /// Starts them.
    pub(super) fn start(
        setup: ChildSetup,
        n_workers: usize,
        may_be_none: bool,
    ) -> Result<Self, StartError> {
        let setup = Arc::new(setup);
        let children = Self { setup: Some(Arc::clone(&setup)), may_be_none, ..Self::default() };
        for index in 0..n_workers {
            let child = ChildWorker::start(&setup, format!("worker-{index}"))?;
            children.lock().push(child);
        }
        Ok(children)
    }

    /// From now on those that end are not started again.
    pub(super) fn leave_alone(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Lets them join in the order of their names, and waits until all have.
    pub(super) fn join(&self, joined: &watch::Receiver<usize>) -> Result<(), StartError> {
        let begin = Instant::now();
        let n_before = *joined.borrow();
        let n_workers = self.lock().len();
        for index in 0..n_workers {
            self.lock()[index].let_join();
            while *joined.borrow() <= n_before + index {
                self.check_all(begin)?;
                std::thread::sleep(POLL);
            }
        }
        Ok(())
    }

    /// Fails if one has ended, or it takes too long.
    fn check_all(&self, begin: Instant) -> Result<(), StartError> {
        for child in self.lock().iter_mut() {
            if let Some(status) = child.process.try_wait()? {
                return Err(child.did_not_join(format!(
                    "it ended with {status}; does the program call taskreel::init() first?"
                )));
            }
            if begin.elapsed() > JOIN_PATIENCE {
                let seconds = JOIN_PATIENCE.as_secs();
                let reason = format!("not all worker processes joined within {seconds} s");
                return Err(child.did_not_join(reason));
            }
        }
        Ok(())
    }

    /// Starts one more.
    pub(super) fn start_another(&self, name: String) -> Result<(), StartError> {
        let Some(setup) = &self.setup else { return Ok(()) };
        let mut child = ChildWorker::start(setup, name)?;
        child.let_join();
        self.lock().push(child);
        Ok(())
    }

    /// It is to leave: no other is started for it.
    pub(super) fn let_go(&self, name: &str) {
        lock(&self.leaving).insert(name.to_owned());
    }

    /// Looks after them until they are ended: starts those again that die. When none comes to join
    /// any more the run is stopped, for nobody would ever finish it.
    pub(super) async fn look_after(self, inbox: Inbox, joined: watch::Receiver<usize>) {
        let mut n_joined = *joined.borrow();
        let mut n_vain = 0;
        loop {
            tokio::time::sleep(LOOK).await;
            if self.closing.load(Ordering::Acquire) || inbox.is_closed() {
                return;
            }
            let n_now = *joined.borrow();
            if n_now > n_joined {
                (n_joined, n_vain) = (n_now, 0);
            }
            for name in self.take_dead() {
                n_vain += 1;
                if let Err(error) = self.start_another(name) {
                    tracing::error!(%error, "a worker process is lost");
                }
            }
            let n_workers = self.lock().len();
            let is_empty = !self.may_be_none && n_workers == 0;
            if n_vain > n_workers.max(MAX_VAIN) || is_empty {
                tracing::error!("no worker process comes to join: the run is stopped");
                // A scheduler that is gone needs no telling.
                let _ = inbox.send(Inbound::Stop).await;
                return;
            }
        }
    }

    /// The names of those that are to be started again. One that ended in order may have been told
    /// to by a scheduler that is about to stop: it is looked at twice.
    fn take_dead(&self) -> Vec<String> {
        let mut dead = Vec::new();
        let mut leaving = lock(&self.leaving);
        self.lock().retain_mut(|child| match child.process.try_wait() {
            Ok(Some(status)) if status.success() && leaving.remove(&child.name) => false,
            Ok(Some(status)) if status.success() && !child.has_left => {
                child.has_left = true;
                true
            }
            Ok(Some(status)) => {
                tracing::warn!(worker = child.name, %status, "a worker process died: another starts");
                dead.push(child.name.clone());
                false
            }
            Ok(None) | Err(_) => true,
        });
        dead
    }

    /// Waits until all have ended, and kills those that take too long.
    pub(super) fn end(&self, patience: Duration) {
        let begin = Instant::now();
        for mut child in std::mem::take(&mut *self.lock()) {
            while matches!(child.process.try_wait(), Ok(None)) {
                if begin.elapsed() > patience {
                    tracing::warn!(worker = child.name, "killed: it did not stop in time");
                    child.kill();
                    break;
                }
                std::thread::sleep(POLL);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ChildWorker>> {
        lock(&self.all)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
