//! **Task graph**: what depends on what, coloured by state. A dot per task while they are few; a
//! box per prefix, divided by state, when they are many.
//! Question: what is the shape of the work, and where in it is the run now?
//!
//! | column | unit, shape                                                        | glyph                   |
//! |--------|--------------------------------------------------------------------|-------------------------|
//! | tasks  | key, dependencies, layer and phase of each, while they are at most 2,000 | dots, lines       |
//! | counts | tasks by prefix and phase, the state's own                         | boxes                   |
//! | edges  | dependencies by pair of prefixes                                   | lines, thicker for more |
//! | seen   | a bit per task                                                     |                         |
//!
//! Layers go from left to right: a task stands behind all it depends on.

mod boxes;
mod dots;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use taskreel_model::{Change, Nanos, Phase, PrefixId, Sample, State, TaskId};

use super::prefixes::PrefixNames;
use super::{About, Page, Plot};
use crate::chart::{self, NAME_CHARS};
use crate::figure::{Color, Figure, View, clean};

const ABOUT: About = About {
    id: "task-graph",
    title: "Task graph",
    question: "What is the shape of the work, and where in it is the run now?",
    page: Page::Graph,
};

/// Tasks that are drawn one by one at most.
const N_TASKS: usize = 2_000;
/// Dependencies between them that are kept at most.
const N_EDGES: usize = 6_000;

/// Colours of phases, as the graph of Dask has them, and the order of a legend and of a box's parts.
const PHASES: [(Phase, Color); 8] = [
    (Phase::Memory, Color::FULL),
    (Phase::Released, Color::LOAD),
    (Phase::Forgotten, Color::BACKLOG),
    (Phase::Erred, Color::ERROR),
    (Phase::Processing, Color::CPU),
    (Phase::Queued, Color::SPILLED),
    (Phase::NoWorker, Color::NO_WORKER),
    (Phase::Waiting, Color::OTHER),
];

/// The columns of the task graph.
#[derive(Debug)]
pub struct TaskGraph {
    /// `None` once there are too many.
    dots: Option<Dots>,
    prefixes: PrefixNames,
    /// Tasks by prefix and phase, in the order of `PHASES`.
    counts: Vec<[u64; 8]>,
    edges: BTreeMap<(PrefixId, PrefixId), u64>,
    seen: Vec<u64>,
    n_seen: u64,
}

/// Tasks that are drawn one by one.
#[derive(Debug, Default)]
struct Dots {
    places: BTreeMap<TaskId, usize>,
    dots: Vec<Dot>,
    n_edges: usize,
}

#[derive(Debug)]
struct Dot {
    name: String,
    phase: Phase,
    /// Places of what it depends on: smaller than its own, but for what came late.
    deps: Vec<usize>,
    /// Longest way to it from a task without dependencies.
    layer: usize,
}

impl Default for TaskGraph {
    fn default() -> Self {
        Self {
            dots: Some(Dots::default()),
            prefixes: PrefixNames::default(),
            counts: Vec::new(),
            edges: BTreeMap::new(),
            seen: Vec::new(),
            n_seen: 0,
        }
    }
}

impl TaskGraph {
    /// Whether the task is new; a recomputed one is not.
    fn is_new(&mut self, task: TaskId) -> bool {
        let (word, bit) = (task.index() / 64, 1_u64 << (task.index() % 64));
        if self.seen.len() <= word {
            self.seen.resize(word + 1, 0);
        }
        let is_new = self.seen[word] & bit == 0;
        self.seen[word] |= bit;
        is_new
    }

    fn add(&mut self, task: TaskId, state: &State) {
        let Some(found) = state.task(task) else { return };
        self.n_seen += 1;
        for dep in &found.deps {
            if let Some(dep) = state.task(*dep) {
                *self.edges.entry((dep.key.prefix, found.key.prefix)).or_default() += 1;
            }
        }
        let Some(dots) = &mut self.dots else { return };
        let deps: Vec<usize> =
            found.deps.iter().filter_map(|dep| dots.places.get(dep).copied()).collect();
        dots.n_edges += deps.len();
        let layer = deps.iter().map(|dep| dots.dots[*dep].layer + 1).max().unwrap_or(0);
        dots.places.insert(task, dots.dots.len());
        let name = clean(&state.key_text(found.key), NAME_CHARS);
        dots.dots.push(Dot { name, phase: found.phase, deps, layer });
        if dots.dots.len() > N_TASKS || dots.n_edges > N_EDGES {
            self.dots = None;
        }
    }
}

impl Plot for TaskGraph {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, _at: Nanos, change: &Change, state: &State) {
        let Change::Task { task, from, to, .. } = *change else { return };
        if from == Phase::Released && self.is_new(task) {
            self.add(task, state);
        }
        if let Some(dots) = &mut self.dots
            && let Some(place) = dots.places.get(&task)
        {
            dots.dots[*place].phase = to;
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        self.prefixes.settle(state);
        let counts = state.prefixes().iter().map(|p| PHASES.map(|(phase, _)| p.counts.get(phase)));
        self.counts.clear();
        self.counts.extend(counts);
    }

    fn figure(&self, view: &View) -> Figure {
        if self.n_seen == 0 {
            return chart::nothing(&ABOUT, view, "No tasks yet.");
        }
        let dots = self.dots.as_ref().and_then(|dots| dots::figure(dots, view));
        dots.unwrap_or_else(|| boxes::figure(self, view))
    }

    fn columns(&self) -> String {
        let mut table = String::from("prefix");
        for (phase, _) in PHASES {
            let _ = write!(table, "\t{}", phase.name());
        }
        table.push('\n');
        for ((_, name, _), counts) in self.prefixes.iter().zip(&self.counts) {
            let _ = write!(table, "{name}");
            for n in counts {
                let _ = write!(table, "\t{n}");
            }
            table.push('\n');
        }
        for ((from, to), n) in &self.edges {
            let _ = writeln!(table, "{from}\t{to}\t{n}");
        }
        for dot in self.dots.iter().flat_map(|dots| &dots.dots) {
            let _ = writeln!(table, "{}\t{}\t{}", dot.name, dot.layer, dot.phase.name());
        }
        table
    }
}

/// The colour of a phase.
fn color_of(phase: Phase) -> Color {
    PHASES.iter().find(|(known, _)| *known == phase).map_or(Color::OTHER, |(_, color)| *color)
}
