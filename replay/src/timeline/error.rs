//! Why a trace cannot be folded further.

use taskreel_model::{Event, IllegalEvent, Nanos, Stamped};
use taskreel_recorder::{OpenError, ReadError};
use thiserror::Error;

/// Why the fold ended early. What was folded before stays usable.
#[derive(Debug, Error)]
pub enum FoldError {
    /// The source could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An event contradicts those before it: the trace is damaged or forged.
    #[error(
        "{name}: event {seq} at {:.3} s: {}: {}; shown is the run up to there",
        at.as_secs_f64(), source.event, source.why
    )]
    Illegal {
        /// The source.
        name: String,
        /// The event's place in the log.
        seq: u64,
        /// When it is said to have happened.
        at: Nanos,
        /// What is wrong.
        source: IllegalEvent,
    },
}

impl FoldError {
    pub(crate) fn illegal(name: &str, event: &Stamped<Event>, source: IllegalEvent) -> Self {
        Self::Illegal { name: name.to_owned(), seq: event.seq, at: event.at, source }
    }
}

/// Why an instant cannot be reached.
#[derive(Debug, Error)]
pub enum SeekError {
    /// The fold ended early.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// The source could not be opened again.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The instant lies behind, and the timeline was not made to go back.
    #[error("cannot go back: this source is read only forward; open the trace as a file")]
    ForwardOnly,
}
