//! The viewer as a browser meets it: a real server on a free port.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop, helpers included")]

use std::net::TcpListener;

use client::{Socket, get, get_with};
use serde_json::Value;
use synthetic::{Plan, Playback};
use taskreel_model::Nanos;
use taskreel_recorder::{Source, VecSource};
use taskreel_viewer::{ServeError, ViewerConfig, ViewerHandle, serve};

#[path = "support/client.rs"]
mod client;
#[path = "support/synthetic.rs"]
mod synthetic;

const LOOK: &str = r#"{"plots":[{"id":"task-stream","width":800,"height":300},
    {"id":"progress","width":400,"height":200},{"id":"workers","width":300,"height":400}],"window":null}"#;

fn small() -> Plan {
    Plan { n_files: 16, ..Plan::default() }
}

fn start(source: Box<dyn Source>) -> ViewerHandle {
    let addr = ([127, 0, 0, 1], 0).into();
    serve(ViewerConfig { addr, source, reopen: None, token: None, title: String::new() }).unwrap()
}

fn start_finished(plan: &Plan) -> ViewerHandle {
    let info = synthetic::header("wordcount", 1_700_000_000_000_000_000);
    start(Box::new(VecSource::new(info, [synthetic::make(plan)])))
}

fn state(viewer: &ViewerHandle) -> Value {
    serde_json::from_str(&get(viewer.addr(), "/api/state").body).unwrap()
}

/// The state once it is of the kind given; reading takes a moment.
fn state_when(viewer: &ViewerHandle, kind: &str) -> Value {
    for _ in 0..10_000 {
        let state = state(viewer);
        if state["status"]["kind"] == kind {
            return state;
        }
    }
    panic!("never {kind}: {}", state(viewer));
}

#[test]
fn the_page_is_useful_before_any_script_has_run() {
    let viewer = start_finished(&small());
    state_when(&viewer, "finished");
    let page = get(viewer.addr(), "/");
    assert_eq!(page.status, 200);
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    for text in [
        "<bdi id=\"title\">wordcount</bdi>",
        "FINISHED",
        "2023-11-14 22:13:20 UTC",
        "<bdi>laptop</bdi>",
        "Taskreel 0.1.0",
        "reel demo wordcount .",
        "worker-3",
        "tcp://127.0.0.1:40001",
        "<bdi>count</bdi>",
        "src=\"plot/task-stream.svg",
        "src=\"plot/progress.svg",
        "src=\"plot/workers.svg",
    ] {
        assert!(page.body.contains(text), "{text} in {}", page.body);
    }
    assert!(!page.body.contains(" style="), "no style that the policy would block");
    let links = page.body.split(['"', '\'']).filter(|s| s.contains("://"));
    assert!(links.into_iter().all(|s| s.contains("tcp://")), "nothing from another host");
}

#[test]
fn plots_are_pictures_without_script() {
    let viewer = start_finished(&small());
    state_when(&viewer, "finished");
    for plot in ["task-stream", "progress", "workers"] {
        let svg = get(viewer.addr(), &format!("/plot/{plot}.svg?width=600&height=300&theme=dark"));
        assert_eq!((svg.status, &*svg.headers["content-type"]), (200, "image/svg+xml"));
        assert!(svg.body.contains("<svg") && svg.body.trim_end().ends_with("</svg>"), "{plot}");
    }
    let part = get(viewer.addr(), "/plot/task-stream.svg?from=0&to=200000000");
    assert_eq!(part.status, 200);
    for (path, status) in [
        ("/plot/nothing.svg", 404),
        ("/plot/progress.png", 404),
        ("/plot/progress.svg?theme=pink", 400),
        ("/plot/progress.svg?width=huge", 400),
        ("/plot/progress.svg?width=4294967295&height=0&from=9&to=3", 200),
        ("/nowhere", 404),
        ("/assets/../Cargo.toml", 404),
    ] {
        assert_eq!(get(viewer.addr(), path).status, status, "{path}");
    }
}

#[test]
fn numbers_for_programs() {
    let viewer = start_finished(&small());
    let state = state_when(&viewer, "finished");
    let totals = &state["totals"];
    let tasks = totals["tasks"].as_u64().unwrap();
    assert_eq!(tasks, 16 + 16 + 2 + 3 + 1);
    assert_eq!(totals["done"].as_u64().unwrap() + totals["erred"].as_u64().unwrap(), tasks);
    assert_eq!(totals["executing"], 0);
    assert_eq!(state["prefixes"][1]["name"], "count");
    assert_eq!(state["prefixes"][1]["done"], 16);
    assert_eq!(state["workers"][0]["name"], "worker-0");
    assert!(state["workers"][0]["rss_bytes"].as_u64().unwrap() > 0);
    assert_eq!(state["workers"][4]["status"], "lost");
    assert_eq!(get(viewer.addr(), "/health").body, "ok\n");
}

#[test]
fn every_answer_forbids_what_the_page_does_not_need() {
    let viewer = start_finished(&small());
    for path in ["/", "/assets/main.js", "/api/state", "/nowhere", "/plot/progress.svg"] {
        let headers = get(viewer.addr(), path).headers;
        let policy = &headers["content-security-policy"];
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{path}");
        assert!(!policy.contains("unsafe"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
    }
}

#[test]
fn assets_are_kept_until_they_change() {
    let viewer = start_finished(&small());
    for (path, content_type) in [
        ("/assets/main.js", "text/javascript; charset=utf-8"),
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
        ("/assets/themes.json", "application/json"),
    ] {
        let asset = get(viewer.addr(), path);
        assert_eq!((asset.status, &*asset.headers["content-type"]), (200, content_type));
        assert_eq!(asset.headers["cache-control"], "no-cache");
        let host = viewer.addr().to_string();
        let again = [("Host", &*host), ("If-None-Match", &*asset.headers["etag"])];
        assert_eq!(get_with(viewer.addr(), path, &again).status, 304, "{path}");
    }
}

#[test]
fn strangers_names_are_text() {
    let evil = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>\u{202e}gpj\0\x1b[2J";
    let prefixes = ["a<b", evil, "שלום", "\u{202e}txt.exe", "\"quoted\" & 'so'"];
    let plan = Plan { prefixes: prefixes.map(str::to_owned), ..small() };
    let mut info = synthetic::header(evil, 0);
    info.host = evil.to_owned();
    info.command = vec![evil.to_owned()];
    let viewer = start(Box::new(VecSource::new(info, [synthetic::make(&plan)])));
    state_when(&viewer, "finished");
    let mut told = Socket::open(viewer.addr(), None).unwrap();
    told.send(LOOK);
    told.receive().unwrap();
    for path in ["/", "/plot/task-stream.svg", "/plot/progress.svg", "/plot/workers.svg"] {
        let body = get(viewer.addr(), path).body;
        for bad in ["<script>alert", "<img src=x", "\u{202e}", "\0", "\x1b"] {
            assert!(!body.contains(bad), "{bad:?} in {path}");
        }
    }
    assert!(get(viewer.addr(), "/").body.contains("שלום"), "a name that is merely foreign stays");
}

#[test]
fn other_sites_are_refused() {
    let viewer = start_finished(&small());
    let addr = viewer.addr();
    for host in ["evil.example", "localhost.evil.example:80", "10.0.0.1"] {
        let answer = get_with(addr, "/api/state", &[("Host", host)]);
        assert_eq!(answer.status, 403, "{host}");
        assert!(answer.body.contains("localhost"), "says what to do: {}", answer.body);
    }
    let forwarded = format!("localhost:{}", addr.port());
    assert_eq!(get_with(addr, "/health", &[("Host", &forwarded)]).status, 200);
    assert_eq!(get_with(addr, "/health", &[("Host", "[::1]:9")]).status, 200);

    for origin in ["http://evil.example", "null", "http://localhost:1"] {
        assert_eq!(Socket::open(addr, Some(origin)).err(), Some(403), "{origin}");
    }
    assert!(Socket::open(addr, Some(&format!("http://{addr}"))).is_ok());
    assert!(Socket::open(addr, None).is_ok());
}

#[test]
fn the_live_channel_follows_a_run_to_its_end() {
    let unix = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let info = synthetic::header("wordcount", unix.unwrap().as_nanos() as u64);
    let batch = synthetic::make(&small());
    let viewer = start(Box::new(Playback::new(info, batch, 1.0, None)));
    let mut socket = Socket::open(viewer.addr(), None).unwrap();
    socket.send(LOOK);
    let (mut kinds, mut running, mut frames) = (Vec::new(), 0, 0);
    loop {
        let frame = socket.receive().expect("not closed");
        frames += 1;
        let figures = frame["figures"].as_object().unwrap();
        assert_eq!(figures.len(), 3, "all that was asked for");
        assert_eq!(figures["task-stream"]["width_px"], 800);
        let words = &frame["words"];
        let executing: u32 = words["texts"]["total-executing"].as_str().unwrap().parse().unwrap();
        running = running.max(executing);
        let kind = words["kind"].as_str().unwrap().to_owned();
        if kinds.last() != Some(&kind) {
            kinds.push(kind.clone());
        }
        if kind == "finished" {
            assert_eq!(words["progress"][0], words["progress"][1]);
            break;
        }
    }
    assert_eq!(kinds, ["live", "finished"]);
    // A busy machine may miss the moment at which all eight slots are.
    assert!((5..=8).contains(&running), "{running}: running tasks are told while they run");
    assert!(frames > 3, "{frames} frames");
}

#[test]
fn a_window_is_answered_at_once() {
    let viewer = start_finished(&small());
    let end = state_when(&viewer, "finished")["now_ns"].as_u64().unwrap();
    let mut socket = Socket::open(viewer.addr(), None).unwrap();
    let look = |from: u64, to: u64| {
        format!(
            r#"{{"plots":[{{"id":"task-stream","width":600,"height":300}},{{"id":"no-such","width":1,"height":1}}],
            "window":{{"from":{from},"to":{to}}}}}"#
        )
    };
    for (from, to) in [(end / 4, end / 2), (0, end), (end / 3, end / 3 + 1_000_000)] {
        socket.send(&look(from, to));
        let frame = socket.receive().unwrap();
        let window = &frame["figures"]["task-stream"]["window_ns"];
        assert_eq!((window[0].as_u64(), window[1].as_u64()), (Some(from), Some(to)));
        assert!(frame["figures"].get("no-such").is_none());
    }
}

#[test]
fn nonsense_ends_the_channel_and_nothing_else() {
    let viewer = start_finished(&small());
    let many = format!(
        r#"{{"plots":[{}],"window":null}}"#,
        [r#"{"id":"a","width":1,"height":1}"#; 40].join(",")
    );
    for nonsense in ["hello", "{}", r#"{"plots":7}"#, &many] {
        let mut socket = Socket::open(viewer.addr(), None).unwrap();
        socket.send(nonsense);
        assert_eq!(socket.receive(), None, "{nonsense}");
    }
    assert_eq!(get(viewer.addr(), "/health").status, 200);
}

#[test]
fn a_killed_run_is_shown_up_to_there() {
    let info = synthetic::header("wordcount", 1_700_000_000_000_000_000);
    let stop = Some(Nanos::from_millis(700));
    let mut source = Playback::new(info, synthetic::make(&small()), 1e6, stop);
    // All that will ever come is there from the begin.
    while source.next_batch().unwrap().is_some() {}
    let info = synthetic::header("wordcount", 1_700_000_000_000_000_000);
    let source = Playback::new(info, synthetic::make(&small()), 1e6, stop);
    let viewer = start(Box::new(source));
    let state = state_when(&viewer, "incomplete");
    assert!(state["totals"]["active"].as_u64().unwrap() > 0);
    let page = get(viewer.addr(), "/").body;
    assert!(page.contains("INCOMPLETE") && page.contains("was not closed"), "{page}");
}

#[test]
fn an_illegal_event_is_told_and_what_came_before_is_shown() {
    let mut batch = synthetic::make(&small());
    batch.events.remove(60);
    let info = synthetic::header("wordcount", 1_700_000_000_000_000_000);
    let viewer = start(Box::new(VecSource::new(info, [batch])));
    let state = state_when(&viewer, "failed");
    assert_eq!(state["n_events"], 60);
    assert!(get(viewer.addr(), "/").body.contains("FAILED"));
}

#[test]
fn a_run_of_nothing_says_so() {
    let info = synthetic::header("", 0);
    let viewer = start(Box::new(VecSource::new(info, [])));
    state_when(&viewer, "finished");
    let page = get(viewer.addr(), "/").body;
    assert!(page.contains("No task was submitted in this run."));
}

#[test]
fn an_address_in_use_is_told_with_the_way_out() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let source = Box::new(VecSource::of_events(Vec::new()));
    let error =
        serve(ViewerConfig { addr, source, reopen: None, token: None, title: String::new() })
            .unwrap_err();
    assert!(matches!(error, ServeError::InUse { .. }));
    let text = error.to_string();
    assert!(text.contains(&addr.to_string()) && text.contains("--view 127.0.0.1:0"), "{text}");
    assert!(!text.contains('\n'));
}

#[test]
fn shutting_down_frees_the_address() {
    let viewer = start_finished(&small());
    let addr = viewer.addr();
    assert_eq!(viewer.url(), format!("http://{addr}/"));
    let mut socket = Socket::open(addr, None).unwrap();
    viewer.shutdown();
    assert_eq!(socket.receive(), None, "a page that asked for nothing is just closed");
    let source = Box::new(VecSource::of_events(Vec::new()));
    serve(ViewerConfig { addr, source, reopen: None, token: None, title: String::new() })
        .unwrap()
        .shutdown();
}

#[test]
fn a_page_sees_how_the_run_ended_before_the_viewer_goes() {
    let (info, batch) = (synthetic::header("wordcount", 0), synthetic::make(&small()));
    // Ends long before anybody could look twice.
    let viewer = start(Box::new(Playback::new(info, batch, 1e6, None)));
    let mut socket = Socket::open(viewer.addr(), None).unwrap();
    socket.send(LOOK);
    socket.receive().unwrap();
    viewer.shutdown();
    let mut last = None;
    while let Some(frame) = socket.receive() {
        last = Some(frame);
    }
    let last = last.expect("a last frame");
    assert_eq!(last["words"]["kind"], "finished");
}

#[test]
fn a_page_that_reads_nothing_hinders_nobody() {
    let unix = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let info = synthetic::header("wordcount", unix.unwrap().as_nanos() as u64);
    let batch = synthetic::make(&Plan { n_files: 200, n_workers: 20, ..Plan::default() });
    let viewer = start(Box::new(Playback::new(info, batch, 1.0, None)));
    let stuck: Vec<Socket> = (0..8)
        .map(|_| {
            let mut socket = Socket::open(viewer.addr(), None).unwrap();
            socket.send(&LOOK.replace("800", "4000"));
            socket
        })
        .collect();
    let mut reader = Socket::open(viewer.addr(), None).unwrap();
    reader.send(LOOK);
    loop {
        let frame = reader.receive().expect("not closed");
        assert_eq!(get(viewer.addr(), "/health").status, 200);
        if frame["words"]["kind"] == "finished" {
            break;
        }
    }
    drop(stuck);
}

#[test]
fn a_page_that_stops_reading_is_dropped_and_catches_up() {
    let viewer = start_finished(&Plan { n_files: 400, n_workers: 30, ..Plan::default() });
    let end = state_when(&viewer, "finished")["now_ns"].as_u64().unwrap();
    let mut stuck = Socket::open_narrow(viewer.addr());
    let look = |to: u64| {
        LOOK.replace("800", "4000").replace("null", &format!(r#"{{"from":0,"to":{to}}}"#))
    };
    let dropped = (0..20_000).any(|i| {
        std::thread::sleep(std::time::Duration::from_millis(1));
        stuck.try_send(&look(end - i % 1_000 * (end / 2_000))).is_err()
    });
    assert!(dropped, "nobody waits for it");
    assert_eq!(get(viewer.addr(), "/health").status, 200);
    let mut again = Socket::open(viewer.addr(), None).unwrap();
    again.send(LOOK);
    let frame = again.receive().expect("not closed");
    assert_eq!(frame["words"]["kind"], "finished");
    assert_eq!(frame["figures"].as_object().unwrap().len(), 3, "all that it shows");
}

#[test]
fn a_live_page_takes_a_bounded_number_of_bytes() {
    let unix = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let info = synthetic::header("wordcount", unix.unwrap().as_nanos() as u64);
    let batch = synthetic::make(&Plan { n_files: 3_000, n_workers: 40, ..Plan::default() });
    let viewer = start(Box::new(Playback::new(info, batch, 4.0, None)));
    let mut socket = Socket::open(viewer.addr(), None).unwrap();
    socket.send(&LOOK.replace("800", "1800").replace("300", "900"));
    let (began, mut n_bytes, mut n_frames) = (std::time::Instant::now(), 0, 0);
    while began.elapsed().as_secs() < 3 {
        n_bytes += socket.receive_bytes().expect("not closed");
        n_frames += 1;
    }
    let seconds = began.elapsed().as_secs_f64();
    // What it may be ahead is a second's.
    assert!(n_bytes as f64 <= 200_000.0 * (seconds + 1.0) + 100_000.0, "{n_bytes} in {seconds} s");
    assert!(n_frames >= 3, "{n_frames} frames");
}

#[test]
fn live_pages_are_bounded() {
    let viewer = start_finished(&small());
    let open: Vec<Socket> = (0..64).map(|_| Socket::open(viewer.addr(), None).unwrap()).collect();
    assert_eq!(Socket::open(viewer.addr(), None).err(), Some(503));
    assert_eq!(get(viewer.addr(), "/").status, 200, "the page itself is still served");
    drop(open);
    let mut again = Socket::open(viewer.addr(), None);
    for _ in 0..10_000 {
        if again.is_ok() {
            break;
        }
        again = Socket::open(viewer.addr(), None);
    }
    assert!(again.is_ok(), "places are given back");
}

fn start_rewindable(plan: &Plan, token: Option<&str>) -> ViewerHandle {
    let info = synthetic::header("wordcount", 1_700_000_000_000_000_000);
    let source = VecSource::new(info, [synthetic::make(plan)]);
    let again = source.clone();
    let reopen: taskreel_replay::Reopen = Box::new(move || Ok(Box::new(again.clone()) as _));
    serve(ViewerConfig {
        addr: ([127, 0, 0, 1], 0).into(),
        source: Box::new(source),
        reopen: Some(reopen),
        token: token.map(str::to_owned),
        title: String::new(),
    })
    .unwrap()
}

#[test]
fn programs_ask_for_any_instant() {
    let viewer = start_rewindable(&small(), None);
    let end = state_when(&viewer, "finished");
    let at = |at: &str| -> Value {
        serde_json::from_str(&get(viewer.addr(), &format!("/api/state?at={at}")).body).unwrap()
    };
    assert_eq!(at("end")["totals"], end["totals"]);
    let early = at("event:30");
    assert_eq!((&early["n_events"], &early["status"]["kind"]), (&31.into(), &"past".into()));
    assert_eq!(at("event:30"), early, "the same again, from a timeline that stands there");
    let later = at("50%");
    assert!(later["totals"]["done"].as_u64() > early["totals"]["done"].as_u64());
    assert_eq!(at("event:30"), early, "and after going back");
    assert_eq!(get(viewer.addr(), "/api/state?at=soon").status, 400);

    let all: Value =
        serde_json::from_str(&get(viewer.addr(), "/api/find?key=count-1").body).unwrap();
    assert_eq!(all["total"], 7, "count-1 and count-10 to count-15");
    let task = all["first"][0]["task"].as_u64().unwrap();
    let story = get(viewer.addr(), &format!("/task/{task}?at=event:30"));
    assert!(story.body.contains("TaskFinished") && story.body.contains("<bdi>count-1</bdi>"));
    assert_eq!(get(viewer.addr(), "/task/99999").status, 404);
    assert!(get(viewer.addr(), "/worker/2?at=50%25").body.contains("<bdi>worker-2</bdi>"));
    assert_eq!(get(viewer.addr(), "/worker/9").status, 404);
}

#[test]
fn figures_for_prometheus() {
    let viewer = start_finished(&small());
    state_when(&viewer, "finished");
    let metrics = get(viewer.addr(), "/metrics");
    assert!(metrics.headers["content-type"].starts_with("text/plain; version=0.0.4"));
    for line in [
        "taskreel_tasks_submitted_total 38",
        "taskreel_prefix_tasks_done_total{prefix=\"count\"} 16",
        "# TYPE taskreel_tasks gauge",
        "taskreel_worker_executing{worker=\"worker-0\"} 0",
    ] {
        assert!(metrics.body.lines().any(|found| found == line), "{line} in {}", metrics.body);
    }
}

#[test]
fn single_plots_as_jupyterlab_wants_them() {
    let viewer = start_rewindable(&small(), None);
    let list = get(viewer.addr(), "/individual-plots.json").body;
    let list: serde_json::Map<String, Value> = serde_json::from_str(&list).unwrap();
    assert_eq!(list["Individual Task stream"], "/individual-task-stream");
    // The three that the extension's own layout opens, and all that are listed.
    let own = ["/individual-task-stream", "/individual-workers-memory", "/individual-progress"];
    for path in list.values().map(|path| path.as_str().unwrap()).chain(own) {
        let page = get(viewer.addr(), path);
        assert_eq!(page.status, 200, "{path}");
        assert!(page.body.contains("data-plot="), "{path}");
        let policy = &page.headers["content-security-policy"];
        assert!(policy.contains("frame-ancestors 'self' http://localhost:*"), "{policy}");
        assert!(!page.headers.contains_key("x-frame-options"));
        let absolute = ["href=\"/", "src=\"/", "src=\"http"];
        assert!(absolute.iter().all(|begin| !page.body.contains(begin)), "relative links only");
    }
    assert_eq!(get(viewer.addr(), "/individual-nothing").status, 404);
}

#[test]
fn whoever_has_no_token_gets_nothing() {
    let viewer = start_rewindable(&small(), Some("0123abcd"));
    assert!(viewer.url().ends_with("/?token=0123abcd"));
    for path in ["/", "/tasks", "/ws", "/health", "/metrics", "/api/state", "/assets/main.js"] {
        assert_eq!(get(viewer.addr(), path).status, 401, "{path}");
        assert_eq!(get(viewer.addr(), &format!("{path}?token=0123abcx")).status, 401, "{path}");
    }
    let page = get(viewer.addr(), "/?token=0123abcd");
    assert_eq!(page.status, 200);
    let cookie = page.headers["set-cookie"].split(';').next().unwrap();
    // The token vouches for whoever asks: any name of this machine will do.
    let headers = [("Host", "build-7.example:8787"), ("Cookie", cookie)];
    assert_eq!(get_with(viewer.addr(), "/api/state", &headers).status, 200);
    for (addr, token) in
        [([0, 0, 0, 0], None), ([127, 0, 0, 1], Some("a b")), ([0, 0, 0, 0], Some("x"))]
    {
        let config = ViewerConfig {
            addr: (addr, 0).into(),
            source: Box::new(VecSource::of_events(Vec::new())),
            reopen: None,
            token: token.map(str::to_owned),
            title: String::new(),
        };
        assert!(matches!(serve(config).unwrap_err(), ServeError::Token { .. }));
    }
}
