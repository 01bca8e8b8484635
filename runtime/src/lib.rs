//! Scheduler, worker, client and wire of Taskreel: everything that touches tokio.
//!
//! A [`Cluster`] starts a scheduler and workers, in this process or as processes that speak TCP; a
//! [`Client`] submits [`Call`]s of `#[task]` functions and [`Command`]s and gets [`TaskFuture`]s.
//! What the cluster does is decided in `taskreel-model` and recorded by `taskreel-recorder`; this
//! crate carries it out, and decides nothing.
//!
//! ```
//! # extern crate taskreel_runtime as taskreel;
//! use taskreel::{Cluster, task};
//!
//! #[task]
//! fn count(text: &str) -> usize {
//!     text.split_whitespace().count()
//! }
//!
//! #[task]
//! fn total(counts: &[usize]) -> usize {
//!     counts.iter().sum()
//! }
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let cluster = Cluster::local().no_record().start()?;
//! let client = cluster.client();
//! let counts = client.map(["to be", "or not to be"], count);
//! assert_eq!(client.submit(total(counts)).wait()?, 6);
//! # Ok(())
//! # }
//! ```

pub mod client;
pub mod clock;
pub mod cluster;
mod credentials;
pub mod executor;
mod io_thread;
mod listener;
pub mod operator;
pub mod peers;
mod reading;
pub mod scheduler;
mod supervise;
pub mod task;
pub mod tls;
pub mod wire;
pub mod worker;

pub use client::{
    AsCompleted, Client, ClientOptions, ConnectError, Gather, TaskError, TaskErrorKind, TaskFuture,
    Waited, as_completed, wait,
};
pub use cluster::{Cluster, ClusterBuilder, RunSummary, StartError, init};
pub use credentials::Credentials;
pub use executor::Failure;
#[doc(no_inline)]
pub use inventory;
pub use operator::{OperateError, Operator};
pub use scheduler::Patience;
pub use supervise::{Part, give_memory_back, is_supervised, supervise};
pub use task::{
    Arg, Arguments, Call, Command, CommandOutput, Returned, Span, Stdin, TaskFunction,
    current_client, mark, registered, span,
};
pub use taskreel_macros::task;
pub use tls::{Tls, TlsError};
pub use worker::{WorkerOptions, WorkerProcess, WorkerProcessError, run_worker};
