//! Measures latency over TCP: `latency [ROUNDS] [no-record]`.
//!
//! Two worker processes and a client, all connected by loopback TCP. Each round measures, one after
//! the other, a bare round trip between two threads that block on a socket, a step of a chain of
//! tasks (each depends on the one before), and the time from the submission of a task to its result.
//! The last lines give the medians over all rounds, also as multiples of the bare round trip.

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
    let mut out = std::io::stdout();
    for round in 1..=n_rounds {
        bare.push(round_trip()?);
        steps.push(chain(&client)?);
        submissions.push(submit_to_result(&client)?);
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
    cluster.close()?;
    Ok(())
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
