//! The run as far as it is folded, and the answers it gives.

use std::sync::MutexGuard;
use std::time::{Duration, Instant, SystemTime};

use serde::Serialize;
use taskreel_model::{Nanos, WorkerStatus};
use taskreel_recorder::{Source, Warning};
use taskreel_replay::Timeline;
use taskreel_replay::figure::{Figure, Filter, View, Window};
use taskreel_replay::plots::Plot;

use super::readings::Readings;
use super::shared::{Scope, Shared};
use crate::ledger::{Columns, Ledger, STRIP, STRIP_FOLDED};
use crate::summary::{self, Head, Rate, Status, StatusKind, Summary};
use crate::text::{elapsed, visible, visible_message};
use crate::wire::Packed;
use crate::words::{Jumping, Words, error_cells};

/// A live run brings samples about twice a second; one that is silent for so long is not live.
const SILENT_AFTER: Duration = Duration::from_secs(5);
/// How far running tasks may grow past the newest record.
const GROWTH_MAX: Duration = Duration::from_secs(2);
/// Most warnings shown: a damaged file may have one for each block.
const WARNINGS_MAX: usize = 4;
/// Most failures listed; the page says how many there were before.
const ERRORS_MAX: usize = 200;

/// Most prefixes and workers that one can filter by.
const NAMES_MAX: usize = 500;

/// What one can filter by.
#[derive(Serialize)]
struct Names {
    prefixes: Vec<String>,
    /// With their numbers.
    workers: Vec<(u32, String)>,
}

/// A plot, as a page asks for it.
#[derive(Clone, Debug)]
pub(crate) struct PlotRequest {
    pub id: String,
    pub size: Size,
}

/// Width and height in CSS pixels, within what a figure may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Size {
    width: u32,
    height: u32,
}

impl Size {
    /// Brought into bounds: a page may ask for anything.
    pub(crate) fn clamped(width: u32, height: u32) -> Self {
        Self { width: width.clamp(120, 4_096), height: height.clamp(60, 4_096) }
    }

    /// Width and height.
    pub(super) fn px(self) -> (u32, u32) {
        (self.width, self.height)
    }
}

/// See the module.
pub(crate) struct Run {
    timeline: Timeline,
    readings: Readings,
    ledger: Ledger,
    title: String,
    about: summary::About,
    rate: Rate,
    /// Whether all that the source had was folded once.
    caught_up: bool,
    /// When something came in after that.
    grew_at: Option<Instant>,
    /// Up to when the run was shown then: running tasks grow from there, and never shrink again
    /// when the next record turns out to be a little older than they were drawn.
    grown_from: Nanos,
    /// Why no more can be folded.
    failure: Option<String>,
    /// The status when pages were last notified.
    told: Option<StatusKind>,
    /// Up to when pages are shown the run, since they were last notified.
    shown_to: Nanos,
    /// What they were sent since then.
    shared: Shared,
}

/// What a turn of folding brought.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// There is something new to show.
    pub changed: bool,
    /// And that is that the run has begun, ended or failed.
    pub turned: bool,
    /// There is more to fold at once.
    pub more: bool,
    /// The run goes on, perhaps on this machine.
    pub is_live: bool,
}

impl Run {
    /// A run at its begin that feeds these plots.
    pub(crate) fn new(source: Box<dyn Source>, title: &str, mut plots: Vec<Box<dyn Plot>>) -> Self {
        let about = summary::About::new(source.run_info());
        let title = if title.is_empty() { about.name.clone() } else { visible(title) };
        let (readings, ledger) = (Readings::default(), Ledger::default());
        plots.push(Box::new(readings.clone()));
        plots.push(Box::new(ledger.clone()));
        Self {
            timeline: Timeline::new(source, plots).named(title.clone()),
            readings,
            ledger,
            title,
            about,
            rate: Rate::default(),
            caught_up: false,
            grew_at: None,
            grown_from: Nanos::ZERO,
            failure: None,
            told: None,
            shown_to: Nanos::ZERO,
            shared: Shared::default(),
        }
    }

    /// Folds at most about `max_events`.
    pub(super) fn advance(&mut self, max_events: usize) -> Progress {
        let shown = self.now();
        let pumped = self.timeline.pump(max_events).unwrap_or_else(|error| {
            tracing::warn!(%error, "the viewer cannot fold any further");
            self.failure = Some(error.to_string());
            taskreel_replay::Pumped { starved: true, ..Default::default() }
        });
        let received = pumped.events + pumped.samples > 0;
        if received {
            self.rate.note(self.timeline.now(), self.n_done());
        }
        if received && self.caught_up {
            self.grew_at = Some(Instant::now());
            self.grown_from = shown;
        }
        self.caught_up |= pumped.starved;
        let status = self.status().kind;
        let turned = self.told != Some(status);
        let changed = received || self.grows(status) || turned;
        self.told = Some(status);
        Progress { changed, turned, more: !pumped.starved, is_live: status == StatusKind::Live }
    }

    /// Folds all there is, and shows it.
    pub(crate) fn read_to_end(&mut self) {
        while self.advance(usize::MAX).more {}
        self.publish();
    }

    /// All texts and tables.
    pub(crate) fn all_words(&self) -> Packed {
        Words::new(&self.summary(), self.jumping(None)).packed()
    }

    /// From here on pages are shown what is folded by now.
    pub(super) fn publish(&mut self) {
        self.shown_to = self.now();
        self.shared.clear();
    }

    /// What a page says that does not depend on the instant it shows.
    pub(crate) fn head(&self) -> Head {
        Head {
            title: self.title.clone(),
            run: self.about.clone(),
            status: self.status(),
            warnings: self.warnings().take(WARNINGS_MAX).collect(),
            end_ns: self.now().0,
        }
    }

    /// The run in numbers.
    pub(crate) fn summary(&self) -> Summary {
        let (state, samples) = (self.timeline.state(), self.readings.last());
        Summary::new(self.head(), state, &samples, (self.now(), self.tasks_per_s()))
    }

    /// What the scrubber needs to know while the page shows this instant; `None`: the newest.
    pub(crate) fn jumping(&self, at: Option<Nanos>) -> Jumping {
        let at = at.unwrap_or_else(|| self.now());
        let columns = self.ledger.columns();
        let (errors, n_errors_more) = columns.errors(at, ERRORS_MAX);
        let errors = errors.iter().map(error_cells).collect();
        let jumps = columns.jumps(at);
        Jumping { run_kind: self.status().kind, jumps, errors, n_errors_more }
    }

    /// What was executed, what failed, and when.
    pub(crate) fn ledger(&self) -> MutexGuard<'_, Columns> {
        self.ledger.columns()
    }

    /// Figures of those plots that there are.
    pub(crate) fn figures(&self, plots: &[PlotRequest], scope: &Scope) -> Vec<Packed> {
        let made = |request, scope: &Scope| Some(Packed::figure(self.figure(request, scope)?));
        let figure = |request| self.shared.figure(request, scope, || made(request, scope));
        plots.iter().filter_map(figure).collect()
    }

    /// All texts, and these tables.
    pub(crate) fn words(&self, tables: &[String]) -> Packed {
        self.shared.words(tables, || {
            let mut words = Words::new(&self.summary(), self.jumping(None));
            words.tables.keep(tables);
            words.packed()
        })
    }

    /// Which tasks a page shows, as plots understand it.
    pub(crate) fn filter(&self, scope: &Scope) -> Filter {
        scope.filter(self.timeline.state())
    }

    /// What one can filter by.
    pub(crate) fn names(&self) -> Packed {
        self.shared.words(&["names".to_owned()], || {
            let state = self.timeline.state();
            let prefixes = state.prefixes().iter().map(|prefix| visible(&prefix.name));
            let workers = (0..).zip(state.workers().iter().map(|w| visible(&w.info.name)));
            Packed::json(
                "names",
                &Names {
                    prefixes: prefixes.take(NAMES_MAX).collect(),
                    workers: workers.take(NAMES_MAX).collect(),
                },
            )
        })
    }

    /// A plot as data; `None`: there is no such plot.
    pub(crate) fn figure(&self, request: &PlotRequest, scope: impl Into<Scope>) -> Option<Figure> {
        let scope = scope.into();
        // The strip is for finding one's way: always the whole run.
        let is_strip = request.id == STRIP || request.id == STRIP_FOLDED;
        let window = scope.window().filter(|_| !is_strip);
        let window = window.unwrap_or_else(|| self.whole());
        let (width, height) = request.size.px();
        let filter = scope.filter(self.timeline.state());
        let view = View::new(window, width, height).at(self.shown_to).filtered(filter);
        if request.id == STRIP_FOLDED {
            return Some(self.ledger().folded_strip(&view));
        }
        Some(self.timeline.plot(&request.id)?.figure(&view))
    }

    /// The whole run. Before the first task a second stands for it, rather than an axis of
    /// microseconds.
    pub(crate) fn whole(&self) -> Window {
        let is_empty = self.timeline.state().totals().total() == 0;
        let least = if is_empty { Nanos::from_millis(1_000) } else { Nanos::ZERO };
        Window::until(self.shown_to.max(least))
    }

    /// Up to when the run is shown: the newest record, and a little more while tasks run.
    pub(crate) fn now(&self) -> Nanos {
        let newest = self.timeline.now();
        if !self.grows(self.status().kind) {
            return newest;
        }
        let grown = self.grew_at.map_or(Duration::ZERO, |at| at.elapsed()).min(GROWTH_MAX);
        newest.max(self.grown_from) + Nanos(grown.as_nanos() as u64)
    }

    /// Whether the picture changes by time alone: running tasks grow.
    fn grows(&self, status: StatusKind) -> bool {
        let mut workers = self.timeline.state().workers().iter();
        status == StatusKind::Live
            && workers.any(|w| w.status != WorkerStatus::Lost && w.n_executing() > 0)
    }

    fn n_done(&self) -> u64 {
        self.timeline.state().prefixes().iter().map(|prefix| prefix.n_finished).sum()
    }

    fn tasks_per_s(&self) -> f64 {
        let now = self.timeline.now();
        if self.status().kind == StatusKind::Live {
            self.rate.per_second(now, self.n_done())
        } else {
            summary::mean_per_second(now, self.n_done())
        }
    }

    /// What is wrong with the trace. That it has no end is the status's to say.
    fn warnings(&self) -> impl Iterator<Item = String> + '_ {
        let warnings = self.timeline.warnings().iter();
        warnings.filter(|w| **w != Warning::NotClosed).map(|w| visible_message(&w.to_string()))
    }

    fn status(&self) -> Status {
        let (kind, text) = if let Some(failure) = &self.failure {
            let until = elapsed(self.timeline.state().now());
            (StatusKind::Failed, format!("Shown up to {until}: {}", visible_message(failure)))
        } else if self.timeline.is_finished() {
            let text = match self.warnings().next() {
                None => "The run has ended; all of it is shown.",
                Some(_) => "The run has ended, but parts of its trace are damaged.",
            };
            (StatusKind::Finished, text.to_owned())
        } else if self.is_growing() {
            (StatusKind::Live, "The run goes on; the page follows it.".to_owned())
        } else if !self.caught_up {
            (StatusKind::Reading, "Reading what has been recorded so far.".to_owned())
        } else {
            let text = "The trace was not closed and nothing is being added to it: the cluster \
                was killed, or is stuck. Everything up to then is shown.";
            (StatusKind::Incomplete, text.to_owned())
        };
        Status { kind, text }
    }

    /// Whether something was recorded within the last seconds. A trace of last week is read as
    /// fast as a live one, so until it has grown under our eyes the wall clock must say.
    fn is_growing(&self) -> bool {
        if let Some(at) = self.grew_at {
            return at.elapsed() < SILENT_AFTER;
        }
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let recorded = Duration::from_nanos(self.about.started_unix_ns)
            .saturating_add(Duration::from_nanos(self.timeline.now().0));
        unix.saturating_sub(recorded) < SILENT_AFTER
    }
}
