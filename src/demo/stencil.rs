//! `reel demo stencil`: heat that spreads over a plate, the mean of four neighbours at a time.
//!
//! The plate is cut into strips of rows. In each round a strip needs its own last state and the
//! nearest row of the strips beside it: so many tasks run at once as there are strips, and only rows
//! travel between workers.

use serde_json::json;
use taskreel::{Client, TaskFuture, task};

use super::Outcome;
use crate::cli::Failure;

/// The plate: `size` × `size` points, the upper edge at 100 degrees, the others at 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Plate {
    pub(crate) size: usize,
    pub(crate) strips: usize,
    pub(crate) rounds: u32,
}

/// A row of points.
type Row = Vec<f64>;

/// Temperature of the upper edge.
const HOT: f64 = 100.0;

/// A strip before the first round.
#[task]
fn cold(rows: usize, size: usize) -> Vec<Row> {
    vec![vec![0.0; size]; rows]
}

/// The uppermost row of a strip.
#[task]
fn top(strip: &[Row]) -> Row {
    strip.first().cloned().unwrap_or_default()
}

/// The lowest row of a strip.
#[task]
fn bottom(strip: &[Row]) -> Row {
    strip.last().cloned().unwrap_or_default()
}

/// One round of a strip, between the rows above and below it.
#[task]
fn spread(above: &[f64], strip: &[Row], below: &[f64]) -> Vec<Row> {
    let row = |i: usize| match i {
        0 => above,
        i if i > strip.len() => below,
        i => strip[i - 1].as_slice(),
    };
    (1..=strip.len())
        .map(|i| {
            let (up, own, down) = (row(i - 1), row(i), row(i + 1));
            (0..own.len())
                .map(|x| {
                    let left = if x == 0 { 0.0 } else { own[x - 1] };
                    let right = own.get(x + 1).copied().unwrap_or(0.0);
                    (up[x] + down[x] + left + right) / 4.0
                })
                .collect()
        })
        .collect()
}

/// Sum over a strip, and the temperature in its middle.
#[task]
fn measure(strip: &[Row]) -> (f64, f64) {
    let sum = strip.iter().flatten().sum();
    let row = &strip[strip.len() / 2];
    (sum, row[row.len() / 2])
}

/// Lets the heat spread, and says how warm the plate is, strip by strip.
pub(crate) fn run(plate: Plate, client: &Client) -> Result<Outcome, Failure> {
    let Plate { size, rounds, .. } = plate;
    let n_strips = plate.strips.min(size);
    let rows = |i: usize| (i + 1) * size / n_strips - i * size / n_strips;
    let mut strips: Vec<_> = (0..n_strips).map(|i| client.submit(cold(rows(i), size))).collect();
    for _ in 0..rounds {
        strips = (0..n_strips).map(|i| next(&strips, i, size, client)).collect();
    }
    let measured = client.map(&strips, measure);
    drop(strips);
    let measured = client.gather(measured).map_err(Failure::run)?;
    let mean = measured.iter().map(|(sum, _)| sum).sum::<f64>() / (size * size) as f64;
    let middles: Vec<f64> = measured.iter().map(|(_, middle)| *middle).collect();
    let mut text = format!("mean temperature after {rounds} rounds: {mean:.9}\n");
    for (i, middle) in middles.iter().enumerate() {
        let bar = "#".repeat((middle / HOT * 60.0).round() as usize);
        text.push_str(&format!("strip {i:>3} {middle:>9.4} {bar}\n"));
    }
    Ok(Outcome {
        text: text.into_bytes(),
        json: json!({ "mean": mean, "middles": middles }),
        notes: Vec::new(),
        failed: false,
    })
}

/// The next round of one strip. Beyond the plate it is hot above and cold below.
fn next(
    strips: &[TaskFuture<Vec<Row>>],
    i: usize,
    size: usize,
    client: &Client,
) -> TaskFuture<Vec<Row>> {
    let below = strips.get(i + 1).map(|strip| client.submit(top(strip)));
    let above = i.checked_sub(1).map(|i| client.submit(bottom(&strips[i])));
    client.submit(match (above, below) {
        (None, None) => spread(vec![HOT; size], &strips[i], vec![0.0; size]),
        (None, Some(below)) => spread(vec![HOT; size], &strips[i], below),
        (Some(above), None) => spread(above, &strips[i], vec![0.0; size]),
        (Some(above), Some(below)) => spread(above, &strips[i], below),
    })
}
