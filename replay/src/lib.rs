//! Timeline, plots, rendering and analysis of a trace.

pub mod figure;
mod instant;
mod lanes;
mod lod;
pub mod plots;
pub mod render;
mod spans;
mod timeline;

pub use instant::{Instant, ParseInstantError};
pub use timeline::{FoldError, Pumped, Reopen, SeekError, Timeline};
