//! What the clients do.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use taskreel::task::Captured;
use taskreel::{Client, ClientOptions, TaskFuture, task};

use super::{Done, Outcome};

#[task]
fn square(x: u64) -> u64 {
    x * x
}

#[task]
fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[task]
fn rest(ms: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(ms));
    ms
}

#[task]
fn fail(why: String) -> Result<u64, String> {
    Err(why)
}

#[task]
fn block(bytes: usize) -> Captured {
    Captured(vec![7; bytes])
}

#[task]
fn length(block: &Captured) -> u64 {
    block.0.len() as u64
}

/// One client: graph after graph, and now and then a new connection.
pub(crate) fn run(address: &str, seed: u64, until: Instant, done: &Done) -> Outcome {
    let mut draw = seed;
    let mut next = |below: u64| {
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (draw >> 33) % below
    };
    while Instant::now() < until {
        let options = ClientOptions { name: format!("client-{seed}"), ..ClientOptions::default() };
        let client = Client::connect(address, &options)?;
        done.connected.fetch_add(1, Ordering::Relaxed);
        for _ in 0..20 {
            let n_tasks = match next(6) {
                0 => map(&client, 100 + next(900))?,
                1 => tree(&client, 64)?,
                2 => chain(&client, 50)?,
                3 => blocks(&client, 20)?,
                4 => {
                    done.failed.fetch_add(1, Ordering::Relaxed);
                    failing(&client)?
                }
                _ => {
                    done.cancelled.fetch_add(1, Ordering::Relaxed);
                    cancelled(&client, 200)
                }
            };
            done.graphs.fetch_add(1, Ordering::Relaxed);
            done.tasks.fetch_add(n_tasks, Ordering::Relaxed);
        }
    }
    Ok(())
}

fn check(what: &str, got: u64, wanted: u64) -> Outcome {
    if got == wanted {
        Ok(())
    } else {
        Err(format!("{what} gave {got} instead of {wanted}").into())
    }
}

fn map(client: &Client, n: u64) -> Outcome<u64> {
    let futures = client.map(0..n, square);
    let sum = client.gather(&futures)?.iter().sum();
    check("a map", sum, (0..n).map(|x| x * x).sum())?;
    Ok(n)
}

fn tree(client: &Client, n_leaves: u64) -> Outcome<u64> {
    let mut level: Vec<TaskFuture<u64>> = client.map(0..n_leaves, square);
    while level.len() > 1 {
        level = level.chunks(2).map(|two| client.submit(add(&two[0], &two[1]))).collect();
    }
    check("a tree", level[0].wait()?, (0..n_leaves).map(|x| x * x).sum())?;
    Ok(2 * n_leaves - 1)
}

fn chain(client: &Client, n: u64) -> Outcome<u64> {
    let mut last = client.submit(add(0, 1));
    for _ in 1..n {
        last = client.submit(add(last, 1));
    }
    check("a chain", last.wait()?, n)?;
    Ok(n)
}

/// Results long enough to be moved, and lost with their workers.
fn blocks(client: &Client, n: usize) -> Outcome<u64> {
    let blocks = client.map((0..n).map(|i| 100_000 + i), block);
    let lengths = client.map(&blocks, length);
    let sum = client.gather(&lengths)?.iter().sum();
    check("blocks", sum, (0..n as u64).map(|i| 100_000 + i).sum())?;
    Ok(2 * n as u64)
}

fn failing(client: &Client) -> Outcome<u64> {
    let failed = client.submit(fail("as it should").retries(1));
    let after = client.submit(add(failed, 1));
    match after.wait() {
        Err(error) if error.to_string().contains("as it should") => Ok(2),
        other => Err(format!("a failing graph gave {other:?}").into()),
    }
}

/// Tasks that nobody waits for: some are cancelled, some let go of.
fn cancelled(client: &Client, n: u64) -> u64 {
    let futures = client.map((0..n).map(|_| 20), rest);
    client.flush();
    futures.iter().step_by(2).for_each(TaskFuture::cancel);
    n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_result_is_a_failure() {
        assert!(check("a map", 285, 285).is_ok());
        let wrong = check("a map", 284, 285).map_err(|error| error.to_string());
        assert_eq!(wrong, Err("a map gave 284 instead of 285".to_owned()));
    }
}
