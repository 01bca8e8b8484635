//! The workers that a cluster started itself, whatever they are.

use std::time::Duration;

use tokio::runtime::Handle;

use super::StartError;
use super::children::Children;
use super::embedded::EmbeddedWorkers;

/// Workers of one kind. Clones are of the same.
#[derive(Clone, Debug, Default)]
pub(super) enum Crew {
    /// Workers join from elsewhere.
    #[default]
    None,
    /// Threads of this process.
    Threads(Box<EmbeddedWorkers>),
    /// Processes of their own.
    Processes(Children),
}

impl Crew {
    /// Starts one more, which joins soon.
    pub(super) fn start_another(&self, name: String) -> Result<(), StartError> {
        match self {
            Self::None => Ok(()),
            Self::Threads(workers) => Ok(workers.start_another(name)?),
            Self::Processes(children) => children.start_another(name),
        }
    }

    /// It is asked to leave: its end is no reason to start another.
    pub(super) fn let_go(&self, name: &str) {
        if let Self::Processes(children) = self {
            children.let_go(name);
        }
    }

    /// From now on those that end are not started again.
    pub(super) fn leave_alone(&self) {
        if let Self::Processes(children) = self {
            children.leave_alone();
        }
    }

    /// Waits until all have ended. Processes that take too long are killed; functions that still run
    /// on threads are left to themselves.
    pub(super) fn end(&self, patience: Duration, io: &Handle) {
        match self {
            Self::None => {}
            Self::Threads(workers) => workers.end(patience, io),
            Self::Processes(children) => children.end(patience),
        }
    }
}
