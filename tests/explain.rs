//! `reel explain`, `story` and `diff` as a user meets them.

mod support;
#[path = "../replay/tests/explain/toy.rs"]
mod toy;

use support::{FAILING_JOB, Scene};
use taskreel_model::Nanos;
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo};
use toy::{Job, Toy};

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
    scene.write("job.toml", FAILING_JOB);
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
    assert!(text.contains(" % less time than A.") && text.contains("36.00 ms"), "{text}");
    let svg = std::fs::read_to_string(scene.path("both.svg")).unwrap();
    assert!(svg.contains("A: toy.reel") && svg.contains("B: slow.reel"));
    let json = scene.json(&["diff", "toy.reel", "slow.reel", "--json"]);
    assert_eq!(json["prefixes"][0]["b"]["runs"], 200);
    assert_eq!(json["runs"][1]["workers"][3]["name"], "worker-3");
    scene.fails(3, &["diff", "toy.reel", "no.reel"], &["no.reel"]);
}
