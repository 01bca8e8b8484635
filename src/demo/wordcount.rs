//! `reel demo wordcount`: a map over files and a tree reduction.
//!
//! A word is a maximal run of the letters A to Z, in any case. So `tr -cs A-Za-z '\n' | tr A-Z a-z
//! | sort | uniq -c` over the same files counts the same.

mod files;
mod read;
mod report;

use std::collections::BTreeMap;
use std::ffi::OsString;

use serde::{Deserialize, Serialize};
use taskreel::{Client, TaskFuture, task};

use super::Outcome;
use crate::cli::Failure;

pub(crate) use files::{Listing, list};

/// How many counts one task merges.
const FAN_IN: usize = 8;

/// A file larger than this is counted in pieces of about this size.
const PIECE_BYTES: u64 = 4 << 20;

/// Small files share a task up to this size...
const BATCH_BYTES_MAX: u64 = 1 << 20;

/// ...and in a small tree less, so that there are about this many tasks.
const BATCHES_WANTED: u64 = 64;

/// A file, by its position in the listing.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct File {
    id: u32,
    path: OsString,
}

/// Words and how often each occurs, with the files that were left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Tally {
    words: BTreeMap<String, u64>,
    left_out: Vec<(u32, Reason)>,
}

/// Why a file was left out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Reason {
    NotText,
    Unreadable(String),
}

/// Counts the words of whole files.
#[task]
fn count(files: Vec<File>) -> Tally {
    let mut tally = Tally::default();
    for file in files {
        match read::whole(&file.path) {
            Ok(bytes) => tally.add_file(file.id, &bytes),
            Err(error) => tally.left_out.push((file.id, Reason::Unreadable(error.to_string()))),
        }
    }
    tally
}

/// Counts the words of a piece of a large file.
#[task]
fn piece(file: File, from: u64, to: u64) -> Tally {
    let File { id, path } = file;
    let mut tally = Tally::default();
    match read::piece(&path, from, to) {
        Ok(bytes) => tally.add_file(id, &bytes),
        Err(error) => tally.left_out.push((id, Reason::Unreadable(error.to_string()))),
    }
    tally
}

/// Puts the pieces of one file together: a file that is left out in part is left out.
#[task]
fn join(pieces: Vec<Tally>) -> Tally {
    let mut whole = pieces.into_iter().fold(Tally::default(), Tally::merged);
    whole.left_out.truncate(1);
    if !whole.left_out.is_empty() {
        whole.words.clear();
    }
    whole
}

/// Adds counts up.
#[task]
fn merge(parts: Vec<Tally>) -> Tally {
    parts.into_iter().fold(Tally::default(), Tally::merged)
}

impl Tally {
    fn add_file(&mut self, id: u32, bytes: &[u8]) {
        if std::str::from_utf8(bytes).is_err() {
            self.left_out.push((id, Reason::NotText));
            return;
        }
        read::each_word(bytes, |word| match self.words.get_mut(word) {
            Some(n) => *n += 1,
            None => drop(self.words.insert(word.to_owned(), 1)),
        });
    }

    fn merged(mut self, mut other: Self) -> Self {
        if self.words.len() < other.words.len() {
            std::mem::swap(&mut self.words, &mut other.words);
        }
        for (word, n) in other.words {
            *self.words.entry(word).or_default() += n;
        }
        self.left_out.extend(other.left_out);
        self
    }
}

/// What to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Show {
    /// So many words, the most frequent first.
    pub(crate) top: usize,
    /// The paths of the files that were counted, instead of words.
    pub(crate) files: bool,
}

/// How the input is cut into tasks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// A larger file is counted in pieces of this size.
    piece_bytes: u64,
    /// Smaller files share a task up to this size.
    batch_bytes: u64,
}

impl Cut {
    /// In pieces of the size given, or as suits the input.
    pub(crate) fn of(listing: &Listing, piece: Option<u64>) -> Self {
        if let Some(piece) = piece {
            let piece = piece.max(1);
            return Self { piece_bytes: piece, batch_bytes: piece };
        }
        let total: u64 = listing.files.iter().map(|file| file.bytes).sum();
        let batch_bytes = (total / BATCHES_WANTED).clamp(4096, BATCH_BYTES_MAX);
        Self { piece_bytes: PIECE_BYTES, batch_bytes }
    }
}

/// Counts the words of the listed files.
pub(crate) fn run(
    listing: &Listing,
    cut: Cut,
    show: Show,
    client: &Client,
) -> Result<Outcome, Failure> {
    let mut level = map(listing, cut, client);
    while level.len() > 1 {
        let mut next = Vec::with_capacity(level.len().div_ceil(FAN_IN));
        let mut rest = level.into_iter().peekable();
        while rest.peek().is_some() {
            let parts: Vec<TaskFuture<Tally>> = rest.by_ref().take(FAN_IN).collect();
            next.push(client.submit(merge(parts)));
        }
        level = next;
    }
    let tally = match level.pop() {
        Some(total) => total.wait().map_err(Failure::run)?,
        None => Tally::default(),
    };
    Ok(report::outcome(listing, show, &tally))
}

/// One task per batch of small files, and for a large file one per piece and one to join them.
fn map(listing: &Listing, cut: Cut, client: &Client) -> Vec<TaskFuture<Tally>> {
    let Cut { piece_bytes, batch_bytes } = cut;
    let mut tallies = Vec::new();
    let (mut batch, mut bytes) = (Vec::new(), 0);
    for (id, listed) in (0..).zip(&listing.files) {
        let file = File { id, path: listed.path.clone().into_os_string() };
        if listed.bytes > piece_bytes {
            let pieces = client.map((0..listed.bytes).step_by(piece_bytes as usize), |from| {
                let to = (from + piece_bytes).min(listed.bytes);
                piece(file.clone(), from, to)
            });
            tallies.push(client.submit(join(pieces)));
            continue;
        }
        if listed.bytes >= batch_bytes {
            tallies.push(client.submit(count(vec![file])));
            continue;
        }
        batch.push(file);
        bytes += listed.bytes;
        if bytes >= batch_bytes || batch.len() >= 256 {
            tallies.push(client.submit(count(std::mem::take(&mut batch))));
            bytes = 0;
        }
    }
    if !batch.is_empty() {
        tallies.push(client.submit(count(batch)));
    }
    tallies
}
