//! The user's own markers and spans, as several plots draw them. Not a plot.

use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, State};

use crate::chart::{NAME_CHARS, time_text};
use crate::figure::{Window, clean};

/// Markers, and spans, that are kept.
const N_MARKS: usize = 4_096;

/// Markers and spans in the order of the log, the first ones of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Marks {
    pub(super) markers: Vec<(Nanos, String)>,
    pub(super) spans: Vec<(Window, String)>,
    pub(super) n_left_out: u64,
}

impl Marks {
    /// Takes a marker or a span in.
    pub(super) fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        let Change::Mark { name, started_at, .. } = *change else { return };
        let name = clean(state.text(name), NAME_CHARS);
        match started_at {
            Some(from) if self.spans.len() < N_MARKS => {
                self.spans.push((Window { from: from.min(at), to: at }, name));
            }
            None if self.markers.len() < N_MARKS => self.markers.push((at, name)),
            Some(_) | None => self.n_left_out += 1,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.markers.is_empty() && self.spans.is_empty()
    }

    /// The markers in the order of time.
    pub(super) fn rising(&self) -> Vec<&(Nanos, String)> {
        let mut markers: Vec<&(Nanos, String)> = self.markers.iter().collect();
        markers.sort_by_key(|(at, _)| *at);
        markers
    }

    /// Rows of a text table: name, from, to.
    pub(super) fn columns(&self, table: &mut String) {
        for (at, name) in &self.markers {
            let _ = writeln!(table, "{name}\t{}\t-", at.0);
        }
        for (window, name) in &self.spans {
            let _ = writeln!(table, "{name}\t{}\t{}", window.from.0, window.to.0);
        }
    }
}

/// A span in words.
pub(super) fn span_text(window: Window, name: &str) -> String {
    format!("{name}: {}, from {}", time_text(window.length()), time_text(window.from))
}

/// Markers that share a place in words: the first, and how many more.
pub(super) fn marker_text(at: Nanos, name: &str, n: u64) -> String {
    let more = if n > 1 { format!(" and {} more", n - 1) } else { String::new() };
    format!("{name}{more}, at {}", time_text(at))
}
