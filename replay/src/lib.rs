//! Timeline, plots, rendering and analysis of a trace.
