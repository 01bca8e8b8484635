//! How a cluster is to be.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use taskreel_model::{LocalityThenIdle, Policy, Watch};
use taskreel_recorder::{OnRecordError, RecorderOptions, RunInfo};

use crate::scheduler::Patience;
use crate::task::thousandths;
use crate::tls::Tls;

/// Settings of a cluster; see each method for its default.
pub struct ClusterBuilder {
    pub(super) name: String,
    pub(super) n_workers: Option<usize>,
    /// The fewest and the most workers, if they come and go with the work.
    pub(super) bounds: Option<(usize, usize)>,
    pub(super) n_threads: Option<u16>,
    pub(super) processes: bool,
    pub(super) worker_command: Option<(PathBuf, Vec<String>)>,
    pub(super) memory_limit: Option<u64>,
    pub(super) spill_folder: Option<PathBuf>,
    pub(super) resources: BTreeMap<String, u64>,
    pub(super) record: Record,
    pub(super) recorder: RecorderOptions,
    pub(super) listen: Option<String>,
    pub(super) token: Option<String>,
    pub(super) tls: Option<Tls>,
    pub(super) policy: Box<dyn Policy>,
    pub(super) seed: u64,
    pub(super) tick_ns: u32,
    pub(super) watch: Option<Watch>,
    pub(super) patience: Patience,
    pub(super) resume: bool,
    pub(super) scheduler_only: bool,
}

/// Where the run is recorded to.
#[derive(Debug)]
pub(super) enum Record {
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
            bounds: None,
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

    /// Starts workers while work waits, up to `max`, and lets those leave that have none for two
    /// seconds, down to `min`: what they hold moves to others first. At the begin there are `min`;
    /// by default each runs one task at once.
    ///
    /// # Panics
    /// `max` is 0, or less than `min`.
    #[must_use]
    pub fn adapt(mut self, min: usize, max: usize) -> Self {
        assert!(max > 0 && min <= max, "from {min} to {max} workers cannot be");
        self.bounds = Some((min, max));
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
}

fn program_name() -> String {
    let program = std::env::current_exe().ok();
    let stem = program.as_ref().and_then(|path| path.file_stem());
    stem.map_or_else(|| "run".to_owned(), |stem| stem.to_string_lossy().into_owned())
}
