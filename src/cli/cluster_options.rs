//! The options of `run` and `demo`: the cluster, its trace, its viewer.

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use jiff::Zoned;
use taskreel_model::{Nanos, POLICY_NAMES};
use taskreel_replay::Instant;

use super::Failure;
use super::access::Access;
use super::record_error::OnRecordError;
use super::size::{Workers, parse_scheduler, parse_size, parse_workers};
use super::viewer::parse_addr;

/// How to run, record and show.
#[derive(Debug, Args)]
pub(crate) struct ClusterOptions {
    /// Record the run to this file, which must not exist
    /// [default: NAME-DATE-TIME.reel in this folder]
    #[arg(long, value_name = "FILE", help_heading = "Trace")]
    record: Option<PathBuf>,
    /// Do not record the run; then there is no viewer either
    #[arg(long, conflicts_with_all = ["record", "view"], help_heading = "Trace")]
    no_record: bool,
    /// What to do when the trace cannot be written, because the disk is full for example
    #[arg(long, value_name = "WHAT", default_value = "stop", help_heading = "Trace")]
    pub(crate) on_record_error: OnRecordError,
    /// Have each event on the disk before anybody hears of it: it then survives a loss of power too,
    /// and not only a kill
    #[arg(long, conflicts_with = "no_record", help_heading = "Trace")]
    pub(crate) durable: bool,
    /// Resolution of the recorded instants, such as 100ns, 1us or 1ms: a coarser one makes the trace
    /// smaller
    #[arg(
        long, value_name = "TIME", default_value = "1us", value_parser = parse_tick,
        help_heading = "Trace"
    )]
    pub(crate) tick: u32,
    /// Number of workers, or MIN..MAX: then they start while work waits, and leave when there is none
    /// [default: one per core]
    #[arg(
        long, value_name = "N", value_parser = parse_workers, help_heading = "Cluster",
        aliases = ["nworkers", "n-workers"]
    )]
    pub(crate) workers: Option<Workers>,
    /// Threads per worker: how many tasks it runs at once [default: its share of the cores]
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024),
        help_heading = "Cluster", aliases = ["nthreads", "threads-per-worker"]
    )]
    pub(crate) threads: Option<u16>,
    /// Workers are processes that talk TCP, instead of threads of this one
    #[arg(long, help_heading = "Cluster")]
    pub(crate) processes: bool,
    /// Memory limit of each worker, such as 512MB or 2GiB: results go to disk from 60 % of it on; 0: none
    /// [default: its share of the machine's memory]
    #[arg(
        long, value_name = "SIZE", value_parser = parse_size, help_heading = "Cluster",
        alias = "memory-limit"
    )]
    pub(crate) memory: Option<u64>,
    /// Which worker runs what: `locality` sends tasks to their inputs and moves them to idle workers,
    /// `random` draws lots, to compare with
    #[arg(
        long, value_name = "NAME", default_value = POLICY_NAMES[0],
        value_parser = PossibleValuesParser::new(POLICY_NAMES), help_heading = "Cluster"
    )]
    pub(crate) policy: String,
    /// Seed of the lots that a policy draws
    #[arg(long, value_name = "N", default_value_t = 0, help_heading = "Cluster")]
    pub(crate) seed: u64,
    /// Run on the cluster whose scheduler is at tcp://HOST:PORT, which records the run, instead of on
    /// one of this command's own
    #[arg(
        long, value_name = "ADDR", value_parser = parse_scheduler, help_heading = "Another cluster",
        conflicts_with_all = [
            "record", "no_record", "on_record_error", "durable", "tick", "workers", "threads",
            "processes", "memory", "policy", "seed", "view", "no_view",
        ]
    )]
    pub(crate) cluster: Option<String>,
    #[command(flatten, next_help_heading = "Another cluster")]
    pub(crate) access: Access,
    /// Show the run in the browser at ADDRESS:PORT or a port of this machine; 0 takes a free one
    /// [default: on a terminal 127.0.0.1:8787 or the next free port, in a pipe none]
    #[arg(long, value_name = "ADDR", value_parser = parse_addr, help_heading = "Viewer")]
    pub(crate) view: Option<SocketAddr>,
    /// No viewer, also on a terminal
    #[arg(long, conflicts_with = "view", help_heading = "Viewer")]
    no_view: bool,
    /// Print a summary as one JSON object: trace, tasks, failed, seconds, tasks_per_second, result;
    /// of another cluster, seconds and result
    #[arg(long)]
    pub(crate) json: bool,
}

impl ClusterOptions {
    /// Where to record a run of this name; `None`: nowhere.
    pub(crate) fn trace(&self, name: &str) -> Result<Option<PathBuf>, Failure> {
        if self.no_record {
            return Ok(None);
        }
        let Some(path) = &self.record else {
            return Ok(Some(free_name(name, &Zoned::now().strftime("%Y%m%d-%H%M%S").to_string())));
        };
        if path.exists() {
            let hint = "give another name with --record, or remove it first";
            return Err(Failure::run(format!("{} exists already: {hint}", path.display())));
        }
        Ok(Some(path.clone()))
    }

    /// Whether a viewer is to run.
    pub(crate) fn wants_viewer(&self) -> bool {
        self.view.is_some() || (on_terminal() && !self.no_view && !self.no_record)
    }
}

/// Nanoseconds of a resolution, from one nanosecond to one second.
fn parse_tick(text: &str) -> Result<u32, String> {
    let wrong = || format!("`{text}` is no resolution: write 100ns, 1us or 1ms, at most 1s");
    match text.parse() {
        Ok(Instant::At(Nanos(ns @ 1..=1_000_000_000))) => Ok(ns as u32),
        Ok(_) | Err(_) => Err(wrong()),
    }
}

/// Whether a person watches: then the viewer stays after the run.
pub(crate) fn on_terminal() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

/// `NAME-DATE-TIME.reel`, with a number if two runs begin in the same second.
fn free_name(name: &str, time: &str) -> PathBuf {
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).take(80).collect();
    let name = name.trim_start_matches(['.', '-']);
    let name = if name.is_empty() { "run" } else { name };
    let mut path = PathBuf::from(format!("{name}-{time}.reel"));
    let mut number = 2;
    while path.exists() {
        path = PathBuf::from(format!("{name}-{time}-{number}.reel"));
        number += 1;
    }
    path
}
