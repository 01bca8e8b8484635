//! A run to hand on: one small zip with the trace, and what its reader wants to see first.
//!
//! Whatever opens a trace opens the zip: the trace is read where it lies in it.

pub(crate) mod zip;

pub use zip::{Part, ZipWriter};
