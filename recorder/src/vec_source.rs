//! A source over vectors, for tests and for folding what is in memory anyway.

use std::collections::VecDeque;

use taskreel_model::{Event, Stamped};

use crate::{Batch, ReadError, RunInfo, Source, Warning};

/// Batches in memory, returned one by one.
#[derive(Clone, Debug, Default)]
pub struct VecSource {
    info: RunInfo,
    batches: VecDeque<Batch>,
}

impl VecSource {
    /// A source that returns `batches` in their order and is then finished.
    pub fn new(info: RunInfo, batches: impl IntoIterator<Item = Batch>) -> Self {
        Self { info, batches: batches.into_iter().collect() }
    }

    /// A source of one batch that holds nothing but events.
    pub fn of_events(events: Vec<Stamped<Event>>) -> Self {
        Self::new(RunInfo::default(), [Batch { events, ..Batch::default() }])
    }
}

impl Source for VecSource {
    fn run_info(&self) -> &RunInfo {
        &self.info
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        Ok(self.batches.pop_front())
    }

    fn is_finished(&self) -> bool {
        self.batches.is_empty()
    }

    fn warnings(&self) -> &[Warning] {
        &[]
    }
}
