//! Runs commands: programs with captured output, in a process group of their own.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use bytes::Bytes;
use rustix::process::{Pid, Signal, kill_process_group};
use taskreel_model::{FailureKind, LogLevel};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, Command};
use tokio::runtime::Handle;

use super::{Cancellation, Completed, Executor, Failure, Job, StopReason};
use crate::supervise::own_variables;
use crate::task::{Captured, CommandOutput, CommandSpec, Encoding, Returned, StdinSpec};
use crate::wire::codec;

/// Longest standard output kept as the result.
const MAX_STDOUT_BYTES: usize = 16 << 20;

/// Most lines of each stream of one task that are logged.
const MAX_LINES: usize = 1000;

/// Longest line logged, in bytes.
const MAX_LINE_BYTES: usize = 8 << 10;

/// Lines of standard error that go into the message of a failure.
const MESSAGE_LINES: usize = 10;

/// How long the output of an ended command is read on, when a child of it still holds the pipe.
const LINGER: Duration = Duration::from_millis(250);

/// The executor of commands.
#[derive(Clone, Debug)]
pub struct CommandExecutor {
    io: Handle,
}

impl CommandExecutor {
    /// `io` waits for the processes.
    pub fn new(io: Handle) -> Self {
        Self { io }
    }
}

impl Executor for CommandExecutor {
    fn run(&self, job: &Job<'_>) -> Result<Completed, Failure> {
        let spec: CommandSpec = codec::decode_value(job.body)
            .map_err(|e| Failure::new(FailureKind::Codec, format!("the command {e}")))?;
        let stdin = stdin(&spec, job.inputs)?;
        self.io.block_on(run(&spec, stdin, job))
    }

    fn can_stop(&self) -> bool {
        true
    }
}

/// What is fed to a command.
enum Feed {
    Nothing,
    File(std::fs::File),
    Bytes(Bytes),
}

fn stdin(spec: &CommandSpec, inputs: &[Bytes]) -> Result<Feed, Failure> {
    match &spec.stdin {
        StdinSpec::Empty => Ok(Feed::Nothing),
        StdinSpec::Bytes(bytes) => Ok(Feed::Bytes(Bytes::copy_from_slice(&bytes.0))),
        StdinSpec::File(path) => {
            let path = spec.cwd.as_deref().map_or_else(|| path.clone(), |cwd| cwd.join(path));
            let file = std::fs::File::open(&path).map_err(|error| {
                let message = format!("cannot open {} as stdin: {error}", path.display());
                Failure::new(FailureKind::Unavailable, message)
            })?;
            Ok(Feed::File(file))
        }
        StdinSpec::Input { position, encoding } => {
            Ok(Feed::Bytes(input(inputs, *position, *encoding)?.into()))
        }
        StdinSpec::Outputs(positions) => {
            let mut whole = Vec::new();
            for position in positions {
                whole.extend(input(inputs, *position, Encoding::Output)?);
            }
            Ok(Feed::Bytes(whole.into()))
        }
    }
}

fn input(inputs: &[Bytes], position: u32, encoding: Encoding) -> Result<Vec<u8>, Failure> {
    let codec = |message: String| Failure::new(FailureKind::Codec, message);
    let input = inputs
        .get(position as usize)
        .ok_or_else(|| codec("its stdin names an input that it does not have".to_owned()))?;
    let bytes: Result<Captured, _> = match encoding {
        Encoding::Output => codec::decode_value(input).map(|o: CommandOutput| o.stdout),
        Encoding::Bytes => codec::decode_value(input),
    };
    bytes.map(|bytes| bytes.0).map_err(|error| codec(format!("its stdin {error}")))
}

async fn run(spec: &CommandSpec, stdin: Feed, job: &Job<'_>) -> Result<Completed, Failure> {
    let (mut child, group) = spawn(spec, &stdin)?;
    let feed = match stdin {
        Feed::Bytes(bytes) => child.stdin.take().map(|pipe| (pipe, bytes)),
        Feed::Nothing | Feed::File(_) => None,
    };
    let mut stdout = Capture::new(LogLevel::Output, MAX_STDOUT_BYTES);
    let mut stderr = Capture::new(LogLevel::Warn, 64 << 10);
    let ended = {
        let out = child.stdout.take().expect("stdout was asked to be a pipe");
        let err = child.stderr.take().expect("stderr was asked to be a pipe");
        let streams = async {
            tokio::join!(write_stdin(feed), stdout.read(out, job.log), stderr.read(err, job.log))
        };
        wait(&mut child, group, job.cancellation, streams).await
    };
    stdout.finish(job.log);
    stderr.finish(job.log);
    match ended {
        Ended::Exited(Ok(status)) if status.success() => completed(stdout),
        Ended::Exited(Ok(status)) => {
            let message = stderr.with_last_lines(&describe(status));
            Err(Failure::new(FailureKind::Exit, message))
        }
        Ended::Exited(Err(error)) => {
            let message = format!("cannot wait for {}: {error}", spec.program);
            Err(Failure::new(FailureKind::Unavailable, message))
        }
        Ended::Stopped(StopReason::Timeout) => {
            let message = stderr.with_last_lines("took longer than its timeout and was killed");
            Err(Failure::new(FailureKind::Timeout, message))
        }
        Ended::Stopped(StopReason::Revoked) => {
            Err(Failure::new(FailureKind::Error, "was cancelled and killed"))
        }
    }
}

fn spawn(spec: &CommandSpec, stdin: &Feed) -> Result<(Child, Option<Pid>), Failure> {
    let unavailable = |error: &io::Error| {
        let place = spec.cwd.as_ref().map_or_else(String::new, |d| format!(" in {}", d.display()));
        let message = format!("cannot start {}{place}: {error}", spec.program);
        Failure::new(FailureKind::Unavailable, message)
    };
    let mut command = Command::new(&spec.program);
    for name in own_variables() {
        command.env_remove(name);
    }
    command.args(&spec.args).envs(&spec.env).process_group(0).kill_on_drop(true);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    if let Some(cwd) = &spec.cwd {
        command.current_dir(cwd);
    }
    command.stdin(match stdin {
        Feed::Nothing => Stdio::null(),
        Feed::File(file) => file.try_clone().map_err(|e| unavailable(&e))?.into(),
        Feed::Bytes(_) => Stdio::piped(),
    });
    let child = command.spawn().map_err(|e| unavailable(&e))?;
    let group = child.id().and_then(|id| Pid::from_raw(id as i32));
    Ok((child, group))
}

enum Ended {
    Exited(io::Result<ExitStatus>),
    Stopped(StopReason),
}

/// Waits for the command, while its streams are served; kills its whole group if told to stop.
async fn wait(
    child: &mut Child,
    group: Option<Pid>,
    cancellation: &Cancellation,
    streams: impl Future,
) -> Ended {
    tokio::pin!(streams);
    let mut streams_open = true;
    let ended = loop {
        tokio::select! {
            status = child.wait() => break Ended::Exited(status),
            reason = cancellation.cancelled() => break Ended::Stopped(reason),
            _ = &mut streams, if streams_open => streams_open = false,
        }
    };
    if matches!(ended, Ended::Stopped(_)) {
        kill_group(group);
        if let Err(error) = child.wait().await {
            tracing::warn!(%error, "a killed command could not be waited for");
        }
    }
    if streams_open && tokio::time::timeout(LINGER, &mut streams).await.is_err() {
        // Something that it left behind holds the pipes: the task is over, and so is that.
        kill_group(group);
    }
    ended
}

fn kill_group(group: Option<Pid>) {
    if let Some(group) = group
        && let Err(error) = kill_process_group(group, Signal::KILL)
    {
        tracing::debug!(%error, "no process group to kill");
    }
}

async fn write_stdin(feed: Option<(ChildStdin, Bytes)>) {
    if let Some((mut pipe, bytes)) = feed
        && let Err(error) = pipe.write_all(&bytes).await
    {
        // A command need not read all of it: `head` does not.
        tracing::debug!(%error, "a command did not read all of its stdin");
    }
}

fn completed(stdout: Capture) -> Result<Completed, Failure> {
    let output =
        CommandOutput { stdout: Captured(stdout.kept), dropped_bytes: stdout.dropped_bytes };
    let returned = Returned::encode(&output)
        .map_err(|e| Failure::new(FailureKind::Codec, format!("its output {e}")))?;
    Ok(Completed {
        result: returned.bytes,
        decode_took: Duration::ZERO,
        encode_took: returned.encode_took,
    })
}

fn describe(status: ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("ended with status {code}"),
        (None, Some(signal)) => format!("was ended by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

/// One captured stream: what is kept of it, and its lines for the log.
struct Capture {
    level: LogLevel,
    max_bytes: usize,
    kept: Vec<u8>,
    dropped_bytes: u64,
    line: Vec<u8>,
    n_lines: usize,
    last_lines: std::collections::VecDeque<String>,
}

impl Capture {
    fn new(level: LogLevel, max_bytes: usize) -> Self {
        Self {
            level,
            max_bytes,
            kept: Vec::new(),
            dropped_bytes: 0,
            line: Vec::new(),
            n_lines: 0,
            last_lines: std::collections::VecDeque::new(),
        }
    }

    async fn read(
        &mut self,
        mut pipe: impl AsyncRead + Unpin,
        log: &(dyn Fn(LogLevel, &str) + Sync),
    ) {
        let mut buffer = vec![0; 64 << 10];
        loop {
            match pipe.read(&mut buffer).await {
                Ok(0) => return,
                Ok(n) => self.take(&buffer[..n], log),
                Err(error) => {
                    tracing::warn!(%error, "a command's output could not be read");
                    return;
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8], log: &(dyn Fn(LogLevel, &str) + Sync)) {
        let room = (self.max_bytes - self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(&bytes[..room]);
        self.dropped_bytes += (bytes.len() - room) as u64;
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let whole = part.ends_with(b"\n");
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            let room = (MAX_LINE_BYTES - self.line.len().min(MAX_LINE_BYTES)).min(text.len());
            self.line.extend_from_slice(&text[..room]);
            if whole {
                self.end_line(log);
            }
        }
    }

    fn end_line(&mut self, log: &(dyn Fn(LogLevel, &str) + Sync)) {
        let line = std::mem::take(&mut self.line);
        self.n_lines += 1;
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end_matches('\r');
        if self.n_lines <= MAX_LINES {
            log(self.level, text);
        }
        if self.last_lines.len() == MESSAGE_LINES {
            self.last_lines.pop_front();
        }
        self.last_lines.push_back(text.to_owned());
    }

    /// The stream is over: logs what is left of it, and what was left out.
    fn finish(&mut self, log: &(dyn Fn(LogLevel, &str) + Sync)) {
        if !self.line.is_empty() {
            self.end_line(log);
        }
        if self.n_lines > MAX_LINES {
            let stream = if self.level == LogLevel::Output { "stdout" } else { "stderr" };
            log(self.level, &format!("[{} more lines of {stream}]", self.n_lines - MAX_LINES));
        }
    }

    fn with_last_lines(&self, what: &str) -> String {
        let lines: Vec<&str> = self.last_lines.iter().map(String::as_str).collect();
        if lines.is_empty() { what.to_owned() } else { format!("{what}: {}", lines.join("\n")) }
    }
}
