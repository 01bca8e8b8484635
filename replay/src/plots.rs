//! Plots: each answers one question about a run, from columns that changes append to.
//!
//! A plot sees the state only while it is fed ([`Plot::update`], [`Plot::sample`],
//! [`Plot::settle`]); [`Plot::figure`] draws from its columns alone, so any window can be drawn
//! again without the run. To add one: one file here, one line in [`ALL`].

mod activity;
mod backlog;
mod critical_path;
mod disk;
mod distribution;
mod durations;
mod errors;
mod events;
mod gauges;
mod logs;
mod marks;
mod network;
mod occupancy;
mod prefix_bytes;
mod prefix_memory;
mod prefix_time;
mod prefixes;
mod progress;
mod queue;
mod sampled;
mod scheduler;
mod task_graph;
mod task_stream;
mod transfer_matrix;
mod transfer_rate;
mod worker_cpu;
mod worker_memory;
mod worker_table;
mod workers;

use taskreel_model::{Change, LogLine, Nanos, Sample, State};

pub use activity::TimeByActivity;
pub use backlog::Backlog;
pub use critical_path::CriticalPath;
pub use distribution::Distribution;
pub use durations::Durations;
pub use errors::Errors;
pub use events::Events;
pub use logs::Logs;
pub use occupancy::Occupancy;
pub use prefix_bytes::PrefixBytes;
pub use prefix_memory::PrefixMemory;
pub use prefix_time::PrefixTime;
pub use progress::Progress;
pub use queue::Queue;
pub use scheduler::Scheduler;
pub use task_graph::TaskGraph;
pub use task_stream::TaskStream;
pub use transfer_matrix::TransferMatrix;
pub use transfer_rate::TransferRate;
pub use worker_memory::WorkerMemory;
pub use worker_table::WorkerTable;
pub use workers::Workers;

pub use crate::about::{About, Page};
use crate::figure::{Figure, View};

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

    /// Takes one line of the run's logs in. Lines may come late, or not at all.
    fn log(&mut self, line: &LogLine, state: &State) {
        let _ = (line, state);
    }

    /// Called once events were folded, and before figures are drawn: copies totals that the state keeps.
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
pub const ALL: &[MakePlot] = &[
    || Box::<TaskStream>::default(),
    || Box::<Progress>::default(),
    || Box::<Workers>::default(),
    || Box::<Queue>::default(),
    || Box::<TaskGraph>::default(),
    || Box::<CriticalPath>::default(),
    worker_cpu::make,
    || Box::<WorkerMemory>::default(),
    || Box::<Backlog>::default(),
    || Box::<Occupancy>::default(),
    || Box::<Distribution>::default(),
    || Box::<TimeByActivity>::default(),
    || Box::<WorkerTable>::default(),
    || Box::<Logs>::default(),
    || Box::<TransferMatrix>::default(),
    || Box::<TransferRate>::default(),
    network::make,
    disk::make,
    || Box::<Errors>::default(),
    || Box::<Durations>::default(),
    || Box::<PrefixTime>::default(),
    || Box::<PrefixBytes>::default(),
    || Box::<PrefixMemory>::default(),
    || Box::<Scheduler>::default(),
    || Box::<Events>::default(),
];

/// One of each plot.
pub fn all() -> Vec<Box<dyn Plot>> {
    ALL.iter().map(|make| make()).collect()
}

/// One of each plot of a page.
pub fn of_page(page: Page) -> Vec<Box<dyn Plot>> {
    ALL.iter().map(|make| make()).filter(|plot| plot.about().page == page).collect()
}

/// One plot by its id.
pub fn by_id(id: &str) -> Option<Box<dyn Plot>> {
    ALL.iter().map(|make| make()).find(|plot| plot.about().id == id)
}
