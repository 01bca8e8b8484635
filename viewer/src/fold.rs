//! The thread that owns the timeline: it folds what the source brings, and between two portions
//! answers what the pages ask. Nothing is shared, so nothing is locked; a question waits in a
//! bounded queue, and whoever asks waits for the answer before asking again. A thread beside it
//! folds the run again for pages that look back, so that looking back stops nothing.

mod past;
mod readings;
mod run;
mod shared;

use std::io;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::sleep_until;

pub(crate) use past::{LookBack, PastRun, SharedReopen, reopened};
use run::Progress;
pub(crate) use run::{PlotRequest, Run, Size};
pub(crate) use shared::Scope;

/// How often a growing trace is looked at.
const POLL_INTERVAL: Duration = Duration::from_millis(60);
/// Least time between two versions of a run. Pages are told all at once, so that they share what is
/// made for them; with this, what they show is a quarter of a second old at the most.
const PUBLISH_INTERVAL: Duration = Duration::from_millis(180);
/// A thread that was asked something so lately has somebody looking at it.
const LOOKED_AT: Duration = Duration::from_secs(2);
/// Most events folded before questions are answered: about a millisecond of work, which may take twenty times as long
/// where a cluster is busy on the same cores.
const EVENTS_PER_TURN: usize = 4_000;
/// Most questions that may wait, and that are answered between two turns.
const QUESTIONS_MAX: usize = 64;

/// The version after which nothing new comes: the viewer is stopping.
pub(crate) const LAST_VERSION: u64 = u64::MAX;
/// How long a viewer that stops may take to fold what is left.
const LAST_TURN: Duration = Duration::from_secs(2);

/// A question, as something to do with the run.
type Question = Box<dyn FnOnce(&Run) + Send>;

/// The viewer is stopping; there is nobody to answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Gone;

/// A started thread and the way to talk to it.
pub(crate) struct Started<Client> {
    pub client: Client,
    pub thread: JoinHandle<()>,
}

/// Asks the thread that owns the timeline.
#[derive(Clone, Debug)]
pub(crate) struct FoldClient {
    questions: mpsc::Sender<Question>,
    versions: watch::Receiver<u64>,
}

impl FoldClient {
    /// What `answer` makes of the run as it is now.
    ///
    /// # Errors
    /// The viewer is stopping.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&Run) -> T + Send + 'static,
    ) -> Result<T, Gone> {
        let (reply, replied) = oneshot::channel();
        let question: Question = Box::new(move |run| {
            // Who asked may have left meanwhile.
            let _ = reply.send(answer(run));
        });
        self.questions.send(question).await.map_err(|_closed| Gone)?;
        replied.await.map_err(|_closed| Gone)
    }

    /// Changes whenever there is something new to show.
    pub(crate) fn versions(&self) -> watch::Receiver<u64> {
        self.versions.clone()
    }
}

/// Starts a thread that folds. `run` makes what it folds: at once, or (`is_patient`) when the first
/// question comes; `None`: it cannot, and nobody is answered.
pub(crate) fn start(
    run: impl FnOnce() -> Option<Run> + Send + 'static,
    is_patient: bool,
    mut stopped: watch::Receiver<bool>,
) -> io::Result<Started<FoldClient>> {
    let (questions, mut asked) = mpsc::channel(QUESTIONS_MAX);
    let (version, versions) = watch::channel(0);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
    let following = move || {
        runtime.block_on(async move {
            let mut first = None;
            if is_patient {
                tokio::select! {
                    _ = stopped.wait_for(|&stop| stop) => {}
                    question = asked.recv() => first = question,
                }
                first.as_ref()?;
            }
            let mut run = run()?;
            fold(&mut run, first, &mut asked, &version, stopped).await;
            Some((run, asked, version))
        })
    };
    let named = |name: &str| std::thread::Builder::new().name(name.to_owned());
    let thread = named("viewer-fold").spawn(move || {
        // What follows a live run gives way, for good. How the run ended is for this thread to show, which does not.
        let followed = named("viewer-follow").spawn(following).map(JoinHandle::join);
        if let Ok(Ok(Some((run, asked, version)))) = followed {
            finish(run, asked, &version);
        }
    })?;
    Ok(Started { client: FoldClient { questions, versions }, thread })
}

/// Folds what is left, and answers until nobody can ask.
fn finish(mut run: Run, mut asked: mpsc::Receiver<Question>, version: &watch::Sender<u64>) {
    let deadline = Instant::now() + LAST_TURN;
    while is_watched(version) && run.advance(EVENTS_PER_TURN).more && Instant::now() < deadline {}
    run.publish();
    version.send_replace(LAST_VERSION);
    while let Some(question) = asked.blocking_recv() {
        question(&run);
    }
}

/// Folds and answers until told to stop.
async fn fold(
    run: &mut Run,
    mut first: Option<Question>,
    asked: &mut mpsc::Receiver<Question>,
    version: &watch::Sender<u64>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut due = Due::default();
    let mut gave_way = false;
    let mut asked_at = first.is_some().then(Instant::now);
    while !*stopped.borrow() {
        let began = Instant::now();
        let progress = run.advance(EVENTS_PER_TURN);
        if progress.is_live && !gave_way {
            give_way();
            gave_way = true;
        }
        if due.is_due(progress) {
            run.publish();
            version.send_modify(|version| *version += 1);
        }
        if let Some(question) = first.take() {
            question(run);
        }
        let is_asked = asked_at.is_some_and(|at| at.elapsed() < LOOKED_AT);
        let wake_at = began + pause(progress, began.elapsed(), is_asked || is_watched(version));
        let wake_at = due.at().map_or(wake_at, |due| wake_at.min(due));
        // What waits is answered first: pages that show the same share what is made for the first of them.
        for _ in 0..QUESTIONS_MAX {
            tokio::select! {
                biased;
                _ = stopped.changed() => break,
                question = asked.recv() => match question {
                    Some(question) => {
                        question(run);
                        asked_at = Some(Instant::now());
                    }
                    None => return,
                },
                () = sleep_until(wake_at.into()) => break,
            }
        }
    }
}

/// When the next version of a run is to be published.
#[derive(Debug, Default)]
struct Due {
    /// When the last one was.
    published_at: Option<Instant>,
    /// Whether there is anything new since then.
    is_wanted: bool,
}

impl Due {
    /// Whether it is to be published now.
    fn is_due(&mut self, progress: Progress) -> bool {
        self.is_wanted |= progress.changed;
        let is_time = self.published_at.is_none_or(|at| at.elapsed() >= PUBLISH_INTERVAL);
        let is_due = self.is_wanted && (is_time || progress.turned);
        if is_due {
            *self = Self { published_at: Some(Instant::now()), is_wanted: false };
        }
        is_due
    }

    /// When to look again, if there is something new.
    fn at(&self) -> Option<Instant> {
        self.published_at.filter(|_| self.is_wanted).map(|at| at + PUBLISH_INTERVAL)
    }
}

/// How far a thread that follows a live run goes behind those of a cluster on the same cores. Of a core on
/// which another thread never rests it gets a 24th: of two such cores 2 %. With 19, the most there is, it
/// would get a 70th, and not even its turn within a quarter of a second.
#[cfg(target_os = "linux")]
const NICENESS: i32 = 14;

/// A cluster that is still at work may need the cores: from here on this thread takes what is left, and a
/// little more.
fn give_way() {
    // Elsewhere it would be the whole process, which may be the cluster.
    #[cfg(target_os = "linux")]
    let _ = rustix::process::setpriority_process(Some(rustix::thread::gettid()), NICENESS);
}

/// From the begin of a turn that `took` so long to the begin of the next. A trace that is complete
/// is read at full speed. A cluster that is still at work may run on the same cores, so the fold
/// of its trace takes a tenth of one at most while nobody is looking; and else what the cluster leaves,
/// or half of one where a thread cannot give way.
fn pause(progress: Progress, took: Duration, is_watched: bool) -> Duration {
    let rest = match (progress.is_live, is_watched) {
        (false, _) => Duration::ZERO,
        (true, true) if cfg!(target_os = "linux") => Duration::ZERO,
        (true, true) => took,
        (true, false) => took * 9,
    };
    if progress.more { took + rest } else { POLL_INTERVAL.max(took + rest) }
}

/// Whether any page is connected: each holds a receiver beside the one that the server holds.
fn is_watched(version: &watch::Sender<u64>) -> bool {
    version.receiver_count() > 1
}
