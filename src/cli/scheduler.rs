//! `reel scheduler`: the scheduler of a cluster, and a viewer beside it.

use std::net::SocketAddr;
use std::path::Path;

use clap::Args;
use taskreel::command::{self, Failure};

use super::viewer;
use taskreel::command::size::parse_addr;

/// Runs the scheduler of a cluster: workers and clients connect to it.
///
/// Killed and started again with the same --record file it goes on where it was: workers and
/// clients come back by themselves, and no finished result is lost.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reel scheduler
  reel scheduler --listen 0.0.0.0:7878 --token-file cluster.token --record /data/cluster.reel")]
pub(crate) struct WatchedScheduler {
    #[command(flatten)]
    scheduler: command::Scheduler,
    /// Show the cluster in the browser at ADDRESS:PORT or a port of this machine
    #[arg(long, value_name = "ADDR", value_parser = parse_addr)]
    view: Option<SocketAddr>,
}

impl WatchedScheduler {
    /// Runs until Ctrl-C, or until somebody stops the cluster.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let view = self.view;
        self.scheduler.run(&|trace: &Path| {
            let viewer = view.map(|addr| viewer::start(trace, Some(addr))).transpose()?;
            Ok(Box::new(move || viewer.map_or((), |viewer| viewer.shutdown())))
        })
    }
}
