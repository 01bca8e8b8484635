//! The scheduler's own samples.

use taskreel_model::{Nanos, Sample};

use super::core::Core;

impl Core {
    /// Records a reading of the scheduler's process; `lag`: how late its loop was.
    pub(super) fn sample(&mut self, at: Nanos, lag: Nanos) {
        if let Some(recorder) = &mut self.config.recorder {
            recorder.sample(Sample { at, worker: None, lag, ..Sample::default() });
        }
    }
}
