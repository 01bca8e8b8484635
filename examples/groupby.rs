//! The mean of a column by group: partial sums of each piece of a table, then a shuffle by hash, so
//! that no task sees more than its share of the groups.
//!
//! `cargo run --release --example groupby -- trips.csv city fare`

#![expect(clippy::print_stdout, reason = "it prints its result")]

use std::collections::BTreeMap;
use std::error::Error;

use taskreel::{Cluster, task};

/// Lines of a piece.
const PIECE: usize = 10_000;

/// Tasks that share the groups.
const N_SHARES: usize = 8;

/// Sum and number of values, by group.
type Sums = BTreeMap<String, (f64, u64)>;

/// Sums a piece, each group in the share that its name belongs to.
#[task]
fn sum_piece(lines: &[String], by: usize, column: usize) -> Result<Vec<Sums>, String> {
    let mut shares = vec![Sums::new(); N_SHARES];
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let (Some(group), Some(value)) = (cells.get(by), cells.get(column)) else {
            return Err(format!("too few cells: {line}"));
        };
        let value: f64 = value.trim().parse().map_err(|e| format!("{value}: {e}"))?;
        let share = group.bytes().fold(0, |hash: usize, b| hash.wrapping_mul(31) + usize::from(b));
        let (sum, n) = shares[share % N_SHARES].entry((*group).to_owned()).or_default();
        *sum += value;
        *n += 1;
    }
    Ok(shares)
}

/// One share of a piece: what is shuffled.
#[task]
fn share(shares: &[Sums], index: usize) -> Sums {
    shares[index].clone()
}

#[task]
fn mean(parts: Vec<Sums>) -> BTreeMap<String, f64> {
    let mut all = Sums::new();
    for (group, (sum, n)) in parts.into_iter().flatten() {
        let total = all.entry(group).or_default();
        *total = (total.0 + sum, total.1 + n);
    }
    all.into_iter().map(|(group, (sum, n))| (group, sum / n as f64)).collect()
}

fn main() -> Result<(), Box<dyn Error>> {
    taskreel::init();
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [path, by, column] = &args[..] else { return Err("FILE.csv, GROUP and COLUMN".into()) };
    let table = std::fs::read_to_string(path)?;
    let mut lines = table.lines().map(str::to_owned);
    let header = lines.next().unwrap_or_default();
    let position = |name: &str| {
        header.split(',').position(|cell| cell == name).ok_or_else(|| format!("no column {name}"))
    };
    let (by, column) = (position(by)?, position(column)?);
    let lines: Vec<String> = lines.collect();
    let cluster = Cluster::local().name("groupby").start()?;
    let client = cluster.client();
    let pieces = client.map(lines.chunks(PIECE), |piece| sum_piece(piece.to_vec(), by, column));
    let means: Vec<_> = (0..N_SHARES)
        .map(|index| client.submit(mean(client.map(&pieces, |piece| share(piece, index)))))
        .collect();
    drop(pieces);
    let means: BTreeMap<String, f64> = client.gather(means)?.into_iter().flatten().collect();
    for (group, mean) in means {
        println!("{mean:>16.6} {group}");
    }
    Ok(())
}
