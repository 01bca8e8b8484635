//! Traces of every format version stay readable: each in `traces/` gives the state and the picture
//! that were looked at when it was recorded. `BLESS=1` writes them anew.

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use support::Scene;

/// Of a picture, wide enough to show single tasks.
const WIDTH: &str = "900";

fn traces() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces");
    let mut found = Vec::new();
    for version in fs::read_dir(root).expect("the folder of traces").flatten() {
        let is_version = version.file_name().to_string_lossy().starts_with('v');
        let Some(files) = fs::read_dir(version.path()).ok().filter(|_| is_version) else {
            continue;
        };
        let ends = |path: &PathBuf, with: &str| path.extension().is_some_and(|end| end == with);
        let is_trace = |path: &PathBuf| ends(path, "reel") || ends(path, "zip");
        found.extend(files.flatten().map(|file| file.path()).filter(is_trace));
    }
    found.sort();
    assert!(!found.is_empty());
    found
}

/// Compares a text with the file that holds what it should be.
fn check(expected: &Path, text: &str) {
    if std::env::var_os("BLESS").is_some() {
        fs::write(expected, text).expect("the expected text is written");
        return;
    }
    let known = fs::read_to_string(expected)
        .unwrap_or_else(|error| panic!("{}: {error}; run with BLESS=1", expected.display()));
    assert!(known == text, "{} is not what is there now:\n{text}", expected.display());
}

#[test]
fn every_trace_shows_what_it_showed() {
    for trace in traces() {
        // A killed run has tails beside it: opened where it lies.
        let scene = Scene::new();
        let file = trace.to_str().expect("a name in UTF-8");
        let mut text = String::new();
        for at in ["30%", "end"] {
            let ran = scene.ok(&["state", file, "--at", at]);
            text.push_str(&format!("--at {at}\n{}\n", ran.stdout));
            for line in ran.stderr.lines() {
                // The folder is not the same on each machine.
                text.push_str(&line.replace(file, "FILE"));
                text.push('\n');
            }
        }
        check(&trace.with_extension("state.txt"), &text);
        let args = ["render", file, "-o", "-", "--plot", "task-stream", "--width", WIDTH];
        check(&trace.with_extension("svg"), &scene.ok(&args).stdout);
    }
}

#[test]
fn every_trace_is_taken_by_every_command() {
    for trace in traces() {
        let scene = Scene::new();
        let file = trace.to_str().expect("a name in UTF-8");
        let n_events = scene.ok(&["events", file, "--json"]).stdout.lines().count() as u64;
        let info = scene.json(&["info", file, "--json"]);
        assert_eq!(info["events"], n_events, "{file}");
        let is_whole = !file.contains("killed") && !file.contains("newer");
        assert_eq!(info["complete"], is_whole, "{file}");
        // A window is redacted when it is cut out, not later.
        let redact = (!file.ends_with(".zip")).then_some("--redact");
        scene.ok(&[&["pack", file, "-o", "packed.zip"][..], redact.as_slice()].concat());
        let packed = scene.json(&["info", "packed.zip", "--json"]);
        assert_eq!((&packed["events"], &packed["tasks"]), (&info["events"], &info["tasks"]));
    }
}

#[test]
fn what_a_newer_version_added_is_skipped_and_counted() {
    let scene = Scene::new();
    let newer = Path::new(env!("CARGO_MANIFEST_DIR")).join("traces/v1/newer-minor.reel");
    let newer = newer.to_str().expect("a name in UTF-8");
    for command in ["state", "info"] {
        let ran = scene.ok(&[command, newer]);
        let said = format!("{}{}", ran.stdout, ran.stderr);
        assert!(said.contains("2 blocks of unknown kind 99 were skipped"), "{said}");
        assert!(said.contains("3 events of unknown tag 99 were skipped"), "{said}");
    }
    assert_eq!(scene.json(&["info", newer, "--json"])["tasks"]["finished"], 40);
    // A copy keeps the places of what it does not understand.
    scene.ok(&["pack", newer, "-o", "packed.zip"]);
    let events = |file| scene.json(&["info", file, "--json"])["events"].clone();
    assert_eq!(events("packed.zip"), events(newer));
}

#[test]
fn a_newer_major_version_is_an_error_that_names_both() {
    let scene = Scene::new();
    let bare = |trace: &PathBuf| trace.extension().is_some_and(|end| end == "reel");
    let trace = traces().into_iter().find(bare).expect("there is one");
    let mut bytes = fs::read(trace).expect("a trace");
    let (major, found) = (bytes[6], bytes[6] + 1);
    bytes[6] = found;
    scene.write("new.reel", bytes);
    let parts = [format!("format {found}"), format!("up to format {major}"), "update".to_owned()];
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    for command in ["info", "state", "events", "pack", "view"] {
        scene.fails(3, &[command, "new.reel"], &parts);
    }
}
