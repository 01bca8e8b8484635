//! `reel demo groupby`: sums, means, counts and extremes of groups of rows.
//!
//! Each piece of the file is aggregated on its own; the groups of all pieces are then dealt out by
//! the hash of their key (a shuffle), so that no task ever holds all groups.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::json;
use taskreel::{Client, task};

use super::{Outcome, csv};
use crate::cli::Failure;

/// A file is read in pieces of about this size, one task each...
const PIECE_BYTES: u64 = 2 << 20;

/// ...or of a smaller one, so that there are about so many pieces.
const PIECES_WANTED: u64 = 16;

/// What to aggregate.
#[derive(Clone, Debug)]
pub(crate) struct Query {
    pub(crate) path: PathBuf,
    /// Name of the column whose values make the groups.
    pub(crate) by: String,
    pub(crate) aggregates: Vec<Aggregate>,
    /// Bytes of a piece, if they are not to follow from the file's size.
    pub(crate) piece: Option<u64>,
}

/// `mean:COL` and the like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Aggregate {
    of: Kind,
    column: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Count,
    Sum,
    Mean,
    Min,
    Max,
}

const KINDS: [(&str, Kind); 5] = [
    ("count", Kind::Count),
    ("sum", Kind::Sum),
    ("mean", Kind::Mean),
    ("min", Kind::Min),
    ("max", Kind::Max),
];

impl FromStr for Aggregate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is none: write count:COL, sum:, mean:, min: or max:COL");
        let (name, column) = text.split_once(':').ok_or_else(wrong)?;
        let (_, of) = *KINDS.iter().find(|(known, _)| *known == name).ok_or_else(wrong)?;
        Ok(Self { of, column: column.to_owned() })
    }
}

/// What is known of the numbers of one column in one group.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Stats {
    n: u64,
    sum: f64,
    min: f64,
    max: f64,
}

/// By the group's key: one for each aggregate.
type Groups = BTreeMap<String, Vec<Stats>>;

impl Stats {
    const NONE: Self = Self { n: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn merged(self, other: Self) -> Self {
        Self {
            n: self.n + other.n,
            sum: self.sum + other.sum,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
        }
    }

    fn value(&self, of: Kind) -> f64 {
        match of {
            Kind::Count => self.n as f64,
            Kind::Sum => self.sum,
            Kind::Mean => self.sum / self.n as f64,
            Kind::Min => self.min,
            Kind::Max => self.max,
        }
    }
}

/// Aggregates a piece of the file. Cells that are no numbers do not count.
#[task]
fn aggregate(
    path: &Path,
    from: u64,
    to: u64,
    by: usize,
    columns: &[usize],
) -> std::io::Result<Groups> {
    let mut groups = Groups::new();
    for line in csv::lines(path, from, to)? {
        let cells = csv::cells(&line);
        let Some(key) = cells.get(by) else { continue };
        let stats = groups.entry(key.clone()).or_insert_with(|| vec![Stats::NONE; columns.len()]);
        for (stats, column) in stats.iter_mut().zip(columns) {
            if let Some(x) = cells.get(*column).and_then(|cell| cell.trim().parse::<f64>().ok()) {
                *stats = stats.merged(Stats { n: 1, sum: x, min: x, max: x });
            }
        }
    }
    Ok(groups)
}

/// The groups of a piece that belong to one share of all.
#[task]
fn share(groups: Groups, share: u64, of: u64) -> Groups {
    groups.into_iter().filter(|(key, _)| hash(key) % of == share).collect()
}

/// Puts the pieces of a share together.
#[task]
fn combine(pieces: Vec<Groups>) -> Groups {
    let mut all = Groups::new();
    for (key, stats) in pieces.into_iter().flatten() {
        let known = all.entry(key).or_insert_with(|| vec![Stats::NONE; stats.len()]);
        for (known, stats) in known.iter_mut().zip(stats) {
            *known = known.merged(stats);
        }
    }
    all
}

/// FNV-1a: the same in every process.
fn hash(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Aggregates the file, and prints a line for each group in the order of their keys.
pub(crate) fn run(query: &Query, client: &Client) -> Result<Outcome, Failure> {
    let shown = query.path.display();
    let failed = |error: std::io::Error| Failure::input(format!("cannot read {shown}: {error}"));
    let header = csv::header(&query.path).map_err(failed)?;
    let column = |name: &str| csv::column(&header, name).map_err(Failure::input);
    let by = column(&query.by)?;
    let columns: Vec<usize> =
        query.aggregates.iter().map(|a| column(&a.column)).collect::<Result<_, _>>()?;
    let size = std::fs::metadata(&query.path).map_err(failed)?.len();
    let piece =
        query.piece.unwrap_or_else(|| (size / PIECES_WANTED).clamp(4096, PIECE_BYTES)).max(1);
    let pieces = client.map((0..size).step_by(piece as usize), |from| {
        aggregate(query.path.as_path(), from, (from + piece).min(size), by, columns.clone())
    });
    let n_shares = (pieces.len() as u64).clamp(1, 8);
    let shares: Vec<_> = (0..n_shares)
        .map(|number| {
            let parts = client.map(&pieces, |piece| share(piece, number, n_shares));
            client.submit(combine(parts))
        })
        .collect();
    drop(pieces);
    let groups: Groups =
        client.gather(shares).map_err(Failure::run)?.into_iter().flatten().collect();
    Ok(outcome(query, &groups))
}

fn outcome(query: &Query, groups: &Groups) -> Outcome {
    let mut text = query.by.clone();
    for Aggregate { of, column } in &query.aggregates {
        let name = KINDS.iter().find(|(_, kind)| kind == of).map_or("", |(name, _)| name);
        text.push_str(&format!("\t{name}:{column}"));
    }
    text.push('\n');
    let mut rows = serde_json::Map::new();
    for (key, stats) in groups {
        let values: Vec<f64> =
            stats.iter().zip(&query.aggregates).map(|(stats, a)| stats.value(a.of)).collect();
        text.push_str(key);
        values.iter().for_each(|value| text.push_str(&format!("\t{value}")));
        text.push('\n');
        rows.insert(key.clone(), json!(values));
    }
    Outcome { text: text.into_bytes(), json: rows.into(), notes: Vec::new(), failed: false }
}
