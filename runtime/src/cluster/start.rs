//! A cluster's start: its log, its scheduler, its door, its workers.

use std::hash::{BuildHasher, RandomState};
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{SystemTime, UNIX_EPOCH};

use taskreel_model::{LocalityThenIdle, Nanos};
use taskreel_recorder::{Recorder, Reopened, RunInfo};

use super::adapt::{self, Adapting};
use super::builder::Record;
use super::child::{self, ChildSetup};
use super::children::Children;
use super::crew::Crew;
use super::embedded::{EmbeddedSetup, EmbeddedWorkers};
use super::{Cluster, ClusterBuilder, Foundation, StartError};
use crate::clock::Clock;
use crate::credentials::Credentials;
use crate::io_thread::IoThread;
use crate::listener::{ConnIds, Listener};
use crate::peers::{LocalStores, Peers};
use crate::reading::machine_memory;
use crate::scheduler::{self, ResumedLog, SchedulerConfig};
use crate::wire::handshake::VERSION;
use crate::worker::{machine, own_address};

impl ClusterBuilder {
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
            crew: Crew::default(),
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
        let (n_most, n_threads) = match self.bounds {
            Some((_, max)) => (max, self.n_threads.unwrap_or(1)),
            None => shares(self.n_workers, self.n_threads),
        };
        let n_first = self.bounds.map_or(n_most, |(min, _)| min);
        let memory_limit = self.memory_limit.unwrap_or_else(|| machine_memory() / n_most as u64);
        let mut joined = None;
        if self.processes || self.listen.is_some() {
            let address = self.listen.clone().unwrap_or_else(|| "127.0.0.1:0".to_owned());
            let door = cluster.scheduler_thread.handle();
            let listener = listen(door, address.clone(), foundation)?;
            if !listener.address()?.ip().is_loopback() && self.token.is_none() {
                return Err(StartError::TokenNeeded { address });
            }
            foundation.peers.set_host(host_for_others(listener.address()?.ip()));
            cluster.address = Some(format!("tcp://{}", listener.address()?));
            joined = Some(listener.n_workers());
            door.spawn(listener.serve());
        }
        match (joined, &cluster.address) {
            (Some(joined), Some(address)) if self.processes && !self.scheduler_only => {
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
                let children = Children::start(setup, n_first, self.bounds.is_some())?;
                cluster.crew = Crew::Processes(children.clone());
                children.join(&joined)?;
                io.spawn(children.look_after(foundation.inbox.clone(), joined));
            }
            _ if self.scheduler_only => {}
            (joined, _) => {
                let setup = EmbeddedSetup {
                    slots: n_threads,
                    memory_limit,
                    spill_folder: self.spill_folder,
                    resources: self.resources,
                    serves_tcp: joined.is_some(),
                };
                let workers = EmbeddedWorkers::start(setup, n_first, foundation, clock, &io)?;
                cluster.crew = Crew::Threads(Box::new(workers));
            }
        }
        if let Some((min, max)) = self.bounds {
            let adapting = Adapting { min, max, slots: n_threads };
            io.spawn(adapt::adapt(adapting, cluster.crew.clone(), foundation.inbox.clone()));
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

/// Where others reach this process, if it listens at `ip`.
fn host_for_others(ip: IpAddr) -> String {
    // An address that stands for no machine: that with which this one reaches far ones. No packet
    // is sent.
    let far = || own_address("192.0.2.1:9").map_or(ip, |own| own.ip());
    if ip.is_unspecified() { far().to_string() } else { ip.to_string() }
}
