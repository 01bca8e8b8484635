//! Where replay reads from: a finished file, a growing file, or a vector in a test.

use taskreel_model::{Event, LogLine, Sample, Stamped};

use crate::{ReadError, RunInfo, Warning};

/// What one block, or one poll of a growing file, brings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Batch {
    /// Events in the order of their `seq`.
    pub events: Vec<Stamped<Event>>,
    /// Samples; their instants may lie before those of earlier batches.
    pub samples: Vec<Sample>,
    /// Log lines; their instants may lie before those of earlier batches.
    pub logs: Vec<LogLine>,
}

impl Batch {
    /// Whether it brings nothing.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.samples.is_empty() && self.logs.is_empty()
    }
}

/// A trace to be folded from its begin.
pub trait Source: Send {
    /// What the run says of itself.
    fn run_info(&self) -> &RunInfo;

    /// The next batch; `None`: there is no more for now. Of a finished file that is the end;
    /// a growing file may have more later (see `is_finished`).
    ///
    /// # Errors
    /// The file could not be read, or is damaged beyond what can be skipped.
    fn next_batch(&mut self) -> Result<Option<Batch>, ReadError>;

    /// Whether the run was closed properly and all of it was returned.
    fn is_finished(&self) -> bool;

    /// What was skipped or cut so far: damage, unknown kinds, a torn tail.
    fn warnings(&self) -> &[Warning];
}
