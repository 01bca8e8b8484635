//! Measures the runtime: `throughput [TASKS] [embedded|processes] [record|no-record]`.
//!
//! Prints tasks per second for independent tasks that do nothing. `latency` measures the rest.

extern crate taskreel_runtime as taskreel;

use std::error::Error;
use std::io::Write;
use std::time::Instant;

use taskreel::{Client, Cluster, task};

#[task]
fn nothing(i: u64) -> u64 {
    i
}

fn main() -> Result<(), Box<dyn Error>> {
    taskreel::init();
    let args: Vec<String> = std::env::args().collect();
    let n_tasks = args.get(1).map_or(Ok(100_000), |n| n.parse())?;
    let is_asked_for = |word: &str| args.iter().any(|arg| arg == word);
    let path = std::env::temp_dir().join("throughput.reel");
    let builder = Cluster::local().workers(2).threads(1).processes(is_asked_for("processes"));
    let cluster = if is_asked_for("no-record") {
        builder.no_record().start()?
    } else {
        builder.record(&path).overwrite(true).start()?
    };
    let client = cluster.client();
    client.submit(nothing(0)).wait()?;
    let mut out = std::io::stdout();
    independent(&client, n_tasks, &mut out)?;
    let summary = cluster.close()?;
    if let Some(record) = summary.record {
        writeln!(out, "trace: {} events, {} bytes", record.events, record.bytes)?;
    }
    Ok(())
}

fn independent(client: &Client, n_tasks: u64, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let futures = client.map(0..n_tasks, nothing);
    let submitted = begin.elapsed();
    for future in &futures {
        future.wait_done()?;
    }
    let done = begin.elapsed();
    let rate = n_tasks as f64 / done.as_secs_f64();
    writeln!(out, "{n_tasks} tasks: submitted {submitted:?}, done {done:?}, {rate:.0} tasks/s")?;
    let begin = Instant::now();
    let sum: u64 = client.gather(&futures)?.iter().sum();
    assert_eq!(sum, n_tasks * (n_tasks - 1) / 2);
    writeln!(out, "gathered in {:?}", begin.elapsed())?;
    Ok(())
}
