//! `reel view http(s)://…`: a trace is fetched, shown and gone again; what is none, is refused.

mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use support::{Scene, wait_until};

const TRACE: &[u8] = include_bytes!("../traces/v1/wordcount.reel");

/// Answers each request with what `answer` says of its path, on a port of its own, which is returned.
fn serve(answer: fn(&str) -> Vec<u8>, tls: Option<Arc<ServerConfig>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("it is bound").port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            // A client that does not trust this server goes away.
            let _gone = match &tls {
                None => reply(stream, answer),
                Some(config) => {
                    let connection = ServerConnection::new(config.clone()).expect("a good config");
                    reply(StreamOwned::new(connection, stream), answer)
                }
            };
        }
    });
    port
}

fn reply(stream: impl Read + Write, answer: fn(&str) -> Vec<u8>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let mut path = String::new();
    reader.read_line(&mut path)?;
    let mut line = String::new();
    while reader.read_line(&mut line)? > 2 {
        line.clear();
    }
    let mut stream = reader.into_inner();
    stream.write_all(&answer(path.split(' ').nth(1).unwrap_or("/")))?;
    stream.flush()
}

fn site(path: &str) -> Vec<u8> {
    let found = |n: usize| format!("HTTP/1.1 200 OK\r\nContent-Length: {n}\r\n\r\n").into_bytes();
    match path {
        "/latest" => b"HTTP/1.1 302 Found\r\nLocation: runs/one.reel?x=1\r\n\r\n".to_vec(),
        "/runs/one.reel?x=1" => [found(TRACE.len()), TRACE.to_vec()].concat(),
        "/cut" => [found(TRACE.len() + 10), TRACE.to_vec()].concat(),
        "/page" => [found(13), b"<html></html>".to_vec()].concat(),
        "/round" => b"HTTP/1.1 302 Found\r\nLocation: /round\r\n\r\n".to_vec(),
        _ => b"HTTP/1.1 404 Not Found\r\n\r\nnothing".to_vec(),
    }
}

/// Views an address: the page has the run's name.
fn shows(mut command: Command) {
    let kept = tempfile::tempdir().expect("a folder for what is fetched");
    command.env("TMPDIR", kept.path()).stdin(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("reel starts");
    let mut stderr = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut line = String::new();
    stderr.read_line(&mut line).expect("it says where");
    assert!(line.starts_with("reel: viewer: http://127.0.0.1:"), "{line}");
    let fetched = || std::fs::read_dir(kept.path()).expect("a folder").count();
    assert_eq!(fetched(), 1);
    let pid = child.id().to_string();
    let kill = Command::new("kill").args(["-s", "INT", &pid]).status();
    assert!(kill.expect("kill runs").success());
    let status = wait_until("the viewer ends", || child.try_wait().expect("our child"));
    assert_eq!(status.code(), Some(0));
    assert_eq!(fetched(), 0, "the file goes with the viewer");
}

#[test]
fn a_trace_of_the_web_is_fetched_and_shown() {
    let scene = Scene::new();
    let at = |path: &str| format!("http://127.0.0.1:{}{path}", serve(site, None));
    shows(scene.command(&["view", &at("/latest"), "--view", "127.0.0.1:0"]));
    scene.fails(3, &["view", &at("/nowhere")], &["/nowhere", "the server answers 404"]);
    scene.fails(3, &["view", &at("/cut")], &["/cut", "broke off"]);
    scene.fails(3, &["view", &at("/round")], &["redirects too often"]);
    scene.fails(3, &["view", &at("/page")], &["run.reel"]);
    scene.fails(3, &["view", "http://"], &["no address that can be fetched"]);
}

#[test]
fn over_tls_only_a_server_that_is_trusted_is_believed() {
    let scene = Scene::new();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let file = scene.write("ours.pem", made.cert.pem());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let config = ServerConfig::builder().with_no_client_auth();
    let config = config.with_single_cert(vec![made.cert.der().clone()], key).expect("a pair");
    let url =
        format!("https://localhost:{}/runs/one.reel?x=1", serve(site, Some(Arc::new(config))));

    let args = ["view", &*url, "--view", "127.0.0.1:0"];
    let mut trusting = scene.command(&args);
    trusting.env("SSL_CERT_FILE", &file);
    shows(trusting);

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("another");
    let mut wary = scene.command(&args);
    wary.env("SSL_CERT_FILE", scene.write("other.pem", other.cert.pem()));
    let ran = support::start(wary).wait();
    assert_eq!(ran.code, Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("certificate"), "{}", ran.stderr);
}
