//! `reel demo reduction`: a sum over leaves, one by one or as a tree. The two shapes show in the
//! viewer what dependencies cost: a chain leaves all but one slot idle.

use std::thread;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::json;
use taskreel::{Client, TaskFuture, task};

use super::Outcome;
use crate::cli::Failure;

/// How the leaves are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Shape {
    /// One after the other: each addition waits for the one before.
    Linear,
    /// In pairs, then pairs of pairs: half of the additions can run at once.
    Tree,
}

/// What to sum.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reduction {
    pub(crate) shape: Shape,
    pub(crate) leaves: u32,
    /// How long each task takes.
    pub(crate) sleep: Duration,
}

#[task]
fn leaf(value: u64, sleep: Duration) -> u64 {
    thread::sleep(sleep);
    value
}

#[task]
fn add(left: u64, right: u64, sleep: Duration) -> u64 {
    thread::sleep(sleep);
    left + right
}

/// Sums 0, 1, …, n − 1 and checks the sum.
pub(crate) fn run(
    Reduction { shape, leaves, sleep }: Reduction,
    client: &Client,
) -> Result<Outcome, Failure> {
    let values = client.map(0..u64::from(leaves), |value| leaf(value, sleep));
    let total = match shape {
        Shape::Linear => linear(client, values, sleep),
        Shape::Tree => tree(client, values, sleep),
    };
    let sum = total.wait().map_err(Failure::run)?;
    let expected = u64::from(leaves) * (u64::from(leaves) - 1) / 2;
    let verdict =
        if sum == expected { "as it should be".to_owned() } else { format!("not {expected}") };
    Ok(Outcome {
        text: format!("the sum of 0 to {} is {sum}, {verdict}\n", leaves - 1).into_bytes(),
        json: json!({ "sum": sum, "expected": expected }),
        notes: Vec::new(),
        failed: sum != expected,
    })
}

fn linear(client: &Client, values: Vec<TaskFuture<u64>>, sleep: Duration) -> TaskFuture<u64> {
    let mut values = values.into_iter();
    let first = values.next().expect("the command line asks for at least one leaf");
    values.fold(first, |sum, value| client.submit(add(sum, value, sleep)))
}

fn tree(client: &Client, values: Vec<TaskFuture<u64>>, sleep: Duration) -> TaskFuture<u64> {
    let mut level = values;
    while level.len() > 1 {
        let mut next = Vec::with_capacity(level.len().div_ceil(2));
        let mut pairs = level.into_iter();
        while let Some(left) = pairs.next() {
            next.push(match pairs.next() {
                Some(right) => client.submit(add(left, right, sleep)),
                None => left,
            });
        }
        level = next;
    }
    level.pop().expect("a level never has fewer than one")
}
