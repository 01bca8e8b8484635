//! Waiting for many tasks: in the order in which they end, and for so long at the most.

use std::fmt;
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use super::TaskFuture;
use super::away::Away;

/// Gives tasks in the order in which they end, well or not; `next` waits for one.
///
/// ```
/// # extern crate taskreel_runtime as taskreel;
/// use taskreel::{Cluster, as_completed, task};
///
/// #[task]
/// fn square(x: u64) -> u64 {
///     x * x
/// }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let cluster = Cluster::local().no_record().start()?;
/// let squares = cluster.client().map(0..10, square);
/// let mut sum = 0;
/// for ended in as_completed(squares) {
///     sum += ended.wait()?;
/// }
/// assert_eq!(sum, 285);
/// # Ok(())
/// # }
/// ```
pub fn as_completed<T>(futures: impl IntoIterator<Item = TaskFuture<T>>) -> AsCompleted<T> {
    let (tx, ended) = mpsc::channel();
    let mut completed = AsCompleted { futures: Vec::new(), n_left: 0, tx, ended };
    futures.into_iter().for_each(|future| completed.push(future));
    completed
}

/// See [`as_completed`]. Tasks can be added while others are taken.
pub struct AsCompleted<T> {
    /// Those given out are `None`.
    futures: Vec<Option<TaskFuture<T>>>,
    n_left: usize,
    tx: Sender<usize>,
    ended: Receiver<usize>,
}

impl<T> fmt::Debug for AsCompleted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsCompleted").field("n_left", &self.n_left).finish_non_exhaustive()
    }
}

impl<T> AsCompleted<T> {
    /// Adds a task.
    pub fn push(&mut self, future: TaskFuture<T>) {
        tell_when_done(&future, self.futures.len(), &self.tx);
        self.futures.push(Some(future));
        self.n_left += 1;
    }

    /// How many are yet to be given.
    pub fn n_left(&self) -> usize {
        self.n_left
    }
}

impl<T> Iterator for AsCompleted<T> {
    type Item = TaskFuture<T>;

    fn next(&mut self) -> Option<TaskFuture<T>> {
        while self.n_left > 0 {
            let index = self.ended.try_recv().unwrap_or_else(|_none| {
                let _away = Away::begin();
                self.ended.recv().expect("`tx` is one of the senders")
            });
            if let Some(future) = self.futures[index].take() {
                self.n_left -= 1;
                return Some(future);
            }
        }
        None
    }
}

/// Those that have ended, well or not, and those that have not; each in the order given.
#[derive(Debug)]
pub struct Waited<'a, T> {
    /// Have ended.
    pub done: Vec<&'a TaskFuture<T>>,
    /// Have not.
    pub pending: Vec<&'a TaskFuture<T>>,
}

/// Waits until all have ended, or for so long.
pub fn wait<T>(futures: &[TaskFuture<T>], timeout: Duration) -> Waited<'_, T> {
    let (tx, ended) = mpsc::channel();
    for (index, future) in futures.iter().enumerate() {
        tell_when_done(future, index, &tx);
    }
    // Each sender that is left belongs to a task that has not ended.
    drop(tx);
    let begin = Instant::now();
    let mut away = None;
    loop {
        match ended.try_recv() {
            Ok(_index) => continue,
            Err(TryRecvError::Disconnected) => break,
            Err(TryRecvError::Empty) => {}
        }
        away.get_or_insert_with(Away::begin);
        // Disconnected: all have ended.
        if ended.recv_timeout(timeout.saturating_sub(begin.elapsed())).is_err() {
            break;
        }
    }
    drop(away);
    let (done, pending) = futures.iter().partition(|future| future.is_done());
    Waited { done, pending }
}

/// Sends the index when the task has ended.
fn tell_when_done<T>(future: &TaskFuture<T>, index: usize, tx: &Sender<usize>) {
    let tell = Tell { index, tx: Mutex::new(Some(tx.clone())) };
    let waker = Waker::from(Arc::new(tell));
    if future.poll_done(&Context::from_waker(&waker)).is_ready() {
        waker.wake();
    }
}

/// A waker that sends an index, once.
struct Tell {
    index: usize,
    tx: Mutex<Option<Sender<usize>>>,
}

impl Wake for Tell {
    fn wake(self: Arc<Self>) {
        let tx = self.tx.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whoever waited may have given up.
        let _ = tx.map(|tx| tx.send(self.index));
    }
}
