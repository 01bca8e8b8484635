//! Measures giving up: `cancel [TASKS]` submits tasks to two worker processes, recording on, cancels
//! all of them when half have finished, and prints how long it takes until nothing runs, and what
//! memory the processes have before, then and after.

extern crate taskreel_runtime as taskreel;

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use taskreel::wire::operate::{ClusterStatus, Target};
use taskreel::{Cluster, Credentials, Operator, task};

#[task]
fn spin(micros: u64) -> u64 {
    let begin = Instant::now();
    while begin.elapsed() < Duration::from_micros(micros) {
        std::hint::spin_loop();
    }
    micros
}

fn main() -> Result<(), Box<dyn Error>> {
    taskreel::init();
    let n_tasks = std::env::args().nth(1).map_or(Ok(100_000), |n| n.parse())?;
    let mut out = std::io::stdout();
    let path = std::env::temp_dir().join("cancel.reel");
    let builder = Cluster::local().workers(2).threads(1).processes(true).record(&path);
    let cluster = builder.overwrite(true).start()?;
    let client = cluster.client();
    let address = cluster.address().expect("worker processes connect to it");
    let operator = Operator::new(address, Credentials::new(cluster.token(), None));
    // As large as it gets by being used at all.
    client.gather(client.map(0..1000_u64, |_| spin(0)))?;
    std::thread::sleep(Duration::from_secs(1));
    let before = memory();
    let tasks = client.map(0..n_tasks, |_| spin(20));
    let finished = |status: &ClusterStatus| status.workers.iter().map(|w| w.finished).sum::<u64>();
    while finished(&operator.status()?) < n_tasks / 2 {
        std::thread::sleep(Duration::from_millis(5));
    }
    let during = memory();
    let begin = Instant::now();
    let n_given_up = operator.cancel(Target::Client(operator.status()?.clients[0].id))?;
    while operator.status()?.workers.iter().any(|worker| worker.assigned > 0) {}
    writeln!(out, "{n_given_up} given up, nothing runs after {:.1?}", begin.elapsed())?;
    let wanted = tasks.len();
    drop(tasks);
    writeln!(out, "{wanted} futures dropped after {:.1?}", begin.elapsed())?;
    for wait_ms in [100, 900, 4000] {
        std::thread::sleep(Duration::from_millis(wait_ms));
        writeln!(
            out,
            "memory before {before:?}, when half had finished {during:?}, now {:?}",
            memory()
        )?;
    }
    cluster.close()?;
    Ok(())
}

/// Resident memory in MiB: this process, with scheduler and client, and its children.
fn memory() -> Vec<u64> {
    let me = std::process::id();
    let children = std::fs::read_to_string(format!("/proc/{me}/task/{me}/children"));
    let children = children.unwrap_or_default();
    let pids = children.split_whitespace().filter_map(|pid| pid.parse().ok());
    let mut all: Vec<u32> = std::iter::once(me).chain(pids).collect();
    all.sort_unstable();
    all.into_iter().map(resident).collect()
}

fn resident(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or("0");
    line.trim().trim_end_matches(" kB").trim().parse::<u64>().unwrap_or(0) >> 10
}
