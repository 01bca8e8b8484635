//! Waiting for results, and where they are.

use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use taskreel_model::TaskId;

use super::{Session, lock};
use crate::client::away::{Awaited, Away};
use crate::client::fetch;
use crate::client::future::Held;
use crate::client::table::Known;
use crate::client::{TaskError, TaskErrorKind};
use crate::task::current::Current;
use crate::wire::message::{EndedHow, Holder};

/// A result that is held somewhere.
#[derive(Clone, Debug)]
pub(crate) struct Located {
    pub(crate) task: TaskId,
    pub(crate) holders: Vec<Holder>,
    /// The result itself, where it came with the word of it.
    pub(crate) data: Option<Bytes>,
}

impl Session {
    pub(crate) fn is_pending(&self, local: u32) -> bool {
        lock(&self.core.table).is_pending(local)
    }

    /// Waits until the task has ended; says where its result is.
    pub(crate) fn wait(&self, held: &Held) -> Result<Located, TaskError> {
        let mut away = None;
        if self.is_pending(held.local()) {
            self.flush();
            away = Some(Away::begin());
            let ended = self.ended(held);
            if let Some(known) = self.carrier.as_ref().and_then(|carrier| carrier.drive(ended)) {
                return located(held, known?);
            }
        }
        let mut table = lock(&self.core.table);
        while table.is_pending(held.local()) && !Current::is_given_up() {
            table = self.core.ended.wait(table).unwrap_or_else(PoisonError::into_inner);
        }
        let known = table.known(held.local());
        drop(table);
        drop(away);
        if Current::is_given_up() { Err(given_up(held)) } else { located(held, known) }
    }

    /// Waits for these tasks and fetches their results, in their order.
    pub(crate) fn results(&self, all: &[&Arc<Held>]) -> Result<Vec<Bytes>, TaskError> {
        let is_pending = |held: &&Arc<Held>| held.session().is_pending(held.local());
        let _away = all.iter().any(is_pending).then(Away::begin);
        let mut results: Vec<Option<Bytes>> = vec![None; all.len()];
        for pause in fetch::rounds() {
            let mut wanted = Vec::new();
            for (index, held) in all.iter().enumerate() {
                if results[index].is_none() {
                    wanted.push((index, held.session().wait(held)?));
                }
            }
            let io = (&self.io, self.carrier.as_ref());
            let left = fetch::fetch_blocking(&self.peers, io, wanted, &mut results);
            if left.is_empty() {
                return Ok(results.into_iter().map(|r| r.expect("none is left")).collect());
            }
            std::thread::sleep(pause);
            for index in left {
                all[index].session().mislaid(all[index].local());
            }
        }
        let lost = results.iter().position(Option::is_none).unwrap_or(0);
        Err(lost_result(all[lost]))
    }

    /// As [`Self::results`] for one task, without blocking.
    pub(crate) async fn result(held: &Arc<Held>) -> Result<Bytes, TaskError> {
        let session = held.session();
        for pause in fetch::rounds() {
            session.flush();
            let awaited = session.is_pending(held.local()).then(Awaited::begin);
            let known = session.ended(held).await?;
            drop(awaited);
            let located = located(held, known)?;
            if let Some(bytes) = fetch::fetch_one(&session.peers, &session.io, located).await {
                return Ok(bytes);
            }
            fetch::pause(&session.io, pause).await;
            session.mislaid(held.local());
        }
        Err(lost_result(held))
    }

    /// Waits until the task has ended, or that of this thread is given up.
    async fn ended(&self, held: &Held) -> Result<Known, TaskError> {
        tokio::select! {
            biased;
            () = given_up_here() => Err(given_up(held)),
            known = std::future::poll_fn(|cx| self.poll_known(held.local(), cx)) => Ok(known),
        }
    }

    pub(in crate::client) fn poll_known(&self, local: u32, cx: &Context<'_>) -> Poll<Known> {
        let mut table = lock(&self.core.table);
        if table.is_pending(local) {
            table.wake_on_end(local, cx.waker());
            return Poll::Pending;
        }
        Poll::Ready(table.known(local))
    }

    /// A result was not where it was said to be: ask again.
    fn mislaid(&self, local: u32) {
        lock(&self.core.table).mislaid(local);
        self.core.add(|buffer| buffer.locate(local));
        self.flush();
    }
}

fn located(held: &Held, known: Known) -> Result<Located, TaskError> {
    let error = |kind, message: String| TaskError::new(kind, held.key(), message);
    match known {
        Known::Ended(EndedHow::Finished { task, holders, data, .. }) => {
            Ok(Located { task, holders: holders.into_vec(), data })
        }
        Known::Ended(EndedHow::Erred { kind, message, culprit }) => {
            Err(error(TaskErrorKind::Failed(kind), message).blamed_on(culprit))
        }
        Known::Ended(EndedHow::Rejected { reason }) => Err(error(TaskErrorKind::Rejected, reason)),
        Known::Ended(EndedHow::Cancelled) => {
            Err(error(TaskErrorKind::Cancelled, "it was given up".to_owned()))
        }
        Known::Closed(reason) => Err(error(TaskErrorKind::Closed, reason)),
        Known::Pending => unreachable!("callers wait until the task has ended"),
    }
}

/// Waits until the task of this thread is given up.
async fn given_up_here() {
    match Current::get() {
        Some(current) => drop(current.cancellation.cancelled().await),
        None => std::future::pending().await,
    }
}

fn given_up(held: &Held) -> TaskError {
    let message = "the task that waits for it was given up".to_owned();
    TaskError::new(TaskErrorKind::Cancelled, held.key(), message)
}

fn lost_result(held: &Held) -> TaskError {
    let message = "its result could not be fetched from any worker".to_owned();
    TaskError::new(TaskErrorKind::Lost, held.key(), message)
}
