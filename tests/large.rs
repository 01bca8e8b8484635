//! Reading a trace takes memory for what is alive in the run and for one block, however long it is.

mod support;

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use support::{Ran, Scene, start};
use taskreel_model::{
    AssignReason, ClientId, Event, GraphId, Key, LogLevel, LogLine, Nanos, OptionsId, PrefixId,
    Stamped, StrId, Suffix, TaskId, TaskOptions, WorkerId, WorkerInfo,
};
use taskreel_recorder::{Conditions, Recorder, RecorderOptions, RunInfo};

/// How many times longer than usual the run is.
const SCALE: &str = "TASKREEL_TEST_LARGE";
/// Graphs of a run of usual length, one after the other.
const N_GRAPHS: u32 = 120;
/// Tasks of a graph: no others are alive.
const N_ALIVE: u32 = 300;
/// Bytes of a log line; each task has one.
const LINE_BYTES: usize = 1_200;
/// Memory for data that a process may take whose run has nothing alive: 64 Ki events and 1 Ki log
/// lines, once packed and once not, and what any process needs.
const ONE_BLOCK: u64 = 28 << 20;
/// Blocks are made after so many graphs: each block of events is then full, however busy the machine.
const FULL_BLOCK: u32 = 44;
/// Memory for data of each task that is alive.
const ALIVE: u64 = 1 << 10;

/// Commands that read a trace from its begin to its end, or to an instant.
const COMMANDS: &[&str] = &[
    "info run.reel",
    "check run.reel",
    "events run.reel --kind GraphSubmitted",
    "state run.reel --at 50%",
    "story run.reel task-77",
    "info cut.reel",
    "state cut.reel",
];

/// Writes the log of a run.
struct Log {
    recorder: Recorder,
    turn: Vec<Stamped<Event>>,
    seq: u64,
    noise: u64,
}

impl Log {
    fn emit(&mut self, what: Event) {
        let at = Nanos(self.seq * 7_000);
        self.turn.push(Stamped { seq: self.seq, logged_at: at, at, cause: None, what });
        self.seq += 1;
    }

    fn flush(&mut self) {
        self.recorder.take(&mut self.turn).expect("it is recorded");
    }

    fn begin(&mut self) {
        let info = WorkerInfo {
            name: "worker-0".to_owned(),
            address: "local://0".to_owned(),
            host: "here".to_owned(),
            pid: 1,
            slots: 1,
            memory_limit: 0,
            resources: [].into(),
            version: "0.1.0".to_owned(),
        };
        self.emit(Event::SchedulerStarted { incarnation: 0 });
        self.emit(Event::WorkerJoined { worker: WorkerId(0), info: Box::new(info) });
        self.emit(Event::Interned { id: StrId(0), text: "long".into() });
        self.emit(Event::ClientConnected { client: ClientId(0), name: StrId(0) });
        self.emit(Event::PrefixDeclared { id: PrefixId(0), name: "task".into() });
        let options = Box::new(TaskOptions::new("task"));
        self.emit(Event::OptionsDeclared { id: OptionsId(0), options });
    }

    /// A graph that is submitted, run and let go of: nothing of it stays.
    fn graph(&mut self, number: u32) {
        let (client, worker, options) = (ClientId(0), WorkerId(0), OptionsId(0));
        let (graph, first, n_tasks) = (GraphId(number), number * N_ALIVE, N_ALIVE);
        let (name, local) = (StrId(0), first);
        let first_id = TaskId(first);
        self.emit(Event::GraphSubmitted { graph, client, name, first: first_id, n_tasks, local });
        let tasks = first..first + n_tasks;
        for id in tasks.clone() {
            let key = Key { prefix: PrefixId(0), suffix: Suffix::Index(id) };
            let (task, wanted, deps) = (TaskId(id), true, [].into());
            self.emit(Event::TaskSubmitted { task, graph, key, options, wanted, deps });
        }
        for task in tasks.map(TaskId) {
            let (attempt, bytes, reason) = (1, 8, AssignReason::Idle);
            self.emit(Event::TaskAssigned { task, worker, attempt, reason });
            self.emit(Event::TaskStarted { task, worker, attempt, slot: 0 });
            self.log(task);
            self.emit(Event::TaskFinished { task, worker, attempt, bytes });
            self.emit(Event::ResultReleased { client, task });
        }
        self.flush();
    }

    /// A line that hardly can be compressed.
    fn log(&mut self, task: TaskId) {
        let mut text = String::with_capacity(LINE_BYTES);
        while text.len() < LINE_BYTES {
            self.noise ^= self.noise << 13;
            self.noise ^= self.noise >> 7;
            self.noise ^= self.noise << 17;
            let six_bits = |byte: u8| char::from(b'0' + byte % 64);
            text.extend(self.noise.to_le_bytes().map(six_bits));
        }
        let (worker, at) = (Some(WorkerId(0)), Nanos(self.seq * 7_000));
        let (task, level) = (Some(task), LogLevel::Output);
        self.recorder.log(LogLine { at, worker, task, level, text });
    }
}

/// Records a run of so many graphs. Returns the bytes of its file, and those of its events and
/// lines in memory.
fn record(path: &Path, n_graphs: u32) -> (u64, u64) {
    let conditions = Conditions { by_hand: true, ..Conditions::default() };
    let options = RecorderOptions::default();
    let recorder = Recorder::create_under(path, &RunInfo::default(), options, conditions);
    let recorder = recorder.expect("a file");
    let hand = recorder.hand();
    let mut log = Log { recorder, turn: Vec::new(), seq: 0, noise: 0x9E37_79B9_7F4A_7C15 };
    log.begin();
    for number in 0..n_graphs {
        log.graph(number);
        if number % FULL_BLOCK == FULL_BLOCK - 1 {
            hand.work(false);
        }
    }
    let recorded = log.recorder.finish().expect("it is closed");
    assert_eq!(recorded.dropped, 0, "log lines were dropped");
    let n_lines = u64::from(n_graphs * N_ALIVE);
    let unpacked = log.seq * size_of::<Stamped<Event>>() as u64 + n_lines * LINE_BYTES as u64;
    (recorded.bytes, unpacked)
}

/// Runs `reel` with so much memory for data. Gives the most that was resident, as far as it was
/// seen: its own program is in it, too.
fn run(folder: &Path, command: &str, limit: u64) -> (Ran, u64) {
    let line = format!(
        "ulimit -c 0; ulimit -d {}; exec \"$0\" {command} >/dev/null",
        limit.div_ceil(1_024)
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &line, env!("CARGO_BIN_EXE_reel")]).current_dir(folder);
    let mut running = start(shell);
    let status = format!("/proc/{}/status", running.child.id());
    let mut peak = 0;
    while running.child.try_wait().expect("our child").is_none() {
        let text = std::fs::read_to_string(&status).unwrap_or_default();
        let kib = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = kib.and_then(|rest| rest.trim_end_matches("kB").trim().parse::<u64>().ok());
        peak = peak.max(kib.unwrap_or(0) << 10);
        thread::sleep(Duration::from_millis(2));
    }
    (running.wait(), peak)
}

#[test]
fn a_long_trace_is_read_in_the_memory_of_what_is_alive() {
    let scene = Scene::new();
    let scale = std::env::var(SCALE).map_or(1, |scale| scale.parse().expect("a number"));
    let (bytes, unpacked) = record(&scene.path("run.reel"), N_GRAPHS * scale);
    // As a killed run leaves it: no footer says what is in it.
    std::fs::copy(scene.path("run.reel"), scene.path("cut.reel")).expect("a copy");
    let cut = std::fs::File::options().write(true).open(scene.path("cut.reel")).expect("the copy");
    cut.set_len(bytes - 30).expect("it is cut");

    let limit = ONE_BLOCK + u64::from(N_ALIVE) * ALIVE;
    eprintln!("a file of {bytes} bytes, {unpacked} in memory; {limit} allowed");
    assert!(unpacked > 19 * limit / 10 && bytes > limit, "the run is too short to show anything");
    for command in COMMANDS {
        let (ran, peak) = run(&scene.path(""), command, limit);
        eprintln!("{command}: {peak} bytes resident at most");
        assert_eq!(ran.code, Some(0), "{command}: {}", ran.stderr);
        assert!(peak < unpacked, "{command}: {peak}");
    }
}
