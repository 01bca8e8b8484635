//! **Critical path**: the chain of executions, each of which waited for the one before it, that led
//! to the last end so far. A lane per prefix on it.
//! Question: which tasks must get faster for the run to get faster?
//!
//! | column | unit, shape                                                          | glyph                |
//! |--------|----------------------------------------------------------------------|----------------------|
//! | start, stop | ns of each piece of an execution, as far as the next one waited for it | bars, prefix's colour |
//! | key    | of each execution                                                    | hover                |
//!
//! What a piece is, and what it waited for: [`crate::chain`]. Between two bars the path waits: for a transfer, in a
//! queue, for a slot, for a retry.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use taskreel_model::{Change, Key, Nanos, Sample, State, StrId, Suffix};

use super::prefixes::PrefixNames;
use super::{About, Page, Plot};
use crate::chain::{Chain, Link, n_tasks};
use crate::chart::{self, LaneChart, LaneName, Measure, NAME_CHARS, means, time_text};
use crate::figure::{Color, Figure, View, clean, count_text};

const ABOUT: About = About {
    id: "critical-path",
    title: "Critical path",
    question: "Which tasks must get faster for the run to get faster?",
    page: Page::Tasks,
};

/// The columns of the critical path.
#[derive(Debug, Default)]
pub struct CriticalPath {
    prefixes: PrefixNames,
    names: BTreeMap<StrId, Box<str>>,
    chain: Chain,
}

impl CriticalPath {
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
        self.chain.update(at, change, state);
        if let Change::Started { task, .. } = *change
            && let Some(found) = state.task(task)
            && let Suffix::Name(id) = found.key.suffix
        {
            self.names.entry(id).or_insert_with(|| clean(state.text(id), NAME_CHARS).into());
        }
    }

    fn sample(&mut self, _sample: &Sample, _state: &State) {}

    fn settle(&mut self, state: &State) {
        self.prefixes.settle(state);
    }

    fn figure(&self, view: &View) -> Figure {
        let path = self.chain.links();
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
            of.map(|run| run.window.length().0).sum()
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
        let lane_of = |run: &Link| used.iter().position(|p| *p == run.key.prefix.index());
        for pair in path.windows(2) {
            if let (Some(a), Some(b)) = (lane_of(&pair[0]), lane_of(&pair[1])) {
                waits.push(((a, pair[0].window.to), (b, pair[1].window.from)));
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
        let path = self.chain.links();
        for run in &path {
            let _ = writeln!(
                table,
                "{}\t{}\t{}",
                self.key_text(run.key),
                run.window.from.0,
                run.window.to.0
            );
        }
        let _ = writeln!(table, "all\t{}\t{}", n_tasks(&path), executed(&path).0);
        table
    }
}

impl CriticalPath {
    fn span(&self, run: &Link) -> (Nanos, Nanos, String) {
        let Link { key, window, .. } = *run;
        let took = time_text(window.length());
        let hover = format!("{}: {took}, from {}", self.key_text(key), time_text(window.from));
        (window.from, window.to, hover)
    }
}

fn executed(path: &[Link]) -> Nanos {
    Nanos(path.iter().map(|link| link.window.length().0).sum())
}

fn notes(path: &[Link]) -> Vec<String> {
    let (Some(first), Some(last)) = (path.first(), path.last()) else { return Vec::new() };
    let (first, last) = (first.window.from, last.window.to);
    let whole = last.since(first);
    let n_tasks = n_tasks(path);
    let tasks = if n_tasks == 1 { "task" } else { "tasks" };
    let path = format!(
        "{} {tasks} in {}: {} executing, {} waiting",
        count_text(n_tasks as u64),
        time_text(whole),
        time_text(executed(path)),
        time_text(whole.since(executed(path)))
    );
    // A path that begins late says that slots were short, not that tasks depend on each other.
    if first.0 > last.0 / 10 {
        return vec![path, format!("the {} before went to other tasks", time_text(first))];
    }
    vec![path]
}
