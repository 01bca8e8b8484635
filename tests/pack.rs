//! `reel pack`: a zip that every command opens, that fits, and that tells nothing it should not.

#[path = "../fuzz/src/forge.rs"]
mod forge;
#[path = "pack/redacted.rs"]
mod redacted;
mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::Scene;
use taskreel_model::{LogLevel, LogLine, Nanos, Sample};
use taskreel_recorder::{Recorder, RecorderOptions, Source, TraceReader};

fn recorded(scene: &Scene) {
    let args = ["demo", "reduction", "--leaves", "16", "--record", "run.reel", "--no-view"];
    scene.ok(&args);
}

/// The entries of a zip, as another program sees them.
fn entries(scene: &Scene, zip: &str) -> Vec<String> {
    let line = format!("unzip -tqq {zip} >&2; unzip -Z1 {zip}");
    scene.shell(&line).lines().map(str::to_owned).collect()
}

fn has_unzip(scene: &Scene) -> bool {
    let there = scene.shell("command -v unzip || true");
    if there.is_empty() {
        support::not_run("packs read by another program", "unzip is not installed");
    }
    !there.is_empty()
}

fn summary(zip: &Path) -> Value {
    // Entries are stored as they are: the JSON lies open between its name and the next header.
    let bytes = fs::read(zip).expect("the zip was written");
    let text = String::from_utf8_lossy(&bytes);
    let begin = text.find("summary.json").expect("it has a summary") + "summary.json".len();
    let mut values = serde_json::Deserializer::from_str(&text[begin..]).into_iter();
    values.next().expect("there is JSON").expect("it is whole")
}

#[test]
fn every_command_opens_the_zip() {
    let scene = Scene::new();
    recorded(&scene);
    let ran = scene.ok(&["pack", "run.reel"]);
    assert!(ran.stderr.contains("wrote run.reel.zip"), "{ran:?}");
    if has_unzip(&scene) {
        let expected = ["run.reel", "stream.png", "stream.svg", "summary.json", "issue.md"];
        assert_eq!(entries(&scene, "run.reel.zip"), expected);
        assert!(scene.shell("unzip -p run.reel.zip stream.svg").starts_with("<svg"));
        let issue = scene.shell("unzip -p run.reel.zip issue.md");
        for part in ["## What happened", "| command | `", "### Workers", "`leaf`", "stream.png"] {
            assert!(issue.contains(part), "{part} in {issue}");
        }
    }
    for command in ["state", "events"] {
        let of = |file| scene.ok(&[command, file, "--json"]).stdout;
        assert_eq!(of("run.reel.zip"), of("run.reel"), "{command}");
    }
    let (bare, packed) = (
        scene.json(&["info", "run.reel", "--json"]),
        scene.json(&["info", "run.reel.zip", "--json"]),
    );
    for field in ["run_id", "tasks", "workers", "events", "samples", "logs", "complete"] {
        assert_eq!(packed[field], bare[field], "{field}");
    }
    let picture = |file, name: &str| {
        scene.ok(&["render", file, "-o", name, "--plot", "task-stream"]);
        fs::read_to_string(scene.path(name)).expect("a picture")
    };
    assert_eq!(picture("run.reel.zip", "b.svg"), picture("run.reel", "a.svg"));
    assert_eq!(summary(&scene.path("run.reel.zip"))["run"]["tasks"], bare["tasks"]);
}

#[test]
fn it_keeps_to_the_size_and_says_what_that_cost() {
    let scene = Scene::new();
    scene.ok(&["demo", "trivial", "--tasks", "20000", "--record", "run.reel", "--no-view"]);
    let whole = fs::metadata(scene.path("run.reel")).expect("a trace").len();
    let max_bytes = whole / 2;
    let size = max_bytes.to_string();
    let ran = scene.ok(&["pack", "run.reel", "-o", "half.zip", "--max-bytes", &size]);
    assert!(fs::metadata(scene.path("half.zip")).expect("a zip").len() <= max_bytes);
    assert!(ran.stderr.contains("left out: the run from "), "{ran:?}");
    let left_out = &summary(&scene.path("half.zip"))["left_out"];
    assert!(left_out["events"].as_u64() > Some(0), "{left_out}");
    assert!(left_out["cut_at_s"].as_f64() > Some(0.0), "{left_out}");
    let (half, all) =
        (scene.json(&["info", "half.zip", "--json"]), scene.json(&["info", "run.reel", "--json"]));
    let events = |info: &Value| info["events"].as_u64().expect("a count");
    assert_eq!(events(&half) + left_out["events"].as_u64().expect("a count"), events(&all));
    scene.fails(2, &["pack", "run.reel", "--max-bytes", "2000"], &["--max-bytes"]);
    assert!(!scene.path("run.reel.zip").exists());
    assert!(!scene.path("run.reel.zip.trace").exists());
}

#[test]
fn samples_go_first_then_log_lines_then_the_end_of_the_run() {
    let scene = Scene::new();
    scene.ok(&["demo", "trivial", "--tasks", "10000", "--record", "run.reel", "--no-view"]);
    let mut reader = TraceReader::open(&scene.path("run.reel")).expect("a trace");
    let path = scene.path("said.reel");
    let options = RecorderOptions::default();
    let mut recorder = Recorder::create(&path, reader.run_info(), options).expect("a file");
    while let Some(batch) = reader.next_batch().expect("it can be read") {
        recorder.append(&batch.events).expect("it is recorded");
    }
    // Noise, so that each kind takes far more of the file than the next one.
    let mut noise = 0x9E37_79B9_7F4A_7C15_u64;
    for i in 0..6_000 {
        noise ^= noise << 13;
        noise ^= noise >> 7;
        noise ^= noise << 17;
        let at = Nanos(i * 1_000);
        let [rss_bytes, managed_bytes, spilled_bytes, received_per_s, sent_per_s] =
            [1, 2, 3, 4, 5].map(|turn| noise.rotate_left(turn * 11) >> 24);
        let worker = None;
        recorder.sample(Sample {
            at,
            rss_bytes,
            managed_bytes,
            spilled_bytes,
            received_per_s,
            sent_per_s,
            ..Sample::default()
        });
        let text = format!("{noise:x}{:x}", noise.wrapping_mul(noise | 1));
        recorder.log(LogLine { at, worker, task: None, level: LogLevel::Info, text });
    }
    recorder.finish().expect("it is closed");

    let mut max_bytes = 4_000_000;
    let mut seen = Vec::new();
    while seen.len() < 4 {
        let size = max_bytes.to_string();
        let ran = scene.ok(&["pack", "said.reel", "-o", "small.zip", "--max-bytes", &size]);
        let bytes = fs::metadata(scene.path("small.zip")).expect("a zip").len();
        assert!(bytes <= max_bytes, "{ran:?}");
        let left_out = &summary(&scene.path("small.zip"))["left_out"];
        let what = ["samples", "logs", "events"].map(|what| left_out[what].as_u64() > Some(0));
        for (left_out, said) in
            what.iter().zip(["6,000 samples,", "6,000 log lines,", "the run from "])
        {
            assert_eq!(ran.stderr.contains(&format!("left out: {said}")), *left_out, "{ran:?}");
        }
        eprintln!("{max_bytes}: {bytes} bytes, left out: {left_out}");
        if seen.last() != Some(&what) {
            seen.push(what);
        }
        max_bytes = bytes.min(max_bytes) * 9 / 10;
    }
    let [all, no_samples, events_only, begin] =
        [[false; 3], [true, false, false], [true, true, false], [true; 3]];
    assert_eq!(seen, [all, no_samples, events_only, begin]);
    // The begin of the run would fit, but not with what a pack says of it.
    let args = ["pack", "said.reel", "-o", "tiny.zip", "--max-bytes", "4000"];
    scene.fails(2, &args, &["--max-bytes"]);
    assert!(!scene.path("tiny.zip").exists());
}

/// Texts of long names are longer than what is set aside for them: then more of the run goes.
#[test]
fn long_names_cost_the_end_of_the_run_and_not_the_pack() {
    let scene = Scene::new();
    let mut job = String::new();
    for prefix in 0..24 {
        let name = "長".repeat(110);
        job += &format!(
            "[[task]]\nkey = \"{name}{prefix}x-{{index}}\"\neach.range = 20\nrun = \"true\"\n"
        );
    }
    scene.write("job.toml", job);
    scene.ok(&["run", "job.toml", "--record", "run.reel", "--no-view"]);
    let size = |file: &str| fs::metadata(scene.path(file)).expect("a file").len();
    let pack = |max_bytes: u64| {
        let max_bytes = max_bytes.to_string();
        scene.ok(&["pack", "run.reel", "-o", "small.zip", "--max-bytes", &max_bytes])
    };
    let mut bytes = 200_000;
    while !pack(bytes).stderr.contains("left out: stream.png") {
        bytes = size("small.zip") - 1;
    }
    let max_bytes = size("small.zip") - size("run.reel") / 3;
    let ran = pack(max_bytes);
    assert!(size("small.zip") <= max_bytes, "{ran:?}");
    assert!(ran.stderr.contains("left out: the run from "), "{ran:?}");
    // Of a run that is cut short the picture may be small enough again; nothing is said twice.
    assert!(ran.stderr.matches("stream.svg").count() <= 1, "{ran:?}");
    scene.ok(&["check", "small.zip"]);
}

#[test]
fn a_redacted_pack_holds_no_word_of_the_user() {
    let scene = Scene::new();
    scene.write("hush.toml", redacted::PRIVATE_JOB);
    fs::create_dir(scene.path("hush-folder")).expect("a folder");
    let args = ["run", "hush.toml", "--record", "hush.reel", "--no-view"];
    assert_eq!(scene.reel(&args).code, Some(1));
    // The original does hold them, or this would show nothing.
    let events = scene.ok(&["events", "hush.reel", "--json"]).stdout;
    assert!(events.contains("part-hush") && events.contains("hush-reason"), "{events}");

    let ran = scene.ok(&["pack", "hush.reel", "--redact"]);
    assert!(ran.stderr.contains("still readable: times"), "{ran:?}");
    let zip = fs::read_dir(scene.path(".")).expect("the folder").flatten();
    let zip = zip.map(|entry| entry.file_name().into_string().expect("a name"));
    let zip = zip.filter(|name| name.ends_with(".zip")).collect::<Vec<_>>();
    let [zip] = zip.as_slice() else { panic!("{zip:?}") };
    assert!(zip.starts_with("redacted-"), "{zip}");

    // A part of it, too: the state it begins with is as large as the run.
    scene.ok(&["pack", "hush.reel", "--redact", "-o", "part.zip", "--from", "50%", "--to", "90%"]);
    let host = scene.json(&["info", "hush.reel", "--json"])["host"].as_str().map(str::to_owned);
    let folder = scene.path("hush.toml").display().to_string();
    for zip in [zip.as_str(), "part.zip"] {
        let mut seen = fs::read(scene.path(zip)).expect("the zip");
        // Everything in the trace, unpacked: each event with all its names, and each view of them.
        for command in ["info", "events", "state", "explain"] {
            seen.extend(scene.ok(&[command, zip, "--json"]).stdout.bytes());
        }
        let seen = String::from_utf8_lossy(&seen);
        for private in ["hush", "HUSH", "sh -c", "worker-0", folder.as_str()] {
            assert!(!seen.contains(private), "{private} in {zip}");
        }
        if let Some(host) = host.as_ref().filter(|host| host.len() > 5) {
            assert!(!seen.contains(host), "{host} in {zip}");
        }
    }
    let prefixes = scene.json(&["state", zip, "--json"])["prefixes"].clone();
    assert_eq!(prefixes[0]["name"], "prefix~1");
    assert_eq!(prefixes.as_array().map(Vec::len), Some(3));
}

#[test]
fn refuses_what_it_cannot_pack_and_what_is_no_pack() {
    let scene = Scene::new();
    recorded(&scene);
    scene.fails(3, &["pack", "none.reel"], &["there is no file none.reel"]);
    scene.fails(2, &["pack", "run.reel", "-o", "run.tar"], &["run.tar", "OUT.zip"]);
    scene.ok(&["pack", "run.reel"]);
    scene.fails(2, &["pack", "run.reel.zip"], &["would replace itself"]);
    scene.ok(&["pack", "run.reel.zip", "-o", "again.zip"]);
    scene.fails(1, &["pack", "run.reel", "-o", "nowhere/run.zip"], &["nowhere/run.zip"]);

    let zip = fs::read(scene.path("run.reel.zip")).expect("a zip");
    scene.write("more.zip", [zip.as_slice(), b"more"].concat());
    scene.write("cut.zip", &zip[..zip.len() / 2]);
    for file in ["more.zip", "cut.zip"] {
        for command in ["info", "state", "events", "view"] {
            scene.fails(3, &[command, file], &[file, "nor a pack as"]);
        }
    }
}

#[test]
fn a_run_that_was_killed_is_packed_as_such() {
    let scene = Scene::new();
    recorded(&scene);
    let whole = fs::read(scene.path("run.reel")).expect("a trace");
    scene.write("killed.reel", &whole[..whole.len() - 30]);
    let ran = scene.ok(&["pack", "killed.reel"]);
    assert!(ran.stderr.contains("was not closed"), "{ran:?}");
    let info = scene.json(&["info", "killed.reel.zip", "--json"]);
    assert_eq!(info["complete"], false);
    // What the footer of the whole run says is what folding this one gives.
    let of_whole = scene.json(&["info", "run.reel", "--json"]);
    for field in ["tasks", "workers"] {
        assert_eq!(info[field], of_whole[field], "{field}");
    }
    assert_eq!(summary(&scene.path("killed.reel.zip"))["run"]["complete"], false);
}

#[test]
fn a_window_shows_what_the_whole_run_shows_there() {
    let scene = Scene::new();
    // A steady run: in any window of it something runs, also on a busy machine.
    let args = ["demo", "reduction", "--leaves", "400", "--sleep", "1ms", "--record", "run.reel"];
    scene.ok(&[&args[..], &["--no-view"]].concat());
    let end = scene.json(&["info", "run.reel", "--json"])["duration_s"].as_f64().expect("a time");
    let at = |share: f64| format!("{:.6}s", end * share);
    let (from, middle, to) = (at(0.3), at(0.5), at(0.7));
    scene.ok(&["pack", "run.reel", "-o", "part.zip", "--from", &from, "--to", &to]);
    let state = |file, instant: &String| {
        let mut state = scene.json(&["state", file, "--at", instant, "--json"]);
        // At its very end, a trace is at the instant of its last event.
        state.as_object_mut().expect("an object").remove("at_s");
        state
    };
    for instant in [&from, &middle, &to] {
        let same = state("part.zip", instant) == state("run.reel", instant);
        assert!(same, "at {instant}");
    }
    let listed = |file, from: &str| {
        scene.ok(&["events", file, "--from", from, "--to", &to, "--json"]).stdout
    };
    assert!(listed("part.zip", &middle) == listed("run.reel", &middle));
    let picture = |file, name: &str| {
        let window = ["--from", &from, "--to", &middle, "--at", &middle];
        let args = [&["render", file, "-o", name, "--plot", "task-stream"], &window[..]].concat();
        scene.ok(&args);
        fs::read_to_string(scene.path(name)).expect("a picture")
    };
    // The legend of the whole run names what ran before the window, too.
    let paths = |svg: &str| -> Vec<String> {
        svg.split('<').filter(|part| part.starts_with("path")).map(str::to_owned).collect()
    };
    let (part, whole) = (picture("part.zip", "b.svg"), picture("run.reel", "a.svg"));
    assert!(!paths(&whole).is_empty() && paths(&part) == paths(&whole), "the pictures differ");

    scene.fails(2, &["pack", "run.reel", "--from", "event:7"], &["a window is in time"]);
    scene.fails(
        2,
        &["pack", "run.reel", "--from", "70%", "--to", "30%"],
        &["nothing lies between"],
    );
}

/// The commands that ask how tasks came to be tell of a window what is in it, and that it is one.
#[test]
fn a_window_is_explained_exported_and_told_as_one() {
    let scene = Scene::new();
    let args = ["demo", "reduction", "--leaves", "400", "--sleep", "1ms", "--record", "run.reel"];
    scene.ok(&[&args[..], &["--no-view"]].concat());
    let part = ["--from", "40%", "--to", "80%"];
    scene.ok(&[&["pack", "run.reel", "-o", "part.zip"], &part[..]].concat());
    scene.ok(&[&["pack", "run.reel", "-o", "hidden.zip", "--redact"], &part[..]].concat());
    for zip in ["part.zip", "hidden.zip"] {
        let explained = scene.ok(&["explain", zip, "--json"]).stdout;
        let explained: Value = serde_json::from_str(&explained).expect("JSON");
        assert!(explained["warnings"][0].as_str().expect("a warning").contains("part of a run"));
        let totals = &explained["totals"];
        let n = |name: &str| totals[name].as_u64().expect("a count");
        assert!(n("tasks") > 0 && n("finished") < 799, "{totals}");
        assert!(n("finished") <= n("runs") && (1..799).contains(&n("runs")), "{totals}");
        let makespan = totals["makespan_s"].as_f64().expect("a time");
        let whole =
            scene.json(&["info", "run.reel", "--json"])["duration_s"].as_f64().expect("a time");
        // It begins with the last event before that instant: there may be a gap on a busy machine.
        assert!(makespan <= whole * 0.8, "{makespan} of {whole}");

        let exported = scene.ok(&["export", zip, "--format", "csv", "-o", "-"]);
        assert!(exported.stderr.contains("is a part of a run"), "{}", exported.stderr);
        assert!(exported.stdout.lines().count() as u64 > n("tasks"), "a line for each task");
        for format in ["perfetto", "chrome", "jsonl", "html"] {
            let file = format!("{zip}.{format}");
            scene.ok(&["export", zip, "--format", format, "-o", &file]);
        }
        let compared = scene.ok(&["diff", "run.reel", zip]);
        assert!(compared.stderr.contains("is a part of a run"), "{}", compared.stderr);
    }
    if has_unzip(&scene) {
        let issue = scene.shell("unzip -p part.zip issue.md");
        assert!(
            issue.contains("this is a part of a run") && issue.contains("| tasks |"),
            "{issue}"
        );
    }
    // The last sum was submitted before the window and waits in it.
    let told = scene.ok(&["story", "part.zip", "t798"]);
    assert!(told.stderr.contains("is a part of a run"), "{}", told.stderr);
    assert!(told.stdout.contains("the trace begins here"), "{}", told.stdout);
    scene.fails(2, &["story", "part.zip", "t9999"], &["no task is called"]);
    let args = ["pack", "part.zip", "-o", "again.zip", "--redact"];
    scene.fails(2, &args, &["cannot be redacted"]);
}
