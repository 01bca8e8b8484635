//! What a trace shows: the run at any instant, plots of it, and pictures of plots.
//!
//! Reading order: [`Timeline`] folds a source of events through one `State` and feeds the
//! [`plots`]; a plot draws its columns as a [`figure::Figure`], which is plain data; [`render`]
//! turns figures into files. The browser draws the same figures from their JSON.
//!
//! This crate decides nothing (events are facts) and derives no phase: what it shows follows from
//! the changes that `State::apply` gives. It has no clock and opens no file or socket; a
//! [`taskreel_recorder::Source`] is handed in. Only what is old of a very long run it may put into a
//! nameless file ([`attic`]).
//!
//! ```
//! use taskreel_model::{Event, Nanos, Stamped};
//! use taskreel_recorder::VecSource;
//! use taskreel_replay::{Timeline, figure::Theme, plots, render};
//!
//! let began = Stamped {
//!     seq: 0,
//!     logged_at: Nanos::ZERO,
//!     at: Nanos::ZERO,
//!     cause: None,
//!     what: Event::SchedulerStarted { incarnation: 0 },
//! };
//! let mut timeline = Timeline::new(Box::new(VecSource::of_events(vec![began])), plots::all());
//! timeline.run_to_end()?;
//! let stream = timeline.plot("task-stream").expect("it is one of all plots");
//! let svg = render::svg(&stream.figure(&timeline.view(900, 300)), &Theme::light());
//! assert!(svg.starts_with("<svg"));
//! # Ok::<(), taskreel_replay::FoldError>(())
//! ```

mod about;
pub mod analysis;
pub mod attic;
pub mod chain;
mod chart;
pub mod export;
pub mod fields;
pub mod figure;
mod instant;
mod lanes;
mod live_tasks;
mod lod;
pub mod packed;
pub mod plots;
pub mod render;
mod series;
mod spans;
mod timeline;

pub use instant::{Instant, ParseInstantError};
pub use timeline::{
    FoldError, Landmark, Pumped, Reopen, SeekError, Timeline, Toward, part_of_a_run,
};
