//! What a point does: Task Bench's compute-bound kernel, and the check of its inputs.

use std::hint::black_box;
use std::time::Instant;

use serde::{Deserialize, Serialize};
use taskreel::task;

use super::pattern::Graph;

/// What a point hands on: who made it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Cell {
    step: u32,
    point: u32,
}

/// Computes one point. Fails if its inputs are not those of the pattern: a wrong edge, a result of
/// another step, or two that were swapped.
#[task]
pub(crate) fn point(
    graph: Graph,
    step: u32,
    point: u32,
    iterations: u64,
    inputs: &Vec<Cell>,
) -> Result<Cell, String> {
    let wanted = graph.inputs(step, point).into_iter();
    let wanted: Vec<Cell> = wanted.map(|point| Cell { step: step - 1, point }).collect();
    if *inputs != wanted {
        return Err(format!("point {point} of step {step} wants {wanted:?} and got {inputs:?}"));
    }
    black_box(compute(iterations));
    Ok(Cell { step, point })
}

/// 64 multiplications and additions an iteration: 128 FLOP, as in Task Bench.
pub(crate) fn compute(iterations: u64) -> f64 {
    let mut values = black_box([1.2345f64; 64]);
    for _ in 0..iterations {
        for value in &mut values {
            *value = value.mul_add(*value, -*value);
        }
        values = black_box(values);
    }
    values.iter().sum()
}

/// Iterations a second that `n_threads` threads do with nothing else to do: the peak to which
/// efficiency refers. The best of three, since whatever disturbs makes it less.
pub(crate) fn peak(n_threads: u32) -> f64 {
    const ITERATIONS: u64 = 4_000_000;
    let once = || {
        let begin = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..n_threads {
                scope.spawn(|| black_box(compute(ITERATIONS)));
            }
        });
        (ITERATIONS * u64::from(n_threads)) as f64 / begin.elapsed().as_secs_f64()
    };
    (0..3).map(|_| once()).fold(0.0, f64::max)
}
