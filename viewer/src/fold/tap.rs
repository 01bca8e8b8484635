//! A source that notes the last sample of each worker on its way through. Samples are no part of
//! the state, and the page's table shows them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use taskreel_model::{Sample, WorkerId};
use taskreel_recorder::{Batch, ReadError, RunInfo, Source, Warning};

/// The last sample of each worker.
pub(super) type LastSamples = BTreeMap<WorkerId, Sample>;

/// See the module.
pub(super) struct Tap {
    source: Box<dyn Source>,
    last: Arc<Mutex<LastSamples>>,
}

impl Tap {
    /// Wraps `source`; the second half says what passed.
    pub(super) fn new(source: Box<dyn Source>) -> (Self, Arc<Mutex<LastSamples>>) {
        let last = Arc::new(Mutex::new(LastSamples::new()));
        (Self { source, last: last.clone() }, last)
    }
}

/// Both halves live on one thread, so this never waits.
pub(super) fn locked(last: &Mutex<LastSamples>) -> MutexGuard<'_, LastSamples> {
    last.lock().expect("no holder of this lock panics")
}

impl Source for Tap {
    fn run_info(&self) -> &RunInfo {
        self.source.run_info()
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        let batch = self.source.next_batch()?;
        let samples = batch.iter().flat_map(|batch| &batch.samples);
        let mut last = locked(&self.last);
        for sample in samples {
            if let Some(worker) = sample.worker {
                last.insert(worker, *sample);
            }
        }
        drop(last);
        Ok(batch)
    }

    fn is_finished(&self) -> bool {
        self.source.is_finished()
    }

    fn warnings(&self) -> &[Warning] {
        self.source.warnings()
    }
}
