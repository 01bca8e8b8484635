//! The thread that looks back. It opens the trace again and folds it up to the instant that a page
//! asks for, on timelines of its own: the one that follows the run is never stopped or rewound.
//!
//! Going on from where a timeline stands is cheap, going back folds from the begin. So there are a
//! few timelines, and whoever asks gets the one that stands nearest before the instant.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use taskreel_model::Nanos;
use taskreel_recorder::{OpenError, Source};
use taskreel_replay::figure::{Figure, View, Window};
use taskreel_replay::{Instant, Reopen, Timeline, plots};
use tokio::sync::{mpsc, oneshot};

use super::readings::Readings;
use super::run::PlotRequest;
use super::{Gone, Started};
use crate::summary::{self, Head, Status, StatusKind, Summary};
use crate::wire::Packed;

/// Most timelines kept, each a whole state: pages that look back at the same time.
const TIMELINES_MAX: usize = 3;
/// Most questions that may wait.
const QUESTIONS_MAX: usize = 64;

/// Opens the trace again, for whichever thread needs it.
pub(crate) type SharedReopen = Arc<Mutex<Reopen>>;

type Answer = Box<dyn FnOnce(Result<&PastRun, OpenError>) + Send>;

/// The run at an instant, with plots that the page shows as they were then.
struct Question {
    instant: Instant,
    plots: Vec<String>,
    answer: Answer,
}

/// The trace from its begin.
pub(crate) fn reopened(reopen: &SharedReopen) -> Result<Box<dyn Source>, OpenError> {
    // A closure that panicked while it opened a file can still open it.
    reopen.lock().unwrap_or_else(PoisonError::into_inner)()
}

/// Asks the thread that looks back.
#[derive(Clone, Debug)]
pub(crate) struct LookBack {
    questions: mpsc::Sender<Question>,
}

impl LookBack {
    /// Starts the thread; it ends when nobody can ask any more.
    pub(crate) fn start(reopen: SharedReopen) -> io::Result<Started<Self>> {
        let (questions, mut asked) = mpsc::channel::<Question>(QUESTIONS_MAX);
        let thread =
            std::thread::Builder::new().name("viewer-past".to_owned()).spawn(move || {
                let mut runs = Runs { reopen, runs: Vec::new() };
                while let Some(question) = asked.blocking_recv() {
                    let Question { instant, plots, answer } = question;
                    answer(runs.at(instant, &plots));
                }
            })?;
        Ok(Started { client: Self { questions }, thread })
    }

    /// What `answer` makes of the run as it was at an instant, with these plots fed up to it.
    /// `Ok(Err)`: the trace cannot be opened again.
    ///
    /// # Errors
    /// The viewer is stopping.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        instant: Instant,
        plots: Vec<String>,
        answer: impl FnOnce(&PastRun) -> T + Send + 'static,
    ) -> Result<Result<T, OpenError>, Gone> {
        let (reply, replied) = oneshot::channel();
        let answer: Answer = Box::new(move |run| {
            // Who asked may have left meanwhile.
            let _ = reply.send(run.map(answer));
        });
        let question = Question { instant, plots, answer };
        self.questions.send(question).await.map_err(|_closed| Gone)?;
        replied.await.map_err(|_closed| Gone)
    }
}

/// The timelines, the one that was asked last at the end.
struct Runs {
    reopen: SharedReopen,
    runs: Vec<PastRun>,
}

impl Runs {
    fn at(&mut self, instant: Instant, plots: &[String]) -> Result<&PastRun, OpenError> {
        let mut run = match self.nearest(instant, plots) {
            Some(index) => self.runs.remove(index),
            None => {
                if self.runs.len() >= TIMELINES_MAX {
                    self.runs.remove(0);
                }
                PastRun::open(&self.reopen, plots)?
            }
        };
        run.seek(instant);
        self.runs.push(run);
        Ok(self.runs.last().expect("it was pushed just now"))
    }

    /// The timeline that is to go there: it has these plots and stands nearest before the instant;
    /// or else it is the one of those beyond that nobody has asked for longest.
    fn nearest(&self, instant: Instant, plots: &[String]) -> Option<usize> {
        let fits = |run: &&PastRun| run.plots == plots;
        let runs = || self.runs.iter().enumerate().filter(|(_, run)| fits(run));
        let before = runs().filter(|(_, run)| !run.is_beyond(instant));
        let nearest = before.max_by_key(|(_, run)| run.timeline.now()).map(|(index, _)| index);
        nearest.or_else(|| runs().map(|(index, _)| index).next())
    }
}

/// The run up to an instant.
pub(crate) struct PastRun {
    timeline: Timeline,
    readings: Readings,
    plots: Vec<String>,
    /// The instant that was asked for, if it was one of time.
    asked: Option<Nanos>,
}

impl PastRun {
    pub(crate) fn open(reopen: &SharedReopen, ids: &[String]) -> Result<Self, OpenError> {
        let readings = Readings::default();
        let mut plots: Vec<_> = ids.iter().filter_map(|id| plots::by_id(id)).collect();
        plots.push(Box::new(readings.clone()));
        let shared = reopen.clone();
        let timeline = Timeline::rewindable(Box::new(move || reopened(&shared)), plots)?;
        Ok(Self { timeline, readings, plots: ids.to_vec(), asked: None })
    }

    /// Goes to an instant. What is damaged further on is shown up to there; the page's banner says why.
    pub(crate) fn seek(&mut self, instant: Instant) {
        self.asked = match instant {
            Instant::At(at) => Some(at),
            _ => None,
        };
        if let Err(error) = self.timeline.seek(instant) {
            tracing::debug!(%error, "a page looks back to where the trace cannot be folded");
        }
    }

    fn is_beyond(&self, instant: Instant) -> bool {
        match instant {
            Instant::At(at) => at < self.timeline.now(),
            Instant::Event(seq) => seq + 1 < self.timeline.state().next_seq(),
            Instant::Percent(_) | Instant::End => false,
        }
    }

    /// The instant that is shown.
    pub(crate) fn now(&self) -> Nanos {
        self.timeline.now().max(self.asked.unwrap_or(Nanos::ZERO))
    }

    /// The run in numbers, as it was; `head` is that of the run as it is.
    pub(crate) fn summary(&self, mut head: Head) -> Summary {
        let now = self.now().min(Nanos(head.end_ns));
        head.status = status(now, head.status.kind);
        let state = self.timeline.state();
        let n_done = state.prefixes().iter().map(|prefix| prefix.n_finished).sum();
        let rate = summary::mean_per_second(now, n_done);
        Summary::new(head, state, &self.readings.last(), (now, rate))
    }

    /// As [`super::Run::figures`], each as it was at the instant.
    /// Those that turn out to have an axis of time show `window` of it.
    pub(crate) fn figures(&self, plots: &[PlotRequest], window: Window) -> Vec<Packed> {
        let figure = |request| {
            let figure = self.figure(request)?;
            Some(match figure.window_ns {
                Some(_) => self.drawn(request, window)?,
                None => figure,
            })
        };
        plots.iter().filter_map(figure).map(Packed::figure).collect()
    }

    /// A plot as data; `None`: it is none of those asked for.
    pub(crate) fn figure(&self, request: &PlotRequest) -> Option<Figure> {
        self.drawn(request, Window::until(self.now()))
    }

    fn drawn(&self, request: &PlotRequest, window: Window) -> Option<Figure> {
        let (width, height) = request.size.px();
        let view = View::new(window, width, height).at(self.now());
        Some(self.timeline.plot(&request.id)?.figure(&view))
    }
}

fn status(now: Nanos, of_the_run: StatusKind) -> Status {
    let meanwhile = match of_the_run {
        StatusKind::Live => "the run goes on and is recorded meanwhile",
        StatusKind::Reading => "the rest of the trace is being read",
        StatusKind::Incomplete | StatusKind::Finished | StatusKind::Failed | StatusKind::Past => {
            "the run is over"
        }
    };
    let text = format!("Shown as it was at {:.3} s; {meanwhile}.", now.as_secs_f64());
    Status { kind: StatusKind::Past, text }
}
