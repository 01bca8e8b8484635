//! **Critical path**: the chain of executions, each of which waited for the one before it, that led
//! to the last end so far. A lane per prefix on it.
//! Question: which tasks must get faster for the run to get faster?
//!
//! | column | unit, shape                                                          | glyph                |
//! |--------|----------------------------------------------------------------------|----------------------|
//! | start, stop | ns of each execution                                            | bars, prefix's colour |
//! | before | the execution that it waited for: of those of its dependencies, and of its own earlier attempts, the one that ended last | what the path is made of |
//! | key    | of each execution                                                    | hover                |
//!
//! Between two bars the path waits: for a transfer, in a queue, for a slot, for a retry. 48 bytes per
//! execution and 8 per task.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use taskreel_model::{Change, Key, Nanos, Outcome, Sample, State, StrId, Suffix, TaskId};

use super::prefixes::PrefixNames;
use super::{About, Page, Plot};
use crate::chart::{self, LaneChart, LaneName, Measure, NAME_CHARS, means, time_text};
use crate::figure::{Color, Figure, View, clean, count_text};

const ABOUT: About = About {
    id: "critical-path",
    title: "Critical path",
    question: "Which tasks must get faster for the run to get faster?",
    page: Page::Tasks,
};

const NONE: u32 = u32::MAX;

/// The columns of the critical path.
#[derive(Debug)]
pub struct CriticalPath {
    prefixes: PrefixNames,
    names: BTreeMap<StrId, Box<str>>,
    /// In the order in which they began.
    runs: Vec<Run>,
    by_task: Vec<OfTask>,
    /// The execution that ended last.
    last: u32,
}

/// Executions of a task, as places in `runs`.
#[derive(Clone, Copy, Debug)]
struct OfTask {
    latest: u32,
    /// The latest that finished.
    finished: u32,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    key: Key,
    start: Nanos,
    /// Equal to `start` while it executes.
    stop: Nanos,
    before: u32,
}

impl Default for CriticalPath {
    fn default() -> Self {
        let (prefixes, names) = (PrefixNames::default(), BTreeMap::new());
        Self { prefixes, names, runs: Vec::new(), by_task: Vec::new(), last: NONE }
    }
}

impl CriticalPath {
    fn run(&self, place: u32) -> Option<&Run> {
        self.runs.get(place as usize)
    }

    fn of_task(&self, task: TaskId) -> OfTask {
        let none = OfTask { latest: NONE, finished: NONE };
        self.by_task.get(task.index()).copied().unwrap_or(none)
    }

    fn started(&mut self, at: Nanos, task: TaskId, state: &State) {
        let Some(found) = state.task(task) else { return };
        let of_deps = found.deps.iter().map(|dep| self.of_task(*dep).finished);
        let candidates = of_deps.chain([self.of_task(task).latest]);
        let before = candidates
            .filter(|place| *place != NONE)
            .max_by_key(|place| self.run(*place).map(|run| run.stop));
        if let Suffix::Name(id) = found.key.suffix {
            self.names.entry(id).or_insert_with(|| clean(state.text(id), NAME_CHARS).into());
        }
        if self.by_task.len() <= task.index() {
            let none = OfTask { latest: NONE, finished: NONE };
            self.by_task.resize(task.index() + 1, none);
        }
        self.by_task[task.index()].latest = self.runs.len() as u32;
        let before = before.unwrap_or(NONE);
        self.runs.push(Run { key: found.key, start: at, stop: at, before });
    }

    fn stopped(&mut self, at: Nanos, task: TaskId, outcome: Outcome) {
        let place = self.of_task(task).latest;
        let Some(run) = self.runs.get_mut(place as usize) else { return };
        run.stop = at.max(run.start);
        let stop = run.stop;
        if outcome == Outcome::Finished {
            self.by_task[task.index()].finished = place;
        }
        if self.run(self.last).is_none_or(|last| stop >= last.stop) {
            self.last = place;
        }
    }

    /// The path, first to last.
    fn path(&self) -> Vec<&Run> {
        let mut path: Vec<&Run> = Vec::new();
        let mut next = self.run(self.last);
        while let Some(run) = next {
            path.push(run);
            // What it waited for began earlier, so this ends.
            next = self.run(run.before);
        }
        path.reverse();
        path
    }

    fn key_text(&self, key: Key) -> String {
        let prefix = self.prefixes.get(key.prefix.index()).0;
        match key.suffix {
            Suffix::None => prefix.to_owned(),
            Suffix::Index(index) => format!("{prefix}-{index}"),
            Suffix::Name(id) => format!("{prefix}-{}", self.names.get(&id).map_or("", |n| n)),
        }
    }
}

impl Plot for CriticalPath {
    fn about(&self) -> About {
        ABOUT
    }

    fn fresh(&self) -> Box<dyn Plot> {
        Box::<Self>::default()
    }

    fn update(&mut self, at: Nanos, change: &Change, state: &State) {
        match *change {
            Change::Started { task, .. } => self.started(at, task, state),
            Change::Stopped { task, outcome, .. } => self.stopped(at, task, outcome),
            // Only executions are on the path.
            _ => {}
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        self.prefixes.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let path = self.path();
        if path.is_empty() {
            return chart::nothing(&ABOUT, view, "No task has ended yet.");
        }
        let mut used: Vec<usize> = Vec::new();
        for run in &path {
            let prefix = run.key.prefix.index();
            if !used.contains(&prefix) {
                used.push(prefix);
            }
        }
        let time_of = |prefix: usize| -> u64 {
            let of = path.iter().filter(|run| run.key.prefix.index() == prefix);
            of.map(|run| run.stop.since(run.start).0).sum()
        };
        let lane = |prefix: &usize| {
            let (name, time) = (self.prefixes.get(*prefix).0, time_of(*prefix));
            let hover = format!("{name}: {} on the path", time_text(Nanos(time)));
            LaneName { name: name.to_owned(), peak: time as f64, hover }
        };
        let lanes: Vec<LaneName> = used.iter().map(lane).collect();
        let meanings = vec![means(Color::AXIS, "waiting")];
        let mut chart = LaneChart::new(&ABOUT, view, &lanes, (Measure::Mark, 0.0), meanings);
        let mut waits = Vec::new();
        let lane_of = |run: &Run| used.iter().position(|p| *p == run.key.prefix.index());
        for pair in path.windows(2) {
            if let (Some(a), Some(b)) = (lane_of(pair[0]), lane_of(pair[1])) {
                waits.push(((a, pair[0].stop), (b, pair[1].start)));
            }
        }
        chart.links(&waits, Color::AXIS);
        for (lane, prefix) in used.iter().enumerate() {
            let on_it = path.iter().filter(|run| run.key.prefix.index() == *prefix);
            let spans: Vec<(Nanos, Nanos, String)> = on_it.map(|run| self.span(run)).collect();
            chart.spans(lane, &spans, self.prefixes.get(*prefix).1, 1.0);
        }
        chart.finish(notes(&path))
    }

    fn columns(&self) -> String {
        let mut table = String::from("task\tstart_ns\tstop_ns\n");
        let path = self.path();
        for run in &path {
            let _ = writeln!(table, "{}\t{}\t{}", self.key_text(run.key), run.start.0, run.stop.0);
        }
        let executed: u64 = path.iter().map(|run| run.stop.since(run.start).0).sum();
        let _ = writeln!(table, "all\t{}\t{executed}", path.len());
        table
    }
}

impl CriticalPath {
    fn span(&self, run: &Run) -> (Nanos, Nanos, String) {
        let took = time_text(run.stop.since(run.start));
        let hover = format!("{}: {took}, from {}", self.key_text(run.key), time_text(run.start));
        (run.start, run.stop, hover)
    }
}

fn notes(path: &[&Run]) -> Vec<String> {
    let (Some(first), Some(last)) = (path.first(), path.last()) else { return Vec::new() };
    let executed: u64 = path.iter().map(|run| run.stop.since(run.start).0).sum();
    let whole = last.stop.since(first.start);
    let tasks = if path.len() == 1 { "task" } else { "tasks" };
    let path = format!(
        "{} {tasks} in {}: {} executing, {} waiting",
        count_text(path.len() as u64),
        time_text(whole),
        time_text(Nanos(executed)),
        time_text(whole.since(Nanos(executed)))
    );
    // A path that begins late says that slots were short, not that tasks depend on each other.
    if first.start.0 > last.stop.0 / 10 {
        return vec![path, format!("the {} before went to other tasks", time_text(first.start))];
    }
    vec![path]
}
