//! A cluster of processes for one test: a scheduler, workers, and whoever connects.
//!
//! Each process is this test binary, started to run only the test of its role.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use taskreel::{
    Client, ClientOptions, Cluster, Credentials, Operator, Patience, WorkerOptions, run_worker,
};
use taskreel_model::{Event, LogLine, LossReason, Stamped, State};
use taskreel_recorder::{Source, Tailer, TraceReader};
use tempfile::TempDir;

const TOKEN: &str = "key";
const ROLE: &str = "TASKREEL_TEST_ROLE";
const ADDRESS: &str = "TASKREEL_TEST_ADDRESS";
const TRACE: &str = "TASKREEL_TEST_TRACE";
const NAME: &str = "TASKREEL_TEST_NAME";

/// Longer than any test takes on a slow machine: what is not done by then hangs.
const PATIENCE: Duration = Duration::from_secs(200);

pub(crate) struct Scene {
    folder: TempDir,
    address: String,
    scheduler: Option<Ends>,
    workers: Vec<Option<Ends>>,
}

/// A process that ends with the test.
struct Ends(Child);

impl Drop for Ends {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A trace, read whole.
pub(crate) struct Trace {
    pub(crate) events: Vec<Stamped<Event>>,
    pub(crate) state: State,
    pub(crate) logs: Vec<LogLine>,
}

/// The address in this process's environment, if it is to have that role.
pub(crate) fn role(name: &str) -> Option<String> {
    (std::env::var(ROLE).ok()? == name).then(|| std::env::var(ADDRESS).unwrap())
}

#[test]
fn scheduler_process() {
    let Some(address) = role("scheduler") else { return };
    let patience = Patience {
        silence: Duration::from_millis(1500),
        workers: Duration::from_secs(3),
        clients: Duration::from_secs(2),
    };
    let cluster = Cluster::local()
        .scheduler_only()
        .listen(address)
        .token(TOKEN)
        .record(std::env::var(TRACE).unwrap())
        .resume(true)
        .patience(patience)
        .start()
        .unwrap();
    while !cluster.is_stopped() {
        std::thread::sleep(Duration::from_millis(5));
    }
    cluster.close().unwrap().state.validate();
}

#[test]
fn worker_process() {
    let Some(address) = role("worker") else { return };
    let options = WorkerOptions {
        name: std::env::var(NAME).unwrap(),
        token: Some(TOKEN.to_owned()),
        reconnect: Duration::from_secs(60),
        spill_folder: Path::new(&std::env::var(TRACE).unwrap()).parent().map(Path::to_owned),
        ..WorkerOptions::new(address)
    };
    run_worker(&options).unwrap();
}

pub(crate) fn connect(address: &str, name: &str) -> Client {
    let options = ClientOptions {
        name: name.to_owned(),
        token: Some(TOKEN.to_owned()),
        ..ClientOptions::default()
    };
    wait_until("the scheduler is there", || Client::connect(address, &options).ok())
}

impl Scene {
    /// With a scheduler.
    pub(crate) fn new() -> Self {
        // Free a moment ago: it has to be known before, since a scheduler that starts again is to
        // be found where it was.
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut scene =
            Self { folder, address: free.to_string(), scheduler: None, workers: Vec::new() };
        scene.start_scheduler();
        scene
    }

    pub(crate) fn start_scheduler(&mut self) {
        self.scheduler = Some(Ends(self.start("scheduler", "scheduler_process", "")));
    }

    pub(crate) fn kill_scheduler(&mut self) {
        drop(self.scheduler.take());
    }

    pub(crate) fn start_workers(&mut self, n_workers: usize) {
        for _ in 0..n_workers {
            let name = format!("worker-{}", self.workers.len());
            let worker = self.start("worker", "worker_process", &name);
            self.workers.push(Some(Ends(worker)));
        }
        let names: Vec<String> =
            (0..self.workers.len()).map(|index| format!("worker-{index}")).collect();
        wait_until("the workers have joined", || {
            let here = self.operator().status().ok()?.workers;
            names.iter().all(|name| here.iter().any(|worker| worker.name == *name)).then_some(())
        });
    }

    pub(crate) fn n_workers(&self) -> usize {
        self.workers.len()
    }

    pub(crate) fn kill_worker(&mut self, index: usize) {
        drop(self.workers[index].take());
    }

    /// Kills a worker, and starts another in its place.
    pub(crate) fn replace_worker(&mut self, index: usize) {
        self.kill_worker(index);
        let worker = self.start("worker", "worker_process", &format!("worker-{index}"));
        self.workers[index] = Some(Ends(worker));
    }

    pub(crate) fn signal_worker(&self, index: usize, signal: &str) {
        let pid = self.workers[index].as_ref().unwrap().0.id().to_string();
        assert!(Command::new("kill").args(["-s", signal, &pid]).status().unwrap().success());
    }

    /// Waits until a worker has ended by itself.
    pub(crate) fn wait_for_worker(&mut self, index: usize) {
        let worker = &mut self.workers[index].as_mut().unwrap().0;
        let status = wait_until("the worker ends", || worker.try_wait().unwrap());
        assert!(status.success(), "{status}");
    }

    pub(crate) fn client(&self, name: &str) -> Client {
        connect(&self.address, name)
    }

    /// Starts a process that runs only that test, as a client.
    pub(crate) fn start_client(&self, test: &str) -> Child {
        self.start("client", test, "")
    }

    pub(crate) fn operator(&self) -> Operator {
        Operator::new(self.address.clone(), Credentials::new(Some(TOKEN), None))
    }

    fn start(&self, role: &str, test: &str, name: &str) -> Child {
        let test = if role == "client" { test.to_owned() } else { format!("scene::{test}") };
        Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &test, "--nocapture"])
            .env(ROLE, role)
            .env(
                ADDRESS,
                if role == "scheduler" {
                    self.address.clone()
                } else {
                    format!("tcp://{}", self.address)
                },
            )
            .env(TRACE, self.trace_path())
            .env(NAME, name)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap()
    }

    fn trace_path(&self) -> PathBuf {
        self.path("run.reel")
    }

    /// A file of this test.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Sizes of what workers keep of what they have to tell.
    pub(crate) fn journals(&self) -> Vec<u64> {
        let files = std::fs::read_dir(self.folder.path()).unwrap().flatten();
        let ours = files
            .filter(|file| file.file_name().to_string_lossy().starts_with("taskreel-reports-"));
        ours.filter_map(|file| Some(file.metadata().ok()?.len())).collect()
    }

    /// Waits until such an event is in the log.
    pub(crate) fn wait_for_event(&self, what: &str, is_it: impl Fn(&Event) -> bool) {
        let mut tailer = wait_until("the trace is there", || Tailer::open(&self.trace_path()).ok());
        wait_until(what, || {
            while let Some(batch) = tailer.next_batch().unwrap() {
                if batch.events.iter().any(|event| is_it(&event.what)) {
                    return Some(());
                }
            }
            None
        });
    }

    /// Stops the cluster, and reads its trace.
    pub(crate) fn shut_down(mut self) -> Trace {
        // It may just have been started again.
        wait_until("the scheduler answers", || self.operator().status().ok());
        self.operator().shutdown().unwrap();
        let mut scheduler = self.scheduler.take().unwrap();
        let status = wait_until("the scheduler ends", || scheduler.0.try_wait().unwrap());
        assert!(status.success(), "{status}");
        let mut reader = TraceReader::open(&self.trace_path()).unwrap();
        let (mut events, mut state, mut logs) = (Vec::new(), State::new(), Vec::new());
        while let Some(mut batch) = reader.next_batch().unwrap() {
            logs.append(&mut batch.logs);
            for event in batch.events {
                state.apply(&event, &mut Vec::new()).unwrap();
                events.push(event);
            }
        }
        assert!(reader.warnings().is_empty(), "{:?}", reader.warnings());
        state.validate();
        Trace { events, state, logs }
    }
}

impl Trace {
    /// Why workers were lost, but for the end of the run.
    pub(crate) fn lost(&self) -> Vec<LossReason> {
        let lost = self.events.iter().filter_map(|event| match event.what {
            Event::WorkerLost { reason, .. } => Some(reason),
            _ => None,
        });
        lost.collect()
    }

    pub(crate) fn n_graphs(&self) -> usize {
        self.state.next_graph().index()
    }
}

pub(crate) fn count(trace: &Trace, is_it: impl Fn(&Event) -> bool) -> usize {
    trace.events.iter().filter(|event| is_it(&event.what)).count()
}

/// Asks until there is an answer.
pub(crate) fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
