//! All that tells the totals of a run tells the same: `explain`, `info`, `state`, every plot that
//! has totals, and a script that knows nothing but the lines of `reel events --json`.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;
use support::{FAILING_JOB, Scene};
use taskreel_model::Nanos;
use taskreel_recorder::TraceReader;
use taskreel_replay::{Timeline, plots};

/// Sums over the lines of events.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    tasks: u64,
    assigned: u64,
    executions: u64,
    runs: u64,
    failed: u64,
    run_time_s: f64,
    finished: u64,
    result_bytes: u64,
    transfers: u64,
    transfer_bytes: u64,
    events: u64,
}

fn sums(events: &str) -> Sums {
    let mut sums = Sums::default();
    let mut started: BTreeMap<u64, f64> = BTreeMap::new();
    let mut finished: BTreeSet<u64> = BTreeSet::new();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).expect("a line is an object");
        let number = |name: &str| event[name].as_f64().unwrap_or_default();
        let task = event["task_id"].as_u64().unwrap_or(u64::MAX);
        sums.events += 1;
        match event["event"].as_str().expect("each has a kind") {
            "TaskSubmitted" => sums.tasks += 1,
            "TaskAssigned" => sums.assigned += 1,
            "TaskStarted" => {
                sums.executions += 1;
                started.insert(task, number("at_s"));
            }
            "TaskFinished" => {
                sums.runs += 1;
                sums.run_time_s += number("at_s") - started[&task];
                sums.result_bytes += number("bytes") as u64;
                finished.insert(task);
            }
            "TaskFailed" => sums.failed += 1,
            "TransferFinished" => {
                sums.transfers += 1;
                sums.transfer_bytes += number("bytes") as u64;
            }
            _ => {}
        }
    }
    sums.finished = finished.len() as u64;
    sums
}

#[track_caller]
fn same_time(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-6, "{a} s and {b} s");
}

fn agree(scene: &Scene, trace: &Path) {
    let file = trace.to_str().expect("a name in UTF-8");
    let explained = scene.json(&["explain", file, "--json"]);
    let totals = &explained["totals"];
    let info = scene.json(&["info", file, "--json"]);
    let state = scene.json(&["state", file, "--json"]);
    let sums = sums(&scene.ok(&["events", file, "--json"]).stdout);

    let count = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} is no count"));
    let seconds = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is no time"));
    let prefixes = state["prefixes"].as_array().expect("a list");
    let of_prefixes = |name: &str| -> u64 { prefixes.iter().map(|p| count(&p[name])).sum() };

    assert_eq!(count(&totals["tasks"]), sums.tasks, "{file}");
    assert_eq!(count(&info["tasks"]["total"]), sums.tasks);
    assert_eq!(count(&state["tasks"]), sums.tasks);
    assert_eq!(count(&totals["finished"]), sums.finished);
    assert_eq!(count(&info["tasks"]["finished"]), sums.finished);
    assert_eq!(of_prefixes("finished"), sums.finished);
    assert_eq!(totals["erred"], info["tasks"]["erred"]);
    assert_eq!(of_prefixes("erred"), count(&totals["erred"]));
    assert_eq!(count(&totals["executions"]), sums.executions);
    assert_eq!(count(&totals["runs"]), sums.runs);
    assert_eq!(count(&totals["result_bytes"]), sums.result_bytes);
    assert_eq!(of_prefixes("result_bytes"), sums.result_bytes);
    assert_eq!(count(&totals["transfers"]), sums.transfers);
    assert_eq!(count(&totals["transfer_bytes"]), sums.transfer_bytes);
    assert_eq!(count(&totals["events"]), sums.events);
    assert_eq!((count(&info["events"]), count(&state["events"])), (sums.events, sums.events));
    assert_eq!(totals["workers"], info["workers"]["joined"]);
    assert_eq!(totals["workers_lost"], info["workers"]["lost"]);
    let of_state: f64 = prefixes.iter().map(|prefix| seconds(&prefix["run_time_s"])).sum();
    same_time(seconds(&totals["run_time_s"]), sums.run_time_s);
    same_time(of_state, sums.run_time_s);
    Columns::read(trace).agree(&sums, &explained);
}

/// The columns of all plots, fed with a whole run.
struct Columns(Timeline);

impl Columns {
    fn read(trace: &Path) -> Self {
        let reader = TraceReader::open(trace).expect("it can be read");
        let mut timeline = Timeline::new(Box::new(reader), plots::all());
        timeline.run_to_end().expect("it can be folded");
        Self(timeline)
    }

    /// The cells of a plot's table, its head first.
    fn table(&self, plot: &str) -> Vec<Vec<String>> {
        let text = self.0.plot(plot).expect("it is a plot").columns();
        text.lines().map(|row| row.split('\t').map(str::to_owned).collect()).collect()
    }

    /// The sum of a column over the rows that have as many cells as the head.
    #[track_caller]
    fn sum(&self, plot: &str, column: &str) -> u64 {
        let table = self.table(plot);
        let head = &table[0];
        let place = head.iter().position(|name| name == column).expect("a column of that name");
        let rows = table[1..].iter().filter(|row| row.len() == head.len() && row[0] != "all");
        rows.map(|row| row[place].parse::<u64>().expect("a number")).sum()
    }

    /// A cell of the row that begins with these.
    #[track_caller]
    fn of(&self, plot: &str, begin: &[&str], place: usize) -> u64 {
        let table = self.table(plot);
        let row = table.iter().find(|row| row.iter().zip(begin).all(|(cell, want)| cell == want));
        row.unwrap_or_else(|| panic!("{begin:?} in {table:?}"))[place].parse().expect("a number")
    }

    fn agree(&self, sums: &Sums, explained: &Value) {
        let erred = explained["totals"]["erred"].as_u64().expect("a count");
        for (plot, column, wanted) in [
            ("progress", "total", sums.tasks),
            ("progress", "done", sums.finished),
            ("progress", "erred", erred),
            ("workers", "finished", sums.runs),
            ("workers", "failed", sums.failed),
            ("worker-table", "finished", sums.runs),
            ("worker-table", "failed", sums.failed),
            ("distribution", "finished", sums.runs),
            ("durations", "finished", sums.runs),
            ("prefix-time", "attempts", sums.executions - self.n_running()),
            ("prefix-bytes", "results", sums.runs),
            ("prefix-bytes", "made", sums.result_bytes),
            ("prefix-bytes", "moved", sums.transfer_bytes),
            ("transfer-matrix", "transfers", sums.transfers),
            ("transfer-matrix", "bytes", sums.transfer_bytes),
            ("transfers", "transfers", sums.transfers),
            ("transfers", "bytes", sums.transfer_bytes),
        ] {
            assert_eq!(self.sum(plot, column), wanted, "{plot}: {column}");
        }
        for (kind, wanted) in [
            ("assigned", sums.assigned),
            ("started", sums.executions),
            ("finished", sums.runs),
            ("failed", sums.failed),
        ] {
            assert_eq!(self.of("events", &[kind], 1), wanted, "events: {kind}");
        }
        assert_eq!(self.of("errors", &["all", "failed"], 2), sums.failed);
        assert_eq!(self.of("scheduler", &["events", "all"], 2), sums.events);
        assert_eq!(self.sum("prefix-memory", "memory"), self.sum("workers", "memory"));
        assert_eq!(self.in_task_graph(), sums.tasks);
        for (plot, column) in
            [("activity", "finished_ns"), ("durations", "sum_ns"), ("prefix-time", "finished_ns")]
        {
            same_time(Nanos(self.sum(plot, column)).as_secs_f64(), sums.run_time_s);
        }
        self.task_stream(sums);
        self.critical_path(&explained["critical_path"]);
    }

    /// Tasks of the graph in all phases.
    fn in_task_graph(&self) -> u64 {
        let head = &self.table("task-graph")[0];
        head[1..].iter().map(|phase| self.sum("task-graph", phase)).sum()
    }

    /// Executions that go on at the end, as in a run whose scheduler was killed.
    fn n_running(&self) -> u64 {
        let stream = self.table("task-stream");
        stream.iter().filter(|row| row[0].contains(' ') && row[2] == "-").count() as u64
    }

    fn task_stream(&self, sums: &Sums) {
        let stream = self.table("task-stream");
        // Lanes of slots are `w0 1`; those of workers and their transfers `w0`.
        let spans = || stream[1..].iter().filter(|row| row[0].contains(' '));
        let ended: Vec<&Vec<String>> = spans().filter(|row| row[4] == "finished").collect();
        assert_eq!(spans().count() as u64, sums.executions, "{stream:?}");
        assert_eq!(ended.len() as u64, sums.runs);
        let number = |cell: &String| cell.parse::<u64>().expect("a number");
        let time: u64 = ended.iter().map(|row| number(&row[2]) - number(&row[1])).sum();
        same_time(Nanos(time).as_secs_f64(), sums.run_time_s);
    }

    /// The plot and `explain` name the same chain.
    fn critical_path(&self, path: &Value) {
        assert_eq!(Some(self.of("critical-path", &["all"], 1)), path["tasks"].as_u64());
        let executed = Nanos(self.of("critical-path", &["all"], 2)).as_secs_f64();
        same_time(executed, path["executed_s"].as_f64().expect("a time"));
    }
}

#[test]
fn all_that_tells_totals_of_a_run_agrees() {
    let scene = Scene::new();
    scene.write("job.toml", FAILING_JOB);
    let ran = scene.reel(&["run", "job.toml", "--record", "job.reel", "--workers", "2"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    agree(&scene, &scene.path("job.reel"));
    let failures = &scene.json(&["explain", "job.reel", "--json"])["findings"];
    let failures = failures.as_array().expect("a list").iter();
    let failures: Vec<&Value> = failures.filter(|f| f["kind"] == "failures").collect();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0]["title"].as_str().expect("a text").starts_with("7 attempts failed, 1 for"));

    let args = ["demo", "reduction", "--leaves", "64", "--processes", "--workers", "3"];
    scene.ok(&[&args[..], &["--record", "sum.reel"]].concat());
    agree(&scene, &scene.path("sum.reel"));
}

#[test]
fn and_of_recorded_runs() {
    let scene = Scene::new();
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    for name in ["gallery/weather", "v1/failures", "v1/lost-worker", "v1/spills", "v1/killed"] {
        agree(&scene, &traces.join(name).with_extension("reel"));
    }
}
