//! A program that is also its cluster's scheduler and workers: the same file on every host.
//!
//! `cargo run --release --example hosts -- 3000000` counts the primes below that on this machine. On several:
//!
//! ```text
//! hosts scheduler --listen 0.0.0.0:7878 --token-file cluster.token      on one host
//! hosts worker tcp://head:7878 --token-file cluster.token               on each of the others
//! hosts --cluster tcp://head:7878 --token-file cluster.token 3000000    wherever you are
//! ```

#![expect(clippy::print_stdout, reason = "it prints its result")]

use std::error::Error;

use taskreel::{Client, task};

/// Counts the primes from `from` to before `to`, and says which process did.
#[task]
fn primes(from: u64, to: u64) -> (usize, u32) {
    let is_prime =
        |n: &u64| *n > 1 && (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    ((from..to).filter(is_prime).count(), std::process::id())
}

/// Adds up what two found, and keeps the processes apart.
#[task]
fn both(a: (usize, u32), b: Vec<(usize, u32)>) -> Vec<(usize, u32)> {
    let mut by_process = b;
    match by_process.iter_mut().find(|(_, process)| *process == a.1) {
        Some((n, _)) => *n += a.0,
        None => by_process.push(a),
    }
    by_process
}

fn count(client: &Client, args: &[String]) -> Result<(), Box<dyn Error>> {
    let limit: u64 = args.first().map_or(Ok(1_000_000), |text| text.parse())?;
    let step = limit.div_ceil(32).max(1);
    let parts =
        client.map((0..limit).step_by(step as usize), |from| primes(from, limit.min(from + step)));
    let none = client.scatter(&Vec::new());
    let found = parts.iter().fold(none, |all, part| client.submit(both(part, all))).wait()?;
    for (n, process) in &found {
        println!("{n} by process {process}");
    }
    println!("{} primes below {limit}", found.iter().map(|(n, _)| n).sum::<usize>());
    Ok(())
}

taskreel::main!(count);
