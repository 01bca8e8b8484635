//! Pages and answers beside the plots, and the files that visitors hand in.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on must stop, helpers included")]

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;

use client::get;
use serde_json::Value;
use synthetic::Plan;
use taskreel_recorder::{Source, VecSource};
use taskreel_replay::Reopen;
use taskreel_viewer::{Files, ViewerConfig, ViewerHandle, export_html, serve_library, serve_with};

#[path = "support/client.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod client;
#[path = "support/synthetic.rs"]
#[expect(dead_code, reason = "other tests use the rest")]
mod synthetic;

fn reopen() -> Reopen {
    let plan = Plan { n_files: 16, ..Plan::default() };
    let info = synthetic::header("wordcount", 1_700_000_000_000_000_000);
    let source = VecSource::new(info, [synthetic::make(&plan)]);
    Box::new(move || Ok(Box::new(source.clone()) as Box<dyn Source>))
}

fn start(files: Files) -> ViewerHandle {
    let mut reopen = reopen();
    let source = reopen().unwrap();
    let addr = ([127, 0, 0, 1], 0).into();
    let config =
        ViewerConfig { addr, source, reopen: Some(reopen), token: None, title: String::new() };
    let viewer = serve_with(config, files).unwrap();
    wait_for_end(&viewer, "/");
    viewer
}

/// Waits until a run is shown to its end; `folder` is where its pages are.
fn wait_for_end(viewer: &ViewerHandle, folder: &str) {
    for _ in 0..10_000 {
        if json(viewer, &format!("{folder}api/state"))["status"]["kind"] == "finished" {
            return;
        }
    }
    panic!("never read to the end");
}

fn json(viewer: &ViewerHandle, path: &str) -> Value {
    let answer = get(viewer.addr(), path);
    assert_eq!(answer.status, 200, "{path}: {}", answer.body);
    serde_json::from_str(&answer.body).unwrap()
}

/// The status and the body of the answer to a `POST`.
fn post(addr: SocketAddr, path: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).unwrap();
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.1\r\nHost: {addr}\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1.to_owned();
    (status, body)
}

#[test]
fn programs_are_told_stories_events_findings_and_figures() {
    let viewer = start(Files::default());
    let story = json(&viewer, "/api/tasks/count-3");
    assert_eq!(story["task"], "count-3");
    let number = story["id"].as_str().unwrap().trim_start_matches('t');
    assert_eq!(json(&viewer, &format!("/api/tasks/{number}")), story);
    assert_eq!(story["waited_for"][0]["task"], "read-3");
    assert!(!story["needed_by"].as_array().unwrap().is_empty());
    assert_eq!(get(viewer.addr(), "/api/tasks/nobody").status, 404);

    let all = json(&viewer, "/api/events?n=10000");
    let n_events = json(&viewer, "/api/state")["n_events"].as_u64().unwrap();
    assert_eq!(all["events"].as_array().unwrap().len() as u64, n_events);
    assert_eq!(all["has_older"], false);
    let seqs = |listed: &Value| -> Vec<u64> {
        let events = listed["events"].as_array().unwrap();
        events.iter().map(|event| event["seq"].as_u64().unwrap()).collect()
    };
    let page = json(&viewer, "/api/events?n=5&before=20");
    assert_eq!((seqs(&page), &page["has_older"]), (vec![19, 18, 17, 16, 15], &Value::Bool(true)));
    let of_kind = json(&viewer, "/api/events?kind=TaskStarted&worker_name=worker-1&n=10000");
    let expected = all["events"].as_array().unwrap().iter();
    let expected = expected.filter(|e| e["event"] == "TaskStarted" && e["worker"][1] == "worker-1");
    assert_eq!(seqs(&of_kind).len(), expected.count());
    let then = json(&viewer, "/api/events?at=event:12");
    assert_eq!(seqs(&then).first(), Some(&12));

    let explained = json(&viewer, "/api/explain");
    assert_eq!(explained["totals"]["events"].as_u64(), Some(n_events));
    assert!(explained["findings"].is_array());
    let plots = json(&viewer, "/api/plots");
    for plot in plots.as_array().unwrap() {
        let id = plot["id"].as_str().unwrap();
        let figure = json(&viewer, &format!("/api/plots/{id}?width=500&height=200"));
        assert_eq!((&figure["id"], &figure["width_px"]), (&plot["id"], &Value::from(500)));
    }
}

#[test]
fn who_submitted_a_task_is_told_and_the_critical_path_follows() {
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/v1");
    let files = Files { library: Some(traces), ..Files::default() };
    let viewer = serve_library(([127, 0, 0, 1], 0).into(), None, files).unwrap();
    let folder = "/open/parents.reel/";
    assert_eq!(get(viewer.addr(), folder).status, 200);
    wait_for_end(&viewer, folder);
    let page = get(viewer.addr(), &format!("{folder}task/3")).body;
    let by = "submitted by <a data-page href=\"2\"><bdi>bytes_in-1</bdi></a>";
    assert!(page.contains(by), "{page}");
    let path = json(&viewer, &format!("{folder}api/critical-path"));
    let tasks = path["links"].as_array().unwrap().iter().map(|link| link["task"].as_u64());
    assert_eq!(tasks.collect::<Option<Vec<_>>>().unwrap(), [0, 2, 4, 2, 0]);
}

#[test]
fn files_are_taken_from_our_pages_only_and_if_they_are_traces() {
    let viewer = start(Files { takes_uploads: true, ..Files::default() });
    let addr = viewer.addr();
    let trace = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/v1/trivial.reel"));
    let trace = trace.unwrap();
    let (status, _) = post(addr, "/upload?name=x.reel", "Origin: http://evil.example\r\n", &trace);
    assert_eq!(status, 403);
    assert_eq!(post(addr, "/upload?name=x.reel", "", b"REEL but no trace").0, 422);
    let origin = format!("Origin: http://{addr}\r\n");
    let (status, taken) = post(addr, "/upload?name=../../x%20y.reel", &origin, &trace);
    assert_eq!(status, 200, "{taken}");
    let open = serde_json::from_str::<Value>(taken.lines().last().unwrap()).unwrap();
    let open = format!("/{}", open["open"].as_str().unwrap());
    assert!(open.ends_with("-xy.reel/") && !open.contains(".."), "{open}");
    assert_eq!(get(addr, &open).status, 200);
    assert_eq!(json(&viewer, &format!("{open}api/state"))["totals"]["tasks"], 200);
    assert!(get(addr, "/runs").body.contains("-xy.reel"));

    let closed = start(Files::default());
    assert_eq!(post(closed.addr(), "/upload?name=x.reel", "", &trace).0, 404);
    assert_eq!(get(closed.addr(), "/runs").status, 404);
}

#[test]
fn a_folder_shows_its_runs_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let traces = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/v1");
    for name in ["trivial.reel", "failures.reel"] {
        fs::copy(traces.join(name), folder.path().join(name)).unwrap();
    }
    fs::write(folder.path().join("secret.txt"), "not for others").unwrap();
    let files = Files { library: Some(folder.path().to_owned()), ..Files::default() };
    let viewer = serve_library(([127, 0, 0, 1], 0).into(), None, files).unwrap();
    let addr = viewer.addr();
    assert_eq!(get(addr, "/").status, 303);
    let list = get(addr, "/runs").body;
    assert!(list.contains("open/trivial.reel/") && !list.contains("secret"), "{list}");
    assert_eq!(get(addr, "/open/failures.reel/errors").status, 200);
    for path in [
        "/open/secret.txt/",
        "/open/%2e%2e%2ftrivial.reel/",
        "/open/..%2f..%2fetc%2fpasswd/",
        "/open/none.reel/",
        "/tasks",
        "/compare?a=trivial.reel&b=../x.reel",
    ] {
        assert_eq!(get(addr, path).status, 404, "{path}");
    }
    assert!(get(addr, "/compare?a=trivial.reel&b=failures.reel").body.contains("times"));
}

#[test]
fn a_page_that_stands_alone_is_small_and_holds_all() {
    let page = export_html(reopen(), "", 24_000_000).unwrap();
    assert!(page.html.len() < 25_000_000 && page.left_out.is_empty(), "{:?}", page.left_out);
    assert!(!page.html.contains("src=\"assets") && !page.html.contains("href=\"assets"));
    let small = export_html(reopen(), "", 1_500_000).unwrap();
    assert!(small.html.len() < 2_000_000, "{}", small.html.len());
    assert!(!small.left_out.is_empty());
}
