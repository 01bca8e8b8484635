//! Why a task did not give its result.

use std::fmt;

use taskreel_model::FailureKind;
use thiserror::Error;

/// Why a task did not give its result. Printed it reads
/// `sum-3 failed because count-17 failed: cannot read /x: …`.
#[derive(Clone, PartialEq, Eq, Error)]
pub struct TaskError {
    kind: TaskErrorKind,
    key: String,
    culprit: Option<String>,
    message: String,
}

/// What kept a task from giving its result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskErrorKind {
    /// It failed, or one it depends on did; with what made that one fail, where it is known.
    Failed(Option<FailureKind>),
    /// It was given up.
    Cancelled,
    /// It could not be submitted.
    Rejected,
    /// It finished, but its result could not be fetched from any worker.
    Lost,
    /// It finished, but its result is not of the type asked for.
    Type,
    /// The cluster stopped before it ended.
    Closed,
}

impl TaskError {
    pub(crate) fn new(
        kind: TaskErrorKind,
        key: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { kind, key: key.into(), culprit: None, message: message.into() }
    }

    pub(crate) fn blamed_on(mut self, culprit: Option<String>) -> Self {
        self.culprit = culprit.filter(|culprit| *culprit != self.key);
        self
    }

    /// The same failure as one that depends on the failed task sees it.
    pub(crate) fn of_dependent(&self, key: String) -> Self {
        let culprit = self.culprit.clone().unwrap_or_else(|| self.key.clone());
        Self { kind: self.kind, key, culprit: Some(culprit), message: self.message.clone() }
    }

    /// What kept it from giving its result.
    pub fn kind(&self) -> TaskErrorKind {
        self.kind
    }

    /// Key of the task that was asked.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// Key of the task that failed, if it is another one.
    pub fn culprit(&self) -> Option<&str> {
        self.culprit.as_deref()
    }

    /// The message of the failure.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, key, culprit, message } = self;
        let verb = match kind {
            TaskErrorKind::Failed(_) => "failed",
            TaskErrorKind::Cancelled => "was cancelled",
            TaskErrorKind::Rejected => "was rejected",
            TaskErrorKind::Lost => "is lost",
            TaskErrorKind::Type => "has another type",
            TaskErrorKind::Closed => "did not end",
        };
        match culprit {
            Some(culprit) => write!(f, "{key} failed because {culprit} {verb}: {message}"),
            None => write!(f, "{key} {verb}: {message}"),
        }
    }
}

/// As `Display`: a `main` that returns the error prints it with `Debug`, and a person reads it.
impl fmt::Debug for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
