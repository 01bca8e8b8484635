//! What recording costs a run: `recording [TASKS] [PAIRS]`.
//!
//! Runs tasks that do nothing on an embedded cluster of two workers, in pairs: one run that is
//! recorded and one that is not, in turns first and second. Prints how many tasks a second each did
//! and the median of both and of the pairs' ratios. One pair says little: the operating system deals
//! the cores out differently each time. Then the processor time of a task by thread (Linux), which
//! says something even where others keep the machine busy: the recorder's thread has what is left over.

extern crate taskreel_runtime as taskreel;

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use taskreel::{Cluster, task};

#[task]
fn nothing() {}

fn main() -> Result<(), Box<dyn Error>> {
    taskreel::init();
    let mut args = std::env::args().skip(1);
    let n_tasks = args.next().map_or(Ok(300_000), |n| n.parse())?;
    let n_pairs = args.next().map_or(Ok(15), |n| n.parse())?;
    let path = std::env::temp_dir().join(format!("recording-{}.reel", std::process::id()));
    let mut out = std::io::stdout();
    // The first run finds cold caches and an allocator without memory.
    run(n_tasks, None)?;
    let (mut recorded, mut plain, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    let mut used: [Vec<Threads>; 2] = Default::default();
    for pair in 0..n_pairs {
        let (with, without) = if pair % 2 == 0 {
            let with = run(n_tasks, Some(&path))?;
            (with, run(n_tasks, None)?)
        } else {
            let without = run(n_tasks, None)?;
            (run(n_tasks, Some(&path))?, without)
        };
        let ((with, with_used), (without, without_used)) = (with, without);
        used[0].push(with_used);
        used[1].push(without_used);
        writeln!(out, "recorded {with:.0}, not recorded {without:.0} tasks a second")?;
        recorded.push(with);
        plain.push(without);
        ratios.push(with / without);
    }
    std::fs::remove_file(&path)?;
    let (recorded, plain) = (median(recorded), median(plain));
    writeln!(
        out,
        "medians: recorded {recorded:.0}, not recorded {plain:.0} tasks a second: {:.1} % less; of the pairs {:.1} % less",
        100.0 * (1.0 - recorded / plain),
        100.0 * (1.0 - median(ratios)),
    )?;
    for (used, name) in used.iter().zip(["recorded", "not recorded"]) {
        let names: Vec<&String> = used.iter().flat_map(BTreeMap::keys).collect();
        let mut total = 0.0;
        for thread in std::collections::BTreeSet::from_iter(names) {
            let took = used.iter().map(|run| run.get(thread).copied().unwrap_or(0.0)).collect();
            let each = median(took) / f64::from(n_tasks);
            total += each;
            writeln!(out, "{name}: {thread} {each:.0} ns a task")?;
        }
        writeln!(out, "{name}: {total:.0} ns of processor time a task")?;
    }
    Ok(())
}

/// Processor time in nanoseconds, by the names of threads.
type Threads = BTreeMap<String, f64>;

/// What this process's threads have used so far; nothing where the system does not say.
fn threads() -> Threads {
    let mut used = Threads::new();
    for thread in std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let read = |file: &str| std::fs::read_to_string(thread.path().join(file)).ok();
        if let (Some(name), Some(times)) = (read("comm"), read("schedstat")) {
            let took = times.split(' ').next().and_then(|ns| ns.parse::<f64>().ok());
            *used.entry(name.trim().to_owned()).or_default() += took.unwrap_or(0.0);
        }
    }
    used
}

/// Tasks a second, from the first submission to the last result, and what they took of which threads.
fn run(n_tasks: u32, trace: Option<&Path>) -> Result<(f64, Threads), Box<dyn Error>> {
    let builder = Cluster::local().workers(2).threads(1);
    let cluster = match trace {
        Some(path) => builder.record(path).overwrite(true).start()?,
        None => builder.no_record().start()?,
    };
    let client = cluster.client();
    let before = threads();
    let begin = Instant::now();
    let futures = client.map(0..n_tasks, |_| nothing());
    client.gather(&futures)?;
    let rate = f64::from(n_tasks) / begin.elapsed().as_secs_f64();
    let mut used = threads();
    for (name, took) in &mut used {
        *took -= before.get(name).copied().unwrap_or(0.0);
    }
    drop(futures);
    drop(client);
    cluster.close()?;
    Ok((rate, used))
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
