//! A stranger's file: whatever is in it, each command that opens it ends, within 256 MiB of memory and
//! 5 seconds of computing (of a release build), and says what is wrong; never by a panic.

#[path = "../fuzz/src/forge.rs"]
mod forge;
#[path = "hostile/forged.rs"]
mod forged;
mod support;

use std::io::Read;
use std::path::Path;
use std::process::Command;

use support::{Scene, start};

/// Bytes of memory for data that a process may take, in KiB as shells count.
const MEMORY_KIB: u64 = 256 << 10;
/// Seconds of computing. A build that is not optimised takes ten times as long.
const SECONDS: u64 = if cfg!(debug_assertions) { 50 } else { 5 };
/// Any value: each command opens each file, which takes minutes. Else only those are run that read in
/// different ways.
const ALL: &str = "TASKREEL_TEST_HOSTILE";

/// Commands that open a trace: `FILE` stands for it, and what they write goes into the folder.
const COMMANDS: &[&str] = &[
    "info FILE",
    "check FILE",
    "events FILE",
    "render FILE -o out.svg",
    "pack FILE -o out.zip",
    "state FILE --at 50%",
    "check FILE --repair -o sound.reel",
    "explain FILE",
    "info FILE --json",
    "check FILE --json",
    "events FILE --json",
    "state FILE --json",
    "story FILE t0",
    "render FILE -o out.png --plot task-graph,events,critical-path,worker-table",
    "render FILE -o out.gif --fps 2",
    "explain FILE --markdown --pictures why",
    "diff FILE FILE",
    "export FILE --format jsonl -o out.jsonl",
    "export FILE --format perfetto -o out.pftrace.gz",
    "export FILE --format csv -o tables/",
    "pack FILE --from 50% --redact -o out.zip",
    "replay FILE --at 50% --frame",
    "runs .",
];
/// How many of the commands are run unless all are asked for.
const N_DISTINCT: usize = 5;
/// Bytes of what is printed that are looked at.
const LOOKED_AT: u64 = 4 << 20;

/// Runs a command on a file under the limits. Returns what it printed.
fn run(folder: &Path, command: &str, file: &Path) -> String {
    let file = file.to_str().expect("a name in UTF-8");
    let args = command.split(' ').map(|arg| if arg == "FILE" { file } else { arg });
    // Other threads than the first allocate from arenas of their own, most of which is never used.
    let limits = format!(
        "ulimit -c 0; ulimit -d {MEMORY_KIB}; ulimit -t {SECONDS}; exec \"$0\" \"$@\" > printed"
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &limits, env!("CARGO_BIN_EXE_reel")]).args(args).current_dir(folder);
    let ran = start(shell).wait();
    if std::env::var_os(ALL).is_some() {
        eprintln!("{:?} {command}: {}", ran.code, ran.stderr.lines().last().unwrap_or_default());
    }
    assert!(matches!(ran.code, Some(0..=3)), "{command} {file}: {:?} {}", ran.code, ran.stderr);
    assert!(!ran.stderr.contains("panicked"), "{command} {file}: {}", ran.stderr);
    let mut printed = Vec::new();
    let file = std::fs::File::open(folder.join("printed")).expect("its output");
    file.take(LOOKED_AT).read_to_end(&mut printed).expect("it can be read");
    String::from_utf8_lossy(&printed).into_owned() + &ran.stderr
}

/// A new folder for each command: what one wrote is not in the way of the next.
fn run_all(file: &Path, commands: &[&str]) {
    for command in commands {
        let scene = Scene::new();
        std::fs::hard_link(file, scene.path("run.reel")).expect("the same file");
        let said = run(&scene.path(""), command, Path::new("run.reel"));
        let is_control = |c: &char| c.is_control() && !matches!(c, '\n' | '\t');
        assert_eq!(said.chars().find(is_control), None, "{command} {}: {said}", file.display());
    }
}

#[test]
fn every_command_ends_in_order() {
    let scene = Scene::new();
    let n = if std::env::var_os(ALL).is_some() { COMMANDS.len() } else { N_DISTINCT };
    for forgery in forged::ALL {
        let file = forged::forge_into(&scene.path(""), forgery);
        run_all(&file, &COMMANDS[..n]);
    }
}
