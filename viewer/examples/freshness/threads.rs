//! The time of processors that the viewer's threads of another process take.

use std::collections::BTreeMap;
use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// Ticks of a second in `/proc`.
const TICKS_PER_S: f64 = 100.0;
/// How often it is looked at: a process that has ended says nothing any more.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// See the module.
pub(crate) struct ViewerThreads {
    stop: Sender<()>,
    watching: JoinHandle<BTreeMap<u32, (String, u64)>>,
}

impl ViewerThreads {
    /// Begins to look at a process.
    pub(crate) fn watch(pid: u32) -> Self {
        let (stop, stopped) = channel();
        Self { stop, watching: thread::spawn(move || watch(pid, &stopped)) }
    }

    /// Seconds by thread, as they were when the process ended.
    pub(crate) fn finish(self) -> Vec<(String, f64)> {
        drop(self.stop);
        let seen = self.watching.join().unwrap_or_default();
        seen.into_values().map(|(name, ticks)| (name, ticks as f64 / TICKS_PER_S)).collect()
    }
}

fn watch(pid: u32, stopped: &Receiver<()>) -> BTreeMap<u32, (String, u64)> {
    let mut seen = BTreeMap::new();
    loop {
        for entry in fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten() {
            let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
            let id = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            if let (Some(id), Some((name, ticks))) = (id, parse(&stat))
                && name.starts_with("viewer")
            {
                seen.insert(id, (name.to_owned(), ticks));
            }
        }
        if stopped.recv_timeout(LOOK_EVERY) == Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
        {
            return seen;
        }
    }
}

/// Name of a thread, and ticks in its own code and the system's.
fn parse(stat: &str) -> Option<(&str, u64)> {
    let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
    // The first field behind the name is the third of all.
    let mut fields = rest.split_whitespace().skip(14 - 3);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((name, user + system))
}
