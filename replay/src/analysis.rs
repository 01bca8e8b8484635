//! Why a run took as long as it did, and how two runs differ.
//!
//! [`Facts`] are what a fold of the events leaves behind: a row per task, per attempt, per stretch
//! of other work. [`Usage`] says for every moment what each slot did, or why it did nothing.
//! [`explain`] asks each of the [`findings`] what it has to say about the two.
//! [`Story`] is the life of one task; [`compare::compare`] sets two runs side by side.
//!
//! Nothing here derives a phase: rows follow from the changes that `State::apply` gives.

pub mod compare;
mod critical_path;
mod explain;
mod facts;
pub mod findings;
mod quantile;
pub mod story;
mod usage;

pub use critical_path::{CriticalPath, Link};
pub use explain::{Explanation, PrefixTime, Totals, explain};
pub use facts::{Attempt, Facts, Failure, GrowingFacts, Move, Pause, TaskRow, WorkerRow};
pub use findings::{Finding, Run};
pub use quantile::quantile;
pub use story::{Story, tell};
pub use usage::{Usage, Use};
