//! The story of one task: each transition with time, worker and cause, and the stories of what it
//! waited for.

mod gather;
mod names;
mod words;

use serde::Serialize;
use taskreel_model::{Change, Event, Nanos, Stamped, State, TaskId};
use taskreel_recorder::{OpenError, Source};
use thiserror::Error;

use crate::FoldError;
use gather::Gather;
use names::{Choice, Names};

/// The life of one task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Story {
    /// Its key.
    pub task: String,
    /// Its id: `t17`.
    pub id: String,
    /// The task that submitted it, as it ran; `None`: a program did.
    pub submitted_by: Option<Parent>,
    /// What happened to it, in the order of the log.
    pub moments: Vec<Moment>,
    /// What it depends on, the last to be ready first.
    pub waited_for: Vec<Wait>,
    /// What depends on it, in the order of submission; only of the task that was asked for, and
    /// at most [`NEEDED_BY_MAX`].
    pub needed_by: Vec<Need>,
    /// How many depend on it in all.
    pub n_needed_by: usize,
}

/// A task that submitted another.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Parent {
    /// Its key; its id if it was forgotten by then.
    pub task: String,
    /// Its id.
    pub id: String,
}

/// Most tasks of a story's [`Story::needed_by`].
pub const NEEDED_BY_MAX: usize = 500;

/// Something that depends on a task.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Need {
    /// Its key.
    pub task: String,
    /// Its id.
    pub id: String,
    /// When it first began to run, in seconds since the run began.
    pub began_at_s: Option<f64>,
}

/// One thing that happened to a task.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Moment {
    /// The event's place in the log.
    pub seq: u64,
    /// When it happened, in seconds since the run began.
    pub at_s: f64,
    /// The event: `TaskStarted`.
    pub event: &'static str,
    /// What it meant for the task, in words.
    pub what: String,
    /// The phase the task was in afterwards, if it changed.
    pub phase: Option<&'static str>,
    /// The worker concerned.
    pub worker: Option<String>,
    /// The event that caused it, where that is not the task's own previous one.
    pub cause: Option<Cause>,
}

/// What caused a moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cause {
    /// Its place in the log.
    pub seq: u64,
    /// What happened, in words.
    pub what: String,
}

/// Something a task depends on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Wait {
    /// Its key.
    pub task: String,
    /// Its id.
    pub id: String,
    /// When its result was there for the first time, in seconds since the run began.
    pub ready_at_s: Option<f64>,
    /// How long the task was there and waited for it, in seconds.
    pub waited_s: f64,
    /// Its own story; `None`: it lies deeper than was asked for, or was told before.
    pub story: Option<Box<Story>>,
}

/// Why a story cannot be told.
#[derive(Debug, Error)]
pub enum StoryError {
    /// The trace could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The trace could not be folded at all.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// No task is called that.
    #[error("no task is called `{name}`{hint}")]
    Unknown {
        /// What was asked for.
        name: String,
        /// Names that are near.
        hint: String,
    },
    /// Several tasks are called that.
    #[error("several tasks are called `{name}`; ask for one of {}", ids.join(", "))]
    Ambiguous {
        /// What was asked for.
        name: String,
        /// Their ids, with what tells them apart.
        ids: Vec<String>,
    },
}

/// Opens the same trace again, from its begin.
pub type OpenAgain<'a> = &'a mut dyn FnMut() -> Result<Box<dyn Source>, OpenError>;

/// Tells the story of a task, given by its key or its id (`t17`), with the stories of what it
/// waited for, `depth` deep. A trace that is damaged is told up to there; the second value says so.
///
/// # Errors
/// The trace cannot be opened, or no single task is called that.
pub fn tell(
    open: OpenAgain<'_>,
    name: &str,
    depth: usize,
) -> Result<(Story, Option<FoldError>), StoryError> {
    let mut names = Names::new(name);
    let cut = fold(open()?.as_mut(), Keys::After, |seen| match seen {
        Seen::Opening(state) => names.open(state),
        Seen::Event(event, _, _, after) => names.take(event, after),
    });
    let task = match names.choose() {
        Choice::One(task) => task,
        Choice::None { hint } => {
            // A trace that cannot be read may hold the task behind the damage.
            cut?;
            return Err(StoryError::Unknown { name: name.to_owned(), hint });
        }
        Choice::Several(ids) => return Err(StoryError::Ambiguous { name: name.to_owned(), ids }),
    };
    let dependents = names.dependents(task);
    let n_needed_by = dependents.len();
    let nearest = dependents.into_iter().take(NEEDED_BY_MAX);
    let mut gather = Gather::new(names.ancestors(task, depth), nearest);
    let _same_cut = fold(open()?.as_mut(), Keys::Before, |seen| match seen {
        Seen::Opening(state) => gather.open(state),
        Seen::Event(event, changes, before, after) => gather.take(event, changes, before, after),
    });
    if gather.has_causes() {
        let _same_cut = fold(open()?.as_mut(), Keys::Before, |seen| match seen {
            Seen::Opening(_) => {}
            Seen::Event(event, _, before, after) => gather.explain(event, before, after),
        });
    }
    let story = Story { n_needed_by, ..gather.story(&names, task, depth) };
    Ok((story, cut.err()))
}

/// What a visitor of the fold sees.
enum Seen<'a> {
    /// The state that a part of a run begins with.
    Opening(&'a State),
    /// An event with its changes, the names just before it, and the state just after it.
    Event(&'a Stamped<Event>, &'a [Change], &'a Before, &'a State),
}

/// Folds a source to its end.
fn fold(
    source: &mut dyn Source,
    keys: Keys,
    mut visit: impl FnMut(Seen<'_>),
) -> Result<(), FoldError> {
    let name = source.run_info().name.clone();
    let opening = source.opening_state()?;
    if let Some(opening) = &opening {
        visit(Seen::Opening(opening));
    }
    let mut state = opening.unwrap_or_default();
    let mut changes = Vec::new();
    while let Some(batch) = source.next_batch()? {
        for event in &batch.events {
            // An event that makes the state forget its task takes the key with it.
            let key = event.what.task().filter(|_| keys == Keys::Before);
            let before = Before { key: key.map(|task| state.task_name(task)) };
            if let Err(illegal) = state.apply(event, &mut changes) {
                return Err(FoldError::illegal(&name, event, illegal));
            }
            visit(Seen::Event(event, &changes, &before, &state));
            changes.clear();
        }
    }
    Ok(())
}

/// Whether the visitor wants to know what a task was called before the event; that takes time.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Before,
    After,
}

/// What an event takes away.
struct Before {
    /// The key of the task it is about.
    key: Option<String>,
}

/// An instant in seconds.
fn seconds(at: Nanos) -> f64 {
    at.as_secs_f64()
}

/// A task as messages call it: key and id.
fn title(key: &str, task: TaskId) -> String {
    if key == task.to_string() { key.to_owned() } else { format!("{key} ({task})") }
}
