//! `reel scheduler`: the scheduler of a cluster of several processes or hosts.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use taskreel::Cluster;

use super::Failure;
use super::access::Access;
use super::failure::say;
use super::interrupt::Interrupts;
use super::viewer::{self, parse_addr};

/// How often it is looked whether the scheduler has stopped.
const TICK: Duration = Duration::from_millis(100);

/// Runs the scheduler of a cluster: workers and clients connect to it.
///
/// Killed and started again with the same --record file it goes on where it was: workers and
/// clients come back by themselves, and no finished result is lost.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reel scheduler
  reel scheduler --listen 0.0.0.0:7878 --token-file cluster.token --record /data/cluster.reel")]
pub(crate) struct Scheduler {
    /// Listen at ADDRESS:PORT; a token is needed when that is not loopback
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:7878", value_parser = parse_addr)]
    listen: SocketAddr,
    /// Record to this file, and go on with the run that is in it
    #[arg(long, value_name = "FILE", default_value = "cluster.reel")]
    record: PathBuf,
    /// Name of the run, for people
    #[arg(long, default_value = "cluster")]
    name: String,
    /// Show the cluster in the browser at ADDRESS:PORT or a port of this machine
    #[arg(long, value_name = "ADDR", value_parser = parse_addr)]
    view: Option<SocketAddr>,
    #[command(flatten)]
    access: Access,
}

impl Scheduler {
    /// Runs until Ctrl-C, or until somebody stops the cluster.
    pub(crate) fn run(self) -> Result<(), Failure> {
        let interrupts = Interrupts::listen()?;
        let mut builder = Cluster::local()
            .scheduler_only()
            .name(self.name)
            .listen(self.listen.to_string())
            .record(&self.record)
            .resume(true);
        if let Some(token) = self.access.token()? {
            builder = builder.token(token);
        }
        if let Some(tls) = self.access.tls()? {
            builder = builder.tls(tls);
        }
        let cluster = builder.start().map_err(Failure::run)?;
        if let Some(address) = cluster.address() {
            say(format_args!("scheduler: {address}, recording to {}", self.record.display()));
        }
        let viewer = self.view.map(|addr| viewer::start(&self.record, Some(addr))).transpose()?;
        while !cluster.is_stopped() && !interrupts.wait_for(TICK) {}
        let closed = cluster.close().map_err(Failure::run);
        if let Some(viewer) = viewer {
            viewer.shutdown();
        }
        closed.map(|_summary| ())
    }
}
