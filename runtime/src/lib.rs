//! Scheduler, worker, client and wire of Taskreel: everything that touches tokio.

pub mod client;
pub mod clock;
pub mod cluster;
pub mod executor;
mod io_thread;
mod listener;
pub mod peers;
mod reading;
pub mod scheduler;
pub mod task;
pub mod wire;
pub mod worker;

pub use client::{
    Client, ClientOptions, ConnectError, Gather, TaskError, TaskErrorKind, TaskFuture,
};
pub use cluster::{Cluster, ClusterBuilder, RunSummary, StartError, init};
pub use executor::Failure;
#[doc(no_inline)]
pub use inventory;
pub use task::{
    Arg, Arguments, Call, Command, CommandOutput, Returned, Stdin, TaskFunction, registered,
};
pub use taskreel_macros::task;
pub use worker::{WorkerOptions, WorkerProcessError, run_worker};
