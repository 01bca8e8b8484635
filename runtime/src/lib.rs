//! Scheduler, worker, client and wire of Taskreel: everything that touches tokio.

pub mod clock;
pub mod scheduler;
pub mod wire;
