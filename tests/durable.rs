//! Where a trace is written goes away, fills up, or was never writable: the run does what its option says,
//! and says so. And what was acknowledged is brought to the disk.

mod support;

use std::fs;
use std::process::Command;

use serde_json::Value;
use support::{Ran, Running, Scene, not_run, start, wait_until};

const CONTINUE: [&str; 2] = ["--on-record-error", "continue"];

/// A job whose second half waits for the file `go`.
fn halves(scene: &Scene) {
    scene.write(
        "halves.toml",
        "[[task]]\nkey = \"first\"\neach.range = 10\nrun = \"true\"\n\
         [[task]]\nkey = \"wait\"\nneeds = [\"first\"]\nrun = \"until test -e go; do sleep 0.02; done\"\n\
         [[task]]\nkey = \"second\"\neach.range = 20\nneeds = [\"wait\"]\nrun = \"true\"\n\
         [[task]]\nkey = \"end\"\nneeds = [\"second\"]\nrun = \"echo all of it ran\"\n",
    );
}

/// Starts the job, lets `harm` happen between its halves, and waits for its end.
fn harmed(scene: &Scene, more: &[&str], harm: impl FnOnce(&Scene)) -> Ran {
    halves(scene);
    fs::create_dir(scene.path("traces")).expect("a folder");
    let args = [&["run", "halves.toml", "--record", "traces/run.reel"], more].concat();
    let running: Running = scene.start(&args);
    wait_until("the first half has run", || {
        let ran = scene.reel(&["info", "traces/run.reel", "--json"]);
        let info: Value = serde_json::from_str(&ran.stdout).ok()?;
        (info["tasks"]["finished"].as_u64()? >= 10).then_some(())
    });
    harm(scene);
    scene.write("go", "");
    running.wait()
}

fn remove_the_file(scene: &Scene) {
    fs::remove_file(scene.path("traces/run.reel")).expect("it is there");
}

fn remove_the_folder(scene: &Scene) {
    fs::remove_dir_all(scene.path("traces")).expect("it is there");
}

fn cut_the_file(scene: &Scene) {
    fs::write(scene.path("traces/run.reel"), "").expect("it can be written");
}

#[test]
fn a_trace_that_is_removed_stops_the_run() {
    for harm in [remove_the_file, remove_the_folder, cut_the_file] {
        let scene = Scene::new();
        let ran = harmed(&scene, &[], harm);
        ran.failed_with(1, &["traces/run.reel", "removed"]);
    }
}

#[test]
fn a_trace_that_is_removed_can_be_borne() {
    for harm in [remove_the_file, remove_the_folder, cut_the_file] {
        let scene = Scene::new();
        let ran = harmed(&scene, &CONTINUE, harm);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stdout.contains("all of it ran"), "{ran:?}");
        assert!(ran.stderr.contains("incomplete"), "it is said: {ran:?}");
    }
}

/// Runs a line of shell with a file system of its own at `disk`, as only root may; `None`: may not.
fn with_disk(scene: &Scene, options: &str, line: &str) -> Option<Ran> {
    fs::create_dir(scene.path("disk")).expect("a folder");
    let mount = format!("mount -t tmpfs -o {options} none disk");
    let apart = |line: &str| {
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", line, env!("CARGO_BIN_EXE_reel")]);
        command.current_dir(scene.path(""));
        command
    };
    if !apart(&mount).output().is_ok_and(|tried| tried.status.success()) {
        not_run("a disk that fills up or takes nothing", "only root can mount a file system");
        return None;
    }
    Some(start(apart(&format!("{mount} && {{ {line}; }}"))).wait())
}

#[test]
fn a_folder_that_cannot_be_written_is_named_and_nothing_runs() {
    let scene = Scene::new();
    let line = "\"$0\" run --record disk/run.reel -- touch ran";
    let Some(ran) = with_disk(&scene, "ro", line) else { return };
    ran.failed_with(1, &["disk/run.reel", "Read-only"]);
    assert!(!scene.path("ran").exists());
}

#[test]
fn a_disk_that_fills_up_stops_the_run_and_keeps_what_was_recorded() {
    let scene = Scene::new();
    let line = "\"$0\" demo trivial --tasks 60000 --workers 2 --record disk/run.reel; code=$?; \
                \"$0\" info disk/run.reel --json; exit $code";
    let Some(ran) = with_disk(&scene, "size=256k", line) else { return };
    ran.failed_with(1, &["No space left", "--on-record-error continue"]);
    let info: Value = serde_json::from_str(&ran.stdout).expect("what is left can be read");
    assert_eq!(info["complete"], false);
    assert!(info["events"].as_u64().expect("a count") > 0, "{info}");
}

#[test]
fn a_disk_that_fills_up_can_be_borne() {
    let scene = Scene::new();
    let line = "\"$0\" demo trivial --tasks 60000 --workers 2 --record disk/run.reel --json \
                --on-record-error continue";
    let Some(ran) = with_disk(&scene, "size=256k", line) else { return };
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let summary: Value = serde_json::from_str(&ran.stdout).expect("a summary");
    assert_eq!(summary["result"]["tasks"], 60_000);
    assert!(ran.stderr.contains("incomplete"), "{}", ran.stderr);
}

/// By default the system ends a process that writes beyond the limit of a file's size.
#[test]
fn a_file_that_may_not_grow_is_as_a_disk_that_is_full() {
    for (more, code) in [("", 1), ("--on-record-error continue", 0)] {
        let scene = Scene::new();
        let line =
            "ulimit -f 400; exec \"$0\" demo trivial --tasks 60000 --workers 2 --record run.reel";
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{line} {more}"), env!("CARGO_BIN_EXE_reel")]);
        command.current_dir(scene.path(""));
        let ran = start(command).wait();
        assert_eq!(ran.code, Some(code), "{ran:?}");
        assert!(ran.stderr.contains("File too large"), "{ran:?}");
        let info = scene.json(&["info", "run.reel", "--json"]);
        assert_eq!(info["complete"], false);
        assert!(info["events"].as_u64().expect("a count") > 0, "{info}");
    }
}

/// How often a run asked the system to bring its trace to the disk; `None`: nobody can tell.
fn syncs(scene: &Scene, args: &[&str]) -> Option<usize> {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-y", "-e", "trace=fsync,fdatasync", "-o", "calls"]);
    command.arg(env!("CARGO_BIN_EXE_reel")).args(args).current_dir(scene.path(""));
    if Command::new("strace").arg("-V").output().is_err() {
        not_run("what is brought to the disk", "strace is not installed");
        return None;
    }
    let ran = start(command).wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let calls = fs::read_to_string(scene.path("calls")).expect("what was called");
    Some(calls.lines().filter(|call| call.contains("run.reel")).count())
}

#[test]
fn what_is_acknowledged_is_brought_to_the_disk() {
    let scene = Scene::new();
    let args = ["run", "--record", "run.reel", "--", "sleep", "2.5"];
    let Some(n_lazy) = syncs(&scene, &args) else { return };
    // What begins the run within its first second, and all at its end.
    assert!(n_lazy >= 2, "{n_lazy}");
    let scene = Scene::new();
    let durable = [&args[..3], &["--durable"], &args[3..]].concat();
    let n_durable = syncs(&scene, &durable).expect("it was told before");
    // Each time something was acknowledged: when it began, was submitted, started and ended.
    assert!(n_durable >= n_lazy + 3, "{n_durable} after {n_lazy}");
}
