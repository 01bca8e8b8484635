//! `reel submit`: runs a job file, or one command, on a cluster that is there.

use std::io::Write;

use clap::Args;

use super::access::Access;
use super::run::{What, workload};
use super::size::parse_scheduler;
use super::{Failure, elsewhere};

/// Runs the commands of a job file, or one command, on the cluster at ADDR, and prints their output.
///
/// It is `reel run --cluster ADDR` in short. The job runs as long as this command does: when it is
/// killed, what it submitted is given up. A scheduler that is started again meanwhile is found again.
#[derive(Debug, Args)]
#[command(
    override_usage = "reel submit [OPTIONS] ADDR JOB.toml\n       reel submit [OPTIONS] ADDR -- CMD [ARGS]..."
)]
#[command(after_help = "Examples:
  reel submit tcp://head:7878 job.toml --token-file cluster.token
  reel submit tcp://head:7878 -- python3 fit.py")]
pub(crate) struct Submit {
    /// The scheduler: tcp://HOST:PORT
    #[arg(value_name = "ADDR", value_parser = parse_scheduler)]
    address: String,
    #[command(flatten)]
    what: What,
    /// Print a summary as one JSON object: seconds, result
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

impl Submit {
    /// Runs it and prints what it printed.
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let job = self.what.job()?;
        let client = elsewhere::connect(&self.address, &job.name, &self.access)?;
        let (work, printed) = workload(job);
        elsewhere::run(&client, work, &printed, self.json, out)
    }
}
