//! Pages, pictures and numbers of a run.

use serde_json::Value;
use taskreel_model::Nanos;
use taskreel_recorder::{Source, VecSource};

use super::client::{get, get_with};
use super::serving::{small, start, start_finished, start_rewindable, state_when};
use super::synthetic::{self, Playback};

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
