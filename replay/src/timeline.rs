//! The timeline: a source folded through one `State`, with plots attached.
//!
//! The same fold serves a growing trace (pump it now and then), a finished one (run to its end)
//! and any instant of it (seek). An event that contradicts those before it ends the fold with a
//! located error; what was folded before stays as it is.

mod ahead;
mod error;
mod fold;
mod landmark;
mod opening;
mod places;
mod travel;

use std::collections::VecDeque;

use taskreel_model::{Change, Event, LogLine, Nanos, Sample, Stamped, State};
use taskreel_recorder::{OpenError, ReadError, RunInfo, SeekTo, Source, Warning};

pub use error::{FoldError, SeekError};
pub use landmark::{Landmark, Toward};

use fold::Until;
use landmark::Landmarks;
pub use opening::part_of_a_run;
pub(crate) use opening::{opening_changes, opening_events};
pub(crate) use places::Places;

use crate::Instant;
use crate::figure::{View, Window};
use crate::plots::Plot;

/// Opens the same source again, from its begin.
pub type Reopen = Box<dyn FnMut() -> Result<Box<dyn Source>, OpenError> + Send>;

/// What one pump did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pumped {
    /// Events folded.
    pub events: usize,
    /// Samples taken in.
    pub samples: usize,
    /// Whether the source has nothing more for now, or the fold has ended with an error.
    pub starved: bool,
}

/// A run, folded up to an instant.
pub struct Timeline {
    name: String,
    source: Box<dyn Source>,
    reopen: Option<Reopen>,
    state: State,
    plots: Vec<Box<dyn Plot>>,
    /// Events that were read and are not folded yet.
    pending: VecDeque<Stamped<Event>>,
    /// Samples that were read and are not taken in yet.
    pending_samples: VecDeque<Sample>,
    /// Log lines that were read and are not taken in yet.
    pending_logs: VecDeque<LogLine>,
    /// Why nothing can be read behind what is pending.
    unreadable: Option<ReadError>,
    /// Reused from event to event.
    changes: Vec<Change>,
    /// What was passed so far, also behind where the timeline is now.
    landmarks: Landmarks,
    now: Nanos,
    /// Whether the state that the source begins with, if it does, was taken over.
    opened: bool,
    /// Whether the plots know that all was folded that was.
    settled: bool,
    failed: bool,
}

impl Timeline {
    /// A timeline at the begin of a source. It can only go forward; see [`Timeline::rewindable`].
    pub fn new(source: Box<dyn Source>, plots: Vec<Box<dyn Plot>>) -> Self {
        let name = source.run_info().name.clone();
        Self {
            name: if name.is_empty() { "trace".to_owned() } else { name },
            source,
            reopen: None,
            state: State::new(),
            plots,
            pending: VecDeque::new(),
            pending_samples: VecDeque::new(),
            pending_logs: VecDeque::new(),
            unreadable: None,
            changes: Vec::new(),
            landmarks: Landmarks::default(),
            now: Nanos::ZERO,
            opened: false,
            settled: true,
            failed: false,
        }
    }

    /// A timeline that can go back: it opens its source again and folds from the begin.
    ///
    /// # Errors
    /// The source could not be opened.
    pub fn rewindable(mut open: Reopen, plots: Vec<Box<dyn Plot>>) -> Result<Self, OpenError> {
        let mut timeline = Self::new(open()?, plots);
        timeline.reopen = Some(open);
        Ok(timeline)
    }

    /// The same timeline with the name that errors give its source: the file's.
    pub fn named(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// What the run says of itself.
    pub fn run_info(&self) -> &RunInfo {
        self.source.run_info()
    }

    /// The state after what was folded.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The plots, fed with what was folded.
    pub fn plots(&self) -> &[Box<dyn Plot>] {
        &self.plots
    }

    /// The attached plot of an id.
    pub fn plot(&self, id: &str) -> Option<&dyn Plot> {
        self.plots.iter().find(|plot| plot.about().id == id).map(AsRef::as_ref)
    }

    /// The instant that the state and the plots are of: the last event or sample that was taken
    /// in, or the instant sought.
    pub fn now(&self) -> Nanos {
        self.now
    }

    /// A view of the whole run up to now.
    pub fn view(&self, width_px: u32, height_px: u32) -> View {
        View::new(Window::until(self.now), width_px, height_px)
    }

    /// Whether the run was closed properly and all of it is folded.
    pub fn is_finished(&self) -> bool {
        self.pending.is_empty() && self.pending_samples.is_empty() && self.source.is_finished()
    }

    /// What the source skipped or cut so far.
    pub fn warnings(&self) -> &[Warning] {
        self.source.warnings()
    }

    /// Folds what the source has, about `max_events` events of it at most.
    ///
    /// # Errors
    /// The source could not be read, or an event contradicts those before it. The error comes
    /// once; later calls fold nothing.
    pub fn pump(&mut self, max_events: usize) -> Result<Pumped, FoldError> {
        self.pump_until(max_events, Until::End)
    }

    /// Folds all that the source has.
    ///
    /// # Errors
    /// As for [`Timeline::pump`].
    pub fn run_to_end(&mut self) -> Result<(), FoldError> {
        self.pump(usize::MAX).map(|_| ())
    }

    /// Goes to an instant: the state after all events logged by then. Beyond the end it stops
    /// there. Going back folds again from the begin; without
    /// plots, both ways begin at the state that the source has stored nearest before it.
    ///
    /// # Errors
    /// The fold fails, or the source cannot be opened again.
    pub fn seek(&mut self, instant: Instant) -> Result<(), SeekError> {
        let until = match instant {
            Instant::At(at) => Until::LoggedAt(at),
            Instant::Event(seq) => Until::Seq(seq),
            Instant::End => Until::End,
            Instant::Percent(percent) => {
                let share = (percent / 100.0).clamp(0.0, 1.0);
                Until::LoggedAt(Nanos((self.end()?.0 as f64 * share) as u64))
            }
        };
        let is_behind = match until {
            Until::LoggedAt(at) => at < self.now,
            Until::Seq(seq) => seq + 1 < self.state.next_seq(),
            Until::End => false,
        };
        if !self.jump_near(until, is_behind)? && is_behind {
            self.rewind()?;
        }
        self.pump_until(usize::MAX, until)?;
        if let Until::LoggedAt(at) = until
            && !self.pending.is_empty()
        {
            self.now = at;
        }
        Ok(())
    }

    /// The instant of the run's last event or sample. A source that does not know is folded to its
    /// end.
    fn end(&mut self) -> Result<Nanos, FoldError> {
        if let Some(end) = self.source.end()? {
            return Ok(end);
        }
        self.run_to_end()?;
        Ok(self.now)
    }

    /// Takes over the state that the source has stored nearest before an instant, if there is one
    /// that saves folding. Plots need the whole history: with any attached it never jumps.
    fn jump_near(&mut self, until: Until, is_behind: bool) -> Result<bool, FoldError> {
        if !self.plots.is_empty() {
            return Ok(false);
        }
        let to = match until {
            Until::LoggedAt(at) => SeekTo::At(at),
            Until::Seq(seq) => SeekTo::Event(seq),
            Until::End => SeekTo::End,
        };
        let beyond = if is_behind { 0 } else { self.state.next_seq() };
        let Some(state) = self.source.seek(to, beyond)? else { return Ok(false) };
        self.now = state.now();
        self.state = state;
        self.opened = true;
        self.pending.clear();
        self.pending_samples.clear();
        self.pending_logs.clear();
        self.unreadable = None;
        self.failed = false;
        Ok(true)
    }

    fn rewind(&mut self) -> Result<(), SeekError> {
        let open = self.reopen.as_mut().ok_or(SeekError::ForwardOnly)?;
        self.source = open()?;
        self.state = State::new();
        self.plots = self.plots.iter().map(|plot| plot.fresh()).collect();
        self.pending.clear();
        self.pending_samples.clear();
        self.pending_logs.clear();
        self.unreadable = None;
        self.now = Nanos::ZERO;
        self.opened = false;
        self.failed = false;
        Ok(())
    }
}

impl std::fmt::Debug for Timeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Timeline")
            .field("name", &self.name)
            .field("now", &self.now)
            .field("next_seq", &self.state.next_seq())
            .finish_non_exhaustive()
    }
}
