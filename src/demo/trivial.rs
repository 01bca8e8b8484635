//! `reel demo trivial`: how many tasks a second, when the tasks are nothing.

use std::time::Instant;

use serde_json::json;
use taskreel::{Client, task};

use super::Outcome;
use crate::cli::Failure;

/// Does nothing.
#[task]
fn nothing() {}

/// Runs `n` of them and measures from the first submission to the last result.
pub(crate) fn run(n: u32, client: &Client) -> Result<Outcome, Failure> {
    let begin = Instant::now();
    let futures = client.map(0..n, |_| nothing());
    client.gather(&futures).map_err(Failure::run)?;
    let seconds = begin.elapsed().as_secs_f64();
    let rate = f64::from(n) / seconds.max(1e-9);
    Ok(Outcome {
        text: format!("{n} tasks in {seconds:.3} s: {rate:.0} tasks per second\n").into_bytes(),
        json: json!({ "tasks": n, "seconds": seconds, "tasks_per_second": rate }),
        notes: Vec::new(),
        failed: false,
    })
}
