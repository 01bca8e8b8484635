//! `reel retire`: lets a worker go in order.

use clap::Args;
use taskreel_runtime::Operator;

use super::Failure;
use super::access::Access;
use super::size::parse_scheduler;

/// Lets a worker of the cluster at ADDR leave: it takes no more tasks, and ends once others have its
/// results.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  reel retire tcp://head:7878 worker-3")]
pub struct Retire {
    /// The scheduler: tcp://HOST:PORT
    #[arg(value_name = "ADDR", value_parser = parse_scheduler)]
    address: String,
    /// The worker: its name, or its id (w3), as `reel status` shows them
    #[arg(value_name = "WORKER")]
    worker: String,
    #[command(flatten)]
    access: Access,
}

impl Retire {
    /// Asks for it.
    ///
    /// # Errors
    /// There is no answer, or no such worker.
    pub fn run(self) -> Result<(), Failure> {
        let operator = Operator::new(self.address, self.access.credentials()?);
        operator.retire(&self.worker).map_err(Failure::run)
    }
}
