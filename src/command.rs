//! The subcommands by which a cluster of several processes is run: `reel` has them, and so has every
//! program that [`crate::main!`] made.

pub mod access;
pub mod cancel;
pub mod failure;
pub mod interrupt;
pub mod record_error;
pub mod retire;
pub mod scheduler;
pub mod shutdown;
pub mod size;
pub mod status;
pub mod table;
pub mod viewer;
pub mod worker;

use tracing_subscriber::EnvFilter;

pub use failure::Failure;
pub use scheduler::Scheduler;

/// What the parts have to say that is no result goes to standard error: warnings, and more when
/// `REEL_LOG` asks for it. A program that has seen to that itself is left as it is.
pub fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("REEL_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(false);
    // It fails where there is a subscriber already.
    let _ = logs.try_init();
}
