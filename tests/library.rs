//! `reel runs`: listed, tagged, noted, removed, by several processes at once.

mod support;

use std::fs;

use serde_json::Value;
use support::Scene;

fn record(scene: &Scene, file: &str) {
    scene.ok(&["demo", "trivial", "--tasks", "50", "--record", file, "--no-view"]);
}

fn runs(scene: &Scene, args: &[&str]) -> Vec<Value> {
    let listed = scene.json(&[&["runs", "--json"], args].concat());
    listed.as_array().expect("an array").clone()
}

fn files(runs: &[Value]) -> Vec<&str> {
    runs.iter().map(|run| run["file"].as_str().expect("a name")).collect()
}

#[test]
fn lists_tags_notes_and_removes() {
    let scene = Scene::new();
    let empty = scene.ok(&["runs"]);
    assert!(empty.stdout.is_empty() && empty.stderr.contains("no runs in ."), "{empty:?}");
    ["a.reel", "b.reel"].iter().for_each(|file| record(&scene, file));
    scene.ok(&["pack", "a.reel"]);
    assert_eq!(scene.ok(&["runs", "tag", "a.reel", "slow", "issue-17"]).stdout, "issue-17 slow\n");
    scene.ok(&["runs", "note", "b.reel", "the disk\nwas \u{1b}[31mfull"]);

    let text = scene.ok(&["runs"]).stdout;
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.contains("issue-17 slow") && text.contains("the disk"), "{text}");
    assert!(!text.contains('\u{1b}'), "{text}");
    let all = runs(&scene, &[]);
    assert_eq!(files(&all), ["b.reel", "a.reel", "a.reel.zip"]);
    assert_eq!((&all[1]["tasks"], &all[1]["closed"]), (&50.into(), &true.into()));
    assert_eq!(all[0]["note"], "the disk\nwas \u{1b}[31mfull");
    assert_eq!(files(&runs(&scene, &["--tag", "slow", "--tag", "issue-17"])), ["a.reel"]);
    scene.ok(&["runs", "tag", "a.reel", "slow", "--remove"]);
    assert!(runs(&scene, &["--tag", "slow"]).is_empty());

    scene.fails(3, &["runs", "rm", "a.reel", "none.reel"], &["no run none.reel"]);
    scene.fails(2, &["runs", "tag", "a.reel", "two words"], &["two words", "one word"]);
    scene.fails(3, &["runs", "nowhere"], &["nowhere"]);
    scene.ok(&["runs", "rm", "a.reel", "a.reel.zip"]);
    assert_eq!(files(&runs(&scene, &[])), ["b.reel"]);
    assert!(!scene.path("a.reel.notes").exists());
}

#[test]
fn a_part_of_a_run_is_listed_with_the_tasks_that_info_counts() {
    let scene = Scene::new();
    record(&scene, "run.reel");
    scene.ok(&["pack", "run.reel", "-o", "part.zip", "--from", "90%"]);
    let info = scene.json(&["info", "part.zip", "--json"]);
    let listed = runs(&scene, &[]);
    let part = listed.iter().find(|run| run["file"] == "part.zip").expect("it is listed");
    assert_eq!(part["tasks"], 50);
    assert_eq!(
        (&part["tasks"], &part["workers"]),
        (&info["tasks"]["total"], &info["workers"]["joined"])
    );
}

#[test]
fn a_folder_can_be_given_by_name_or_variable() {
    let scene = Scene::new();
    fs::create_dir(scene.path("kept")).expect("a folder");
    record(&scene, "kept/run.reel");
    assert_eq!(files(&runs(&scene, &["kept"])), ["run.reel"]);
    assert!(runs(&scene, &[]).is_empty());
    let with_variable = |args: &[&str]| {
        let mut command = scene.command(args);
        command.env("REEL_RUNS", "kept");
        support::start(command).wait()
    };
    let tagged = with_variable(&["runs", "tag", "run.reel", "x"]);
    assert_eq!((tagged.code, tagged.stdout.as_str()), (Some(0), "x\n"));
    assert!(with_variable(&["runs"]).stdout.contains("run.reel"));
    scene.ok(&["runs", "note", "kept/run.reel", "by its path"]);
    assert_eq!(runs(&scene, &["kept"])[0]["note"], "by its path");
}

#[test]
fn keeps_within_bounds() {
    let scene = Scene::new();
    for file in ["1.reel", "2.reel", "3.reel", "4.reel"] {
        record(&scene, file);
    }
    scene.ok(&["runs", "tag", "1.reel", "keep"]);
    scene.write("broken.reel", "no trace");
    let size = |file: &str| fs::metadata(scene.path(file)).expect("a trace").len();
    let two = (size("3.reel") + size("4.reel")).to_string();
    let dry = scene.ok(&["runs", "rm", "--keep-bytes", &two, "--dry-run"]);
    assert!(dry.stderr.contains("would remove 2.reel"), "{dry:?}");
    assert_eq!(runs(&scene, &[]).len(), 5);
    scene.ok(&["runs", "rm", "--keep-bytes", &two, "--keep-days", "30"]);
    assert_eq!(files(&runs(&scene, &[])), ["4.reel", "3.reel", "1.reel", "broken.reel"]);
    scene.ok(&["runs", "rm", "--keep-days", "0"]);
    assert_eq!(files(&runs(&scene, &[])), ["1.reel", "broken.reel"]);
}

#[test]
fn several_processes_do_not_trip_over_each_other() {
    let scene = Scene::new();
    ["a.reel", "b.reel", "c.reel"].iter().for_each(|file| record(&scene, file));
    let names: Vec<String> = (0..12).map(|i| format!("tag{i:02}")).collect();
    let running: Vec<_> = names
        .iter()
        .flat_map(|tag| {
            [scene.start(&["runs", "tag", "a.reel", tag]), scene.start(&["runs", "--json"])]
        })
        .collect();
    for process in running {
        let ran = process.wait();
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(ran.stderr.is_empty(), "{ran:?}");
    }
    let all = runs(&scene, &[]);
    assert_eq!(files(&all), ["c.reel", "b.reel", "a.reel"]);
    // No tag was lost to another process.
    let tags: Vec<&str> =
        all[2]["tags"].as_array().expect("tags").iter().flat_map(Value::as_str).collect();
    assert_eq!(tags, names);
}

/// Each finds runs to remove that another one has removed by then.
#[test]
fn several_processes_look_after_the_size_of_one_folder() {
    let scene = Scene::new();
    record(&scene, "1.reel");
    let trace = fs::read(scene.path("1.reel")).expect("a trace");
    for number in 2..60 {
        scene.write(&format!("{number}.reel"), &trace);
    }
    let remove = || scene.start(&["runs", "rm", "--keep-bytes", "0"]);
    let running: Vec<_> = (0..6).map(|_| remove()).collect();
    for process in running {
        let ran = process.wait();
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }
    assert!(runs(&scene, &[]).is_empty());
}

#[test]
fn the_index_is_derived() {
    let scene = Scene::new();
    ["a.reel", "b.reel"].iter().for_each(|file| record(&scene, file));
    scene.ok(&["runs", "tag", "a.reel", "slow"]);
    let expected = runs(&scene, &[]);
    for entry in fs::read_dir(scene.path(".reel-index")).expect("an index").flatten() {
        if entry.path().is_file() {
            fs::write(entry.path(), [0x5a; 4096]).expect("a damaged index");
        }
    }
    assert_eq!(runs(&scene, &[]), expected);
    fs::remove_dir_all(scene.path(".reel-index")).expect("no index");
    assert_eq!(runs(&scene, &[]), expected);
}
