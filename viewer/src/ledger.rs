//! What pages ask of a whole run beyond its plots: when something happened that is worth a jump,
//! and how busy it was from begin to end.
//!
//! It is fed as a plot is, by the same changes, and its figure is the strip below every page.
//! | column  | unit, shape                                  | for              |
//! |---------|----------------------------------------------|------------------|
//! | busy    | ns of execution, by bucket of time           | the strip        |
//! | attempts | task, key, worker, slot, begin, end, outcome, bytes, and the tasks it depended on: some bytes each | search, selection, clicks, arrows |
//! | chain | what executions waited for | critical path |
//! | workers | slots, when they came and went               | selection        |
//! | errors  | when, which task, on which worker, why        | their page, the strip, jumps |
//! | moments | instants of lost workers and markers         | the strip, jumps |

mod attempts;
mod busy;
mod errors;
mod executions;
mod gaps;
mod relatives;
mod rows;
mod selection;
mod strip;

use std::sync::{Arc, Mutex, MutexGuard};

use serde::Serialize;
use taskreel_model::{Change, Nanos, Outcome, Sample, State, TaskId, WorkerId, WorkerStatus};
use taskreel_replay::chain::Chain;
use taskreel_replay::figure::{Figure, View, Window};
use taskreel_replay::plots::{About, Page, Plot};

use attempts::Attempts;
pub(crate) use attempts::{Found, Matches};
use busy::Busy;
pub(crate) use errors::ErrorRow;
use errors::Errors;
pub(crate) use executions::Executions;
pub(crate) use relatives::{Path, Relatives};
pub(crate) use selection::{Filter, Selection};

use crate::text::visible;

/// The id of the strip.
pub(crate) const STRIP: &str = "strip";
/// The same with idle stretches folded.
pub(crate) const STRIP_FOLDED: &str = "strip-folded";
const ABOUT: About = About {
    id: STRIP,
    title: "The run",
    question: "When was it busy, and when did it go wrong?",
    page: Page::Status,
};
/// Most moments of each kind that are kept: later ones are not marked on the strip.
const MOMENTS_MAX: usize = 100_000;

/// The columns, shared by the plot that the timeline feeds and the run that asks. Both live on one
/// thread, so nobody ever waits.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger(Arc<Mutex<Columns>>);

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Columns {
    busy: Busy,
    attempts: Attempts,
    /// By id.
    workers: Vec<Presence>,
    errors: Errors,
    lost: Vec<Moment>,
    marks: Vec<Moment>,
    chain: Chain,
}

/// An instant with what happened.
#[derive(Clone, Debug)]
struct Moment {
    at: Nanos,
    label: Box<str>,
}

/// When a worker was here.
#[derive(Clone, Copy, Debug)]
struct Presence {
    slots: u16,
    joined: Nanos,
    lost: Option<Nanos>,
}

/// The nearest moments before and after an instant, in ns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Jumps {
    /// Tasks that failed and workers that were lost.
    pub trouble: [Option<u64>; 2],
    /// The user's markers.
    pub mark: [Option<u64>; 2],
}

impl Ledger {
    /// The columns as they are now.
    pub(crate) fn columns(&self) -> MutexGuard<'_, Columns> {
        self.0.lock().expect("no holder of this lock panics")
    }
}

impl Columns {
    /// Where to jump from `at`.
    pub(crate) fn jumps(&self, at: Nanos) -> Jumps {
        let [e0, e1] = nearest(self.errors.rows(), at, |error| error.at);
        let [l0, l1] = nearest(&self.lost, at, |moment| moment.at);
        let first = [e1, l1].into_iter().flatten().min();
        Jumps { trouble: [e0.max(l0), first], mark: nearest(&self.marks, at, |mark| mark.at) }
    }

    /// The last errors up to an instant, the newest first, and how many more there were.
    pub(crate) fn errors(&self, at: Nanos, n_max: usize) -> (Vec<ErrorRow>, usize) {
        let rows = self.errors.rows();
        let n = rows.partition_point(|error| error.at <= at);
        let first = n.saturating_sub(n_max);
        let told = |row| self.errors.told(row, &self.attempts);
        (rows[first..n].iter().rev().map(told).collect(), first)
    }

    /// Executions of tasks whose keys contain a text.
    pub(crate) fn search(&self, text: &str) -> Matches {
        self.attempts.search(text)
    }

    /// What a task waited for and what waited for it; `None`: it never ran.
    pub(crate) fn relatives(&self, task: TaskId) -> Option<Relatives> {
        self.attempts.relatives(task)
    }

    /// The chain of executions that made the run as long as it was.
    pub(crate) fn critical_path(&self) -> Path {
        self.attempts.critical_path(&self.chain)
    }

    /// The strip with idle stretches folded.
    pub(crate) fn folded_strip(&self, view: &View) -> Figure {
        let about = About { id: STRIP_FOLDED, ..ABOUT };
        strip::figure(self, about, view, &self.gaps(view))
    }

    /// The last executions on a worker that began by an instant, the newest first.
    pub(crate) fn on_worker(&self, worker: u32, at: Nanos, n_max: usize) -> Vec<Found> {
        self.attempts.on_worker(worker, at, n_max)
    }

    /// The execution at an instant that a label of the task stream tells of.
    pub(crate) fn labelled(&self, label: &str, window: Window) -> Option<Found> {
        self.attempts.labelled(label, window)
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        self.chain.update(at, change, state);
        match *change {
            Change::Started { task, worker, slot } => {
                self.attempts.started(at, task, (worker, slot), state);
            }
            Change::Seceded { task, since, .. } => {
                self.attempts.computes(task, None);
                self.busy.add(since, at);
            }
            Change::Rejoined { task, .. } => self.attempts.computes(task, Some(at)),
            Change::Stopped { task, worker, last, outcome, .. } => {
                self.attempts.stopped(at, task, outcome, state);
                if !last.seceded {
                    self.busy.add(last.since, at);
                }
                if outcome == Outcome::Failed {
                    self.errors.failed(at, task, worker, state);
                }
            }
            Change::Worker { worker, from, to } => self.worker(at, worker, (from, to), state),
            Change::Mark { name, .. } => {
                note(&mut self.marks, at, || visible(state.text(name)));
            }
            // What else changes is not asked for.
            _ => {}
        }
    }

    fn worker(
        &mut self,
        at: Nanos,
        worker: WorkerId,
        (from, to): (Option<WorkerStatus>, WorkerStatus),
        state: &State,
    ) {
        if worker.index() == self.workers.len() {
            let slots = state.worker(worker).map_or(0, |found| found.info.slots);
            self.workers.push(Presence { slots, joined: at, lost: None });
        }
        let Some(presence) = self.workers.get_mut(worker.index()) else { return };
        if to != WorkerStatus::Lost {
            return;
        }
        presence.lost = Some(at);
        // One that leaves when all is done, or after its retirement, is no loss.
        if from != Some(WorkerStatus::Retiring) && !state.is_idle() {
            note(&mut self.lost, at, || format!("{} was lost", name(worker, state)));
        }
    }
}

/// The nearest instants of a list on both sides of `at`.
fn nearest<T>(list: &[T], at: Nanos, when: impl Fn(&T) -> Nanos) -> [Option<u64>; 2] {
    let n_before = list.partition_point(|moment| when(moment) < at);
    let n_not_after = list.partition_point(|moment| when(moment) <= at);
    let instant = |index: usize| list.get(index).map(|moment| when(moment).0);
    [n_before.checked_sub(1).and_then(instant), instant(n_not_after)]
}

/// Keeps the list in the order of instants; `at` may be a little earlier than the last.
fn note(list: &mut Vec<Moment>, at: Nanos, label: impl FnOnce() -> String) {
    if list.len() < MOMENTS_MAX {
        let index = list.partition_point(|moment| moment.at <= at);
        list.insert(index, Moment { at, label: label().into() });
    }
}

fn name(worker: WorkerId, state: &State) -> String {
    state.worker(worker).map_or_else(|| worker.to_string(), |found| visible(&found.info.name))
}

impl Plot for Ledger {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        // Most changes are of phases: for those it is not worth to take the lock.
        if !matches!(change, Change::Task { .. }) || Chain::is_about(change) {
            self.columns().update(at, change, state);
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn figure(&self, view: &View) -> Figure {
        strip::figure(&self.columns(), ABOUT, view, &[])
    }

    fn columns(&self) -> String {
        format!("{:?}", self.columns())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jumps_go_to_the_nearest_of_both_sides() {
        let mut columns = Columns::default();
        for at in [30, 10, 20] {
            note(&mut columns.lost, Nanos(at), String::new);
        }
        note(&mut columns.lost, Nanos(25), String::new);
        let trouble = |at| columns.jumps(Nanos(at)).trouble;
        assert_eq!(trouble(0), [None, Some(10)]);
        assert_eq!(trouble(20), [Some(10), Some(25)]);
        assert_eq!(trouble(26), [Some(25), Some(30)]);
        assert_eq!(trouble(30), [Some(25), None]);
        assert_eq!(columns.jumps(Nanos(5)).mark, [None, None]);
    }
}
