//! Measures latency over TCP: `latency [ROUNDS] [no-record]`.
//!
//! Two worker processes and a client, all connected by loopback TCP. Each round measures, one after
//! the other, a bare round trip between two threads that block on a socket, a step of a chain of
//! tasks (each depends on the one before), and the time from the submission of a task to its result.
//! The last lines give the medians over all rounds, also as multiples of the bare round trip, and on
//! Linux how often threads of these processes went to sleep for each: a figure that other work on the
//! machine hardly changes, where times say little.

extern crate taskreel_runtime as taskreel;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use taskreel::{Client, ClientOptions, Cluster, task};

/// What one round does.
const ROUND_TRIPS: usize = 1_000;
const STEPS: u32 = 1_000;
const SUBMISSIONS: u64 = 500;

#[task]
fn nothing(i: u64) -> u64 {
    i
}

fn main() -> Result<(), Box<dyn Error>> {
    taskreel::init();
    let args: Vec<String> = std::env::args().collect();
    let n_rounds = args.get(1).map_or(Ok(10), |n| n.parse())?;
    let builder = Cluster::local().workers(2).threads(1).processes(true);
    let cluster = if args.iter().any(|arg| arg == "no-record") {
        builder.no_record().start()?
    } else {
        builder.record(std::env::temp_dir().join("latency.reel")).overwrite(true).start()?
    };
    let address = cluster.address().expect("worker processes make it listen");
    let options =
        ClientOptions { token: cluster.token().map(str::to_owned), ..ClientOptions::default() };
    let client = Client::connect(address, &options)?;
    client.submit(nothing(0)).wait()?;
    let (mut bare, mut steps, mut submissions) = (Vec::new(), Vec::new(), Vec::new());
    let mut slept = [0; 2];
    let mut out = std::io::stdout();
    for round in 1..=n_rounds {
        bare.push(round_trip()?);
        let begin = sleeps();
        steps.push(chain(&client)?);
        let between = sleeps();
        submissions.push(submit_to_result(&client)?);
        slept = [slept[0] + between - begin, slept[1] + sleeps() - between];
        let (bare, step, submission) = (bare[round - 1], steps[round - 1], submissions[round - 1]);
        writeln!(out, "round {round}: bare {bare:?}, step {step:?}, submission {submission:?}")?;
    }
    let bare = median(bare);
    writeln!(out, "bare round trip: {bare:?}")?;
    for (what, times) in [("chain step", steps), ("submit to result", submissions)] {
        let time = median(times);
        let multiple = time.as_secs_f64() / bare.as_secs_f64();
        writeln!(out, "{what}: {time:?}, {multiple:.2} bare round trips")?;
    }
    for (what, slept, n_each) in
        [("chain step", slept[0], u64::from(STEPS)), ("submit to result", slept[1], SUBMISSIONS)]
    {
        let each = slept as f64 / (n_each * n_rounds as u64) as f64;
        writeln!(out, "{what}: threads went to sleep {each:.2} times")?;
    }
    cluster.close()?;
    Ok(())
}

/// How often threads of this process and of its children have gone to sleep. 0 where the system does
/// not tell.
fn sleeps() -> u64 {
    let own = std::process::id().to_string();
    let threads = std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let children =
        threads.filter_map(|it| std::fs::read_to_string(it.path().join("children")).ok());
    let children: String = children.collect();
    let processes = std::iter::once(own.as_str()).chain(children.split_whitespace());
    let tasks = processes.filter_map(|id| std::fs::read_dir(format!("/proc/{id}/task")).ok());
    let statuses = tasks
        .flatten()
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("status")).ok());
    statuses
        .filter_map(|status| {
            let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches:"))?;
            line.split_whitespace().nth(1)?.parse::<u64>().ok()
        })
        .sum()
}

fn chain(client: &Client) -> Result<Duration, Box<dyn Error>> {
    let begin = Instant::now();
    let mut last = client.submit(nothing(0));
    for _ in 1..STEPS {
        last = client.submit(nothing(last));
    }
    last.wait_done()?;
    Ok(begin.elapsed() / STEPS)
}

fn submit_to_result(client: &Client) -> Result<Duration, Box<dyn Error>> {
    let mut times = Vec::new();
    for number in 0..SUBMISSIONS {
        let begin = Instant::now();
        assert_eq!(client.submit(nothing(number)).wait()?, number);
        times.push(begin.elapsed());
    }
    Ok(median(times))
}

/// Two threads send 64 bytes to and fro.
fn round_trip() -> std::io::Result<Duration> {
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
    for _ in 0..ROUND_TRIPS {
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
