//! What recording costs a run: `recording [TASKS] [PAIRS]`.
//!
//! Runs tasks that do nothing on an embedded cluster of two workers, in pairs: one run that is
//! recorded and one that is not, in turns first and second. Prints how many tasks a second each did
//! and the median of both and of the pairs' ratios. One pair says little: the operating system deals
//! the cores out differently each time.

extern crate taskreel_runtime as taskreel;

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
    for pair in 0..n_pairs {
        let (with, without) = if pair % 2 == 0 {
            let with = run(n_tasks, Some(&path))?;
            (with, run(n_tasks, None)?)
        } else {
            let without = run(n_tasks, None)?;
            (run(n_tasks, Some(&path))?, without)
        };
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
    Ok(())
}

/// Tasks a second, from the first submission to the last result.
fn run(n_tasks: u32, trace: Option<&Path>) -> Result<f64, Box<dyn Error>> {
    let builder = Cluster::local().workers(2).threads(1);
    let cluster = match trace {
        Some(path) => builder.record(path).overwrite(true).start()?,
        None => builder.no_record().start()?,
    };
    let client = cluster.client();
    let begin = Instant::now();
    let futures = client.map(0..n_tasks, |_| nothing());
    client.gather(&futures)?;
    let rate = f64::from(n_tasks) / begin.elapsed().as_secs_f64();
    drop(futures);
    drop(client);
    cluster.close()?;
    Ok(rate)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
