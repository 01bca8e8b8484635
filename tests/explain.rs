//! `reel explain` as a user meets it, and that all commands agree about the totals of a run.

mod support;
#[path = "../replay/tests/explain/toy.rs"]
mod toy;

use std::collections::BTreeMap;

use serde_json::Value;
use support::Scene;
use taskreel_model::Nanos;
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, TraceReader};
use taskreel_replay::{Timeline, plots};
use toy::{Job, Toy};

const JOB: &str = r#"
[[task]]
key = "flaky"
each.range = "0..6"
run = "test -e {item}.done || { touch {item}.done; exit 1; }; echo {item}"
retries = 1

[[task]]
key = "bad"
run = "echo no luck >&2; exit 3"

[[task]]
key = "after"
needs = ["bad"]
run = "true"

[[task]]
key = "sum"
stdin.task = "flaky"
run = "wc -l"
"#;

/// Sums over `reel events --json`, by a script that knows nothing but its lines.
#[derive(Debug, Default, PartialEq)]
struct Sums {
    tasks: u64,
    executions: u64,
    runs: u64,
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
    let mut finished: BTreeMap<u64, u64> = BTreeMap::new();
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).expect("a line is an object");
        let number = |name: &str| event[name].as_f64().unwrap_or_default();
        let task = event["task_id"].as_u64().unwrap_or(u64::MAX);
        sums.events += 1;
        match event["event"].as_str().expect("each has a kind") {
            "TaskSubmitted" => sums.tasks += 1,
            "TaskStarted" => {
                sums.executions += 1;
                started.insert(task, number("at_s"));
            }
            "TaskFinished" => {
                sums.runs += 1;
                sums.run_time_s += number("at_s") - started[&task];
                sums.result_bytes += number("bytes") as u64;
                *finished.entry(task).or_default() += 1;
            }
            "TransferFinished" => {
                sums.transfers += u64::from(number("bytes") > 0.0);
                sums.transfer_bytes += number("bytes") as u64;
            }
            _ => {}
        }
    }
    sums.finished = finished.len() as u64;
    sums
}

fn agree(scene: &Scene, trace: &str) {
    let explained = scene.json(&["explain", trace, "--json"]);
    let totals = &explained["totals"];
    let info = scene.json(&["info", trace, "--json"]);
    let state = scene.json(&["state", trace, "--json"]);
    let sums = sums(&scene.ok(&["events", trace, "--json"]).stdout);

    let count = |value: &Value| value.as_u64().unwrap_or_else(|| panic!("{value} is no count"));
    let seconds = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is no time"));
    let prefixes = state["prefixes"].as_array().expect("a list");
    let of_prefixes = |name: &str| -> u64 { prefixes.iter().map(|p| count(&p[name])).sum() };

    assert_eq!(count(&totals["tasks"]), sums.tasks);
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
    let run_time = seconds(&totals["run_time_s"]);
    let of_state: f64 = prefixes.iter().map(|prefix| seconds(&prefix["run_time_s"])).sum();
    assert!((run_time - sums.run_time_s).abs() < 1e-6, "{run_time} {}", sums.run_time_s);
    assert!((run_time - of_state).abs() < 1e-6, "{run_time} {of_state}");
    of_plots(scene, trace, &sums, count(&totals["erred"]));
}

/// The columns of plots say the same.
fn of_plots(scene: &Scene, trace: &str, sums: &Sums, erred: u64) {
    let reader = TraceReader::open(&scene.path(trace)).expect("it can be read");
    let attached = ["progress", "task-stream"].map(|id| plots::by_id(id).expect("it is a plot"));
    let mut timeline = Timeline::new(Box::new(reader), attached.into());
    timeline.run_to_end().expect("it can be read");
    let columns = |id: &str| timeline.plot(id).expect("it is attached").columns();
    let cell = |row: &str, n: usize| row.split('\t').nth(n).expect("a cell").to_owned();
    let number = |row: &str, n: usize| cell(row, n).parse::<u64>().expect("a number");
    let progress = columns("progress");
    let sum = |column| progress.lines().skip(1).map(|row| number(row, column)).sum::<u64>();
    assert_eq!((sum(1), sum(2), sum(5)), (sums.tasks, sums.finished, erred), "{progress}");
    let stream = columns("task-stream");
    // Lanes of slots are `w0 1`; those of workers and their transfers `w0`.
    let spans = || stream.lines().skip(1).filter(|row| cell(row, 0).contains(' '));
    let ended: Vec<&str> = spans().filter(|row| cell(row, 4) == "finished").collect();
    assert_eq!(spans().count() as u64, sums.executions, "{stream}");
    assert_eq!(ended.len() as u64, sums.runs);
    let time: u64 = ended.iter().map(|row| number(row, 2) - number(row, 1)).sum();
    assert!((Nanos(time).as_secs_f64() - sums.run_time_s).abs() < 1e-6);
}

#[test]
fn all_commands_agree_about_the_totals() {
    let scene = Scene::new();
    scene.write("job.toml", JOB);
    let ran = scene.reel(&["run", "job.toml", "--record", "job.reel", "--workers", "2"]);
    assert_eq!(ran.code, Some(1), "{}", ran.stderr);
    agree(&scene, "job.reel");
    let failures = &scene.json(&["explain", "job.reel", "--json"])["findings"];
    let failures = failures.as_array().expect("a list").iter();
    let failures: Vec<&Value> = failures.filter(|f| f["kind"] == "failures").collect();
    assert_eq!(failures.len(), 1, "{failures:?}");
    assert!(failures[0]["title"].as_str().expect("a text").starts_with("7 attempts failed, 1 for"));

    let args = ["demo", "reduction", "--leaves", "64", "--processes", "--workers", "3"];
    scene.ok(&[&args[..], &["--record", "sum.reel"]].concat());
    agree(&scene, "sum.reel");
}

/// A run on a toy cluster, one of whose tasks is far too long.
fn straggling(scene: &Scene) {
    let mut jobs: Vec<Job> =
        (0_u64..200).map(|i| Job::new("map", 18_000 + i * 7 % 40 * 100)).collect();
    jobs[190].took = Nanos::from_millis(800);
    let info = RunInfo { name: "<b>toy</b> `|".to_owned(), ..RunInfo::default() };
    let path = scene.path("toy.reel");
    let mut recorder = Recorder::create(&path, &info, RecorderOptions::default()).expect("a trace");
    recorder.append(&Toy::new(jobs).run()).expect("a trace");
    recorder.finish().expect("a trace");
}

#[test]
fn findings_as_text_markdown_json_and_pictures() {
    let scene = Scene::new();
    straggling(&scene);
    let text = scene.ok(&["explain", "toy.reel"]).stdout;
    let place = |part: &str| text.find(part).unwrap_or_else(|| panic!("no {part} in {text}"));
    assert!(place("1. One task kept everyone waiting") < place("t190 of map ran 800 ms"));
    assert!(
        text.contains("Critical path: 1 task") && text.contains("What the slots did"),
        "{text}"
    );
    // The command it names draws the picture.
    let line =
        text.lines().find_map(|line| line.split_once("Picture: reel ")).expect("it is there");
    let args: Vec<&str> = line.1.split(' ').collect();
    scene.ok(&args);
    assert!(std::fs::read_to_string(scene.path("finding-1.svg")).unwrap().starts_with("<svg"));

    let json = scene.json(&["explain", "toy.reel", "--json"]);
    let finding = &json["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["workers"][0]),
        (&"stragglers".into(), &"worker-2".into())
    );
    let shares: f64 =
        json["uses"].as_array().unwrap().iter().filter_map(|u| u["share"].as_f64()).sum();
    assert!((shares - 1.0).abs() < 1e-9, "the shares of the slots are all there is: {shares}");

    let markdown = scene.ok(&["explain", "toy.reel", "--markdown", "--pictures", "why"]).stdout;
    assert!(markdown.starts_with("## `<b>toy</b> '|`: "), "{markdown}");
    assert!(markdown.contains("![stragglers](why/1-stragglers.svg)"), "{markdown}");
    let picture = std::fs::read_to_string(scene.path("why/1-stragglers.svg")).unwrap();
    assert!(picture.starts_with("<svg") && picture.contains("Task stream"));
    scene.fails(3, &["explain", "no.reel"], &["no.reel"]);
}

#[test]
fn stories_of_tasks() {
    let scene = Scene::new();
    scene.write("job.toml", JOB);
    scene.reel(&["run", "job.toml", "--record", "job.reel", "--workers", "2"]);
    let text = scene.ok(&["story", "job.reel", "flaky-3"]).stdout;
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("flaky-3 (t"), "{text}");
    for part in ["assigned to worker-", "; exit, tried again", "2nd time (retry)", "→ memory"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let after = scene.json(&["story", "job.reel", "after", "--json"]);
    let moments = after["moments"].as_array().expect("a list");
    let erred = moments.iter().find(|moment| moment["phase"] == "erred").expect("it errs");
    assert!(erred["what"].as_str().expect("a text").starts_with("errs: bad failed on worker-"));
    assert_eq!(
        (&after["waited_for"][0]["task"], &after["waited_for"][0]["story"]["task"]),
        (&"bad".into(), &"bad".into())
    );
    scene.fails(
        2,
        &["story", "job.reel", "flaky"],
        &["job.reel: no task is called `flaky`", "flaky-0"],
    );
    scene.fails(3, &["story", "no.reel", "t1"], &["no.reel"]);
}

#[test]
fn two_runs_side_by_side() {
    let scene = Scene::new();
    straggling(&scene);
    let jobs = (0..200).map(|_| Job::new("map", 36_000)).collect();
    let info = RunInfo { name: "slow".to_owned(), ..RunInfo::default() };
    let mut recorder =
        Recorder::create(&scene.path("slow.reel"), &info, RecorderOptions::default()).unwrap();
    recorder.append(&Toy::new(jobs).run()).unwrap();
    recorder.finish().unwrap();
    let text = scene.ok(&["diff", "toy.reel", "slow.reel", "-o", "both.svg"]).stdout;
    assert!(text.contains("B took -") && text.contains("36.00 ms"), "{text}");
    let svg = std::fs::read_to_string(scene.path("both.svg")).unwrap();
    assert!(svg.contains("A: toy.reel") && svg.contains("B: slow.reel"));
    let json = scene.json(&["diff", "toy.reel", "slow.reel", "--json"]);
    assert_eq!(json["prefixes"][0]["b"]["runs"], 200);
    assert_eq!(json["runs"][1]["workers"][3]["name"], "worker-3");
    scene.fails(3, &["diff", "toy.reel", "no.reel"], &["no.reel"]);
}
