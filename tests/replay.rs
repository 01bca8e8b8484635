//! `reel replay`: single frames as text, and the real player in a real terminal.

mod support;
#[path = "../replay/tests/explain/toy.rs"]
mod toy;

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

use support::{Scene, wait_until};
use taskreel_model::Nanos;
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo};
use toy::{Job, Toy};

/// Forty maps of which one fails once, a worker that is lost, and a sum.
fn recorded() -> Scene {
    let scene = Scene::new();
    let mut jobs: Vec<Job> = (0..40).map(|_| Job::new("map", 20_000)).collect();
    jobs[20].fails = 1;
    jobs.push(Job::new("sum", 5_000).after(0..40));
    let losses = vec![(3, Nanos::from_millis(70))];
    let toy = Toy { retries: 1, losses, ..Toy::new(jobs) };
    let info = RunInfo { name: "toy".to_owned(), ..RunInfo::default() };
    let mut recorder = Recorder::create(&scene.path("run.reel"), &info, RecorderOptions::default())
        .expect("a trace");
    recorder.append(&toy.run()).expect("events");
    recorder.finish().expect("a close");
    scene
}

#[test]
fn a_frame_shows_lanes_progress_and_events() {
    let scene = recorded();
    let frame = |at: &str| scene.ok(&["replay", "run.reel", "--at", at, "--frame"]).stdout;
    let middle = frame("50ms");
    let lines: Vec<&str> = middle.lines().collect();
    assert_eq!(lines.len(), 24, "{middle}");
    assert!(lines.iter().all(|line| line.chars().count() <= 80), "{middle}");
    assert!(lines[0].starts_with("‖ 50.00 ms of ") && lines[0].contains("8 run"), "{middle}");
    assert!(lines[1].starts_with("a map") && lines[1].contains("/40"), "{middle}");
    let lanes = lines.iter().filter(|line| line.starts_with("● worker-")).count();
    assert_eq!(lanes, 8, "{middle}");
    let cursor = lines.iter().find(|line| line.starts_with('>')).expect("a cursor");
    // The event under the cursor is the last one logged by then.
    let events = scene.ok(&["events", "run.reel", "--to", "50ms"]).stdout;
    let last = events.lines().last().expect("some");
    let seq = last.split_whitespace().next().expect("its place");
    assert_eq!(cursor[1..].split_whitespace().next(), Some(seq), "{middle}");

    let end = frame("end");
    assert!(end.contains("✗ worker-3") && end.contains("40/40"), "{end}");
    assert!(end.lines().any(|line| line.contains("worker-3") && line[14..].contains('✗')), "{end}");
    scene.fails(2, &["replay", "run.reel"], &["--frame"]);
    scene.fails(3, &["replay", "no.reel", "--frame"], &["no.reel"]);
}

#[test]
fn a_part_of_a_run_shows_its_events() {
    let scene = recorded();
    scene.ok(&["pack", "run.reel", "-o", "part.zip", "--from", "50ms", "--to", "90ms"]);
    let frame = |file, at| scene.ok(&["replay", file, "--at", at, "--frame"]).stdout;
    let (part, whole) = (frame("part.zip", "70ms"), frame("run.reel", "70ms"));
    let events = |frame: &str| -> Vec<String> {
        let lines = frame.lines().filter(|line| line.contains(" Task"));
        lines.map(|line| line.trim_start_matches('>').trim().to_owned()).collect()
    };
    assert!(events(&part).len() > 5, "{part}");
    assert_eq!(events(&part), events(&whole));
    // Places are those in the log of the whole run.
    let last = scene.ok(&["events", "part.zip", "--json"]).stdout.lines().last().map(str::to_owned);
    let last: serde_json::Value = serde_json::from_str(&last.expect("some")).expect("JSON");
    let n = last["seq"].as_u64().expect("a place") + 1;
    assert!(frame("part.zip", "end").contains(&format!("event {n} of {n}")), "{part}");
}

/// Types keys into the player in a terminal of 80×24, and gives all that it wrote.
fn played(scene: &Scene, keys: &str) -> String {
    let reel = env!("CARGO_BIN_EXE_reel");
    let line = format!("stty rows 24 cols 80; exec '{reel}' replay run.reel");
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env("TERM", "xterm-256color");
    command.current_dir(scene.path("")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("script is there: it makes the terminal");
    let mut stdin = child.stdin.take().expect("it is piped");
    let mut stdout = child.stdout.take().expect("it is piped");
    let screen = Arc::new(Mutex::new(Vec::new()));
    let written = Arc::clone(&screen);
    let reader = thread::spawn(move || {
        let mut bytes = [0; 4096];
        while let Ok(n @ 1..) = stdout.read(&mut bytes) {
            written.lock().expect("nobody panics with it").extend_from_slice(&bytes[..n]);
        }
    });
    let text =
        || String::from_utf8_lossy(&screen.lock().expect("nobody panics with it")).into_owned();
    // Keys typed before the first frame would be read as a line.
    wait_until("the first frame", || text().contains("search").then_some(()));
    stdin.write_all(keys.as_bytes()).expect("keys");
    let status = wait_until("it ends", || child.try_wait().expect("our child"));
    reader.join().expect("the reader does not panic");
    assert!(status.success(), "{}", text());
    text()
}

#[test]
fn the_player_answers_keys_in_a_terminal() {
    let scene = recorded();
    let error = scene.ok(&["events", "run.reel", "--kind", "TaskFailed"]).stdout;
    let seq: u64 = error.split_whitespace().next().expect("one failed").parse().expect("a number");
    // To the error, the keys, away with them, and out.
    let screen = played(&scene, "e? q");
    assert!(screen.contains("next, previous error"), "the keys are shown: {screen:?}");
    assert!(
        screen.contains(&format!("event {}", seq + 1)) || screen.contains("TaskFailed"),
        "{screen:?}"
    );
    // It leaves the terminal as it was: the other screen closed, the cursor shown.
    assert!(screen.contains("\u{1b}[?1049h") && screen.contains("\u{1b}[?1049l"), "{screen:?}");
    let screen = played(&scene, "/sum\r:nonsense\rq");
    // Cells that stay as they were are not written again, so only words can be looked for.
    assert!(screen.contains("instant:"), "{screen:?}");
}
