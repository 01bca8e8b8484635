//! Counts the words of files with tasks: a map over the files, and a tree reduction.
//!
//! `cargo run --release --example wordcount -- README.md docs/*.md`

#![expect(clippy::print_stdout, reason = "it prints its result")]

use std::collections::BTreeMap;

use taskreel::{Client, Cluster, TaskError, TaskFuture, task};

/// Words and how often each occurs.
pub(crate) type Counts = BTreeMap<String, u64>;

/// Counts the words of one file: runs of letters, in lower case.
#[task]
pub(crate) fn count(path: String) -> std::io::Result<Counts> {
    let mut counts = Counts::new();
    let text = std::fs::read_to_string(path)?;
    for word in text.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty()) {
        *counts.entry(word.to_ascii_lowercase()).or_default() += 1;
    }
    Ok(counts)
}

/// Adds counts up.
#[task]
pub(crate) fn merge(parts: Vec<Counts>) -> Counts {
    let mut sum = Counts::new();
    for (word, n) in parts.into_iter().flatten() {
        *sum.entry(word).or_default() += n;
    }
    sum
}

/// Counts the words of all files, eight counts merged at a time. The calls do not wait for one
/// another: futures are arguments, and only the last one's result comes here.
pub(crate) fn count_words(client: &Client, paths: Vec<String>) -> Result<Counts, TaskError> {
    let mut level: Vec<TaskFuture<Counts>> = client.map(paths, count);
    while level.len() > 1 {
        level = level.chunks(8).map(|parts| client.submit(merge(parts))).collect();
    }
    level.pop().map_or(Ok(Counts::new()), |total| total.wait())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let cluster = Cluster::local().name("wordcount").start()?;
    let counts = count_words(&cluster.client(), std::env::args().skip(1).collect())?;
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(word, n)| (std::cmp::Reverse(**n), *word));
    for (word, n) in sorted.iter().take(20) {
        println!("{n:>8} {word}");
    }
    if let Some(record) = cluster.close()?.record {
        eprintln!("trace: {}", record.path.display());
    }
    Ok(())
}
