//! What a count of words comes to, for people and programs.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{Listing, Outcome, Reason, Show, Tally};
use crate::cli::{counted, grouped};

/// The table, the summary and its JSON form.
pub(super) fn outcome(listing: &Listing, show: Show, tally: &Tally) -> Outcome {
    let mut words: Vec<(&str, u64)> = tally.words.iter().map(|(w, n)| (w.as_str(), *n)).collect();
    // Equal counts stay in the order of the alphabet.
    words.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    words.truncate(show.top);
    let total: u64 = tally.words.values().sum();
    let distinct = tally.words.len() as u64;
    let left_out = LeftOut::of(listing, tally);
    let n_empty = listing.files.iter().filter(|file| file.bytes == 0).count() as u64;
    let n_counted = (listing.files.len() - left_out.files.len()) as u64;
    let top: Vec<Value> = words.iter().map(|(w, n)| json!({ "word": w, "count": n })).collect();
    let mut notes = vec![format!(
        "{} ({} distinct) in {} ({} empty); left out: {} not UTF-8, {} unreadable, {} skipped",
        counted(total, "word"),
        grouped(distinct),
        counted(n_counted, "file"),
        grouped(n_empty),
        grouped(left_out.n_not_text),
        grouped(left_out.unreadable.len() as u64),
        grouped(listing.skipped.len() as u64),
    )];
    notes.extend(left_out.unreadable.iter().take(10).map(|why| format!("unreadable: {why}")));
    Outcome {
        text: if show.files { left_out.counted_paths(listing) } else { lines(&words) },
        json: json!({
            "words": total,
            "distinct": distinct,
            "top": top,
            "files": {
                "counted": n_counted,
                "empty": n_empty,
                "not_utf8": left_out.n_not_text,
                "unreadable": left_out.unreadable.len(),
                "skipped": listing.skipped.len(),
            },
        }),
        notes,
        failed: false,
    }
}

/// The files that are not counted, and why.
struct LeftOut {
    files: BTreeSet<u32>,
    n_not_text: u64,
    unreadable: Vec<String>,
}

impl LeftOut {
    fn of(listing: &Listing, tally: &Tally) -> Self {
        let mut unreadable = listing.unreadable.clone();
        let mut n_not_text = 0;
        for (id, reason) in &tally.left_out {
            match reason {
                Reason::NotText => n_not_text += 1,
                Reason::Unreadable(why) => {
                    let path = listing.files[*id as usize].path.display();
                    unreadable.push(format!("{path}: {why}"));
                }
            }
        }
        let files = tally.left_out.iter().map(|(id, _)| *id).collect();
        Self { files, n_not_text, unreadable }
    }

    fn counted_paths(&self, listing: &Listing) -> Vec<u8> {
        let mut text = Vec::new();
        for (_, file) in (0..).zip(&listing.files).filter(|(id, _)| !self.files.contains(id)) {
            text.extend_from_slice(file.path.as_os_str().as_encoded_bytes());
            text.push(b'\n');
        }
        text
    }
}

fn lines(words: &[(&str, u64)]) -> Vec<u8> {
    words.iter().flat_map(|(word, n)| format!("{n:>10} {word}\n").into_bytes()).collect()
}
