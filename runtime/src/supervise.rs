//! Supervising: a worker runs as a process, and another is started when it dies.

use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The variables by which a worker process is told what it is begin so. They are not for the commands that it
/// runs: a program of ours would take itself for a worker.
const OF_WORKERS: &str = "TASKREEL_WORKER";

/// Tells a worker process that it is supervised.
const SUPERVISED: &str = "TASKREEL_WORKER_SUPERVISED";

/// Has glibc give large blocks back to the system as soon as they are freed. By default it raises
/// the size that counts as large to that of the blocks it sees freed, and then keeps them: a worker
/// that spills would not get smaller. Huge pages make the first touch of a long result, which is
/// most of what receiving it costs, several times cheaper.
pub(crate) const ALLOCATOR: [(&str, &str); 3] = [
    ("MALLOC_MMAP_THRESHOLD_", "1048576"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
];

/// The same for a scheduler, whose many small and middling lists come and go with graphs.
const OF_SCHEDULER: [(&str, &str); 2] =
    [("MALLOC_MMAP_THRESHOLD_", "65536"), ("MALLOC_TRIM_THRESHOLD_", "131072")];

/// What runs in a process, for its allocator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// A scheduler.
    Scheduler,
    /// A worker.
    Worker,
}

/// Starts this program over in its own place, as the same process, with an allocator that gives freed
/// memory back to the system; glibc reads such settings only when a process begins. Returns when
/// that was done already, or the environment has settings of its own, or it cannot be done. To be
/// called before anything else is.
pub fn give_memory_back(part: Part) {
    let settings: &[_] = match part {
        Part::Scheduler => &OF_SCHEDULER,
        Part::Worker => &ALLOCATOR,
    };
    if settings.iter().any(|(name, _)| std::env::var_os(name).is_some()) {
        return;
    }
    let Ok(program) = std::env::current_exe() else { return };
    let mut args = std::env::args_os();
    let mut command = Command::new(program);
    if let Some(name) = args.next() {
        command.arg0(name);
    }
    let error = command.args(args).envs(settings.iter().copied()).exec();
    tracing::debug!(%error, "the allocator stays as it is");
}

/// How often it is looked whether a worker has ended.
const TICK: Duration = Duration::from_millis(100);

/// How long to wait before a worker that died is started again, at first and at the most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// A worker that lived so long had come up well.
const LIVED: Duration = Duration::from_secs(10);

/// Names of the variables of this process that are for it alone.
pub(crate) fn own_variables() -> impl Iterator<Item = OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names.filter(|name| name.as_encoded_bytes().starts_with(OF_WORKERS.as_bytes()))
}

/// Whether this process is a worker that [`supervise`] started.
pub fn is_supervised() -> bool {
    std::env::var_os(SUPERVISED).is_some()
}

/// Runs a worker process, and another whenever one dies, until one ends in order. `interrupted`
/// waits at most that long, and tells whether a person asked to stop meanwhile: then the worker is
/// asked to leave.
///
/// # Errors
/// The process cannot be started.
pub fn supervise(
    command: impl Fn() -> Command,
    interrupted: impl Fn(Duration) -> bool,
) -> io::Result<()> {
    let (mut pause, longest) = PAUSES;
    loop {
        let begin = Instant::now();
        let mut command = command();
        command.env(SUPERVISED, "1");
        for (name, value) in ALLOCATOR.iter().filter(|(name, _)| std::env::var_os(name).is_none()) {
            command.env(name, value);
        }
        if watch(&mut command.spawn()?, &interrupted)? {
            return Ok(());
        }
        if begin.elapsed() > LIVED {
            pause = PAUSES.0;
        }
        if interrupted(pause) {
            return Ok(());
        }
        pause = (pause * 2).min(longest);
    }
}

/// Waits for the worker; whether it ended in order, or because it was asked to.
fn watch(child: &mut Child, interrupted: &impl Fn(Duration) -> bool) -> io::Result<bool> {
    let mut was_asked = false;
    loop {
        if let Some(status) = child.try_wait()? {
            if !status.success() && !was_asked {
                tracing::warn!(%status, "the worker died: another starts");
            }
            return Ok(status.success() || was_asked);
        }
        if interrupted(TICK) && !was_asked {
            was_asked = true;
            let pid = rustix::process::Pid::from_child(child);
            // One that has ended meanwhile needs no asking.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
    }
}
