//! The worker: runs tasks in its slots, keeps their results and serves them to others.

mod store;

pub use store::Store;
