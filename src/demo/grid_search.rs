//! `reel demo grid-search`: which parameters of a classifier are best, by cross-validation.
//!
//! The classifier gives a row the label that most of its `k` nearest rows have. For each `k` and
//! each measure of distance, each of five parts of the table is classified by the others. The table
//! is scattered once; all these tasks take it from there.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;
use taskreel::{Client, task};

use super::{Outcome, csv};
use crate::cli::Failure;

/// Numbers of neighbours that are tried.
const NEIGHBOURS: [usize; 6] = [1, 3, 5, 9, 15, 25];

/// Parts of the table: row `i` is in part `i % FOLDS`.
const FOLDS: usize = 5;

/// What to learn.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    pub(crate) path: PathBuf,
    /// Name of the column to be foretold; by default the last one. All others must be numbers.
    pub(crate) label: Option<String>,
}

/// How far apart two rows are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Distance {
    Straight,
    Blocks,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Sample {
    features: Vec<f64>,
    label: String,
}

impl Distance {
    const ALL: [(Self, &'static str); 2] = [(Self::Straight, "straight"), (Self::Blocks, "blocks")];

    fn of(self, a: &[f64], b: &[f64]) -> f64 {
        let differences = a.iter().zip(b).map(|(a, b)| a - b);
        match self {
            Self::Straight => differences.map(|d| d * d).sum(),
            Self::Blocks => differences.map(f64::abs).sum(),
        }
    }
}

/// How many rows of one part are classified rightly by the others, and how many it has.
#[task]
fn score(table: &[Sample], neighbours: usize, distance: Distance, fold: usize) -> (usize, usize) {
    let (mut n_right, mut n) = (0, 0);
    for (i, sample) in table.iter().enumerate().filter(|(i, _)| i % FOLDS == fold) {
        let mut near: Vec<(f64, usize)> = table
            .iter()
            .enumerate()
            .filter(|(j, _)| j % FOLDS != fold)
            .map(|(j, other)| (distance.of(&sample.features, &other.features), j))
            .collect();
        near.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut votes: BTreeMap<&str, usize> = BTreeMap::new();
        for (_, j) in near.iter().take(neighbours) {
            *votes.entry(&table[*j].label).or_default() += 1;
        }
        // Of labels with as many votes the first in the alphabet.
        let most = votes.values().max().copied().unwrap_or(0);
        let winner = votes.iter().find(|(_, n)| **n == most).map(|(label, _)| *label);
        n_right += usize::from(winner == Some(&table[i].label));
        n += 1;
    }
    (n_right, n)
}

/// The share of right answers over all parts.
#[task]
fn accuracy(scores: &[(usize, usize)]) -> f64 {
    let (right, all) = scores.iter().fold((0, 0), |(r, n), (right, all)| (r + right, n + all));
    right as f64 / all.max(1) as f64
}

/// Tries all parameters, and prints them with the best first.
pub(crate) fn run(question: &Question, client: &Client) -> Result<Outcome, Failure> {
    let table = read(question).map_err(Failure::input)?;
    let table = client.scatter(&table);
    let mut tried = Vec::new();
    for (distance, name) in Distance::ALL {
        for neighbours in NEIGHBOURS {
            let scores = client.map(0..FOLDS, |fold| score(&table, neighbours, distance, fold));
            tried.push((neighbours, name, client.submit(accuracy(scores))));
        }
    }
    table.release();
    let mut found = Vec::new();
    for (neighbours, name, accuracy) in tried {
        found.push((accuracy.wait().map_err(Failure::run)?, neighbours, name));
    }
    // Of equals the first that was tried: the sort is stable.
    found.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut text = "accuracy  neighbours  distance\n".to_owned();
    for (accuracy, neighbours, name) in &found {
        text.push_str(&format!("{accuracy:>8.4}  {neighbours:>10}  {name}\n"));
    }
    let rows = found.iter().map(|(accuracy, neighbours, name)| {
        json!({ "accuracy": accuracy, "neighbours": neighbours, "distance": name })
    });
    let json = rows.collect();
    Ok(Outcome { text: text.into_bytes(), json, notes: Vec::new(), failed: false })
}

fn read(question: &Question) -> Result<Vec<Sample>, String> {
    let shown = question.path.display();
    let failed = |error: std::io::Error| format!("cannot read {shown}: {error}");
    let header = csv::header(&question.path).map_err(failed)?;
    let label = match &question.label {
        Some(name) => csv::column(&header, name)?,
        None => header.len() - 1,
    };
    let lines = csv::lines(&question.path, 0, u64::MAX).map_err(failed)?;
    let rows = lines.iter().zip(2..).map(|(line, number)| {
        let mut cells = csv::cells(line);
        if cells.len() != header.len() {
            return Err(format!(
                "{shown}: row {number} has {} cells, not {}",
                cells.len(),
                header.len()
            ));
        }
        let label = cells.remove(label);
        let features = cells.iter().map(|cell| cell.trim().parse::<f64>());
        let features = features.collect::<Result<_, _>>();
        let features = features.map_err(|e| format!("{shown}: row {number} has no number: {e}"))?;
        Ok(Sample { features, label })
    });
    let rows: Vec<Sample> = rows.collect::<Result<_, String>>()?;
    if rows.len() < FOLDS { Err(format!("{shown}: fewer than {FOLDS} rows")) } else { Ok(rows) }
}
