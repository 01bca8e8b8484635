//! Timeline, plots, rendering and analysis of a trace.

pub mod figure;
mod instant;
pub mod plots;
mod timeline;

pub use instant::{Instant, ParseInstantError};
pub use timeline::{FoldError, Pumped, Reopen, SeekError, Timeline};
