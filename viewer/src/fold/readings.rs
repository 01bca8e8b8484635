//! The last sample of each worker. Samples are no part of the state, and the page's table shows
//! them; fed as a plot is, they are those of the instant up to which the run is folded.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use taskreel_model::{Change, Nanos, Sample, State, WorkerId};
use taskreel_replay::figure::{Figure, View};
use taskreel_replay::plots::{About, Page, Plot};

/// The last sample of each worker.
pub(super) type LastSamples = BTreeMap<WorkerId, Sample>;

/// See the module. Clones share what they hold: one is fed, another is asked, on one thread.
#[derive(Clone, Debug, Default)]
pub(super) struct Readings(Arc<Mutex<LastSamples>>);

impl Readings {
    /// The samples as they are now.
    pub(super) fn last(&self) -> MutexGuard<'_, LastSamples> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Plot for Readings {
    fn about(&self) -> About {
        let question = "What was sampled last?";
        About { id: "readings", title: "Readings", question, page: Page::Workers }
    }

    /// The timeline goes back to its begin: whoever asks must find nothing.
    fn fresh(&self) -> Box<dyn Plot> {
        self.last().clear();
        Box::new(self.clone())
    }

    fn update(&mut self, _at: Nanos, _change: &Change, _state: &State) {}

    fn sample(&mut self, sample: &Sample, _state: &State) {
        if let Some(worker) = sample.worker {
            self.last().insert(worker, *sample);
        }
    }

    fn figure(&self, _view: &View) -> Figure {
        Figure::default()
    }

    fn columns(&self) -> String {
        format!("{:?}", self.last())
    }
}
