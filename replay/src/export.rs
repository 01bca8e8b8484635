//! A run in the formats of other tools: Perfetto and Chrome traces to look at, tables to count in.
//!
//! [`Rows::collect`] folds a trace once into rows (attempts of tasks, data that moved, samples,
//! marks); each format is a function from rows to bytes. About 200 bytes of memory per task.

mod chrome;
mod collect;
mod lanes;
#[cfg(feature = "parquet")]
mod parquet;
mod perfetto;
mod rows;
mod tables;

pub use chrome::write_chrome;
#[cfg(feature = "parquet")]
pub use parquet::write_parquet;
pub use perfetto::write_perfetto;
pub use rows::{Attempt, Mark, Move, Rows, TaskRow};
pub use tables::{Table, write_csv, write_jsonl};
