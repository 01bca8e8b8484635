//! `reel scheduler`: the scheduler of a cluster of several processes or hosts, and a viewer beside it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use taskreel_runtime::{Cluster, Part, Patience, give_memory_back};
use taskreel_viewer::{Files, MakePack};

use super::Failure;
use super::access::Access;
use super::failure::say;
use super::interrupt::Interrupts;
use super::record_error::OnRecordError;
use super::size::parse_addr;
use super::viewer;

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
pub struct Scheduler {
    /// Listen at ADDRESS:PORT; a token is needed when that is not loopback
    #[arg(
        long, value_name = "ADDR", default_value = "127.0.0.1:7878", value_parser = parse_addr,
        aliases = ["port", "host", "bind"]
    )]
    listen: SocketAddr,
    /// Record to this file, and go on with the run that is in it
    #[arg(long, value_name = "FILE", default_value = "cluster.reel")]
    record: PathBuf,
    /// Name of the run, for people
    #[arg(long, default_value = "cluster")]
    name: String,
    /// Seconds after which a worker or client is given up from which nothing came
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    silence: u64,
    /// What to do when the trace cannot be written, because the disk is full for example. Who goes on cannot
    /// be started again where it was
    #[arg(long, value_name = "WHAT", default_value = "stop")]
    on_record_error: OnRecordError,
    /// Have each event on the disk before anybody hears of it: it then survives a loss of power too, and not
    /// only a kill
    #[arg(long)]
    durable: bool,
    /// Show the cluster in the browser at ADDRESS:PORT or a port of this machine
    #[arg(long, value_name = "ADDR", value_parser = parse_addr)]
    view: Option<SocketAddr>,
    #[command(flatten)]
    access: Access,
}

impl Scheduler {
    /// Runs until Ctrl-C, or until somebody stops the cluster. `pack` is what its viewer packs a run with.
    ///
    /// # Errors
    /// The cluster or its viewer cannot start, or what was recorded is not whole.
    pub fn run(self, pack: Option<&MakePack>) -> Result<(), Failure> {
        give_memory_back(Part::Scheduler);
        let interrupts = Interrupts::listen()?;
        let mut builder = Cluster::local()
            .scheduler_only()
            .name(self.name)
            .listen(self.listen.to_string())
            .record(&self.record)
            .on_record_error(self.on_record_error.into())
            .durable(self.durable)
            .patience(Patience {
                silence: Duration::from_secs(self.silence),
                ..Patience::default()
            })
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
        let files =
            || Files { trace: Some(self.record.clone()), pack: pack.cloned(), ..Files::default() };
        let show = |addr| viewer::start(&self.record, Some(addr), |_| files());
        let viewer = self.view.map(show).transpose()?;
        while !cluster.is_stopped() && !interrupts.wait_for(TICK) {}
        let closed = cluster.close().map_err(Failure::run);
        if let Some(viewer) = viewer {
            viewer.shutdown();
        }
        closed.map(|_summary| ())
    }
}
