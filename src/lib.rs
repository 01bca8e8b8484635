//! Taskreel: a compute cluster whose every run is a recording.
//!
//! A program marks functions with [`task`], submits calls to a [`Cluster`] and gathers their
//! results. Every state transition on the way goes to a trace, one small file, from which the
//! command `reel` shows and draws any instant of the run, live or long after.
//!
//! ```
//! use taskreel::{Cluster, task};
//!
//! #[task]
//! fn square(x: u64) -> u64 {
//!     x * x
//! }
//!
//! #[task]
//! fn sum(values: Vec<u64>) -> u64 {
//!     values.into_iter().sum()
//! }
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     taskreel::init(); // a worker process of `--processes` begins and ends here
//!     let cluster = Cluster::local().no_record().start()?;
//!     let client = cluster.client();
//!     let squares = client.map(0..10u64, square);
//!     let total = client.submit(sum(squares));
//!     assert_eq!(total.wait()?, 285);
//!     Ok(())
//! }
//! ```
//!
//! A task may submit tasks through [`current_client`] and wait for them, who may do the same: while a task
//! waits, another has its slot, so that this works however few slots there are (`examples/nested.rs`).
//!
//! What it does not do: it is no batch system and keeps no queue of users' jobs; a cluster serves
//! the programs that are connected to it now.

#[doc(hidden)]
pub mod command;
pub mod job;
mod program;

pub use program::program;
pub use taskreel_macros::task;
pub use taskreel_recorder::OnRecordError;
pub use taskreel_runtime::*;

/// The README's program, so that it keeps compiling.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
