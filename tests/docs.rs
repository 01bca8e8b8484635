//! What the documentation tells people to type: the README's first steps as they stand, each command of
//! `docs/` and of the help texts, and every subcommand that is named anywhere.

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::{Scene, start, wait_until};

/// Subcommands that wait for others, or for Ctrl-C: of these only the options are looked at.
const STAY: [&str; 8] =
    ["scheduler", "worker", "submit", "status", "cancel", "retire", "shutdown", "view"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

/// README.md and all of `docs/`.
fn documents() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).expect("the folder of documents").flatten();
    let docs = docs.map(|entry| entry.path());
    let mut all: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    all.sort();
    all.push(root().join("README.md"));
    all
}

/// Lines of the code blocks of a document, with the kind of their block.
fn code(text: &str) -> Vec<(&str, &str)> {
    let mut kind = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        match (line.strip_prefix("```"), kind) {
            (Some(_), Some(_)) => kind = None,
            (Some(of), None) => kind = Some(of),
            (None, Some(of)) => lines.push((of, line)),
            (None, None) => {}
        }
    }
    lines
}

/// A command without what is said of it behind it, and without what its output goes to.
fn bare(line: &str) -> &str {
    let line = line.split("  ").next().unwrap_or(line);
    line.split(" | ").next().unwrap_or(line).split(" > ").next().unwrap_or(line).trim()
}

/// The same with `--help`: it is said once all options before it are known.
fn with_help(line: &str) -> String {
    match line.split_once(" -- ") {
        Some((ours, theirs)) => format!("{ours} --help -- {theirs}"),
        None => format!("{line} --help"),
    }
}

/// A shell that finds this build's `reel`, and a `make` that makes nothing.
fn shell(scene: &Scene, line: &str) -> Command {
    let bin = scene.path("bin");
    if !bin.exists() {
        fs::create_dir(&bin).expect("a folder");
        scene.shell("printf '#!/bin/sh\\necho made\\n' > bin/make; chmod +x bin/make; ln -s \"$0\" bin/reel");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = [bin].into_iter().chain(std::env::split_paths(&path));
    let mut command = Command::new("sh");
    command.args(["-ec", line]).current_dir(scene.path(""));
    command.env("PATH", std::env::join_paths(path).expect("a path")).env_remove("REEL_RUNS");
    command
}

fn ok(scene: &Scene, line: &str, whence: &str) -> String {
    let ran = start(shell(scene, line)).wait();
    assert_eq!(ran.code, Some(0), "{whence}: {line}\n{}{}", ran.stdout, ran.stderr);
    ran.stdout
}

/// Runs a command that serves a page until Ctrl-C.
fn served(scene: &Scene, line: &str) {
    let mut command = shell(scene, &format!("exec {line} --view 127.0.0.1:0"));
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
    let mut said = String::new();
    let stderr = child.stderr.take().expect("it is piped");
    BufReader::new(stderr).read_line(&mut said).expect("it says where");
    let kill = Command::new("kill").args(["-s", "INT", &child.id().to_string()]).status();
    assert!(kill.expect("kill runs").success());
    let status = wait_until("the viewer ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0), "{line}");
    assert!(said.contains("viewer: http://"), "{line}: {said}");
}

#[test]
fn the_first_steps_of_the_readme_work_as_they_stand() {
    let scene = Scene::new();
    scene.write("words.txt", "some words, and some more\n");
    scene.shell(&format!("cp -r '{}' .", root().join("examples").display()));
    let readme = read(&root().join("README.md"));
    let lines: Vec<&str> =
        code(&readme).into_iter().filter(|(kind, _)| *kind == "sh").map(|(_, line)| line).collect();
    assert!(lines.len() >= 7, "{lines:?}");
    for line in lines {
        let line = line.split("  #").next().unwrap_or(line).trim();
        // What a build would have put there is what is tested.
        let line = line.replace("cargo run --release --", "reel").replace("$reel", "reel");
        if line.starts_with("reel view ") {
            served(&scene, &line);
        } else if !line.starts_with("reel=") {
            ok(&scene, &line, "README.md");
        }
    }
    assert!(scene.path("run.svg").is_file());
}

#[test]
fn commands_of_the_documents_work() {
    let scene = Scene::new();
    scene.write("job.toml", "[[task]]\nkey = \"a\"\nrun = \"echo a\"\n");
    let demo = ["demo", "reduction", "--leaves", "8", "--sleep", "1ms", "--workers", "2"];
    scene.ok(&[&demo[..], &["--record", "run.reel"]].concat());
    let mut n_run = 0;
    for document in documents() {
        let text = read(&document);
        let whence = document.file_name().unwrap_or_default().to_string_lossy();
        let lines = code(&text).into_iter().map(|(_, line)| line.trim_start_matches("$ "));
        for line in lines.filter(|line| line.starts_with("reel ")) {
            let line = bare(line);
            let stays = line.split(' ').nth(1).is_some_and(|word| STAY.contains(&word));
            let line = if stays { with_help(line) } else { line.to_owned() };
            ok(&scene, &line.replace(" &", " "), &whence);
            n_run += 1;
        }
    }
    assert!(n_run >= 10, "{n_run}");
}

/// The subcommands that `reel --help` lists.
fn subcommands(scene: &Scene) -> BTreeSet<String> {
    let help = scene.ok(&["--help"]).stdout;
    let listed = help.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let first_word = |line: &str| line.split_whitespace().next().map(str::to_owned);
    let is_first = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    listed.expect("a list").lines().filter(is_first).filter_map(first_word).collect()
}

#[test]
fn examples_of_the_help_texts_are_understood() {
    let scene = Scene::new();
    for command in subcommands(&scene).iter().filter(|command| *command != "help") {
        let help = scene.ok(&[command, "--help"]).stdout;
        assert!(help.contains("Example"), "reel {command} --help has no examples");
        let is_example = |line: &&str| line.starts_with(&format!("  reel {command}"));
        for line in help.lines().filter(is_example) {
            for line in line.trim().split(" && ") {
                ok(&scene, &with_help(bare(line)), command);
            }
        }
    }
}

#[test]
fn every_subcommand_that_is_named_is_there() {
    let known = subcommands(&Scene::new());
    let mut documents = documents();
    documents
        .extend(["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"].map(|f| root().join(f)));
    for document in documents {
        let text = read(&document);
        let named =
            text.split("`reel ").skip(1).filter_map(|rest| rest.split([' ', '`', '\n']).next());
        for word in named.filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase())) {
            let word = word.trim_end_matches([',', '.']);
            assert!(known.contains(word), "{} names `reel {word}`", document.display());
        }
    }
}
