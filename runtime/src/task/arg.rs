//! Arguments: a value, or the future of one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::client::{Held, TaskError, TaskFuture};

/// An argument of type `T`: a value that travels with the call, or the result of another task.
///
/// Values, futures (by value or reference) and, for a `Vec`, lists of futures convert into it, so
/// callers of a `#[task]` function pass any of them.
#[derive(Debug)]
pub struct Arg<T> {
    pub(crate) source: Source<T>,
}

#[derive(Debug)]
pub(crate) enum Source<T> {
    Value(T),
    Future(Dependency),
    Futures(Vec<Dependency>),
}

/// A task that another depends on; or why it never became one.
pub(crate) type Dependency = Result<Arc<Held>, Arc<TaskError>>;

impl<T> From<T> for Arg<T> {
    fn from(value: T) -> Self {
        Self { source: Source::Value(value) }
    }
}

impl<T> From<&TaskFuture<T>> for Arg<T> {
    fn from(future: &TaskFuture<T>) -> Self {
        Self { source: Source::Future(future.dependency()) }
    }
}

impl<T> From<TaskFuture<T>> for Arg<T> {
    fn from(future: TaskFuture<T>) -> Self {
        Self { source: Source::Future(future.into_dependency()) }
    }
}

impl<T> From<Vec<TaskFuture<T>>> for Arg<Vec<T>> {
    fn from(futures: Vec<TaskFuture<T>>) -> Self {
        let list = futures.into_iter().map(TaskFuture::into_dependency).collect();
        Self { source: Source::Futures(list) }
    }
}

impl<T> From<&[TaskFuture<T>]> for Arg<Vec<T>> {
    fn from(futures: &[TaskFuture<T>]) -> Self {
        Self { source: Source::Futures(futures.iter().map(TaskFuture::dependency).collect()) }
    }
}

impl<T> From<&Vec<TaskFuture<T>>> for Arg<Vec<T>> {
    fn from(futures: &Vec<TaskFuture<T>>) -> Self {
        futures.as_slice().into()
    }
}

impl<T, const N: usize> From<[TaskFuture<T>; N]> for Arg<Vec<T>> {
    fn from(futures: [TaskFuture<T>; N]) -> Self {
        Vec::from(futures).into()
    }
}

impl From<&str> for Arg<String> {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl From<&String> for Arg<String> {
    fn from(text: &String) -> Self {
        text.clone().into()
    }
}

impl From<&Path> for Arg<PathBuf> {
    fn from(path: &Path) -> Self {
        path.to_owned().into()
    }
}
