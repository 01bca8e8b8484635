//! A run as one page that needs no viewer: `reel export --format html`.
//!
//! The page has the viewer's scripts and, ready to be drawn, what the viewer would have answered:
//!
//! | part | what | how much of it |
//! |---|---|---|
//! | moments | words, tables and plots without an axis of time, as they were at instants of the run | evenly over the run, and at failures |
//! | tiles | plots with an axis of time, of stretches of the run | finer ones while there is room |
//! | executions | who ran what, when, for whom: for search, selection and arrows | all, or none |
//!
//! What there is no room for is left out and named on the page.

mod executions;
mod moments;
mod page;
mod tiles;

use std::sync::{Arc, Mutex};

use serde::Serialize;
use taskreel_recorder::OpenError;
use taskreel_replay::analysis::{Facts, explain};
use taskreel_replay::{Reopen, plots};

use crate::base64::base64;
use crate::fold::{Run, SharedReopen, reopened};
use crate::wire::Packed;

/// Bytes of the page beside the run's data: scripts, style and markup, with room to grow.
const SHELL_BYTES: usize = 600_000;

/// A page of its own.
#[derive(Clone, Debug)]
pub struct Exported {
    /// The HTML document.
    pub html: String,
    /// What there was no room for, a sentence each.
    pub left_out: Vec<String>,
}

/// Makes a page of at most about `max_bytes` of a trace. A trace that is damaged further on is shown
/// up to there, and the page says so.
///
/// # Errors
/// The trace cannot be opened.
pub fn export_html(reopen: Reopen, title: &str, max_bytes: usize) -> Result<Exported, OpenError> {
    let reopen: SharedReopen = Arc::new(Mutex::new(reopen));
    let mut run = Run::new(reopened(&reopen)?, title, plots::all());
    run.read_to_end();
    let explained = explain(&Facts::read(reopened(&reopen)?.as_mut()));
    let mut store = Store::new(max_bytes.saturating_sub(SHELL_BYTES));
    let findings = page::findings(&run, &explained, store.total / 8, &mut store);
    let mut index = Index { names: store.keep(run.names()), ..Index::default() };
    executions::keep(&run, &mut store, &mut index);
    moments::keep(&run, &reopen, &mut store, &mut index)?;
    tiles::keep(&run, &mut store, &mut index);
    let left_out = std::mem::take(&mut store.left_out);
    let html = page::render(&run, &explained, findings, &store, &index, &left_out);
    Ok(Exported { html, left_out })
}

/// Where in the store the page's script finds what.
#[derive(Debug, Default, Serialize)]
struct Index {
    names: usize,
    executions: Option<usize>,
    path: Option<usize>,
    /// In the order of instants.
    moments: Vec<Moment>,
    tiles: Vec<Tile>,
}

/// The run as it was at an instant.
#[derive(Debug, Serialize)]
struct Moment {
    now_ns: u64,
    /// Events up to then.
    seq: u64,
    /// Words and figures.
    parts: Vec<usize>,
}

/// A plot over a stretch of time.
#[derive(Debug, Serialize)]
struct Tile {
    plot: String,
    from: u64,
    to: u64,
    part: usize,
    /// Rectangles in it.
    #[serde(skip)]
    n_rects: usize,
}

/// Parts of the page's data, each kept once.
#[derive(Debug, Default)]
struct Store {
    parts: Vec<Packed>,
    /// Bytes that they may have on the page, and those that they have.
    total: usize,
    used: usize,
    left_out: Vec<String>,
}

impl Store {
    fn new(total: usize) -> Self {
        Self { total, ..Self::default() }
    }

    /// Bytes that are left.
    fn room(&self) -> usize {
        self.total.saturating_sub(self.used)
    }

    /// Bytes of a part on the page.
    fn bytes(part: &Packed) -> usize {
        part.bytes().len().div_ceil(3) * 4 + 1
    }

    /// Keeps a part, and says where it is.
    fn keep(&mut self, part: Packed) -> usize {
        let is_same = |known: &Packed| known.fingerprint == part.fingerprint && known.id == part.id;
        if let Some(place) = self.parts.iter().rposition(is_same) {
            return place;
        }
        self.used += Self::bytes(&part);
        self.parts.push(part);
        self.parts.len() - 1
    }

    /// The parts as lines of text.
    fn text(&self) -> String {
        let mut text = String::with_capacity(self.used);
        for part in &self.parts {
            text.push_str(&base64(part.bytes()));
            text.push('\n');
        }
        text
    }
}
