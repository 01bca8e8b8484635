//! Counts over a whole trace, kept while writing and stored in the footer.

use serde::{Deserialize, Serialize};
use taskreel_model::{EVENT_NAMES, Event, Nanos, Stamped, State};

use crate::events::{Counts, tag};

/// Counts over a whole trace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    /// Events.
    pub events: u64,
    /// Tasks submitted.
    pub tasks: u64,
    /// Events by tag (see `Event::tag`).
    pub by_tag: Vec<u64>,
    /// Samples.
    pub samples: u64,
    /// Log lines.
    pub logs: u64,
    /// Task specs.
    pub specs: u64,
    /// Samples and log lines that were dropped because the disk did not keep up.
    pub dropped: u64,
    /// `logged_at` of the last event, in nanoseconds since the run began.
    pub last_logged_at_ns: u64,
    /// Workers that went though nobody sent them away.
    pub workers_lost: u64,
    /// What the state after the last event says; `None`: whoever wrote the footer did not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub totals: Option<Totals>,
}

/// How a run stood after its last event, to be known without folding it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Workers that ever joined.
    pub workers: u64,
    /// Slots of all of them.
    pub slots: u64,
    /// Tasks submitted.
    pub tasks: u64,
    /// Those whose result was there once.
    pub finished: u64,
    /// Those that erred.
    pub erred: u64,
    /// Those that were cancelled before they ended otherwise.
    pub cancelled: u64,
}

impl Totals {
    /// What a state says.
    pub fn of(state: &State) -> Self {
        let workers = state.workers();
        let finished = state.prefixes().iter().map(|p| p.n_finished).sum();
        let (ended, erred) = (state.n_ended(), state.n_erred());
        Self {
            workers: workers.len() as u64,
            slots: workers.iter().map(|w| u64::from(w.info.slots)).sum(),
            tasks: state.totals().total(),
            finished,
            erred,
            cancelled: ended.saturating_sub(finished).saturating_sub(erred),
        }
    }
}

impl Summary {
    pub(crate) fn count_events(&mut self, events: &[Stamped<Event>]) {
        self.by_tag.resize(self.by_tag.len().max(EVENT_NAMES.len()), 0);
        for event in events {
            // A newer version's event has no place in the table.
            if let Some(n) = self.by_tag.get_mut(usize::from(event.what.tag())) {
                *n += 1;
            }
            match &event.what {
                Event::TaskSubmitted { .. } => self.tasks += 1,
                Event::WorkerLost { reason, .. } => {
                    self.workers_lost += u64::from(reason.is_unplanned())
                }
                // All others are counted by their tag alone.
                _counted => {}
            }
        }
        self.events += events.len() as u64;
        if let Some(last) = events.last() {
            self.last_logged_at_ns = last.logged_at.0;
        }
    }

    /// Counts a block whose last event was logged at that instant, in nanoseconds.
    pub(crate) fn count_block(&mut self, counts: &Counts, last_at: u64) {
        self.by_tag.resize(self.by_tag.len().max(EVENT_NAMES.len()), 0);
        for (sum, n) in self.by_tag.iter_mut().zip(counts.by_tag) {
            *sum += u64::from(n);
        }
        self.tasks += u64::from(counts.by_tag[usize::from(tag::TASK_SUBMITTED)]);
        self.workers_lost += counts.n_lost;
        self.events += u64::from(counts.n_events);
        self.last_logged_at_ns = last_at;
    }

    /// How many events there are of a kind, by its name (see [`EVENT_NAMES`]).
    pub fn n_events(&self, name: &str) -> u64 {
        let tag = EVENT_NAMES.iter().position(|known| *known == name);
        tag.and_then(|tag| self.by_tag.get(tag)).copied().unwrap_or(0)
    }

    /// When the last event was logged.
    pub fn last_logged_at(&self) -> Nanos {
        Nanos(self.last_logged_at_ns)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Recorder, RecorderOptions, RunInfo, read_info};

    #[test]
    fn the_footer_says_how_the_run_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.reel");
        let recorder = || {
            let options = RecorderOptions { overwrite: true, ..RecorderOptions::default() };
            Recorder::create(&path, &RunInfo::default(), options).unwrap()
        };
        let mut state = State::new();
        let mut first = recorder();
        for turn in crate::run::turns(5, 40, 2, 3) {
            for event in &turn {
                state.apply(event, &mut Vec::new()).unwrap();
            }
            first.append(&turn).unwrap();
        }
        first.finish_at(&state).unwrap();
        let totals = read_info(&path).unwrap().summary.totals.unwrap();
        let expected = Totals { workers: 2, slots: 6, tasks: 40, finished: 40, ..totals };
        assert_eq!(totals, expected);
        assert_eq!((totals.erred, totals.cancelled), (0, 0));

        // A state of another place in the log says nothing of this one.
        let mut second = recorder();
        second.append(&crate::run::turns(5, 40, 2, 3)[0]).unwrap();
        second.finish_at(&state).unwrap();
        assert_eq!(read_info(&path).unwrap().summary.totals, None);
    }
}
