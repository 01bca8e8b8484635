//! Counts over a whole trace, kept while writing and stored in the footer.

use serde::{Deserialize, Serialize};
use taskreel_model::{EVENT_NAMES, Event, Nanos, Stamped};

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
}

impl Summary {
    pub(crate) fn count_events(&mut self, events: &[Stamped<Event>]) {
        self.by_tag.resize(self.by_tag.len().max(EVENT_NAMES.len()), 0);
        for event in events {
            // A newer version's event has no place in the table.
            if let Some(n) = self.by_tag.get_mut(usize::from(event.what.tag())) {
                *n += 1;
            }
            if let Event::TaskSubmitted { .. } = event.what {
                self.tasks += 1;
            }
        }
        self.events += events.len() as u64;
        if let Some(last) = events.last() {
            self.last_logged_at_ns = last.logged_at.0;
        }
    }

    /// When the last event was logged.
    pub fn last_logged_at(&self) -> Nanos {
        Nanos(self.last_logged_at_ns)
    }
}
