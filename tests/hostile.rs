//! A stranger's file: whatever is in it, each command that opens it ends, within 256 MiB of memory and
//! 5 seconds of computing (of a release build), and says what is wrong; never by a panic.

#[path = "../fuzz/src/forge.rs"]
mod forge;
#[path = "hostile/forged.rs"]
mod forged;
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use support::{Scene, start, wait_until};

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
    "simulate FILE --workers 4",
    "export FILE --format chrome -o out.json",
    "export FILE --format html -o out.html",
];
/// What a viewer is asked for, one each. All of a trace is read for the first.
const PAGES: &[&str] = &[
    "api/state?at=end",
    "",
    "tasks",
    "graph",
    "workers",
    "errors",
    "prefixes",
    "events",
    "explain",
    "task/0",
    "worker/0",
    "metrics",
    "api/critical-path",
    "api/find?key=a",
    "plot/task-graph.svg",
    "plot/task-stream.gif",
    "share/issue",
    "share/html",
    "runs",
    "compare?a=run.reel&b=run.reel",
];
/// How many of the commands are run unless all are asked for.
const N_DISTINCT: usize = 5;
/// Bytes of what is printed that are looked at.
const LOOKED_AT: u64 = 4 << 20;

/// Runs a command on a file under the limits. Returns what it printed.
fn run(folder: &Path, command: &str, file: &Path) -> String {
    let file = file.to_str().expect("a name in UTF-8");
    let args = command.split(' ').map(|arg| if arg == "FILE" { file } else { arg });
    let ran = start(limited(folder, "> printed", args)).wait();
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

/// The command, with what it prints where `redirected` says, under the limits.
fn limited<'a>(folder: &Path, redirected: &str, args: impl Iterator<Item = &'a str>) -> Command {
    // Other threads than the first allocate from arenas of their own, most of which is never used.
    let script = format!(
        "ulimit -c 0; ulimit -d {MEMORY_KIB}; ulimit -t {SECONDS}; exec \"$0\" \"$@\" {redirected}"
    );
    let mut shell = Command::new("sh");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_reel")]).args(args).current_dir(folder);
    shell
}

/// Serves a trace, if it can be opened, until a page has come.
fn view(folder: &Path, page: &str) {
    let command = "view run.reel --view 127.0.0.1:0";
    let mut viewer = start(limited(folder, "2> said", command.split(' ')));
    let addr = wait_until("it serves or ends", || {
        let said = std::fs::read_to_string(folder.join("said")).unwrap_or_default();
        let lines = said.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let url = lines.filter_map(|line| line.split_once("viewer: http://")).next();
        match url {
            Some((_, addr)) => Some(Some(addr.trim_end_matches('/').to_owned())),
            None => viewer.child.try_wait().expect("our child").map(|_ended| None),
        }
    });
    if let Some(addr) = addr {
        // Without an answer it has ended, or is about to: how is told below.
        if get(&addr, page).starts_with("HTTP/1.1 ") {
            viewer.signal("INT");
        }
    }
    let ran = viewer.wait();
    let said = std::fs::read_to_string(folder.join("said")).expect("what it said");
    assert!(matches!(ran.code, Some(0..=3)), "{page}: {:?} {said}", ran.code);
    assert!(!said.contains("panicked"), "{page}: {said}");
}

/// The begin of an answer; empty if the connection was closed without one.
fn get(addr: &str, page: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("the viewer listens");
    let request = format!("GET /{page} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    let _closed_early = stream.take(LOOKED_AT).read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
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
fn every_page_is_answered() {
    let folder = Scene::new();
    let n = if std::env::var_os(ALL).is_some() { PAGES.len() } else { 1 };
    for forgery in forged::ALL {
        let file = forged::forge_into(&folder.path(""), forgery);
        for page in &PAGES[..n] {
            let scene = Scene::new();
            std::fs::hard_link(&file, scene.path("run.reel")).expect("the same file");
            if n > 1 {
                eprintln!("{}: {page}", file.display());
            }
            view(&scene.path(""), page);
        }
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
