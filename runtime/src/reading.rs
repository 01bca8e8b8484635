//! Readings of this process: CPU, memory, disk and open files, for the samples.

use std::time::Instant;

use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// Bytes of memory that this machine, or the container we are in, has. 0 where neither tells.
pub(crate) fn machine_memory() -> u64 {
    let Ok(mut system) = System::new() else { return 0 };
    system.refresh_memory();
    let total = system.total_memory();
    system.cgroup_limits().map_or(total, |limits| limits.total_memory.min(total))
}

/// Reads this process; rates are since the last reading.
#[derive(Debug)]
pub(crate) struct ProcessReader {
    /// `None` where the system does not tell.
    system: Option<System>,
    pid: Pid,
    last: Option<(Instant, u64)>,
}

/// One reading; fields as in `taskreel_model::Sample`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) cpu_permille: u32,
    pub(crate) rss_bytes: u64,
    pub(crate) read_per_s: u64,
    pub(crate) written_per_s: u64,
    pub(crate) open_files: u32,
}

impl ProcessReader {
    pub(crate) fn new() -> Self {
        Self { system: System::new().ok(), pid: Pid::from_u32(std::process::id()), last: None }
    }

    /// One that reads nothing: what a simulation records is not to depend on the process.
    #[cfg(test)]
    pub(crate) fn idle() -> Self {
        Self { system: None, ..Self::new() }
    }

    /// Resident memory now; 0 where the system does not tell.
    pub(crate) fn rss_bytes(&mut self) -> u64 {
        let only = [self.pid];
        let (processes, what) =
            (ProcessesToUpdate::Some(&only), ProcessRefreshKind::nothing().with_memory());
        let Some(system) = &mut self.system else { return 0 };
        system.refresh_processes_specifics(processes, false, what);
        system.process(self.pid).map_or(0, sysinfo::Process::memory)
    }

    /// Reads now. All zero where the system does not tell.
    pub(crate) fn read(&mut self) -> Reading {
        let what = ProcessRefreshKind::nothing().with_memory().with_cpu().with_disk_usage();
        let only = [self.pid];
        let processes = ProcessesToUpdate::Some(&only);
        let Some(system) = &mut self.system else { return Reading::default() };
        system.refresh_processes_specifics(processes, false, what);
        let Some(process) = system.process(self.pid) else { return Reading::default() };
        let now = Instant::now();
        let cpu_ms = process.accumulated_cpu_time();
        let (elapsed_ms, used_ms) = match self.last.replace((now, cpu_ms)) {
            Some((then, before)) => {
                ((now - then).as_millis() as u64, cpu_ms.saturating_sub(before))
            }
            None => (0, 0),
        };
        let disk = process.disk_usage();
        let per_s = |bytes: u64| (bytes * 1000).checked_div(elapsed_ms).unwrap_or(0);
        Reading {
            cpu_permille: per_s(used_ms) as u32,
            rss_bytes: process.memory(),
            read_per_s: per_s(disk.read_bytes),
            written_per_s: per_s(disk.written_bytes),
            open_files: process.open_files().unwrap_or(0) as u32,
        }
    }
}
