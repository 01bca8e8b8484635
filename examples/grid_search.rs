//! The best number of neighbours of a classifier, by cross-validation: the table is scattered once,
//! and all tasks take it from where it lies.
//!
//! `cargo run --release --example grid_search -- FILE.csv`: numbers, and the label in the last column.

#![expect(clippy::print_stdout, reason = "it prints its result")]

use std::collections::BTreeMap;
use std::error::Error;

use taskreel::{Cluster, as_completed, task};

/// Row `i` is in part `i % FOLDS`.
const FOLDS: usize = 5;

type Row = (Vec<f64>, String);

/// How many rows of one part the others classify rightly.
#[task]
fn score(table: &[Row], neighbours: usize, fold: usize) -> usize {
    let others = |i: usize| table.iter().enumerate().filter(move |(j, _)| j % FOLDS != i % FOLDS);
    let is_right = |&i: &usize| {
        let (features, label) = &table[i];
        let distance =
            |row: &Row| -> f64 { row.0.iter().zip(features).map(|(a, b)| (a - b) * (a - b)).sum() };
        let mut near: Vec<(f64, usize)> = others(i).map(|(j, row)| (distance(row), j)).collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, j) in near.iter().take(neighbours) {
            *votes.entry(&table[*j].1).or_default() += 1;
        }
        // Of labels with as many votes the last in the alphabet.
        votes.iter().max_by_key(|(_, n)| **n).is_some_and(|(winner, _)| winner == label)
    };
    (fold..table.len()).step_by(FOLDS).filter(is_right).count()
}

#[task]
fn total(neighbours: usize, right: &[usize]) -> (usize, usize) {
    (neighbours, right.iter().sum())
}

fn main() -> Result<(), Box<dyn Error>> {
    taskreel::init();
    let path = std::env::args().nth(1).ok_or("which FILE.csv?")?;
    let table = std::fs::read_to_string(path)?;
    let row = |line: &str| -> Result<Row, std::num::ParseFloatError> {
        let (numbers, label) = line.rsplit_once(',').unwrap_or(("", line));
        let features =
            numbers.split(',').map(|cell| cell.trim().parse()).collect::<Result<_, _>>()?;
        Ok((features, label.to_owned()))
    };
    let table: Vec<Row> = table.lines().skip(1).map(row).collect::<Result<_, _>>()?;
    let cluster = Cluster::local().name("grid-search").start()?;
    let client = cluster.client();
    let scattered = client.scatter(&table);
    let totals = client.map([1, 3, 5, 9, 15, 25], |neighbours| {
        total(neighbours, client.map(0..FOLDS, |fold| score(&scattered, neighbours, fold)))
    });
    // Each as soon as it is there.
    for done in as_completed(totals) {
        let (neighbours, right) = done.wait()?;
        println!("{neighbours:>3} neighbours: {:.4}", right as f64 / table.len() as f64);
    }
    Ok(())
}
