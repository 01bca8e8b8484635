//! Memory, files and sockets of processes over time, from /proc.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::time::Instant;

use super::Outcome;
use super::judge::{Look, Trend, WARM_UP};

/// Looks by process, in their order.
#[derive(Debug)]
pub(crate) struct Watch {
    begin: Instant,
    looks: BTreeMap<Watched, Vec<Look>>,
}

/// Who is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Watched {
    Scheduler,
    /// One that stays, by number.
    Worker(usize),
    /// Those that are replaced: the largest of them.
    Replaced,
    Viewer,
    /// The clients and the readers of pages.
    Clients,
}

impl Watched {
    /// How fast its memory may grow after the warm-up, in bytes a second: what a cluster keeps for each worker
    /// that ever was is no leak, nor is what a viewer keeps to show the whole run from afar, as far as that is
    /// a byte a task at 50,000 tasks a second.
    fn slope_max(self) -> f64 {
        match self {
            Self::Scheduler => 20e3,
            Self::Worker(_) | Self::Replaced | Self::Clients => 10e3,
            Self::Viewer => 50e3,
        }
    }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheduler => f.pad("scheduler"),
            Self::Worker(number) => f.pad(&format!("worker-{number}")),
            Self::Replaced => f.pad("replaced"),
            Self::Viewer => f.pad("viewer"),
            Self::Clients => f.pad("clients"),
        }
    }
}

impl Watch {
    pub(crate) fn new() -> Self {
        Self { begin: Instant::now(), looks: BTreeMap::new() }
    }

    /// Looks at the largest of some processes, none of which may have ended.
    pub(crate) fn look(&mut self, who: Watched, pids: impl IntoIterator<Item = u32>) -> Outcome {
        let at = self.begin.elapsed().as_secs_f64();
        let looks: Outcome<Vec<Look>> = pids.into_iter().map(|pid| look(at, pid)).collect();
        let looks = looks.map_err(|error| format!("{who} is gone: {error}"))?;
        let largest = looks.into_iter().max_by(|a, b| a.resident.total_cmp(&b.resident));
        self.looks.entry(who).or_default().extend(largest);
        Ok(())
    }

    /// Processes that grow, and how.
    pub(crate) fn grown(&self) -> Vec<String> {
        let fault = |(who, trend): (Watched, Trend)| Some(format!("{who}: {}", trend.fault()?));
        self.trends().filter_map(fault).collect()
    }

    fn trends(&self) -> impl Iterator<Item = (Watched, Trend)> {
        self.looks
            .iter()
            .filter_map(|(&who, looks)| Some((who, Trend::of(looks, who.slope_max())?)))
    }
}

fn look(at: f64, pid: u32) -> Outcome<Look> {
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u32 =
        line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?.parse()?;
    let (mut files, mut sockets) = (0, 0);
    for entry in fs::read_dir(format!("/proc/{pid}/fd"))?.flatten() {
        // One that was closed meanwhile leads nowhere.
        let Ok(target) = fs::read_link(entry.path()) else { continue };
        let is_socket = target.to_string_lossy().starts_with("socket:");
        *(if is_socket { &mut sockets } else { &mut files }) += 1;
    }
    Ok(Look { at, resident: f64::from(kib) * 1024.0, files, sockets })
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "after the first {:.0} % of the time:", WARM_UP * 100.0)?;
        writeln!(
            f,
            "{:<10} {:>16} {:>20} {:>10} {:>10} {:>6}",
            "process", "MiB", "bytes/s (at most)", "files", "sockets", ""
        )?;
        for (who, trend) in self.trends() {
            let Trend { from, to, slope, slope_max, .. } = trend;
            let mib = |bytes: f64| bytes / f64::from(1 << 20);
            let memory = format!("{:.1} → {:.1}", mib(from.resident), mib(to.resident));
            let growth = format!("{slope:.0} ({slope_max:.0})");
            let files = format!("{} → {}", from.files, to.files);
            let sockets = format!("{} → {}", from.sockets, to.sockets);
            let verdict = if trend.fault().is_some() { "GROWS" } else { "flat" };
            writeln!(
                f,
                "{who:<10} {memory:>16} {growth:>20} {files:>10} {sockets:>10} {verdict:>6}"
            )?;
        }
        Ok(())
    }
}
