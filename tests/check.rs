//! `reel check`: what it says, in which form, and with which exit code.

mod support;

use std::fs;

use serde_json::Value;
use support::Scene;

/// A scene with the trace of a run, and its bytes.
fn recorded() -> (Scene, Vec<u8>) {
    let scene = Scene::new();
    scene.ok(&["demo", "trivial", "--tasks", "300", "--workers", "2", "--record", "run.reel"]);
    let bytes = fs::read(scene.path("run.reel")).expect("the trace");
    (scene, bytes)
}

/// Where the first block of events begins.
fn first_block(bytes: &[u8]) -> usize {
    let marks = |kind| [0xF5, b'B', b'L', b'K', kind];
    bytes.windows(5).position(|five| five == marks(1)).expect("it has events")
}

#[test]
fn a_sound_trace_is_sound() {
    let (scene, _) = recorded();
    let ran = scene.ok(&["check", "run.reel"]);
    assert!(ran.stdout.starts_with("sound: "), "{ran:?}");
    let report = scene.json(&["check", "run.reel", "--json"]);
    let info = scene.json(&["info", "run.reel", "--json"]);
    assert_eq!(report["events"], info["events"]);
    assert_eq!((&report["sound"], &report["closed"]), (&true.into(), &true.into()));
    assert_eq!(report["findings"].as_array().map(Vec::len), Some(0));
}

#[test]
fn damage_is_named_with_its_offset_and_can_be_mended() {
    let (scene, mut bytes) = recorded();
    let at = first_block(&bytes);
    bytes[at + 60] ^= 1;
    scene.write("run.reel", &bytes);
    let ran = scene.reel(&["check", "run.reel"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.starts_with(&format!("byte {at}, ")), "{ran:?}");
    assert!(ran.stdout.contains("damaged (the checksum of a block does not fit)"), "{ran:?}");
    assert!(ran.stdout.contains("\nnot sound: "), "{ran:?}");

    let ran = scene.reel(&["check", "run.reel", "--json"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let report: Value = serde_json::from_str(&ran.stdout).expect("JSON, and nothing else");
    assert_eq!(report["sound"], false);
    assert_eq!(report["findings"][0]["offset"], at);
    assert!(report["findings"][0]["bytes"].as_u64() > Some(0), "{report}");

    let ran = scene.ok(&["check", "run.reel", "--repair", "-o", "sound.reel"]);
    assert!(ran.stderr.contains("sound.reel: a sound trace with "), "{ran:?}");
    scene.ok(&["check", "sound.reel"]);
    assert_eq!(fs::read(scene.path("run.reel")).expect("it stays"), bytes);
}

#[test]
fn a_run_that_was_cut_keeps_all_that_was_whole() {
    let (scene, bytes) = recorded();
    let whole = scene.json(&["info", "run.reel", "--json"]);
    // Footer and trailer are gone, and half of what is before them.
    scene.write("run.reel", &bytes[..bytes.len() - 30]);
    let ran = scene.reel(&["check", "run.reel"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("the run was not closed: there is no footer"), "{ran:?}");
    scene.ok(&["check", "run.reel", "--repair", "-o", "sound.reel"]);
    let saved = scene.json(&["info", "sound.reel", "--json"]);
    assert_eq!((&saved["events"], &saved["complete"]), (&whole["events"], &true.into()));
}

#[test]
fn what_cannot_be_checked_is_said_by_its_exit_code() {
    let (scene, bytes) = recorded();
    scene.write("foreign.reel", "this is something else entirely, and long enough for a header");
    scene.fails(3, &["check", "missing.reel"], &["missing.reel"]);
    scene.fails(3, &["check", "foreign.reel"], &["foreign.reel", "not a trace"]);
    scene.write("precious.reel", "precious");
    let repair = ["check", "run.reel", "--repair", "-o"];
    scene.fails(1, &[&repair[..], &["precious.reel"]].concat(), &["precious.reel", "exists"]);
    assert_eq!(fs::read(scene.path("precious.reel")).expect("it stays"), b"precious");
    scene.fails(1, &[&repair[..], &["no/such/folder.reel"]].concat(), &["no/such/folder.reel"]);
    assert_eq!(scene.reel(&repair[..3]).code, Some(2), "it needs a place to write to");
    assert_eq!(fs::read(scene.path("run.reel")).expect("it stays"), bytes);
}

#[test]
fn the_other_parts_of_a_pack_are_checked_too() {
    let (scene, _) = recorded();
    scene.ok(&["pack", "run.reel"]);
    scene.ok(&["check", "run.reel.zip"]);
    let mut bytes = fs::read(scene.path("run.reel.zip")).expect("the pack");
    let at = bytes.windows(4).position(|four| four == b"IHDR").expect("it has a picture");
    bytes[at + 40] ^= 1;
    scene.write("run.reel.zip", &bytes);
    let ran = scene.reel(&["check", "run.reel.zip"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.contains("stream.png, beside the trace"), "{ran:?}");
}

/// Opening a pipe would wait for whoever writes to it.
#[test]
fn what_is_no_file_is_refused_at_once() {
    let scene = Scene::new();
    scene.shell("mkfifo pipe.reel");
    for command in ["check", "info", "view"] {
        scene.fails(3, &[command, "pipe.reel"], &["pipe.reel", "no file"]);
    }
    scene.fails(
        1,
        &["scheduler", "--listen", "127.0.0.1:0", "--record", "pipe.reel"],
        &["no file"],
    );
    scene.fails(3, &["info", "/dev/zero"], &["/dev/zero", "no file"]);
}
