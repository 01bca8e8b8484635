//! Progress of a run: numbers that the scheduler's thread keeps up to date, and a line that shows
//! them on a terminal.

use std::io::{self, IsTerminal};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use taskreel_model::{Phase, Watch};

/// How far a run is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress {
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    submitted: AtomicU64,
    ended: AtomicU64,
    processing: AtomicU64,
    erred: AtomicU64,
}

impl Progress {
    /// What the scheduler calls after each event.
    pub(crate) fn watch(&self) -> Watch {
        let counts = Arc::clone(&self.counts);
        Box::new(move |_, _, state| {
            let totals = state.totals();
            let active = Phase::ALL.iter().filter(|phase| phase.is_active());
            let n_active: u64 = active.map(|&phase| totals.get(phase)).sum();
            let n_submitted = totals.total();
            // Each number is right by itself; a picture between two events is good enough.
            counts.submitted.store(n_submitted, Ordering::Relaxed);
            counts.ended.store(n_submitted - n_active, Ordering::Relaxed);
            counts.processing.store(totals.get(Phase::Processing), Ordering::Relaxed);
            counts.erred.store(totals.get(Phase::Erred), Ordering::Relaxed);
        })
    }
}

/// The line on the terminal; nothing in a pipe.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    progress: Progress,
}

impl Bar {
    /// A line that shows `progress`, if standard error is a terminal.
    pub(crate) fn new(progress: &Progress) -> Self {
        let target = match io::stderr().is_terminal() {
            true => ProgressDrawTarget::stderr(),
            false => ProgressDrawTarget::hidden(),
        };
        let style = "{bar:30} {human_pos}/{human_len} tasks  {msg}  {elapsed}";
        let style = ProgressStyle::with_template(style)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸─");
        let bar = ProgressBar::with_draw_target(Some(0), target).with_style(style);
        Self { bar, progress: progress.clone() }
    }

    /// Draws the numbers as they are now.
    pub(crate) fn draw(&self) {
        let counts = &self.progress.counts;
        self.bar.set_length(counts.submitted.load(Ordering::Relaxed));
        self.bar.set_position(counts.ended.load(Ordering::Relaxed));
        let processing = counts.processing.load(Ordering::Relaxed);
        let message = match counts.erred.load(Ordering::Relaxed) {
            0 => format!("{processing} processing"),
            erred => format!("{processing} processing, {erred} erred"),
        };
        self.bar.set_message(message);
    }

    /// Does what writes to the terminal, without the line.
    pub(crate) fn aside<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Takes the line away.
    pub(crate) fn clear(&self) {
        self.bar.finish_and_clear();
    }
}
