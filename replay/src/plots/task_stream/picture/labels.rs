//! Hover labels. Every glyph wants one; only the widest get one of their own, so that a figure's
//! strings stay bounded however much it shows.

use std::collections::BTreeMap;

use taskreel_model::{HumanBytes, Key, Nanos, PrefixId};

use super::MOVED;
use crate::figure::Color;
use crate::plots::task_stream::{
    Attempt, Moved, SlotColumns, TaskStream, WorkerColumns, attempt_name,
};
use crate::spans::Spans;

/// How many glyphs have a label of their own.
const N_OWN: usize = 2_000;

/// What a label is about.
#[derive(Clone, Copy)]
pub(super) enum Subject<'a> {
    /// One attempt.
    Attempt { worker: &'a WorkerColumns, slot: usize, columns: &'a SlotColumns, span: usize },
    /// Short attempts, most of them of one prefix.
    Attempts { prefix: PrefixId },
    /// One that waited for tasks that it had submitted.
    Wait { worker: &'a WorkerColumns, waits: &'a Spans<Attempt>, span: usize },
    /// Several of them, most of one prefix.
    Waits { prefix: PrefixId },
    /// All that a worker ran then.
    Worker { worker: &'a WorkerColumns, color: Color },
    /// One transfer, disk access or (de)serialization.
    Moved { worker: &'a WorkerColumns, columns: &'a Spans<Moved>, span: usize },
    /// Several of them.
    MovedMany { track: usize },
    /// Attempts that failed near one another.
    Failed { n_failed: usize, key: Key },
}

/// What glyphs have in common that share a label.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Attempts(PrefixId),
    Waits(PrefixId),
    /// Worker, by its place in memory, and colour.
    Worker(usize, Color),
    Moves(usize),
}

impl Subject<'_> {
    /// `None`: it has a label of its own.
    fn sort(&self, is_own: bool) -> Option<Sort> {
        match *self {
            Subject::Attempt { .. } | Subject::Wait { .. } | Subject::Moved { .. } if is_own => {
                None
            }
            Subject::Wait { waits, span, .. } => Some(Sort::Waits(waits.get(span).what.key.prefix)),
            Subject::Waits { prefix } => Some(Sort::Waits(prefix)),
            Subject::Attempt { columns, span, .. } => {
                Some(Sort::Attempts(columns.attempts.get(span).what.key.prefix))
            }
            Subject::Attempts { prefix } => Some(Sort::Attempts(prefix)),
            Subject::Worker { worker, color } => {
                Some(Sort::Worker(std::ptr::from_ref(worker).addr(), color))
            }
            Subject::Moved { columns, span, .. } => {
                Some(Sort::Moves(super::super::track(columns.get(span).what.activity)))
            }
            Subject::MovedMany { track } => Some(Sort::Moves(track)),
            Subject::Failed { .. } => None,
        }
    }
}

/// The labels that are wanted, by the index that glyphs hold until the strings are written.
pub(super) struct Labels<'a> {
    plot: &'a TaskStream,
    now: Nanos,
    wanted: Vec<(i32, Subject<'a>)>,
}

impl<'a> Labels<'a> {
    pub(super) fn new(plot: &'a TaskStream, now: Nanos) -> Self {
        Self { plot, now, wanted: Vec::new() }
    }

    /// Notes that a glyph of that width wants a label; gives its place in the list.
    pub(super) fn want(&mut self, width_px: i32, subject: Subject<'a>) -> i32 {
        self.wanted.push((width_px, subject));
        (self.wanted.len() - 1) as i32
    }

    /// Writes the strings, and turns places in the list into indices of strings.
    pub(super) fn write(
        &self,
        columns: [&mut Vec<i32>; 5],
        points: &mut Vec<i32>,
        strings: &mut Vec<String>,
    ) {
        let least = self.least_width();
        let mut known = BTreeMap::new();
        // Of a hundred thousand glyphs nearly all share their labels: those are not written again and again.
        let mut shared: BTreeMap<Sort, i32> = BTreeMap::new();
        let mut n_own = 0;
        for label in columns.into_iter().chain([points]).flatten() {
            let (width_px, subject) = &self.wanted[*label as usize];
            let is_own = *width_px >= least && n_own < N_OWN;
            n_own += usize::from(is_own);
            let sort = subject.sort(is_own);
            if let Some(index) = sort.and_then(|sort| shared.get(&sort)) {
                *label = *index;
                continue;
            }
            *label =
                *known.entry(self.text(subject, is_own)).or_insert_with_key(|text: &String| {
                    strings.push(text.clone());
                    (strings.len() - 1) as i32
                });
            shared.extend(sort.map(|sort| (sort, *label)));
        }
    }

    /// The least width at which glyphs have labels of their own.
    fn least_width(&self) -> i32 {
        let mut widths: Vec<i32> = self.wanted.iter().map(|(width, _)| *width).collect();
        if widths.len() <= N_OWN {
            return 0;
        }
        let (_, least, _) = widths.select_nth_unstable_by(N_OWN, |a, b| b.cmp(a));
        *least + 1
    }

    fn text(&self, subject: &Subject<'_>, is_own: bool) -> String {
        let several = |prefix: PrefixId| {
            let name = self.plot.prefixes.get(prefix.index()).map_or("", |p| &p.name);
            format!("{name}: short attempts; zoom in to tell them apart")
        };
        let waiting = |prefix: PrefixId| {
            let name = self.plot.prefixes.get(prefix.index()).map_or("", |p| &p.name);
            format!("{name}: waits for tasks that it submitted")
        };
        match *subject {
            Subject::Attempt { worker, slot, columns, span } if is_own => {
                self.attempt(worker, slot, columns, span)
            }
            Subject::Attempt { columns, span, .. } => {
                several(columns.attempts.get(span).what.key.prefix)
            }
            Subject::Attempts { prefix } => several(prefix),
            Subject::Wait { worker, waits, span } if is_own => {
                let span = waits.get(span);
                let (key, took) =
                    (self.plot.key_text(span.what.key), span.stop(self.now).since(span.start));
                let from = span.start.as_secs_f64();
                format!("{key} on {}: waits {took} for its tasks, from {from:.3} s", worker.name)
            }
            Subject::Wait { waits, span, .. } => waiting(waits.get(span).what.key.prefix),
            Subject::Waits { prefix } => waiting(prefix),
            Subject::Worker { worker, color } => {
                let names: Vec<&str> = self
                    .plot
                    .prefixes
                    .iter()
                    .filter(|p| p.is_used && p.color == color)
                    .map(|p| p.name.as_str())
                    .take(3)
                    .collect();
                format!("{}: mostly {}", worker.name, names.join(" or "))
            }
            Subject::Moved { worker, columns, span } if is_own => self.moved(worker, columns, span),
            Subject::Moved { columns, span, .. } => {
                MOVED[super::super::track(columns.get(span).what.activity)].1.to_owned()
            }
            Subject::MovedMany { track } => MOVED[track].1.to_owned(),
            Subject::Failed { n_failed: 1, key } => format!("{} failed", self.plot.key_text(key)),
            Subject::Failed { n_failed, key } => {
                format!("{n_failed} attempts failed, first {}", self.plot.key_text(key))
            }
        }
    }

    fn attempt(
        &self,
        worker: &WorkerColumns,
        slot: usize,
        columns: &SlotColumns,
        span: usize,
    ) -> String {
        let span = columns.attempts.get(span);
        let (attempt, start, stop) = (span.what, span.start, span.stop(self.now));
        format!(
            "{} on {} · {slot}: {} {}, from {:.3} s",
            self.plot.key_text(attempt.key),
            worker.name,
            attempt_name(&span),
            stop.since(start),
            start.as_secs_f64(),
        )
    }

    fn moved(&self, worker: &WorkerColumns, columns: &Spans<Moved>, span: usize) -> String {
        let span = columns.get(span);
        let (moved, start, stop) = (span.what, span.start, span.stop(self.now));
        let key = moved.key.map_or_else(|| moved.task.to_string(), |key| self.plot.key_text(key));
        let peer = moved.peer.and_then(|peer| self.plot.workers.get(peer.index()));
        let from = peer.map_or_else(String::new, |peer| format!(" from {}", peer.name));
        format!(
            "{:?} of {key}{from} on {}: {}, {}, from {:.3} s",
            moved.activity,
            worker.name,
            stop.since(start),
            HumanBytes(moved.bytes),
            start.as_secs_f64(),
        )
    }
}
