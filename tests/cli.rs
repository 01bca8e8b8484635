//! The command as a user meets it: demos, questions to traces, output, exit codes.

mod support;

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::Value;
use support::{Scene, start, wait_until};

/// A scene with a small finished trace, `run.reel`: 16 leaves summed as a tree.
fn recorded() -> Scene {
    let scene = Scene::new();
    let args = [
        "demo",
        "reduction",
        "--leaves",
        "16",
        "--sleep",
        "2ms",
        "--workers",
        "2",
        "--record",
        "run.reel",
    ];
    let ran = scene.ok(&args);
    assert_eq!(ran.stdout, "the sum of 0 to 15 is 120, as it should be\n");
    scene
}

#[test]
fn help_says_what_there_is() {
    let scene = Scene::new();
    let help = scene.ok(&["--help"]).stdout;
    for word in ["demo", "run", "info", "state", "events", "render", "view", "Exit codes"] {
        assert!(help.contains(word), "{word}");
    }
    for command in ["demo", "run", "info", "state", "events", "render", "view"] {
        let help = scene.ok(&[command, "--help"]).stdout;
        assert!(help.contains("Examples:"), "{command}");
    }
    assert!(scene.ok(&["--version"]).stdout.starts_with("reel "));
    assert_eq!(scene.reel(&["no-such-command"]).code, Some(2));
    assert_eq!(scene.reel(&["run", "--workers", "0", "--", "true"]).code, Some(2));
}

#[test]
fn what_people_type_first_is_answered_with_what_they_mean() {
    let scene = recorded();
    let cases: [(&[&str], i32, &str); 13] = [
        (&["run.reel"], 2, "`reel view run.reel`"),
        (&["job.toml"], 2, "`reel run job.toml`"),
        (&["."], 2, "`reel view .`"),
        (&["start", "--head"], 2, "`reel scheduler`"),
        (&["dashboard"], 2, "`reel view FILE`"),
        (&["rendr", "run.reel"], 2, "'render'"),
        (&["render", "run.reel", "-o", "x.svg", "--plot", "task-steam"], 2, "'task-stream'"),
        (&["run", "make"], 3, "-- make"),
        (&["run", "fit.py"], 3, "-- fit.py"),
        (&["view", "tcp://head:7878"], 2, "--view PORT"),
        (&["submit", "job.toml"], 2, "tcp://head:7878"),
        (&["scheduler", "--host", "0.0.0.0"], 2, "ADDRESS:PORT"),
        (&["worker", "http://head:8787"], 2, "tcp://head:7878"),
    ];
    for (args, code, says) in cases {
        let ran = scene.reel(args);
        assert_eq!(ran.code, Some(code), "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(says), "{args:?}: {}", ran.stderr);
    }
}

/// A tree with everything that a tree can hold.
fn odd_tree(scene: &Scene) {
    scene.write("tree/plain.txt", "The quick brown fox, the lazy dog.\n");
    scene.write("tree/deep/er/no newline", "the END");
    scene.write("tree/.hidden", "hidden words count the same\n");
    scene.write("tree/unicode", "naïve Ünïcode 漢字 the the\r\n");
    scene.write("tree/empty", "");
    scene.write("tree/not-text", b"\xff\xfe the binary the\x00".as_slice());
    scene.write("tree/not-text-late", [b"the ".repeat(2_000_000), vec![0xff]].concat());
    scene.write("tree/.git/config", "the git the git\n");
    scene.write("tree/run.reel.tail2", "the trace that is being written\n");
    scene.write("tree/cache/CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55\n");
    scene.write("tree/cache/the", "the cache\n");
    scene.write("tree/with space and \n newline", "odd the name\n");
    let huge: String = (0..1_400_000u32).map(|i| format!("w{} ", letters(i % 977))).collect();
    assert!(huge.len() > 5 << 20, "it is split");
    scene.write("tree/huge", huge);
    scene.shell("ln -s ../plain.txt tree/deep/link; ln -s .. tree/deep/loop; mkfifo tree/fifo");
    scene.write("tree/locked", "the lock\n");
    scene.shell("chmod 000 tree/locked");
}

fn letters(mut number: u32) -> String {
    let mut text = String::new();
    while number > 0 {
        text.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    text
}

#[test]
fn wordcount_equals_an_independent_count() {
    let scene = Scene::new();
    odd_tree(&scene);
    let args =
        ["demo", "wordcount", "tree", "--workers", "2", "--top", "100000", "--record", "wc.reel"];
    let ran = scene.ok(&args);
    let independent = scene.shell(
        "find tree -name .git -prune -o -name cache -prune -o -type f ! -name 'not-text*' ! -name '*.tail2' \
           -exec sh -c 'for f; do cat \"$f\" || true; echo; done' sh {} + 2>/dev/null |
         LC_ALL=C tr -cs A-Za-z '\\n' | LC_ALL=C tr A-Z a-z | sed '/^$/d' | LC_ALL=C sort |
         uniq -c | LC_ALL=C sort -k1,1nr -k2,2 | awk '{ printf \"%10d %s\\n\", $1, $2 }'",
    );
    assert!(ran.stdout == independent, "{}\n{}", diff(&ran.stdout, &independent), ran.stderr);
    assert!(ran.stdout.lines().count() > 900);
    assert!(ran.stderr.contains("2 not UTF-8"), "{}", ran.stderr);
    assert!(ran.stderr.contains("(1 empty)"), "{}", ran.stderr);

    let events = scene.ok(&["events", "wc.reel", "--kind", "TaskFinished"]).stdout;
    for prefix in ["count-", "piece-", "join-", "merge-"] {
        assert!(events.contains(&format!("task={prefix}")), "{prefix}");
    }
    let same = scene.json(&["demo", "wordcount", "tree", "--processes", "--no-record", "--json"]);
    assert_eq!(same["trace"], Value::Null);
    let top = &same["result"]["top"];
    assert_eq!(top.as_array().expect("a list").len(), 20);
    let first = ran.stdout.lines().next().expect("a line");
    assert_eq!(first.split_whitespace().nth(1), top[0]["word"].as_str());
}

fn diff(a: &str, b: &str) -> String {
    let unlike = a.lines().zip(b.lines()).filter(|(a, b)| a != b).take(5);
    unlike.map(|(a, b)| format!("{a:?} is not {b:?}\n")).collect()
}

#[test]
fn wordcount_without_files_or_with_a_wrong_path() {
    let scene = Scene::new();
    std::fs::create_dir(scene.path("void")).unwrap();
    let ran = scene.ok(&["demo", "wordcount", "void", "--no-record"]);
    assert_eq!(ran.stdout, "");
    scene.fails(3, &["demo", "wordcount", "nowhere"], &["nowhere", "No such file"]);
    scene.write("a file", "one word\n");
    assert_eq!(
        scene.ok(&["demo", "wordcount", "a file", "--no-record", "--files"]).stdout,
        "a file\n"
    );
}

#[test]
fn the_summary_as_json() {
    let scene = Scene::new();
    let summary = scene.json(&["demo", "trivial", "--tasks", "500", "--json"]);
    let mut fields: Vec<&String> = summary.as_object().expect("an object").keys().collect();
    fields.sort();
    assert_eq!(fields, ["failed", "result", "seconds", "tasks", "tasks_per_second", "trace"]);
    assert_eq!(summary["tasks"], 500);
    assert_eq!(summary["failed"], 0);
    assert!(summary["tasks_per_second"].as_f64().expect("a number") > 0.0);
    let trace = summary["trace"].as_str().expect("recording is the default");
    assert!(trace.starts_with("trivial-") && trace.ends_with(".reel"), "{trace}");
    assert!(scene.path(trace).is_file());
}

#[test]
fn info_tells_what_a_trace_holds() {
    let scene = recorded();
    let info = scene.json(&["info", "run.reel", "--json"]);
    assert_eq!(info["name"], "reduction");
    assert_eq!(info["complete"], true, "{info}");
    assert_eq!(info["warnings"].as_array().expect("a list").len(), 0);
    assert_eq!(info["tasks"]["total"], 31);
    assert_eq!(info["tasks"]["finished"], 31);
    assert_eq!(info["workers"]["joined"], 2);
    assert_eq!(info["workers"]["lost"], 0);
    assert!(info["command"].to_string().contains("reduction"));
    let text = scene.ok(&["info", "run.reel"]).stdout;
    assert!(text.contains("31: 31 finished") && text.contains("complete  yes"), "{text}");
}

#[test]
fn events_resolve_names_and_filter() {
    let scene = recorded();
    let all = scene.ok(&["events", "run.reel"]).stdout;
    let info = scene.json(&["info", "run.reel", "--json"]);
    assert_eq!(all.lines().count() as u64, info["events"].as_u64().expect("a count"));

    let leaf = scene.ok(&["events", "run.reel", "--task", "leaf-3", "--json"]).stdout;
    let leaf: Vec<Value> = leaf.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<&str> = leaf.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(&kinds[..4], ["TaskSubmitted", "TaskAssigned", "TaskStarted", "TaskFinished"]);
    assert!(leaf[2]["worker"].as_str().expect("a name").starts_with("worker-"), "{:?}", leaf[2]);
    assert!(leaf[2]["at_s"].as_f64() <= leaf[3]["at_s"].as_f64());

    let half = scene.ok(&["events", "run.reel", "--to", "50%"]).stdout;
    let rest = scene.ok(&["events", "run.reel", "--from", "event:20", "--to", "event:24"]).stdout;
    assert!(half.lines().count() < all.lines().count());
    assert_eq!(rest.lines().count(), 5);
    let started = scene.ok(&["events", "run.reel", "--kind", "taskstarted"]).stdout;
    assert_eq!(started.lines().count(), 31);
    assert_eq!(scene.reel(&["events", "run.reel", "--kind", "nonsense"]).code, Some(2));
    assert_eq!(scene.reel(&["events", "run.reel", "--from", "soon"]).code, Some(2));
}

#[test]
fn state_shows_an_instant() {
    let scene = recorded();
    let end = scene.json(&["state", "run.reel", "--json"]);
    assert_eq!(end["tasks"], 31);
    let begin = scene.json(&["state", "run.reel", "--at", "event:0", "--json"]);
    assert_eq!((&begin["events"], &begin["tasks"]), (&Value::from(1), &Value::from(0)));
    // Some event shows a worker at work.
    let n = end["events"].as_u64().expect("a count");
    let busy = (0..n).map(|seq| format!("event:{seq}")).find_map(|at| {
        let state = scene.json(&["state", "run.reel", "--at", &at, "--json"]);
        let executing = state["workers"][0]["executing"][0]["task"].as_str()?.to_owned();
        Some((at, executing))
    });
    let (at, task) = busy.expect("worker 0 works at some event");
    let text = scene.ok(&["state", "run.reel", "--at", &at]).stdout;
    assert!(text.contains(&format!("slot 0: {task}")), "{text}");
    assert!(text.contains("prefix") && text.contains("leaf"), "{text}");
}

#[test]
fn render_draws_plots_and_the_status_page() {
    let scene = recorded();
    scene.ok(&["render", "run.reel", "-o", "status.svg"]);
    let status = std::fs::read_to_string(scene.path("status.svg")).unwrap();
    assert!(status.starts_with("<svg") || status.starts_with("<?xml"), "{}", &status[..80]);
    for args in [
        vec!["--plot", "task-stream", "--from", "10%", "--to", "90%", "--width", "800"],
        vec!["--plot", "task-stream,progress,workers", "--theme", "dark"],
        vec!["--layout", "status", "--at", "50%", "--height", "500"],
    ] {
        let args = [vec!["render", "run.reel", "-o", "-"], args].concat();
        let svg = scene.ok(&args).stdout;
        assert!(svg.contains("<svg") && svg.trim_end().ends_with("</svg>"), "{args:?}");
    }
    let again = scene.ok(&["render", "run.reel", "-o", "-"]).stdout;
    assert_eq!(again, status, "the same trace gives the same bytes");
    scene.fails(2, &["render", "run.reel", "-o", "run.bmp"], &["run.bmp", "SVG"]);
    assert_eq!(scene.reel(&["render", "run.reel", "-o", "x.svg", "--plot", "pie"]).code, Some(2));
    scene.fails(1, &["render", "run.reel", "-o", "no/folder.svg"], &["no/folder.svg"]);
}

#[test]
fn view_serves_a_trace_until_ctrl_c() {
    let scene = recorded();
    served(&scene, &["view", "run.reel"], ("/", "reduction"));
}

#[test]
fn view_without_a_file_lists_the_runs_that_are_here() {
    let scene = recorded();
    served(&scene, &["view"], ("/runs", "run.reel"));
}

/// Serves a page at a path that holds some words.
fn served(scene: &Scene, args: &[&str], (path, words): (&str, &str)) {
    let mut command = scene.command(&[args, &["--view", "127.0.0.1:0"]].concat());
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("reel starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("it says where");
    let url = line.trim().strip_prefix("reel: viewer: http://").expect("an address");
    let addr = url.trim_end_matches('/');
    let page = get(addr, path);
    let pid = child.id().to_string();
    let kill = std::process::Command::new("kill").args(["-s", "INT", &pid]).status();
    assert!(kill.expect("kill runs").success());
    let status = wait_until("the viewer ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    assert!(page.contains("200 OK") && page.contains(words), "{page}");
}

fn get(addr: &str, path: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = std::net::TcpStream::connect(addr).expect("the viewer listens");
    let request = format!("GET {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let scene = Scene::new();
    scene.ok(&["demo", "trivial", "--tasks", "5000", "--record", "run.reel"]);
    let line = "{ \"$0\" events run.reel; echo \"code $?\" >&2; } | head -n 1";
    let mut command = std::process::Command::new("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_reel")]).current_dir(scene.path(""));
    let ran = start(command).wait();
    assert_eq!(ran.stdout.lines().count(), 1);
    assert_eq!(ran.stderr, "code 0\n");
}
