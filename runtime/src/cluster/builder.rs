//! How a cluster is to be, and its start.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use taskreel_model::{LocalityThenIdle, Nanos, Policy, Watch};
use taskreel_recorder::{OnRecordError, Recorder, RecorderOptions, Reopened, RunInfo};

use super::child::{self, ChildSetup};
use super::children::Children;
use super::{Cluster, Foundation, StartError, embedded};
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::io_thread::IoThread;
use crate::listener::{ConnIds, Listener};
use crate::peers::{LocalStores, Peers};
use crate::reading::machine_memory;
use crate::scheduler::{self, Patience, ResumedLog, SchedulerConfig};
use crate::task::thousandths;
use crate::tls::Tls;
use crate::wire::handshake::VERSION;
use crate::worker::machine;

/// Settings of a cluster; see each method for its default.
pub struct ClusterBuilder {
    name: String,
    n_workers: Option<usize>,
    n_threads: Option<u16>,
    processes: bool,
    worker_command: Option<(PathBuf, Vec<String>)>,
    memory_limit: Option<u64>,
    spill_folder: Option<PathBuf>,
    resources: BTreeMap<String, u64>,
    record: Record,
    recorder: RecorderOptions,
    listen: Option<String>,
    token: Option<String>,
    tls: Option<Tls>,
    policy: Box<dyn Policy>,
    seed: u64,
    tick_ns: u32,
    watch: Option<Watch>,
    patience: Patience,
    resume: bool,
    scheduler_only: bool,
}

#[derive(Debug)]
enum Record {
    Default,
    To(PathBuf),
    No,
}

impl fmt::Debug for ClusterBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClusterBuilder")
            .field("name", &self.name)
            .field("n_workers", &self.n_workers)
            .field("n_threads", &self.n_threads)
            .field("processes", &self.processes)
            .field("record", &self.record)
            .finish_non_exhaustive()
    }
}

impl ClusterBuilder {
    pub(super) fn new() -> Self {
        Self {
            name: program_name(),
            n_workers: None,
            n_threads: None,
            processes: false,
            worker_command: None,
            memory_limit: None,
            spill_folder: None,
            resources: BTreeMap::new(),
            record: Record::Default,
            recorder: RecorderOptions::default(),
            listen: None,
            token: None,
            tls: None,
            policy: Box::new(LocalityThenIdle),
            seed: 0,
            tick_ns: RunInfo::default().tick_ns,
            watch: None,
            patience: Patience::default(),
            resume: false,
            scheduler_only: false,
        }
    }

    /// Name of the run, for people and the trace; by default the program's.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// How many workers; by default one per core, or as many as their threads leave cores for.
    #[must_use]
    pub fn workers(mut self, n_workers: usize) -> Self {
        self.n_workers = Some(n_workers.max(1));
        self
    }

    /// How many tasks each worker runs at once; by default its share of the cores, at least 1.
    #[must_use]
    pub fn threads(mut self, n_threads: u16) -> Self {
        self.n_threads = Some(n_threads.max(1));
        self
    }

    /// Whether workers are processes that speak TCP; by default they are threads. Workers are this
    /// program started again: its `main` must call [`super::init`] first.
    #[must_use]
    pub fn processes(mut self, processes: bool) -> Self {
        self.processes = processes;
        self
    }

    /// What to start as a worker process, instead of this program without arguments.
    #[must_use]
    pub fn worker_command(mut self, program: impl Into<PathBuf>, args: &[&str]) -> Self {
        let args = args.iter().map(|&arg| arg.to_owned()).collect();
        self.worker_command = Some((program.into(), args));
        self
    }

    /// Bytes each worker may use; 0: no limit. By default its share of the machine's memory.
    #[must_use]
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Where workers make folders for results that do not fit in memory; by default where the
    /// system has temporary files. What is in them is removed when the workers stop.
    #[must_use]
    pub fn spill_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.spill_folder = Some(folder.into());
        self
    }

    /// What each worker has for tasks that ask for it, such as 1 of `gpu`; see `Call::resource`.
    ///
    /// # Panics
    /// The amount is negative, or the name has a `,` or `=` in it.
    #[must_use]
    pub fn resource(mut self, name: impl Into<String>, amount: f64) -> Self {
        let name = name.into();
        assert!(!name.contains([',', '=']), "{name} is no name of a resource");
        self.resources.insert(name, thousandths(amount));
        self
    }

    /// Records to this file.
    #[must_use]
    pub fn record(mut self, path: impl Into<PathBuf>) -> Self {
        self.record = Record::To(path.into());
        self
    }

    /// Does not record.
    #[must_use]
    pub fn no_record(mut self) -> Self {
        self.record = Record::No;
        self
    }

    /// Whether the trace may replace a file of its name; by default not.
    #[must_use]
    pub fn overwrite(mut self, overwrite: bool) -> Self {
        self.recorder.overwrite = overwrite;
        self
    }

    /// What happens when the trace cannot be written any further; by default the run stops.
    #[must_use]
    pub fn on_record_error(mut self, on_error: OnRecordError) -> Self {
        self.recorder.on_error = on_error;
        self
    }

    /// Whether each event is on the disk before anything follows from it, so that it survives a loss
    /// of power too; by default not.
    #[must_use]
    pub fn durable(mut self, durable: bool) -> Self {
        self.recorder.durable = durable;
        self
    }

    /// Resolution of the recorded instants in nanoseconds; by default 1000.
    #[must_use]
    pub fn tick_ns(mut self, tick_ns: u32) -> Self {
        self.tick_ns = tick_ns.max(1);
        self
    }

    /// Listens for further workers and clients at `host:port`; by default only worker processes
    /// make it listen, on loopback.
    #[must_use]
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// What others must show to connect; by default a random text when there are worker processes.
    #[must_use]
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    /// Speaks TLS with workers and clients, and workers with one another; by default not. Each of
    /// them must show a certificate of the same authority.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Which worker runs what; by default that which holds the inputs, then the least loaded.
    #[must_use]
    pub fn policy(mut self, policy: Box<dyn Policy>) -> Self {
        self.policy = policy;
        self
    }

    /// Seed of the draws a policy makes; by default 0.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sees every event of the live run, on the scheduler's thread.
    #[must_use]
    pub fn watch(mut self, watch: Watch) -> Self {
        self.watch = Some(watch);
        self
    }

    /// Goes on with the run whose trace is there, if there is one: a scheduler that was killed is
    /// started again. By default a trace that is there is an error.
    #[must_use]
    pub fn resume(mut self, resume: bool) -> Self {
        self.resume = resume;
        self
    }

    /// Starts no workers: they join from elsewhere, at the address to [`Self::listen`] at.
    #[must_use]
    pub fn scheduler_only(mut self) -> Self {
        self.scheduler_only = true;
        self
    }

    /// How long the scheduler waits for silent workers, and for workers and clients to come back.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    /// Starts it.
    ///
    /// # Errors
    /// The trace cannot be written, the address is in use, or a worker process does not join.
    pub fn start(mut self) -> Result<Cluster, StartError> {
        child::refuse_in_worker()?;
        let Log { recorder, run_info, resumed, clock } = self.open_log()?;
        let trace_path = recorder.as_ref().map(|recorder| recorder.path().to_owned());
        let io_thread = IoThread::start("reel-io")?;
        let scheduler_thread = IoThread::start("scheduler")?;
        let config = SchedulerConfig {
            run: run_info.clone(),
            resumed,
            patience: self.patience,
            recorder,
            policy: std::mem::replace(&mut self.policy, Box::new(LocalityThenIdle)),
            clock,
            watch: self.watch.take(),
        };
        let scheduler = scheduler::start(config, scheduler_thread.handle());
        if self.processes && self.token.is_none() {
            self.token = Some(random_hex());
        }
        let stores = LocalStores::default();
        let credentials = Credentials::new(self.token.as_deref(), self.tls.clone());
        let foundation = Foundation {
            inbox: scheduler.inbox.clone(),
            conn_ids: ConnIds::default(),
            peers: Peers::new(stores.clone(), credentials.clone()),
            stores,
            credentials,
        };
        let mut cluster = Cluster {
            name: self.name.clone(),
            inbox: scheduler.inbox.clone(),
            scheduler: Mutex::new(Some(scheduler)),
            workers: Vec::new(),
            children: Children::default(),
            conn_ids: foundation.conn_ids.clone(),
            peers: foundation.peers.clone(),
            address: None,
            token: self.token.clone(),
            trace_path,
            run_info,
            scheduler_thread,
            io_thread,
        };
        // From here on an error drops the cluster, and so closes what has begun.
        self.populate(&mut cluster, &foundation, clock)?;
        Ok(cluster)
    }

    /// Opens the door and starts the workers.
    fn populate(
        self,
        cluster: &mut Cluster,
        foundation: &Foundation,
        clock: Clock,
    ) -> Result<(), StartError> {
        let io = cluster.io_thread.handle().clone();
        let (n_workers, n_threads) = shares(self.n_workers, self.n_threads);
        let memory_limit = self.memory_limit.unwrap_or_else(|| machine_memory() / n_workers as u64);
        let mut joined = None;
        if self.processes || self.listen.is_some() {
            let address = self.listen.clone().unwrap_or_else(|| "127.0.0.1:0".to_owned());
            let door = cluster.scheduler_thread.handle();
            let listener = listen(door, address.clone(), foundation)?;
            if !listener.address()?.ip().is_loopback() && self.token.is_none() {
                return Err(StartError::TokenNeeded { address });
            }
            cluster.address = Some(format!("tcp://{}", listener.address()?));
            joined = Some(listener.n_workers());
            door.spawn(listener.serve());
        }
        match (joined, &cluster.address) {
            (Some(joined), Some(address)) if self.processes => {
                let setup = ChildSetup {
                    command: self.worker_command,
                    scheduler: address.clone(),
                    token: self.token,
                    tls: self.tls,
                    slots: n_threads,
                    memory_limit,
                    spill_folder: self.spill_folder,
                    resources: self.resources,
                };
                cluster.children = Children::start(setup, n_workers, false)?;
                cluster.children.join(&joined)?;
                let inbox = foundation.inbox.clone();
                io.spawn(cluster.children.clone().look_after(inbox, joined));
            }
            _ if self.scheduler_only => {}
            (joined, _) => {
                let setup = embedded::EmbeddedSetup {
                    n_workers,
                    slots: n_threads,
                    memory_limit,
                    spill_folder: self.spill_folder,
                    resources: self.resources,
                    serves_tcp: joined.is_some(),
                };
                cluster.workers = embedded::start(&setup, foundation, clock, &io)?;
            }
        }
        Ok(())
    }

    fn run_info(&self) -> RunInfo {
        RunInfo {
            run_id: random_hex(),
            name: self.name.clone(),
            started_unix_ns: unix_now_ns(),
            version: VERSION.to_owned(),
            host: machine(),
            platform: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            command: std::env::args_os().map(|a| a.to_string_lossy().into_owned()).collect(),
            seed: self.seed,
            tick_ns: self.tick_ns,
        }
    }

    /// Begins the log of a run, or goes on with the one that is there.
    fn open_log(&self) -> Result<Log, StartError> {
        let path = match &self.record {
            Record::No => None,
            Record::To(path) => Some(path.clone()),
            Record::Default => {
                let now = jiff::Zoned::now();
                let name = format!("{}-{}.reel", self.name, now.strftime("%Y%m%d-%H%M%S"));
                Some(PathBuf::from(name))
            }
        };
        match path {
            Some(path) if self.resume && path.exists() => {
                let (recorder, log) = Recorder::reopen(&path, self.recorder)?;
                let Reopened { info, state, specs } = log;
                // The run's clock went on while nobody read it.
                let since_1970 = unix_now_ns().saturating_sub(info.started_unix_ns);
                let clock = Clock::start_at(Nanos(since_1970).max(state.now()));
                let resumed = Some(ResumedLog { state, specs });
                Ok(Log { recorder: Some(recorder), run_info: info, resumed, clock })
            }
            path => {
                let (clock, run_info) = (Clock::start(), self.run_info());
                let create = |path| Recorder::create(path, &run_info, self.recorder);
                let recorder = path.as_deref().map(create).transpose()?;
                Ok(Log { recorder, run_info, resumed: None, clock })
            }
        }
    }
}

/// The log of a run that begins, or goes on.
struct Log {
    recorder: Option<Recorder>,
    run_info: RunInfo,
    resumed: Option<ResumedLog>,
    clock: Clock,
}

fn unix_now_ns() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos() as u64
}

/// Binds on the thread that is to carry the connections, from any other.
fn listen(
    io: &tokio::runtime::Handle,
    address: String,
    foundation: &Foundation,
) -> Result<Listener, StartError> {
    let (tx, rx) = std::sync::mpsc::channel();
    let (inbox, conn_ids) = (foundation.inbox.clone(), foundation.conn_ids.clone());
    let (credentials, host) = (foundation.credentials.clone(), address.clone());
    io.spawn(async move {
        // The receiver waits below.
        let _ = tx.send(Listener::bind(&host, inbox, conn_ids, credentials).await);
    });
    rx.recv()
        .unwrap_or_else(|_| Err(io::Error::other("the I/O thread failed")))
        .map_err(|source| StartError::Listen { address, source })
}

/// Workers and threads of each: together as many as there are cores, unless the user says other.
fn shares(n_workers: Option<usize>, n_threads: Option<u16>) -> (usize, u16) {
    let n_cores = std::thread::available_parallelism().map_or(1, usize::from);
    let share = |among: usize| (n_cores / among).max(1);
    match (n_workers, n_threads) {
        (Some(workers), Some(threads)) => (workers, threads),
        (Some(workers), None) => (workers, u16::try_from(share(workers)).unwrap_or(u16::MAX)),
        (None, Some(threads)) => (share(usize::from(threads)), threads),
        (None, None) => (n_cores, 1),
    }
}

/// 128 bits that no two runs share; a fresh `RandomState` takes them from the system.
fn random_hex() -> String {
    let half = || RandomState::new().hash_one(std::process::id());
    let of_time = |salt: u64| RandomState::new().hash_one((SystemTime::now(), salt));
    format!("{:016x}{:016x}", half() ^ of_time(1), of_time(2))
}

fn program_name() -> String {
    let program = std::env::current_exe().ok();
    let stem = program.as_ref().and_then(|path| path.file_stem());
    stem.map_or_else(|| "run".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
