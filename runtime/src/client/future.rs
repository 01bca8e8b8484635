//! Futures: what a client holds of a task it submitted.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use serde::de::DeserializeOwned;

use super::TaskError;
use super::buffer::KeyText;
use super::session::Session;
use crate::task::Draft;

/// The result to be of a submitted task. Pass it to other tasks as an argument, wait for it, or
/// `.await` it on any executor. When it is dropped, its task is cancelled unless another needs
/// it, and its result is freed.
pub struct TaskFuture<T> {
    held: Result<Arc<Held>, Arc<TaskError>>,
    result: PhantomData<fn() -> T>,
}

impl<T> Clone for TaskFuture<T> {
    fn clone(&self) -> Self {
        Self { held: self.held.clone(), result: PhantomData }
    }
}

impl<T> fmt::Debug for TaskFuture<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskFuture({})", self.key())
    }
}

impl<T> TaskFuture<T> {
    pub(crate) fn new(held: Result<Arc<Held>, Arc<TaskError>>) -> Self {
        Self { held, result: PhantomData }
    }

    pub(crate) fn dependency(&self) -> Result<Arc<Held>, Arc<TaskError>> {
        self.held.clone()
    }

    pub(crate) fn into_dependency(self) -> Result<Arc<Held>, Arc<TaskError>> {
        self.held
    }

    /// The task's key.
    pub fn key(&self) -> String {
        match &self.held {
            Ok(held) => held.key(),
            Err(error) => error.key().to_owned(),
        }
    }

    /// Whether the task has ended, well or not; does not wait.
    pub fn is_done(&self) -> bool {
        match &self.held {
            Ok(held) => !held.session.is_pending(held.local),
            Err(_) => true,
        }
    }

    /// Lets go of the task, as dropping does: it is cancelled unless something else needs it, and its
    /// result is freed.
    pub fn release(self) {
        drop(self);
    }

    /// Ready once the task has ended; until then the waker is called when it does.
    pub(crate) fn poll_done(&self, cx: &Context<'_>) -> Poll<()> {
        match &self.held {
            Ok(held) => {
                held.session.flush();
                held.session.poll_known(held.local, cx).map(|_known| ())
            }
            Err(_) => Poll::Ready(()),
        }
    }

    /// Gives the task up, and with it all that depends on it.
    pub fn cancel(&self) {
        if let Ok(held) = &self.held {
            held.session.cancel(held.local);
        }
    }

    /// Lets the task run to its end although nobody waits for it; its result is freed then. The
    /// client must live until it has ended.
    pub fn detach(self) {
        if let Ok(held) = &self.held {
            held.session.detach(held.local);
        }
    }

    /// Waits for the task to end, without fetching its result.
    ///
    /// # Errors
    /// It did not end well.
    pub fn wait_done(&self) -> Result<(), TaskError> {
        let held = self.held.as_ref().map_err(|error| TaskError::clone(error))?;
        held.session.wait(held).map(|_located| ())
    }
}

impl<T: DeserializeOwned> TaskFuture<T> {
    /// Waits for the result, and fetches it from the worker that holds it.
    ///
    /// # Errors
    /// The task did not end well, or its result could not be fetched or decoded.
    pub fn wait(&self) -> Result<T, TaskError> {
        let held = self.held.as_ref().map_err(|error| TaskError::clone(error))?;
        let bytes = held.session.results(&[held])?.pop().expect("one result was asked for");
        held.decode(&bytes)
    }

    async fn result(self) -> Result<T, TaskError> {
        let held = self.held.map_err(|error| TaskError::clone(&error))?;
        let bytes = Session::result(&held).await?;
        held.decode(&bytes)
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for TaskFuture<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.result())
    }
}

impl<T: DeserializeOwned + 'static> IntoFuture for &TaskFuture<T> {
    type Output = Result<T, TaskError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        self.clone().into_future()
    }
}

/// What can be gathered: one future, or a list of them.
pub trait Gather {
    /// What comes out: a result, or a `Vec` of them in the order of the futures.
    type Output;

    /// Waits for all, and fetches from each worker at once what it holds.
    ///
    /// # Errors
    /// The first failure, in the order of the futures.
    fn gather(self) -> Result<Self::Output, TaskError>;
}

impl<T: DeserializeOwned> Gather for &TaskFuture<T> {
    type Output = T;
    fn gather(self) -> Result<T, TaskError> {
        self.wait()
    }
}

impl<T: DeserializeOwned> Gather for TaskFuture<T> {
    type Output = T;
    fn gather(self) -> Result<T, TaskError> {
        self.wait()
    }
}

impl<T: DeserializeOwned> Gather for &[TaskFuture<T>] {
    type Output = Vec<T>;
    fn gather(self) -> Result<Vec<T>, TaskError> {
        let held: Vec<&Arc<Held>> = self
            .iter()
            .map(|future| future.held.as_ref().map_err(|error| TaskError::clone(error)))
            .collect::<Result<_, _>>()?;
        let Some(first) = held.first() else { return Ok(Vec::new()) };
        let results = first.session.results(&held)?;
        held.iter().zip(&results).map(|(held, bytes)| held.decode(bytes)).collect()
    }
}

impl<T: DeserializeOwned> Gather for &Vec<TaskFuture<T>> {
    type Output = Vec<T>;
    fn gather(self) -> Result<Vec<T>, TaskError> {
        self.as_slice().gather()
    }
}

impl<T: DeserializeOwned> Gather for Vec<TaskFuture<T>> {
    type Output = Vec<T>;
    fn gather(self) -> Result<Vec<T>, TaskError> {
        self.as_slice().gather()
    }
}

impl<T: DeserializeOwned, const N: usize> Gather for &[TaskFuture<T>; N] {
    type Output = Vec<T>;
    fn gather(self) -> Result<Vec<T>, TaskError> {
        self.as_slice().gather()
    }
}

/// A client's hold on a task; when the last copy is dropped, the task is released.
#[derive(Debug)]
pub struct Held {
    session: Arc<Session>,
    local: u32,
    key: KeyText,
}

impl Held {
    pub(crate) fn new(session: Arc<Session>, local: u32, key: KeyText) -> Self {
        Self { session, local, key }
    }

    pub(crate) fn local(&self) -> u32 {
        self.local
    }

    pub(crate) fn key(&self) -> String {
        self.key.text()
    }

    pub(crate) fn session(&self) -> &Arc<Session> {
        &self.session
    }

    fn decode<T: DeserializeOwned>(&self, bytes: &[u8]) -> Result<T, TaskError> {
        crate::wire::codec::decode_value(bytes).map_err(|error| {
            let message = format!("result of {} bytes {error}", bytes.len());
            TaskError::new(super::TaskErrorKind::Type, self.key(), message)
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.session.release(self.local);
    }
}

/// The first reason why a draft cannot be submitted to this session.
pub(crate) fn obstacle(session: &Arc<Session>, draft: &Draft) -> Option<String> {
    let mut needed = draft.inputs.iter().chain(&draft.after);
    needed
        .find(|held| !Arc::ptr_eq(held.session(), session))
        .map(|held| format!("its argument {} belongs to another client", held.key()))
}
