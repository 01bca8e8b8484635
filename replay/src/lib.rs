//! Timeline, plots, rendering and analysis of a trace.

pub mod figure;
pub mod plots;
