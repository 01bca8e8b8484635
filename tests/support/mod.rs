//! Real `reel` processes for end-to-end tests.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "each test binary uses its own part of this"
)]

mod not_run;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use not_run::not_run;

/// Longer than any test takes on a slow machine: what is not done by then hangs.
const PATIENCE: Duration = Duration::from_secs(240);

/// Tasks that fail once and then work, one that always fails, and what depends on it.
pub const FAILING_JOB: &str = r#"
[[task]]
key = "flaky"
each.range = "0..6"
run = "test -e {item}.done || { touch {item}.done; exit 1; }; echo {item}"
retries = 1

[[task]]
key = "bad"
run = "echo no luck >&2; exit 3"

[[task]]
key = "after"
needs = ["bad"]
run = "true"

[[task]]
key = "sum"
stdin.task = "flaky"
run = "wc -l"
"#;

/// A folder for one test, in which `reel` runs.
pub struct Scene {
    folder: TempDir,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A process that runs.
pub struct Running {
    pub child: Child,
    stdout: JoinHandle<Vec<u8>>,
    stderr: JoinHandle<Vec<u8>>,
}

impl Scene {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder for the test") }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file, with the folders it is in.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a file is in a folder")).expect("folders");
        std::fs::write(&path, content).expect("a file of the test");
        path
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_reel"));
        command.args(args).current_dir(self.folder.path());
        command
    }

    /// Runs `reel` to its end.
    pub fn reel(&self, args: &[&str]) -> Ran {
        start(self.command(args)).wait()
    }

    /// Runs `reel` to its end, which must be a good one.
    pub fn ok(&self, args: &[&str]) -> Ran {
        let ran = self.reel(args);
        assert_eq!(ran.code, Some(0), "reel {args:?}\n{}{}", ran.stdout, ran.stderr);
        ran
    }

    /// Runs `reel` to its end, which must be a good one, and reads the JSON it printed.
    pub fn json(&self, args: &[&str]) -> Value {
        let ran = self.ok(args);
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {}", ran.stdout))
    }

    /// Runs `reel`, which must fail with this code and one line that has all of `parts`.
    pub fn fails(&self, code: i32, args: &[&str], parts: &[&str]) -> Ran {
        let ran = self.reel(args);
        ran.failed_with(code, parts);
        ran
    }

    /// Starts `reel`.
    pub fn start(&self, args: &[&str]) -> Running {
        start(self.command(args))
    }

    /// Runs a shell line in the folder and gives what it prints.
    pub fn shell(&self, line: &str) -> String {
        let mut command = Command::new("sh");
        command.args(["-ec", line, env!("CARGO_BIN_EXE_reel")]).current_dir(self.folder.path());
        let ran = start(command).wait();
        assert_eq!(ran.code, Some(0), "{line}\n{}{}", ran.stdout, ran.stderr);
        ran.stdout
    }
}

impl Ran {
    /// Checks that it failed with this code and one line of ours that has all of `parts`.
    pub fn failed_with(&self, code: i32, parts: &[&str]) {
        assert_eq!(self.code, Some(code), "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().filter(|l| l.starts_with("reel: ")).collect();
        let has_all = |line: &&&str| parts.iter().all(|part| line.contains(part));
        assert!(lines.iter().any(|line| has_all(&line)), "no line has {parts:?}: {self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
    }
}

impl Running {
    /// Waits until it ends.
    pub fn wait(mut self) -> Ran {
        let code = wait_until("the process ends", || self.child.try_wait().expect("our child"));
        let text = |bytes: JoinHandle<Vec<u8>>| {
            String::from_utf8_lossy(&bytes.join().expect("the reader does not panic")).into_owned()
        };
        Ran { code: code.code(), stdout: text(self.stdout), stderr: text(self.stderr) }
    }

    /// Sends it a signal: `INT`, `TERM`, `KILL`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().expect("kill runs");
        assert!(status.success());
    }
}

/// Starts a process whose output is read from the begin, so that it never blocks on it.
pub fn start(mut command: Command) -> Running {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the process starts");
    let stdout = read_all(child.stdout.take().expect("it is piped"));
    let stderr = read_all(child.stderr.take().expect("it is piped"));
    Running { child, stdout, stderr }
}

fn read_all(mut pipe: impl Read + Send + 'static) -> JoinHandle<Vec<u8>> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        pipe.read_to_end(&mut bytes).expect("a pipe can be read");
        bytes
    })
}

/// Asks until there is an answer.
pub fn wait_until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

/// The only trace in a folder.
pub fn only_trace(folder: &Path) -> PathBuf {
    let traces: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("the folder can be read")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "reel"))
        .collect();
    assert_eq!(traces.len(), 1, "{traces:?}");
    traces.into_iter().next().expect("there is one")
}
