//! Who is answered, and what strangers cannot do.

use std::net::TcpListener;

use taskreel_recorder::VecSource;
use taskreel_viewer::{ServeError, ViewerConfig, serve};

use super::client::{Socket, get, get_with};
use super::serving::{LOOK, small, start, start_finished, start_rewindable, state_when};
use super::synthetic::{self, Plan};

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
fn a_refusal_is_a_page_for_a_browser_and_a_sentence_for_a_program() {
    let viewer = start_rewindable(&small(), Some("0123abcd"));
    let browser = |path: &str| {
        let headers = [("Host", "localhost"), ("Accept", "text/html,*/*;q=0.8")];
        get_with(viewer.addr(), path, &headers)
    };
    let refused = browser("/tasks");
    assert_eq!(refused.status, 401);
    assert!(refused.body.contains("<p class=\"problem\"><bdi>Refused: open the whole link"));
    assert!(!refused.body.contains("<a class"), "no way leads on from there");
    assert!(refused.headers["content-security-policy"].contains("style-src 'nonce-"));
    for (path, way) in [("/task/99999", "../"), ("/nowhere", "./"), ("/plot/no.svg", "../")] {
        let missing = browser(&format!("{path}?token=0123abcd"));
        assert_eq!(missing.status, 404, "{path}");
        assert_eq!(missing.headers["content-type"], "text/html; charset=utf-8");
        let way = format!("<a class=\"button\" href=\"{way}\">The run</a>");
        assert!(missing.body.contains(&way), "{way} in {}", missing.body);
        assert!(!missing.headers["content-security-policy"].contains("script-src"));
    }
    let told = get(viewer.addr(), "/task/99999?token=0123abcd").body;
    assert!(told.ends_with('\n') && !told.contains('<'), "{told}");
}
