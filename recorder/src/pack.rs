//! A run to hand on: one small zip with the trace, and what its reader wants to see first.
//!
//! [`copy_trace`] makes the trace that goes into it, [`ZipWriter`] the zip. Whatever opens a trace
//! opens the zip: the trace is read where it lies in it.

mod copy;
mod redact;
pub(crate) mod zip;

pub(crate) use copy::keep_place;
pub use copy::{Copied, CopyError, CopyOptions, LeftOut, copy_trace};
pub use zip::{Part, ZipWriter};
