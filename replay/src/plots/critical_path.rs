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
//! execution that the path may yet lead over: that of a task that lives, or one that such a one waited for.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use taskreel_model::{Change, Key, Nanos, Outcome, Sample, State, StrId, Suffix, TaskId};

use super::live_tasks::LiveTasks;
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

/// So many executions are kept before it is looked which of them are on no way any more.
const N_RUNS: usize = 4_096;

/// The columns of the critical path.
#[derive(Debug)]
pub struct CriticalPath {
    prefixes: PrefixNames,
    names: BTreeMap<StrId, Box<str>>,
    /// In the order in which they began.
    runs: Vec<Run>,
    /// When there are so many, those that are on no way are let go of.
    n_runs_max: usize,
    by_task: LiveTasks<OfTask>,
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
        Self {
            prefixes: PrefixNames::default(),
            names: BTreeMap::new(),
            runs: Vec::new(),
            n_runs_max: N_RUNS,
            by_task: LiveTasks::default(),
            last: NONE,
        }
    }
}

impl CriticalPath {
    fn run(&self, place: u32) -> Option<&Run> {
        self.runs.get(place as usize)
    }

    fn of_task(&self, task: TaskId) -> OfTask {
        self.by_task.get(task).unwrap_or(OfTask { latest: NONE, finished: NONE })
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
        let before = before.unwrap_or(NONE);
        let latest = self.runs.len() as u32;
        self.runs.push(Run { key: found.key, start: at, stop: at, before });
        self.by_task.set(task, OfTask { latest, ..self.of_task(task) });
        if self.runs.len() >= self.n_runs_max {
            self.let_go();
        }
    }

    /// Keeps the executions that a path may lead over: those of tasks that live, the one that ended last, and all that
    /// these waited for.
    fn let_go(&mut self) {
        let mut is_kept = vec![false; self.runs.len()];
        let mut keep = |place: u32| {
            if let Some(kept) = is_kept.get_mut(place as usize) {
                *kept = true;
            }
        };
        keep(self.last);
        for of_task in self.by_task.values_mut() {
            keep(of_task.latest);
            keep(of_task.finished);
        }
        // What an execution waited for began earlier.
        for place in (0..self.runs.len()).rev() {
            if is_kept[place] && self.runs[place].before != NONE {
                is_kept[self.runs[place].before as usize] = true;
            }
        }
        let mut n_kept = 0;
        let place = |is_kept: &bool| {
            n_kept += u32::from(*is_kept);
            if *is_kept { n_kept - 1 } else { NONE }
        };
        let places: Vec<u32> = is_kept.iter().map(place).collect();
        let moved = |place: u32| places.get(place as usize).copied().unwrap_or(NONE);
        let mut is_kept = is_kept.into_iter();
        self.runs.retain(|_| is_kept.next().unwrap_or(false));
        self.runs.iter_mut().for_each(|run| run.before = moved(run.before));
        for of_task in self.by_task.values_mut() {
            *of_task = OfTask { latest: moved(of_task.latest), finished: moved(of_task.finished) };
        }
        self.last = moved(self.last);
        self.n_runs_max = (2 * self.runs.len()).max(N_RUNS);
    }

    fn stopped(&mut self, at: Nanos, task: TaskId, outcome: Outcome) {
        let place = self.of_task(task).latest;
        let Some(run) = self.runs.get_mut(place as usize) else { return };
        run.stop = at.max(run.start);
        let stop = run.stop;
        if outcome == Outcome::Finished {
            self.by_task.set(task, OfTask { latest: place, finished: place });
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
        self.by_task.update(change, state);
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use taskreel_model::{
        AssignReason, ClientId, Event, GraphId, OptionsId, PrefixId, Stamped, TaskOptions,
        WorkerId, WorkerInfo,
    };

    use super::*;

    const N_GRAPHS: u32 = 4_000;

    /// Feeds a run of short chains, each of three tasks that are forgotten at its end, to some critical paths.
    fn feed(paths: &mut [CriticalPath]) {
        let (mut state, mut changes) = (State::new(), Vec::new());
        let mut now = Nanos::ZERO;
        let mut apply = |took: u64, what: Event| {
            now = now + Nanos(took);
            let event =
                Stamped { seq: state.next_seq(), logged_at: now, at: now, cause: None, what };
            changes.clear();
            state.apply(&event, &mut changes).expect("the run is legal");
            for change in &changes {
                paths.iter_mut().for_each(|path| path.update(now, change, &state));
            }
        };
        begin(&mut apply);
        for graph in 0..N_GRAPHS {
            chain(graph, &mut apply);
        }
        paths.iter_mut().for_each(|path| path.settle(&state));
    }

    fn begin(apply: &mut impl FnMut(u64, Event)) {
        let info = Box::new(WorkerInfo {
            name: "worker-0".to_owned(),
            address: String::new(),
            host: "laptop".to_owned(),
            pid: 1,
            slots: 1,
            memory_limit: 0,
            resources: BTreeMap::new(),
            version: String::new(),
        });
        apply(0, Event::SchedulerStarted { incarnation: 0 });
        apply(0, Event::Interned { id: StrId(0), text: "name".into() });
        apply(0, Event::PrefixDeclared { id: PrefixId(0), name: "step".into() });
        let options = Box::new(TaskOptions::new("demo"));
        apply(0, Event::OptionsDeclared { id: OptionsId(0), options });
        apply(0, Event::WorkerJoined { worker: WorkerId(0), info });
        apply(0, Event::ClientConnected { client: ClientId(0), name: StrId(0) });
    }

    fn chain(graph: u32, apply: &mut impl FnMut(u64, Event)) {
        let (first, graph, n_tasks) = (TaskId(3 * graph), GraphId(graph), 3);
        let (client, name, local, worker) = (ClientId(0), StrId(0), first.0, WorkerId(0));
        apply(100, Event::GraphSubmitted { graph, client, name, first, n_tasks, local });
        let tasks = (first.0..first.0 + n_tasks).map(TaskId);
        for task in tasks.clone() {
            let key = Key { prefix: PrefixId(0), suffix: Suffix::Index(task.0) };
            let deps = if task == first { [].into() } else { [TaskId(task.0 - 1)].into() };
            let (options, wanted) = (OptionsId(0), false);
            apply(0, Event::TaskSubmitted { task, graph, key, options, wanted, deps });
        }
        for task in tasks {
            let (attempt, reason) = (1, AssignReason::Idle);
            apply(10, Event::TaskAssigned { task, worker, attempt, reason });
            apply(10, Event::TaskStarted { task, worker, attempt, slot: 0 });
            let took = 50 + u64::from(task.0.wrapping_mul(2_654_435_769) >> 20);
            apply(took, Event::TaskFinished { task, worker, attempt, bytes: 8 });
        }
    }

    #[test]
    fn what_is_on_no_way_is_let_go_of_and_the_path_stays() {
        let all = CriticalPath { n_runs_max: usize::MAX, ..CriticalPath::default() };
        let mut paths = [CriticalPath::default(), all];
        feed(&mut paths);
        let [bounded, all] = &paths;
        assert_eq!(all.runs.len(), 3 * N_GRAPHS as usize);
        assert!(bounded.runs.len() <= N_RUNS, "{} are kept", bounded.runs.len());
        assert_eq!(bounded.path().len(), 3);
        assert_eq!(bounded.columns(), all.columns());
    }
}
