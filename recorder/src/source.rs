//! Where replay reads from: a finished file, a growing file, or a vector in a test.

use taskreel_model::{Event, LogLine, Nanos, Sample, Stamped, State};

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

/// A place in the log to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeekTo {
    /// Just after the event of that `seq`.
    Event(u64),
    /// After all events logged by then.
    At(Nanos),
    /// After everything there is.
    End,
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

    /// The state that the source begins with, if it is a window of a run: its first event follows
    /// that state. `None`: it begins with the run.
    ///
    /// # Errors
    /// As for [`next_batch`](Source::next_batch).
    fn opening_state(&mut self) -> Result<Option<State>, ReadError> {
        Ok(None)
    }

    /// Jumps, on or back, to the last state that is stored at or before a place and after the
    /// first `beyond` events: the events that follow that state come next, and samples and log
    /// lines before it do not. `None`: no state is stored there, or none that this version knows,
    /// and the source stays where it was.
    ///
    /// # Errors
    /// As for [`next_batch`](Source::next_batch).
    fn seek(&mut self, to: SeekTo, beyond: u64) -> Result<Option<State>, ReadError> {
        let _ = (to, beyond);
        Ok(None)
    }

    /// The instant of the last event or sample, if that is known without reading all of them.
    ///
    /// # Errors
    /// As for [`next_batch`](Source::next_batch).
    fn end(&mut self) -> Result<Option<Nanos>, ReadError> {
        Ok(None)
    }

    /// Whether the run was closed properly and all of it was returned.
    fn is_finished(&self) -> bool;

    /// What was skipped or cut so far: damage, unknown kinds, a torn tail.
    fn warnings(&self) -> &[Warning];
}
