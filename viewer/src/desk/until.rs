//! A source that ends at an instant.

use taskreel_model::{Nanos, State};
use taskreel_recorder::{Batch, ReadError, RunInfo, SeekTo, Source, Warning};
use taskreel_replay::Instant;
use tokio::sync::watch;

/// See the module. It also ends when the viewer stops.
pub(super) struct Until {
    source: Box<dyn Source>,
    at: Option<Instant>,
    stopped: watch::Receiver<bool>,
    is_over: bool,
}

impl Until {
    pub(super) fn new(
        source: Box<dyn Source>,
        at: Option<Instant>,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        Self { source, at, stopped, is_over: false }
    }

    /// Leaves out of a batch what was logged later.
    fn cut(&mut self, batch: &mut Batch) {
        let n_before = batch.events.len();
        match self.at {
            Some(Instant::At(at)) => {
                batch.events.retain(|event| event.logged_at <= at);
                batch.samples.retain(|sample| sample.at <= at);
                batch.logs.retain(|line| line.at <= at);
            }
            Some(Instant::Event(seq)) => batch.events.retain(|event| event.seq <= seq),
            Some(Instant::Percent(_) | Instant::End) | None => {}
        }
        self.is_over = batch.events.len() < n_before;
        if let (true, Some(Instant::Event(_))) = (self.is_over, self.at) {
            let last = batch.events.last().map_or(Nanos::ZERO, |event| event.logged_at);
            batch.samples.retain(|sample| sample.at <= last);
            batch.logs.retain(|line| line.at <= last);
        }
    }
}

impl Source for Until {
    fn run_info(&self) -> &RunInfo {
        self.source.run_info()
    }

    fn next_batch(&mut self) -> Result<Option<Batch>, ReadError> {
        if self.is_over || *self.stopped.borrow() {
            return Ok(None);
        }
        let mut batch = self.source.next_batch()?;
        if let Some(batch) = &mut batch {
            self.cut(batch);
        }
        Ok(batch)
    }

    fn opening_state(&mut self) -> Result<Option<State>, ReadError> {
        self.source.opening_state()
    }

    fn seek(&mut self, to: SeekTo, beyond: u64) -> Result<Option<State>, ReadError> {
        self.is_over = false;
        self.source.seek(to, beyond)
    }

    fn end(&mut self) -> Result<Option<Nanos>, ReadError> {
        self.source.end()
    }

    fn is_finished(&self) -> bool {
        self.source.is_finished()
    }

    fn warnings(&self) -> &[Warning] {
        self.source.warnings()
    }
}
