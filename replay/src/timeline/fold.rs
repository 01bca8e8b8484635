//! Folding: from batches of the source through the state to the plots, up to a place.

use std::collections::VecDeque;

use taskreel_model::{Event, Nanos, Stamped};
use taskreel_recorder::{Batch, VecSource};

use super::ahead::{self, read_ahead};
use super::{FoldError, Pumped, Timeline, opening_changes};

/// So many batches are read and folded by one thread before another reads ahead: fewer are as quick.
const ALONE: u32 = 16;

/// Up to where to fold.
#[derive(Clone, Copy)]
pub(super) enum Until {
    LoggedAt(Nanos),
    Seq(u64),
    End,
}

impl Until {
    fn takes(self, event: &Stamped<Event>) -> bool {
        match self {
            Self::LoggedAt(at) => event.logged_at <= at,
            Self::Seq(seq) => event.seq <= seq,
            Self::End => true,
        }
    }

    /// Samples and log lines belong to no place in the log of events: `now` is the last event that
    /// is taken.
    fn takes_reading(self, read_at: Nanos, now: Nanos) -> bool {
        match self {
            Self::LoggedAt(at) => read_at <= at,
            Self::Seq(_) => read_at <= now,
            Self::End => true,
        }
    }
}

impl Timeline {
    pub(super) fn pump_until(
        &mut self,
        max_events: usize,
        until: Until,
    ) -> Result<Pumped, FoldError> {
        let pumped = self.pump_batches(max_events, until);
        // Once for all batches, also for those before an error.
        self.settle();
        pumped
    }

    fn pump_batches(&mut self, max_events: usize, until: Until) -> Result<Pumped, FoldError> {
        let mut sum = Pumped::default();
        for n_batches in 0.. {
            if self.fold_more(&mut sum, max_events, until)? {
                return Ok(sum);
            }
            if n_batches == ALONE
                && ahead::is_worth_it()
                && self.pump_ahead(&mut sum, max_events, until)?
            {
                return Ok(sum);
            }
            if !self.fill()? {
                break;
            }
        }
        sum.starved = true;
        Ok(sum)
    }

    /// Folds what is pending. Returns whether that is enough.
    fn fold_more(
        &mut self,
        sum: &mut Pumped,
        max_events: usize,
        until: Until,
    ) -> Result<bool, FoldError> {
        let (events, samples) = self.fold(max_events - sum.events, until)?;
        sum.events += events;
        sum.samples += samples;
        Ok(sum.events >= max_events || !self.pending.is_empty())
    }

    /// Folds batches while another thread reads those that follow. Returns whether that is enough.
    pub(super) fn pump_ahead(
        &mut self,
        sum: &mut Pumped,
        max_events: usize,
        until: Until,
    ) -> Result<bool, FoldError> {
        let nothing = Box::new(VecSource::of_events(Vec::new()));
        let mut source = std::mem::replace(&mut self.source, nothing);
        let mut enough = Ok(false);
        read_ahead(source.as_mut(), |batch| {
            match batch {
                // What contradicts itself is folded no further.
                Ok(_) if enough.is_err() => {}
                Ok(batch) => self.take(batch),
                Err(why) => self.unreadable = Some(why),
            }
            if let Ok(false) = enough {
                enough = self.fold_more(sum, max_events, until);
            }
            matches!(enough, Ok(false))
        });
        self.source = source;
        enough
    }

    /// Reads the next batch; `false`: there is none for now.
    fn fill(&mut self) -> Result<bool, FoldError> {
        if self.failed {
            return Ok(false);
        }
        if !self.opened {
            self.open().inspect_err(|_| self.failed = true)?;
        }
        if self.pending.is_empty() {
            // Memory that the next batch needs.
            self.pending = VecDeque::new();
        }
        let batch = self.unreadable.take().map_or_else(|| self.source.next_batch(), Err);
        let Some(batch) = batch.inspect_err(|_| self.failed = true)? else { return Ok(false) };
        self.take(batch);
        Ok(true)
    }

    /// Takes in what was read.
    fn take(&mut self, batch: Batch) {
        if self.pending.is_empty() {
            // So nothing is copied.
            self.pending = batch.events.into();
        } else {
            self.pending.extend(batch.events);
        }
        self.pending_samples.extend(batch.samples);
        self.pending_logs.extend(batch.logs);
    }

    /// Folds pending events and samples.
    fn fold(&mut self, max_events: usize, until: Until) -> Result<(usize, usize), FoldError> {
        let mut n_events = 0;
        while n_events < max_events
            && let Some(event) = self.pending.front()
            && until.takes(event)
        {
            if let Err(illegal) = self.state.apply(event, &mut self.changes) {
                let error = FoldError::illegal(&self.name, event, illegal);
                self.failed = true;
                self.settled = false;
                self.pending.clear();
                return Err(error);
            }
            self.landmarks.pass(event);
            for change in self.changes.drain(..) {
                for plot in &mut self.plots {
                    plot.update(event.at, &change, &self.state);
                }
            }
            self.now = self.now.max(event.logged_at);
            self.pending.pop_front();
            n_events += 1;
        }
        let n_samples = self.take_samples(until);
        let n_logs = self.take_logs(until);
        self.settled &= n_events + n_samples + n_logs == 0;
        Ok((n_events, n_samples))
    }

    /// Samples stand beside the events and change no state, so they are taken in batch by batch.
    fn take_samples(&mut self, until: Until) -> usize {
        let mut n_samples = 0;
        let mut later = VecDeque::new();
        for sample in self.pending_samples.drain(..) {
            if !until.takes_reading(sample.at, self.state.now()) {
                later.push_back(sample);
                continue;
            }
            for plot in &mut self.plots {
                plot.sample(&sample, &self.state);
            }
            self.now = self.now.max(sample.at);
            n_samples += 1;
        }
        self.pending_samples = later;
        n_samples
    }

    /// As [`Timeline::take_samples`]; a line of a log moves the instant of no picture.
    fn take_logs(&mut self, until: Until) -> usize {
        let now = self.state.now();
        let n_before = self.pending_logs.len();
        let (state, plots) = (&self.state, &mut self.plots);
        self.pending_logs.retain(|line| {
            let taken = until.takes_reading(line.at, now);
            if taken {
                plots.iter_mut().for_each(|plot| plot.log(line, state));
            }
            !taken
        });
        n_before - self.pending_logs.len()
    }

    fn settle(&mut self) {
        if std::mem::replace(&mut self.settled, true) {
            return;
        }
        for plot in &mut self.plots {
            plot.settle(&self.state);
        }
    }

    /// Takes over the state that a window of a run begins with, and shows it to the plots.
    fn open(&mut self) -> Result<(), FoldError> {
        self.opened = true;
        let Some(state) = self.source.opening_state()? else { return Ok(()) };
        self.now = state.now();
        self.landmarks.begin(state.next_seq());
        self.state = state;
        for (at, change) in opening_changes(&self.state) {
            for plot in &mut self.plots {
                plot.update(at, &change, &self.state);
            }
        }
        self.settled = false;
        Ok(())
    }
}
