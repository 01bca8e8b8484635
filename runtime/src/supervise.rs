//! Supervising: a worker runs as a process, and another is started when it dies.

use std::io;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// Tells a worker process that it is supervised.
const SUPERVISED: &str = "TASKREEL_SUPERVISED";

/// Has glibc give large blocks back to the system as soon as they are freed. By default it raises
/// the size that counts as large to that of the blocks it sees freed, and then keeps them: a worker
/// that spills would not get smaller. Huge pages make the first touch of a long result, which is
/// most of what receiving it costs, several times cheaper.
pub(crate) const ALLOCATOR: [(&str, &str); 3] = [
    ("MALLOC_MMAP_THRESHOLD_", "1048576"),
    ("MALLOC_TRIM_THRESHOLD_", "131072"),
    ("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1"),
];

/// How often it is looked whether a worker has ended.
const TICK: Duration = Duration::from_millis(100);

/// How long to wait before a worker that died is started again, at first and at the most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));

/// A worker that lived so long had come up well.
const LIVED: Duration = Duration::from_secs(10);

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
