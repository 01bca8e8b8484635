//! Memory, files and sockets of processes over time, from /proc.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;

use super::Outcome;

/// So much may be added while nothing leaks: allocators and caches are not exact.
const SLACK_BYTES: u64 = 16 << 20;
const SLACK_SHARE: f64 = 0.10;
const SLACK_FILES: u64 = 8;

/// One look at a process.
#[derive(Clone, Copy, Debug)]
struct Look {
    resident: u64,
    files: u64,
}

/// Looks by process, in their order.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    looks: BTreeMap<String, Vec<Look>>,
}

impl Watch {
    pub(crate) fn look(&mut self, name: &str, pid: u32) -> Outcome {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib: u64 =
            line.and_then(|line| line.split_whitespace().next()).ok_or("no VmRSS")?.parse()?;
        let files = fs::read_dir(format!("/proc/{pid}/fd"))?.count() as u64;
        let look = Look { resident: kib << 10, files };
        self.looks.entry(name.to_owned()).or_default().push(look);
        Ok(())
    }

    /// Processes that use more in the last fifth of the time than in the second.
    pub(crate) fn grown(&self) -> Vec<&str> {
        let has_grown = |looks: &[Look]| {
            let (before, after) = (fifth(looks, 1), fifth(looks, 4));
            let room = (before.resident as f64 * (1.0 + SLACK_SHARE)) as u64 + SLACK_BYTES;
            after.resident > room || after.files > before.files + SLACK_FILES
        };
        self.looks
            .iter()
            .filter(|(_, looks)| has_grown(looks))
            .map(|(name, _)| name.as_str())
            .collect()
    }
}

/// Medians within the n-th fifth.
fn fifth(looks: &[Look], n: usize) -> Look {
    let part = &looks[looks.len() * n / 5..(looks.len() * (n + 1) / 5).max(1)];
    let median = |of: fn(&Look) -> u64| {
        let mut values: Vec<u64> = part.iter().map(of).collect();
        values.sort_unstable();
        values.get(values.len() / 2).copied().unwrap_or(0)
    };
    Look { resident: median(|look| look.resident), files: median(|look| look.files) }
}

impl fmt::Display for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<10} {:>12} {:>12} {:>8} {:>8}",
            "process", "MiB, begin", "MiB, end", "files", "files"
        )?;
        for (name, looks) in &self.looks {
            let (before, after) = (fifth(looks, 1), fifth(looks, 4));
            let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
            let (from, to) = (mib(before.resident), mib(after.resident));
            writeln!(
                f,
                "{name:<10} {from:>12.1} {to:>12.1} {:>8} {:>8}",
                before.files, after.files
            )?;
        }
        Ok(())
    }
}
