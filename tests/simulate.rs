//! `reel simulate`: what a recorded run would have taken on another cluster.

mod support;

use serde_json::Value;
use support::Scene;

/// Two workers of two slots each, 200 leaves of 5 ms and their tree: some 0.5 s of sleeping, of which no other
/// process on the machine can take away.
fn recorded(scene: &Scene) {
    let args = ["demo", "reduction", "--leaves", "200", "--sleep", "5ms"];
    let cluster = ["--workers", "2", "--threads", "2", "--no-view", "--record", "run.reel"];
    scene.ok(&[&args[..], &cluster[..]].concat());
}

fn simulated(scene: &Scene, args: &[&str]) -> Value {
    scene.json(&[&["simulate", "run.reel", "--json"], args].concat())
}

fn makespan(of: &Value) -> f64 {
    of["makespan_s"].as_f64().expect("a number")
}

#[test]
fn the_run_as_it_was_is_predicted_within_a_tenth() {
    let scene = Scene::new();
    recorded(&scene);
    let same = simulated(&scene, &[]);
    let (recorded, predicted) = (makespan(&same["recorded"]), makespan(&same["predicted"]));
    assert!((predicted / recorded - 1.0).abs() < 0.1, "{predicted} s for {recorded} s");
    assert!(predicted >= same["predicted"]["bound_by_work_s"].as_f64().expect("a number"));

    let more = simulated(&scene, &["--workers", "8"]);
    assert_eq!(more["predicted"]["slots"], 16);
    let ratio = makespan(&same["predicted"]) / makespan(&more["predicted"]);
    assert!((2.0..=4.0).contains(&ratio), "four times the slots make it {ratio} times as fast");

    let slow = simulated(&scene, &["--latency", "50ms"]);
    assert!(makespan(&slow["predicted"]) > makespan(&same["predicted"]));
}

#[test]
fn who_places_is_who_placed() {
    let scene = Scene::new();
    let args = ["demo", "trivial", "--tasks", "300", "--workers", "4", "--record", "run.reel"];
    scene.ok(&[&args[..], &["--no-view", "--policy", "random", "--seed", "7"]].concat());
    assert_eq!(simulated(&scene, &[])["predicted"]["policy"], "random");
    assert_eq!(simulated(&scene, &["--policy", "locality"])["predicted"]["policy"], "locality");
    scene.ok(&["simulate", "run.reel", "-o", "again.reel"]);
    let reasons = scene.ok(&["events", "again.reel", "--kind", "TaskAssigned", "--json"]).stdout;
    assert!(reasons.contains("\"random\""), "{reasons}");
}

#[test]
fn a_prediction_is_a_trace_like_any_other() {
    let scene = Scene::new();
    recorded(&scene);
    scene.ok(&["simulate", "run.reel", "--workers", "3", "-o", "three.reel"]);
    scene.ok(&["check", "three.reel"]);
    let info = scene.json(&["info", "three.reel", "--json"]);
    assert_eq!(info["workers"]["joined"], 3, "{info}");
    scene.ok(&["explain", "three.reel"]);
    let compared = scene.ok(&["diff", "run.reel", "three.reel"]).stdout;
    assert!(compared.contains("simulated"), "{compared}");
    scene.fails(1, &["simulate", "run.reel", "-o", "three.reel"], &["three.reel"]);
}

#[test]
fn what_cannot_be_simulated_says_why() {
    let scene = Scene::new();
    recorded(&scene);
    scene.ok(&["pack", "run.reel", "--from", "20%", "--to", "60%", "-o", "part.reel.zip"]);
    scene.fails(3, &["simulate", "part.reel.zip"], &["a part of a run"]);
    let ran = scene.reel(&["simulate", "run.reel", "--latency", "soon"]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("write 50us"), "{}", ran.stderr);
    let args = [
        (["--workers", "0"], "0"),
        (["--bandwidth", "0"], "no result would ever arrive"),
        (["--threads", "70000"], "70000"),
    ];
    for (args, says) in args {
        let ran = scene.reel(&[&["simulate", "run.reel"], &args[..]].concat());
        assert_eq!(ran.code, Some(2), "{ran:?}");
        assert!(ran.stderr.contains(says), "{ran:?}");
    }
    let many = ["simulate", "run.reel", "--workers", "100000", "--threads", "1000"];
    scene.fails(2, &many, &["100,000,000 slots are too many"]);
}
