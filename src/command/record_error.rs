//! What is to happen when a trace cannot be written: an option of whatever records.

use clap::ValueEnum;

/// What a failed write of the trace does to the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnRecordError {
    /// The run ends with an error.
    Stop,
    /// The run goes on without a trace.
    Continue,
}

impl From<OnRecordError> for taskreel_recorder::OnRecordError {
    fn from(chosen: OnRecordError) -> Self {
        match chosen {
            OnRecordError::Stop => Self::Stop,
            OnRecordError::Continue => Self::Continue,
        }
    }
}
