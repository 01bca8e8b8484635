//! Measures how fast a long result moves from one worker process to another:
//! `transfer [MIB] [TIMES]`, and, to compare with, how fast a bare loopback connection is.

extern crate taskreel_runtime as taskreel;

use std::error::Error;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use taskreel::task::Captured;
use taskreel::{Cluster, task};
use taskreel_model::{Activity, Change, Nanos};

#[task]
fn make(bytes: usize) -> Captured {
    Captured(vec![7; bytes])
}

#[task]
fn length(block: &Captured) -> usize {
    block.0.len()
}

fn main() -> Result<(), Box<dyn Error>> {
    taskreel::init();
    let mut numbers = std::env::args().skip(1).map(|n| n.parse::<usize>());
    let bytes = numbers.next().transpose()?.unwrap_or(1024) << 20;
    let times = numbers.next().transpose()?.unwrap_or(3);
    let took: Arc<Mutex<Vec<Nanos>>> = Arc::default();
    let seen = Arc::clone(&took);
    let watch = Box::new(move |event: &taskreel_model::Stamped<_>, changes: &[Change], _: &_| {
        for change in changes {
            if let Change::Activity { activity: Activity::Transfer, started_at, .. } = *change {
                seen.lock().expect("nobody panics here").push(event.at - started_at);
            }
        }
    });
    let builder = Cluster::local().workers(2).threads(1).processes(true);
    let cluster = builder.memory(4 * bytes as u64).no_record().watch(watch).start()?;
    let client = cluster.client();
    for _ in 0..times {
        let block = client.submit(make(bytes).workers(["worker-0"]));
        assert_eq!(client.submit(length(block).workers(["worker-1"])).wait()?, bytes);
    }
    let mut out = std::io::stdout();
    for took in took.lock().expect("nobody panics here").iter() {
        writeln!(out, "from worker to worker: {took}, {:.2} GB/s", bytes as f64 / took.0 as f64)?;
    }
    for _ in 0..times {
        let rate = bare(bytes)?;
        writeln!(out, "bare loopback connection: {rate:.2} GB/s")?;
    }
    Ok(())
}

/// Two threads: one writes, the other reads.
fn bare(bytes: usize) -> std::io::Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut near = TcpStream::connect(listener.local_addr()?)?;
    let (mut far, _) = listener.accept()?;
    let begin = Instant::now();
    let writing = std::thread::spawn(move || {
        let part = vec![7; 1 << 20];
        (0..bytes >> 20).try_for_each(|_| near.write_all(&part))
    });
    let (mut part, mut n_read) = (vec![0; 1 << 20], 0);
    while n_read < bytes {
        n_read += far.read(&mut part)?;
    }
    let rate = bytes as f64 / begin.elapsed().as_nanos() as f64;
    writing.join().expect("it does not panic")?;
    Ok(rate)
}
