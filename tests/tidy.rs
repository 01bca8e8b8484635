//! The house rules that a compiler does not check: which crate knows which, and what the model
//! must not touch.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Normal dependencies of each workspace crate, from `cargo metadata`.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .expect("run cargo metadata");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it is JSON");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let normal = |package: &serde_json::Value| {
        let all = package["dependencies"].as_array().expect("a list of dependencies").clone();
        all.iter().filter(|d| d["kind"].is_null()).map(|d| text(&d["name"])).collect()
    };
    packages.iter().map(|package| (text(&package["name"]), normal(package))).collect()
}

#[test]
fn arrows_between_crates_point_down_only() {
    let dependencies = dependencies();
    let may_know: [(&str, &[&str]); 6] = [
        ("taskreel-model", &[]),
        ("taskreel-macros", &[]),
        ("taskreel-recorder", &["model"]),
        ("taskreel-replay", &["model", "recorder"]),
        ("taskreel-viewer", &["model", "recorder", "replay"]),
        ("taskreel-runtime", &["model", "macros", "recorder"]),
    ];
    for (name, allowed) in may_know {
        let known = dependencies.get(name).unwrap_or_else(|| panic!("no crate {name}"));
        for dependency in known.iter().filter_map(|d| d.strip_prefix("taskreel-")) {
            assert!(allowed.contains(&dependency), "{name} must not know taskreel-{dependency}");
        }
    }
}

#[test]
fn pure_crates_stay_pure() {
    let dependencies = dependencies();
    let bans: [(&str, &[&str]); 3] = [
        ("taskreel-model", &["tokio", "rand", "axum", "bincode", "zstd", "sled", "tracing"]),
        ("taskreel-replay", &["tokio", "axum"]),
        ("taskreel-recorder", &["tokio", "axum"]),
    ];
    for (name, banned) in bans {
        for dependency in banned {
            assert!(!dependencies[name].contains(*dependency), "{name} must not use {dependency}");
        }
    }
    let model: BTreeSet<&str> = dependencies["taskreel-model"].iter().map(String::as_str).collect();
    assert_eq!(model, BTreeSet::from(["serde", "smallvec", "thiserror"]));
}

/// All files below `folder` with that ending, with their text.
fn sources(folder: &Path, ending: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut work = vec![folder.to_owned()];
    while let Some(folder) = work.pop() {
        for entry in std::fs::read_dir(&folder).expect("read a folder of sources") {
            let path = entry.expect("read an entry").path();
            if path.is_dir() {
                work.push(path);
            } else if path.extension().is_some_and(|e| e == ending) {
                let text = std::fs::read_to_string(&path).expect("read a source");
                found.push((path, text));
            }
        }
    }
    assert!(!found.is_empty(), "no .{ending} files in {}", folder.display());
    found
}

#[test]
fn the_model_has_no_clock_no_hash_order_and_no_files() {
    let banned = [
        "HashMap",
        "HashSet",
        "Instant::",
        "SystemTime",
        "std::env",
        "std::fs",
        "std::net",
        "rand::",
    ];
    for (path, text) in sources(&root().join("runtime/model/src"), "rs") {
        for (number, line) in text.lines().enumerate() {
            let code = line.split("//").next().unwrap_or_default();
            for word in banned {
                let place = format!("{}:{}", path.display(), number + 1);
                assert!(!code.contains(word), "{place}: {word} has no place in the model");
            }
        }
    }
}

#[test]
fn scripts_write_text_never_markup() {
    for (path, text) in sources(&root().join("viewer/assets"), "js") {
        for word in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}

#[test]
fn no_file_is_longer_than_its_reader_is_patient() {
    for folder in ["runtime", "recorder/src", "replay/src", "viewer/src", "src"] {
        for (path, text) in sources(&root().join(folder), "rs") {
            let is_test =
                path.ends_with("tests.rs") || path.components().any(|c| c.as_os_str() == "tests");
            let n_lines = text.lines().count();
            assert!(is_test || n_lines <= 500, "{} has {n_lines} lines", path.display());
        }
    }
}

#[test]
fn every_event_is_in_the_table_of_the_architecture() {
    let text = std::fs::read_to_string(root().join("ARCHITECTURE.md")).expect("read it");
    for name in taskreel_model::EVENT_NAMES {
        assert!(text.contains(&format!("`{name}`")), "ARCHITECTURE.md does not name {name}");
    }
}
