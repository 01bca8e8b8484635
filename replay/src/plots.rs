//! Plots: each answers one question about a run, from columns that changes append to.
//!
//! A plot sees the state only while it is fed ([`Plot::update`], [`Plot::sample`],
//! [`Plot::settle`]); [`Plot::figure`] draws from its columns alone, so any window can be drawn
//! again without the run. To add one: one file here, one line in [`ALL`].

mod progress;
mod task_stream;
mod workers;

use taskreel_model::{Change, Nanos, Sample, State};

pub use progress::Progress;
pub use task_stream::TaskStream;
pub use workers::Workers;

use crate::figure::{Figure, View};

/// What a plot says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct About {
    /// For options and addresses: `task-stream`.
    pub id: &'static str,
    /// For people: `Task stream`.
    pub title: &'static str,
    /// The question it answers.
    pub question: &'static str,
}

/// A plot: columns that are fed, and figures that are drawn from them.
pub trait Plot: Send {
    /// What it says of itself; the same always.
    fn about(&self) -> About;

    /// A plot of the same kind without any columns yet.
    fn fresh(&self) -> Box<dyn Plot>;

    /// Takes one change in: `at` is when it happened, `state` is as just after its event.
    /// Appends to or patches columns, in (nearly) constant time.
    fn update(&mut self, at: Nanos, change: &Change, state: &State);

    /// Takes one sample in. Samples may come late, thinned or not at all.
    fn sample(&mut self, sample: &Sample, state: &State);

    /// Called after each batch and before figures are drawn: copies totals that the state keeps.
    fn settle(&mut self, state: &State) {
        let _ = state;
    }

    /// Draws the columns. Pure: the same columns and view give the same figure. Level of detail is
    /// chosen here: at most about two glyphs per pixel column and lane, however long the run.
    fn figure(&self, view: &View) -> Figure;

    /// The columns as a text table: equal for a live run and its replay.
    fn columns(&self) -> String;
}

/// Makes a plot without any columns yet.
pub type MakePlot = fn() -> Box<dyn Plot>;

/// All plots there are, in the order in which pages list them.
pub const ALL: &[MakePlot] =
    &[|| Box::<TaskStream>::default(), || Box::<Progress>::default(), || Box::<Workers>::default()];

/// One of each plot.
pub fn all() -> Vec<Box<dyn Plot>> {
    ALL.iter().map(|make| make()).collect()
}

/// One plot by its id.
pub fn by_id(id: &str) -> Option<Box<dyn Plot>> {
    ALL.iter().map(|make| make()).find(|plot| plot.about().id == id)
}
