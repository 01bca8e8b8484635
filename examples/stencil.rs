//! Heat that spreads over a plate: tasks that need their neighbours' last results, round after round.
//!
//! `cargo run --release --example stencil -- 240 8 50` (points, strips, rounds)

#![expect(clippy::print_stdout, reason = "it prints its result")]

use taskreel::{Cluster, TaskFuture, task};

type Row = Vec<f64>;

/// Above the plate it is 100 degrees, everywhere else around it 0.
const HOT: f64 = 100.0;

/// The row of a strip that its neighbour needs: only rows travel between workers.
#[task]
fn edge(strip: &[Row], is_lowest: bool) -> Row {
    if is_lowest { strip.last() } else { strip.first() }.cloned().unwrap_or_default()
}

/// One round of a strip: each point becomes the mean of the four around it.
#[task]
fn spread(above: &[f64], strip: &[Row], below: &[f64]) -> Vec<Row> {
    let row = |i: usize| match i {
        0 => above,
        i if i > strip.len() => below,
        i => &strip[i - 1],
    };
    let mean = |i: usize, x: usize| {
        let beside = |x: Option<usize>| x.and_then(|x| row(i).get(x)).copied().unwrap_or(0.0);
        (row(i - 1)[x] + row(i + 1)[x] + beside(x.checked_sub(1)) + beside(Some(x + 1))) / 4.0
    };
    (1..=strip.len()).map(|i| (0..row(i).len()).map(|x| mean(i, x)).collect()).collect()
}

#[task]
fn sum(strip: &[Row]) -> f64 {
    strip.iter().flatten().sum()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    taskreel::init();
    let numbers: Result<Vec<usize>, _> = std::env::args().skip(1).map(|n| n.parse()).collect();
    let numbers = numbers?;
    let number = |i: usize, default| numbers.get(i).copied().unwrap_or(default);
    let (size, n_strips, n_rounds) = (number(0, 240), number(1, 8), number(2, 50));
    let cluster = Cluster::local().name("stencil").start()?;
    let client = cluster.client();
    let n_rows = |i: usize| (i + 1) * size / n_strips - i * size / n_strips;
    let cold = |i: usize| vec![vec![0.0; size]; n_rows(i)];
    let mut strips: Vec<TaskFuture<Vec<Row>>> =
        (0..n_strips).map(|i| client.scatter(&cold(i))).collect();
    for _ in 0..n_rounds {
        // A call takes values and futures alike; beyond the plate the rows are constant.
        let next = (0..n_strips).map(|i| {
            let strip = &strips[i];
            let below = strips.get(i + 1).map(|strip| client.submit(edge(strip, false)));
            let above = i.checked_sub(1).map(|i| client.submit(edge(&strips[i], true)));
            client.submit(match (above, below) {
                (None, None) => spread(vec![HOT; size], strip, vec![0.0; size]),
                (None, Some(below)) => spread(vec![HOT; size], strip, below),
                (Some(above), None) => spread(above, strip, vec![0.0; size]),
                (Some(above), Some(below)) => spread(above, strip, below),
            })
        });
        strips = next.collect();
    }
    let sums = client.gather(client.map(&strips, sum))?;
    println!("mean temperature: {:.9}", sums.iter().sum::<f64>() / (size * size) as f64);
    Ok(())
}
