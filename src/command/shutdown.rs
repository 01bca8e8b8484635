//! `reel shutdown`: stops a cluster.

use clap::Args;
use taskreel_runtime::Operator;

use super::Failure;
use super::access::Access;
use super::size::parse_scheduler;

/// Stops the cluster at ADDR: scheduler and workers end, and the trace is closed.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  reel shutdown tcp://head:7878")]
pub struct Shutdown {
    /// The scheduler: tcp://HOST:PORT
    #[arg(value_name = "ADDR", value_parser = parse_scheduler)]
    address: String,
    #[command(flatten)]
    access: Access,
}

impl Shutdown {
    /// Asks for it.
    pub fn run(self) -> Result<(), Failure> {
        let operator = Operator::new(self.address, self.access.credentials()?);
        operator.shutdown().map_err(Failure::run)
    }
}
