//! A worker that is a child process: this program, started again.
//!
//! The parent holds the other end of its stdin. It writes one byte, and then the child joins: so all
//! of them start at once and join in the order of their names. When stdin ends, so does the child.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::Duration;

use super::StartError;
use crate::supervise::ALLOCATOR;
use crate::tls::Tls;
use crate::worker::{WorkerOptions, run_worker};

/// Names the scheduler that a child process is to join; [`init`] looks for it. All these names begin
/// alike: commands that the worker runs do not get them.
const SCHEDULER: &str = "TASKREEL_WORKER";
const NAME: &str = "TASKREEL_WORKER_NAME";
const SLOTS: &str = "TASKREEL_WORKER_SLOTS";
const MEMORY: &str = "TASKREEL_WORKER_MEMORY";
const SPILL_FOLDER: &str = "TASKREEL_WORKER_SPILL_FOLDER";
/// `gpu=1000,licence=2000`: in thousandths.
const RESOURCES: &str = "TASKREEL_WORKER_RESOURCES";
const TOKEN: &str = "TASKREEL_WORKER_TOKEN";
/// Files with the certificate, its key and the authority.
const TLS: [&str; 3] =
    ["TASKREEL_WORKER_TLS_CERT", "TASKREEL_WORKER_TLS_KEY", "TASKREEL_WORKER_TLS_CA"];

/// How long a worker whose parent is gone may take to end what it started.
const GRACE: Duration = Duration::from_secs(2);

/// Makes this process a worker if a cluster started it as one, and then does not return.
///
/// A program that uses `Cluster::local().processes(true)` calls it first of all in `main`: its
/// worker processes are the program itself, started again without arguments.
pub fn init() {
    let Ok(scheduler) = std::env::var(SCHEDULER) else { return };
    wait_for_turn();
    exit_with_parent();
    let number = |name: &str| std::env::var(name).ok()?.parse::<u64>().ok();
    let options = WorkerOptions {
        scheduler,
        name: std::env::var(NAME).unwrap_or_else(|_| "worker".to_owned()),
        slots: number(SLOTS).and_then(|n| u16::try_from(n).ok()).unwrap_or(1).max(1),
        memory_limit: number(MEMORY).unwrap_or(0),
        spill_folder: std::env::var_os(SPILL_FOLDER).map(PathBuf::from),
        resources: parse_resources(&std::env::var(RESOURCES).unwrap_or_default()),
        token: std::env::var(TOKEN).ok(),
        tls: tls(),
        supervised: true,
        ..WorkerOptions::new("")
    };
    match run_worker(&options) {
        Ok(()) => std::process::exit(0),
        Err(error) => {
            eprintln!("{}: {error}", options.name);
            std::process::exit(1);
        }
    }
}

/// The certificate of this process, if its environment names one.
fn tls() -> Option<Tls> {
    let [cert, key, ca] = TLS.map(std::env::var_os);
    match Tls::load(cert?, key?, ca?) {
        Ok(tls) => Some(tls),
        Err(error) => {
            eprintln!("{error}");
            std::process::exit(1);
        }
    }
}

fn parse_resources(text: &str) -> BTreeMap<String, u64> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    pairs.filter_map(|(name, amount)| Some((name.to_owned(), amount.parse().ok()?))).collect()
}

/// A worker process that starts a cluster has not called [`init`]: it would start worker processes
/// without end.
pub(super) fn refuse_in_worker() -> Result<(), StartError> {
    if std::env::var_os(SCHEDULER).is_none() {
        return Ok(());
    }
    let name = std::env::var(NAME).unwrap_or_else(|_| "worker".to_owned());
    let reason = "the program must call taskreel::init() first of all in main()".to_owned();
    Err(StartError::Worker { name, reason })
}

/// Waits until the parent lets it join.
fn wait_for_turn() {
    if !matches!(io::stdin().read(&mut [0]), Ok(1)) {
        std::process::exit(0);
    }
}

/// When the parent is gone, however it went, so are we.
fn exit_with_parent() {
    let watching = std::thread::Builder::new().name("parent".to_owned()).spawn(|| {
        let mut byte = [0];
        // The parent writes no more: whatever comes back means that it is gone.
        while matches!(io::stdin().read(&mut byte), Ok(1)) {}
        // The scheduler went with it, so the worker is stopping, and its commands with it.
        std::thread::sleep(GRACE);
        std::process::exit(0);
    });
    if let Err(error) = watching {
        eprintln!("cannot watch the parent process: {error}");
    }
}

/// How the processes are to be.
#[derive(Debug)]
pub(super) struct ChildSetup {
    /// Program and arguments; `None`: this program.
    pub(super) command: Option<(PathBuf, Vec<String>)>,
    pub(super) scheduler: String,
    pub(super) token: Option<String>,
    pub(super) tls: Option<Tls>,
    pub(super) slots: u16,
    pub(super) memory_limit: u64,
    pub(super) spill_folder: Option<PathBuf>,
    pub(super) resources: BTreeMap<String, u64>,
}

/// A running one.
#[derive(Debug)]
pub(super) struct ChildWorker {
    pub(super) name: String,
    pub(super) process: Child,
    /// It was seen to have ended in order.
    pub(super) has_left: bool,
    /// Held so that the child notices when we are gone.
    alive: Option<ChildStdin>,
}

impl ChildWorker {
    /// Starts one, which then waits until it is let join.
    pub(super) fn start(setup: &ChildSetup, name: String) -> Result<Self, StartError> {
        let (program, args) = match &setup.command {
            Some((program, args)) => (program.clone(), args.clone()),
            None => (std::env::current_exe()?, Vec::new()),
        };
        let mut command = Command::new(&program);
        // What tasks print goes to stderr: stdout is for the program's own data. A group of its own
        // keeps a worker running when Ctrl-C stops the program, so that the trace is closed in order.
        command.args(args).stdin(Stdio::piped()).stdout(io::stderr()).process_group(0);
        setup.tell(&mut command, &name);
        let mut process = command.spawn().map_err(|error| StartError::Worker {
            name: name.clone(),
            reason: format!("cannot start {}: {error}", program.display()),
        })?;
        let alive = process.stdin.take();
        Ok(Self { name, process, has_left: false, alive })
    }

    /// It may join now.
    pub(super) fn let_join(&mut self) {
        if let Some(stdin) = &mut self.alive {
            // One that has ended is found out by its status.
            let _ = stdin.write_all(b"\n");
        }
    }

    pub(super) fn did_not_join(&self, reason: String) -> StartError {
        StartError::Worker { name: self.name.clone(), reason }
    }

    pub(super) fn kill(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            tracing::warn!(worker = self.name, %error, "could not be killed");
        }
    }
}

impl ChildSetup {
    /// Puts what a child needs to know into its environment.
    fn tell(&self, command: &mut Command, name: &str) {
        command.env(SCHEDULER, &self.scheduler).env(NAME, name);
        command.env(SLOTS, self.slots.to_string()).env(MEMORY, self.memory_limit.to_string());
        let resources = self.resources.iter().map(|(name, amount)| format!("{name}={amount}"));
        command.env(RESOURCES, resources.collect::<Vec<_>>().join(","));
        for (name, value) in ALLOCATOR.iter().filter(|(name, _)| std::env::var_os(name).is_none()) {
            command.env(name, value);
        }
        if let Some(folder) = &self.spill_folder {
            command.env(SPILL_FOLDER, folder);
        }
        if let Some(token) = &self.token {
            command.env(TOKEN, token);
        }
        if let Some(tls) = &self.tls {
            command.envs(TLS.into_iter().zip(tls.files()));
        }
    }
}

impl Drop for ChildWorker {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}
