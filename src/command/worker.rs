//! `reel worker`: a worker that joins a scheduler elsewhere.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use clap::Args;
use taskreel_runtime::{Part, WorkerOptions, WorkerProcess, give_memory_back};

use super::Failure;
use super::access::Access;
use super::failure::say;
use super::interrupt::Interrupts;
use super::size::{parse_scheduler, parse_size};

/// How often it is looked whether a worker has ended.
const TICK: Duration = Duration::from_millis(100);

/// After how long it is said that there is no scheduler yet.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs a worker for the scheduler at ADDR.
///
/// Ctrl-C or a request to terminate lets it leave in order: it takes no more tasks, and ends when
/// other workers have its results. A second one ends it at once. When the connection breaks it goes
/// on with what it has, and comes back by itself.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reel worker tcp://head:7878 --threads 8 --memory 32GiB --token-file cluster.token
  reel worker tcp://head:7878 --resources gpu=1 --supervise")]
pub struct Worker {
    /// The scheduler: tcp://HOST:PORT
    #[arg(value_name = "ADDR", value_parser = parse_scheduler)]
    scheduler: String,
    /// How many tasks it runs at once [default: one per core]
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024),
        aliases = ["nthreads", "num-cpus"]
    )]
    threads: Option<u16>,
    /// Memory limit, such as 512MB or 2GiB [default: none]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, alias = "memory-limit")]
    memory: Option<u64>,
    /// Its name, for people and for tasks that ask for it [default: the host's, with its process]
    #[arg(long)]
    name: Option<String>,
    /// What tasks may ask for beyond a thread: gpu=1,licence=2
    #[arg(long, value_name = "NAME=N,…", value_parser = parse_resource, value_delimiter = ',')]
    resources: Vec<(String, u64)>,
    /// Folder for results that do not fit in memory [default: that of temporary files]
    #[arg(long, value_name = "FOLDER")]
    spill_folder: Option<PathBuf>,
    /// Seconds for which a scheduler that is not there is looked for; 0: not at all
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    reconnect: u64,
    /// Run the worker as a process of its own, and start another when it dies, or ends itself because
    /// it uses 95 % of its memory limit
    #[arg(long)]
    supervise: bool,
    #[command(flatten)]
    access: Access,
}

impl Worker {
    /// Runs until the scheduler says stop, or is gone for good.
    pub fn run(self) -> Result<(), Failure> {
        if self.supervise {
            return supervise();
        }
        give_memory_back(Part::Worker);
        let interrupts = Interrupts::listen()?;
        let cores = || thread::available_parallelism().map_or(1, |n| n.get().min(1024) as u16);
        let options = WorkerOptions {
            name: self.name.clone().unwrap_or_else(default_name),
            slots: self.threads.unwrap_or_else(cores),
            memory_limit: self.memory.unwrap_or(0),
            spill_folder: self.spill_folder.clone(),
            token: self.access.token()?,
            tls: self.access.tls()?,
            resources: self.resources.iter().cloned().collect::<BTreeMap<_, _>>(),
            reconnect: Duration::from_secs(self.reconnect),
            supervised: taskreel_runtime::is_supervised(),
            ..WorkerOptions::new(&self.scheduler)
        };
        let worker = join(&options, &interrupts)?;
        say(format_args!("worker {} of {}", options.name, self.scheduler));
        wait(worker, &interrupts);
        Ok(())
    }
}

/// Joins the scheduler, which may come later than its workers. Ctrl-C ends the search.
fn join(options: &WorkerOptions, interrupts: &Interrupts) -> Result<WorkerProcess, Failure> {
    let (tx, joined) = mpsc::channel();
    let theirs = options.clone();
    // Whoever waits below may have given up.
    thread::spawn(move || drop(tx.send(WorkerProcess::start(&theirs))));
    let (address, mut has_said) = (&options.scheduler, false);
    let begin = Instant::now();
    loop {
        match joined.recv_timeout(TICK) {
            Ok(joined) => return joined.map_err(Failure::run),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failure::run("the thread that joins the scheduler panicked"));
            }
            Err(RecvTimeoutError::Timeout) if interrupts.wait_for(Duration::ZERO) => {
                return Err(Failure::run(format!("interrupted: no scheduler at {address} yet")));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        if !has_said && begin.elapsed() > PATIENCE {
            let most = options.reconnect.as_secs();
            say(format_args!("looks for a scheduler at {address}, for {most} s (--reconnect)"));
            has_said = true;
        }
    }
}

/// Waits for the worker to end; the first Ctrl-C asks it to leave in order.
fn wait(worker: WorkerProcess, interrupts: &Interrupts) {
    let retire = worker.retirer();
    let (tx, ended) = mpsc::channel();
    thread::spawn(move || {
        worker.wait();
        // Whoever waits below is there until then.
        let _ = tx.send(());
    });
    let mut has_asked = false;
    while ended.recv_timeout(TICK).is_err() {
        if !has_asked && interrupts.wait_for(Duration::ZERO) {
            say(format_args!("leaving once others have the results; Ctrl-C again ends at once"));
            retire();
            has_asked = true;
        }
    }
}

/// Runs this command again without `--supervise`, until it ends in order.
fn supervise() -> Result<(), Failure> {
    let interrupts = Interrupts::listen()?;
    let program = std::env::current_exe().map_err(Failure::run)?;
    let args: Vec<_> = std::env::args_os().skip(1).filter(|arg| arg != "--supervise").collect();
    let command = || {
        let mut command = Command::new(&program);
        command.args(&args);
        command
    };
    taskreel_runtime::supervise(command, |limit| interrupts.wait_for(limit)).map_err(Failure::run)
}

fn default_name() -> String {
    let host = std::fs::read_to_string("/etc/hostname").unwrap_or_default();
    let host = if host.trim().is_empty() { "worker" } else { host.trim() };
    format!("{host}-{}", std::process::id())
}

/// `gpu=1` in thousandths.
fn parse_resource(text: &str) -> Result<(String, u64), String> {
    let parsed = text.split_once('=').and_then(|(name, n)| Some((name, n.parse::<f64>().ok()?)));
    match parsed {
        Some((name, n)) if !name.is_empty() && (0.0..=1e12).contains(&n) => {
            Ok((name.to_owned(), (n * 1000.0).round() as u64))
        }
        _ => Err(format!("`{text}` is no resource: write NAME=NUMBER as in gpu=1")),
    }
}
