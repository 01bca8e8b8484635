//! Workers that are child processes: this program, started again.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::StartError;
use crate::scheduler::inbound::{Inbound, Inbox};
use crate::tls::Tls;
use crate::worker::{WorkerOptions, run_worker};

/// Names the scheduler that a child process is to join; [`init`] looks for it.
const SCHEDULER: &str = "TASKREEL_WORKER";
const NAME: &str = "TASKREEL_WORKER_NAME";
const SLOTS: &str = "TASKREEL_WORKER_SLOTS";
const MEMORY: &str = "TASKREEL_WORKER_MEMORY";
const SPILL_FOLDER: &str = "TASKREEL_WORKER_SPILL_FOLDER";
/// `gpu=1000,licence=2000`: in thousandths.
const RESOURCES: &str = "TASKREEL_WORKER_RESOURCES";
const TOKEN: &str = "TASKREEL_TOKEN";
/// Files with the certificate, its key and the authority.
const TLS: [&str; 3] = ["TASKREEL_TLS_CERT", "TASKREEL_TLS_KEY", "TASKREEL_TLS_CA"];

/// Has glibc give large blocks back to the system as soon as they are freed. By default it raises
/// the size that counts as large to that of the blocks it sees freed, and then keeps them: a worker
/// that spills would not get smaller. Huge pages make the first touch of a long result, which is
/// most of what receiving it costs, several times cheaper.
const ALLOCATOR: [(&str, &str); 3] = [
    ("MALLOC_MMAP_THRESHOLD_", "1048576"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
];

/// How long worker processes may take to join.
const JOIN_PATIENCE: Duration = Duration::from_secs(30);

/// How long a worker whose parent is gone may take to end what it started.
const GRACE: Duration = Duration::from_secs(2);

/// How often running workers are looked after.
const LOOK: Duration = Duration::from_millis(100);

/// So many processes may die without one that joins, and no more are started.
const MAX_VAIN: u32 = 6;

/// How often a process is looked at while it is waited for.
const POLL: Duration = Duration::from_millis(5);

/// Makes this process a worker if a cluster started it as one, and then does not return.
///
/// A program that uses `Cluster::local().processes(true)` calls it first of all in `main`: its
/// worker processes are the program itself, started again without arguments.
pub fn init() {
    let Ok(scheduler) = std::env::var(SCHEDULER) else { return };
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

/// The parent holds the other end of stdin: when it is gone, however it went, so are we.
fn exit_with_parent() {
    let watching = std::thread::Builder::new().name("parent".to_owned()).spawn(|| {
        let mut byte = [0];
        // The parent never writes: whatever comes back means that it is gone.
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

/// The running worker processes. Clones are of the same.
#[derive(Clone, Debug, Default)]
pub(super) struct Children {
    all: Arc<Mutex<Vec<ChildWorker>>>,
    setup: Option<Arc<ChildSetup>>,
    /// They are to end.
    closing: Arc<AtomicBool>,
}

#[derive(Debug)]
struct ChildWorker {
    name: String,
    process: Child,
    /// It was seen to have ended in order.
    has_left: bool,
    /// Held so that the child notices when we are gone.
    _alive: Option<ChildStdin>,
}

impl Children {
    /// Starts them.
    pub(super) fn start(setup: ChildSetup, n_workers: usize) -> Result<Self, StartError> {
        let setup = Arc::new(setup);
        let children = Self { setup: Some(Arc::clone(&setup)), ..Self::default() };
        for index in 0..n_workers {
            let child = start_one(&setup, format!("worker-{index}"))?;
            children.lock().push(child);
        }
        Ok(children)
    }

    /// From now on those that end are not started again.
    pub(super) fn leave_alone(&self) {
        self.closing.store(true, Ordering::Release);
    }

    /// Waits until all have joined.
    pub(super) fn wait_joined(&self, joined: &watch::Receiver<usize>) -> Result<(), StartError> {
        let begin = Instant::now();
        let n_workers = self.lock().len();
        while *joined.borrow() < n_workers {
            for child in self.lock().iter_mut() {
                if let Some(status) = child.process.try_wait()? {
                    return Err(child.did_not_join(format!(
                        "it ended with {status}; does the program call taskreel::init() first?"
                    )));
                }
                if begin.elapsed() > JOIN_PATIENCE {
                    let seconds = JOIN_PATIENCE.as_secs();
                    let reason = format!("not all worker processes joined within {seconds} s");
                    return Err(child.did_not_join(reason));
                }
            }
            std::thread::sleep(POLL);
        }
        Ok(())
    }

    /// Looks after them until they are ended: starts those again that die. When none comes to join
    /// any more the run is stopped, for nobody would ever finish it.
    pub(super) async fn look_after(self, inbox: Inbox, joined: watch::Receiver<usize>) {
        let Some(setup) = self.setup.clone() else { return };
        let mut n_joined = *joined.borrow();
        let mut n_vain = 0;
        loop {
            tokio::time::sleep(LOOK).await;
            if self.closing.load(Ordering::Acquire) || inbox.is_closed() {
                return;
            }
            let n_now = *joined.borrow();
            if n_now > n_joined {
                (n_joined, n_vain) = (n_now, 0);
            }
            for name in self.take_dead() {
                n_vain += 1;
                match start_one(&setup, name) {
                    Ok(child) => self.lock().push(child),
                    Err(error) => tracing::error!(%error, "a worker process is lost"),
                }
            }
            if n_vain > MAX_VAIN || self.lock().is_empty() {
                tracing::error!("no worker process comes to join: the run is stopped");
                // A scheduler that is gone needs no telling.
                let _ = inbox.send(Inbound::Stop).await;
                return;
            }
        }
    }

    /// The names of those that are to be started again. One that ended in order may have been told
    /// to by a scheduler that is about to stop: it is looked at twice.
    fn take_dead(&self) -> Vec<String> {
        let mut dead = Vec::new();
        self.lock().retain_mut(|child| match child.process.try_wait() {
            Ok(Some(status)) if status.success() && !child.has_left => {
                child.has_left = true;
                true
            }
            Ok(Some(status)) => {
                tracing::warn!(worker = child.name, %status, "a worker process died: another starts");
                dead.push(child.name.clone());
                false
            }
            Ok(None) | Err(_) => true,
        });
        dead
    }

    /// Waits until all have ended, and kills those that take too long.
    pub(super) fn end(&self, patience: Duration) {
        let begin = Instant::now();
        for mut child in std::mem::take(&mut *self.lock()) {
            while matches!(child.process.try_wait(), Ok(None)) {
                if begin.elapsed() > patience {
                    tracing::warn!(worker = child.name, "killed: it did not stop in time");
                    child.kill();
                    break;
                }
                std::thread::sleep(POLL);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ChildWorker>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ChildWorker {
    fn did_not_join(&self, reason: String) -> StartError {
        StartError::Worker { name: self.name.clone(), reason }
    }

    fn kill(&mut self) {
        if let Err(error) = self.process.kill().and_then(|()| self.process.wait()) {
            tracing::warn!(worker = self.name, %error, "could not be killed");
        }
    }
}

fn start_one(setup: &ChildSetup, name: String) -> Result<ChildWorker, StartError> {
    let (program, args) = match &setup.command {
        Some((program, args)) => (program.clone(), args.clone()),
        None => (std::env::current_exe()?, Vec::new()),
    };
    let mut command = Command::new(&program);
    // What tasks print goes to stderr: stdout is for the program's own data. A group of its own
    // keeps a worker running when Ctrl-C stops the program, so that the trace is closed in order.
    command.args(args).stdin(Stdio::piped()).stdout(io::stderr()).process_group(0);
    command.env(SCHEDULER, &setup.scheduler).env(NAME, &name);
    command.env(SLOTS, setup.slots.to_string()).env(MEMORY, setup.memory_limit.to_string());
    let resources = setup.resources.iter().map(|(name, amount)| format!("{name}={amount}"));
    command.env(RESOURCES, resources.collect::<Vec<_>>().join(","));
    for (name, value) in ALLOCATOR.iter().filter(|(name, _)| std::env::var_os(name).is_none()) {
        command.env(name, value);
    }
    if let Some(folder) = &setup.spill_folder {
        command.env(SPILL_FOLDER, folder);
    }
    if let Some(token) = &setup.token {
        command.env(TOKEN, token);
    }
    if let Some(tls) = &setup.tls {
        command.envs(TLS.into_iter().zip(tls.files()));
    }
    let mut process = command.spawn().map_err(|error| StartError::Worker {
        name: name.clone(),
        reason: format!("cannot start {}: {error}", program.display()),
    })?;
    let alive = process.stdin.take();
    Ok(ChildWorker { name, process, has_left: false, _alive: alive })
}

impl Drop for ChildWorker {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.kill();
        }
    }
}
