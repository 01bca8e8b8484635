//! What goes wrong: kills, full disks, taken addresses, foreign files; and many tasks.

mod support;

use std::fs;
use std::net::TcpListener;
use std::process::Command;

use serde_json::Value;
use support::{Scene, start, wait_until};

/// A job that takes far longer than any test.
fn long_job(scene: &Scene) {
    scene.write(
        "long.toml",
        "[[task]]\nkey = \"step\"\neach.range = 10000\nrun = \"sleep 0.02\"\n\
         [[task]]\nkey = \"end\"\nrun = \"true\"\nneeds = [\"step\"]\n",
    );
}

/// Waits until the trace of a run shows that some tasks have finished.
fn wait_for_tasks(scene: &Scene, trace: &str, n_finished: u64) {
    wait_until("some tasks have finished", || {
        let ran = scene.reel(&["info", trace, "--json"]);
        let info: Value = serde_json::from_str(&ran.stdout).ok()?;
        (info["tasks"]["finished"].as_u64()? >= n_finished).then_some(())
    });
}

#[test]
fn a_killed_run_leaves_a_trace_that_can_be_asked() {
    let scene = Scene::new();
    long_job(&scene);
    let run = scene.start(&["run", "long.toml", "--record", "run.reel"]);
    wait_for_tasks(&scene, "run.reel", 10);
    run.signal("KILL");
    assert_eq!(run.wait().code, None, "it was killed");

    let info = scene.json(&["info", "run.reel", "--json"]);
    assert_eq!(info["complete"], false);
    assert!(!info["warnings"].as_array().expect("a list").is_empty());
    let n_finished = info["tasks"]["finished"].as_u64().expect("a count");
    assert!(n_finished >= 10, "{info}");
    let events = scene.ok(&["events", "run.reel"]).stdout;
    assert_eq!(events.lines().count() as u64, info["events"].as_u64().expect("a count"));
    assert_eq!(events.matches(" TaskFinished ").count() as u64, n_finished);
    scene.ok(&["render", "run.reel", "-o", "run.svg"]);
    assert!(fs::metadata(scene.path("run.svg")).expect("a picture").len() > 1000);
    let state = scene.json(&["state", "run.reel", "--json"]);
    assert_eq!(state["tasks"], info["tasks"]["total"]);
    assert_eq!(state["events"], info["events"]);
}

#[test]
fn ctrl_c_closes_the_trace() {
    for signal in ["INT", "TERM"] {
        let scene = Scene::new();
        long_job(&scene);
        let run = scene.start(&["run", "long.toml", "--record", "run.reel"]);
        wait_for_tasks(&scene, "run.reel", 5);
        run.signal(signal);
        let ran = run.wait();
        ran.failed_with(1, &["interrupted"]);
        ran.failed_with(1, &["trace: run.reel"]);
        let info = scene.json(&["info", "run.reel", "--json"]);
        assert_eq!(info["complete"], true, "{signal}: {info}");
        assert!(!scene.path("run.reel.tail").exists());
    }
}

#[test]
fn worker_processes_end_with_a_killed_run() {
    let scene = Scene::new();
    let args = ["demo", "reduction", "--sleep", "600s", "--processes", "--workers", "2"];
    let run = scene.start(&[&args[..], &["--record", "run.reel"]].concat());
    let pids = wait_until("both workers have joined", || {
        let ran = scene.reel(&["events", "run.reel", "--kind", "WorkerJoined", "--json"]);
        let joined =
            |line: &str| Some(serde_json::from_str::<Value>(line).ok()?["pid"].to_string());
        let pids: Vec<String> = ran.stdout.lines().filter_map(joined).collect();
        (pids.len() == 2).then_some(pids)
    });
    run.signal("KILL");
    run.wait();
    for pid in pids {
        wait_until("the worker has ended", || (!is_alive(&pid)).then_some(()));
    }
}

fn is_alive(pid: &str) -> bool {
    let asked = Command::new("kill").args(["-s", "0", pid]).output().expect("kill runs");
    // One that has ended stays listed until its new parent looks, and some never do.
    let is_zombie =
        fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|s| s.contains(") Z"));
    asked.status.success() && !is_zombie
}

#[test]
fn a_hundred_thousand_tasks_are_all_recorded_in_less_than_4_mb() {
    let scene = Scene::new();
    let args = [
        "demo",
        "trivial",
        "--tasks",
        "100000",
        "--workers",
        "2",
        "--record",
        "run.reel",
        "--json",
    ];
    let summary = scene.json(&args);
    assert_eq!(summary["tasks"], 100_000);
    assert_eq!(summary["failed"], 0);
    let bytes = fs::metadata(scene.path("run.reel")).expect("a trace").len();
    assert!(bytes < 4_000_000, "{bytes} bytes");
    let info = scene.json(&["info", "run.reel", "--json"]);
    assert_eq!(info["tasks"]["finished"], 100_000);
    assert_eq!(info["complete"], true);
    let events = scene.ok(&["events", "run.reel"]).stdout;
    for kind in ["TaskSubmitted", "TaskAssigned", "TaskStarted", "TaskFinished"] {
        let n = events.lines().filter(|line| line.contains(&format!("  {kind} "))).count();
        assert_eq!(n, 100_000, "{kind}");
    }
}

#[test]
fn what_is_no_trace_is_named_with_a_way_out() {
    let scene = Scene::new();
    scene.write("empty.reel", "");
    scene.write("foreign.reel", "PK\u{3}\u{4} this is something else entirely, and long enough");
    scene.write("short.reel", "REEL");
    fs::create_dir(scene.path("folder.reel")).unwrap();
    let cases = [
        ("missing.reel", "missing.reel"),
        ("empty.reel", "empty"),
        ("foreign.reel", "not a trace"),
        ("short.reel", "short.reel"),
        ("folder.reel", "folder.reel"),
    ];
    for (file, says) in cases {
        let mut commands = vec![
            vec!["info", file],
            vec!["events", file],
            vec!["state", file],
            vec!["render", file, "-o", "x.svg"],
        ];
        // A folder is a library of runs to the viewer.
        if file != "folder.reel" {
            commands.push(vec!["view", file, "--view", "127.0.0.1:0"]);
        }
        for command in commands {
            let ran = scene.fails(3, &command, &[file, says]);
            assert_eq!(ran.stdout, "", "{command:?}");
        }
    }
}

#[test]
fn a_truncated_trace_shows_what_is_left() {
    let scene = Scene::new();
    scene.ok(&["demo", "trivial", "--tasks", "3000", "--record", "whole.reel"]);
    let whole = fs::read(scene.path("whole.reel")).expect("the trace");
    for part in [30, 50, 80, 99] {
        scene.write("cut.reel", &whole[..whole.len() * part / 100]);
        let ran = scene.reel(&["info", "cut.reel", "--json"]);
        assert_eq!(ran.code, Some(0), "{part} %: {ran:?}");
        let info: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(info["complete"], false, "{part} %");
        scene.ok(&["events", "cut.reel"]);
        scene.ok(&["render", "cut.reel", "-o", "cut.svg"]);
    }
}

#[test]
fn an_existing_trace_is_not_overwritten() {
    let scene = Scene::new();
    scene.write("run.reel", "precious");
    let args = ["demo", "trivial", "--tasks", "1", "--record", "run.reel"];
    scene.fails(1, &args, &["run.reel", "exists", "--record"]);
    assert_eq!(fs::read_to_string(scene.path("run.reel")).unwrap(), "precious");
}

#[test]
fn an_address_in_use_is_named_and_nothing_runs() {
    let scene = Scene::new();
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port");
    let addr = taken.local_addr().expect("an address").to_string();
    let ran = scene.reel(&["run", "--view", &addr, "--", "touch", "ran"]);
    ran.failed_with(1, &[&addr, "in use", "--view 127.0.0.1:0"]);
    assert_eq!(fs::read_dir(scene.path("")).unwrap().count(), 0, "no trace and nothing ran");
}

#[test]
fn a_place_that_cannot_be_written() {
    let scene = Scene::new();
    let args = ["run", "--record", "no/such/folder/run.reel", "--", "touch", "ran"];
    scene.fails(1, &args, &["no/such/folder/run.reel"]);
    assert!(!scene.path("ran").exists());
}

/// Runs trivial tasks where files cannot become larger than 64 KiB, as on a full disk.
fn with_a_full_disk(scene: &Scene, more: &[&str]) -> support::Ran {
    let mut command = Command::new("sh");
    let limit = "trap '' XFSZ; ulimit -f 128; exec \"$0\" \"$@\"";
    command.args(["-c", limit, env!("CARGO_BIN_EXE_reel")]).current_dir(scene.path(""));
    command.args(["demo", "trivial", "--tasks", "30000", "--record", "run.reel"]).args(more);
    start(command).wait()
}

#[test]
fn a_full_disk_stops_the_run_and_keeps_what_was_recorded() {
    let scene = Scene::new();
    let ran = with_a_full_disk(&scene, &[]);
    ran.failed_with(1, &["run.reel", "--on-record-error continue"]);
    let info = scene.json(&["info", "run.reel", "--json"]);
    assert_eq!(info["complete"], false);
    assert!(info["events"].as_u64().expect("a count") > 0);
    scene.ok(&["events", "run.reel"]);
}

#[test]
fn a_full_disk_can_be_borne() {
    let scene = Scene::new();
    let ran = with_a_full_disk(&scene, &["--on-record-error", "continue", "--json"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let summary: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(summary["result"]["tasks"], 30_000);
    assert!(ran.stderr.contains("incomplete"), "{}", ran.stderr);
}
