//! `reel export` as a user meets it.

mod support;

use serde_json::Value;
use support::Scene;

/// A scene with a small finished trace, `run.reel`.
fn recorded() -> Scene {
    let scene = Scene::new();
    let demo = ["demo", "reduction", "--leaves", "16", "--sleep", "2ms", "--workers", "2"];
    scene.ok(&[&demo[..], &["--record", "run.reel", "--no-view"]].concat());
    scene
}

#[test]
fn every_format_is_written_and_its_numbers_agree() {
    let scene = recorded();
    for (format, file) in
        [("perfetto", "run.pftrace.gz"), ("chrome", "run.json"), ("jsonl", "run.jsonl")]
    {
        scene.ok(&["export", "run.reel", "--format", format, "-o", file]);
        assert!(std::fs::metadata(scene.path(file)).unwrap().len() > 500, "{file}");
    }
    assert_eq!(std::fs::read(scene.path("run.pftrace.gz")).unwrap()[..3], [0x1f, 0x8b, 8]);
    let chrome: Value =
        serde_json::from_slice(&std::fs::read(scene.path("run.json")).unwrap()).unwrap();
    let events = chrome["traceEvents"].as_array().unwrap();
    let n_slices = events.iter().filter(|event| event["cat"] == "task").count();
    let csv = scene.ok(&["export", "run.reel", "--format", "csv", "-o", "-"]).stdout;
    assert_eq!(csv.lines().count() - 1, n_slices);
    assert_eq!(n_slices, 31, "16 leaves and 15 sums");
    let jsonl = std::fs::read_to_string(scene.path("run.jsonl")).unwrap();
    assert_eq!(jsonl.lines().filter(|line| line.contains("\"kind\":\"task\"")).count(), 31);
}

#[test]
fn csv_tables_go_into_a_folder() {
    let scene = recorded();
    scene.ok(&["export", "run.reel", "--format", "csv", "-o", "tables/"]);
    for table in ["tasks", "transfers", "samples"] {
        let text = std::fs::read_to_string(scene.path(&format!("tables/{table}.csv"))).unwrap();
        assert!(text.lines().next().unwrap().contains("worker"), "{table}");
    }
    let one = ["export", "run.reel", "--format", "csv", "--table", "samples", "-o", "-"];
    assert!(scene.ok(&one).stdout.starts_with("at_s,worker,cpu_percent"));
}

#[test]
fn what_cannot_be_is_said() {
    let scene = recorded();
    let export = |rest: &[&'static str]| [&["export", "run.reel", "--format"], rest].concat();
    scene.fails(2, &export(&["csv", "--table", "tasks,samples", "-o", "x.csv"]), &["one table"]);
    scene.fails(2, &export(&["perfetto", "--table", "tasks", "-o", "x"]), &["csv, jsonl"]);
    #[cfg(not(feature = "parquet"))]
    scene.fails(2, &export(&["parquet", "-o", "x.parquet"]), &["--features parquet"]);
    scene.fails(2, &export(&["chrome", "-o", "folder/"]), &["is a folder"]);
    scene.fails(1, &export(&["chrome", "-o", "no/such/folder/x.json"]), &["write no/such"]);
    scene.fails(3, &["export", "none.reel", "--format", "csv", "-o", "-"], &["none.reel"]);
}
