//! Measures the runtime: `throughput [TASKS] [embedded|processes] [record|no-record]`.
//!
//! Prints tasks per second for independent tasks that do nothing, the time of a step for a chain of
//! tasks, each of which depends on the one before, the time from the submission of one task to its
//! result, and, to compare with, a bare round trip over loopback TCP.

extern crate taskreel_runtime as taskreel;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

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
    chain(&client, 2_000, &mut out)?;
    submit_to_result(&client, 2_000, &mut out)?;
    let bare = round_trip(5_000)?;
    writeln!(out, "bare loopback round trip: {bare:?} in the median")?;
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

fn chain(client: &Client, n_steps: u32, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let begin = Instant::now();
    let mut last = client.submit(nothing(0));
    for _ in 1..n_steps {
        last = client.submit(nothing(last));
    }
    last.wait_done()?;
    writeln!(out, "chain: {:?} per step", begin.elapsed() / n_steps)?;
    Ok(())
}

fn submit_to_result(client: &Client, n: u32, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let mut times = Vec::new();
    for number in 0..u64::from(n) {
        let begin = Instant::now();
        assert_eq!(client.submit(nothing(number)).wait()?, number);
        times.push(begin.elapsed());
    }
    writeln!(out, "submit to result: {:?} in the median", median(times))?;
    Ok(())
}

/// Two threads send 64 bytes to and fro.
fn round_trip(n: u32) -> std::io::Result<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    near.set_nodelay(true)?;
    far.set_nodelay(true)?;
    let echo = std::thread::spawn(move || {
        let mut bytes = [0; 64];
        while far.read_exact(&mut bytes).and_then(|()| far.write_all(&bytes)).is_ok() {}
    });
    let (mut bytes, mut times) = ([7; 64], Vec::new());
    for _ in 0..n {
        let begin = Instant::now();
        near.write_all(&bytes)?;
        near.read_exact(&mut bytes)?;
        times.push(begin.elapsed());
    }
    drop(near);
    echo.join().expect("it does nothing that panics");
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}
