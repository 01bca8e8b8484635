//! Several hosts: a program of the user's own on all of them, TLS by the command line, and hosts in
//! network namespaces that are cut off and killed.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

#[path = "hosts/net.rs"]
mod net;
mod support;

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::Command;

use net::{HOSTS, Net};
use serde_json::Value;
use support::{Ran, Running, Scene, start, wait_until};

/// An example, built.
fn example(name: &str) -> PathBuf {
    let built = Command::new(env!("CARGO"))
        .args(["build", "--quiet", "--example", name])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .unwrap();
    assert!(built.success());
    let target = PathBuf::from(env!("CARGO_BIN_EXE_reel"));
    target.parent().unwrap().join("examples").join(name)
}

fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// What `reel status` says, once it answers.
fn status(scene: &Scene, address: &str, access: &[&str]) -> Option<Value> {
    let ran = scene.reel(&[&["status", address, "--json"], access].concat());
    serde_json::from_str(&ran.stdout).ok()
}

/// A command line with what the cluster demands.
fn with<'a>(access: &[&'a str], args: &[&'a str]) -> Vec<&'a str> {
    [args, access].concat()
}

fn wait_for_worker(scene: &Scene, address: &str, access: &[&str], name: &str) {
    wait_until("the worker is there", || {
        let status = status(scene, address, access)?;
        let workers = status["workers"].as_array()?;
        workers.iter().any(|worker| worker["name"] == name).then_some(())
    });
}

fn events(scene: &Scene, kind: &str) -> Vec<Value> {
    let ran = scene.reel(&["events", "run.reel", "--kind", kind, "--json"]);
    ran.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

#[test]
fn a_program_of_ones_own_is_scheduler_and_workers_too() {
    let scene = Scene::new();
    let program = example("hosts");
    let listen = free_address();
    let address = format!("tcp://{listen}");
    let run = |args: &[&str]| -> Running {
        let mut command = Command::new(&program);
        command.args(args).current_dir(scene.path("."));
        start(command)
    };
    let view = free_address();
    let scheduler =
        run(&["scheduler", "--listen", &listen, "--record", "run.reel", "--view", &view]);
    wait_until("the scheduler answers", || status(&scene, &address, &[]));
    wait_until("its viewer, too", || TcpStream::connect(&view).ok());
    // Its program does not have the functions.
    let plain = scene.start(&["worker", &address, "--name", "plain", "--threads", "1"]);
    wait_for_worker(&scene, &address, &[], "plain");
    let failed = run(&["--cluster", &address, "1000"]).wait();
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.stderr.contains("function `hosts::primes` is not registered"), "{failed:?}");

    let workers = ["a", "b"].map(|name| {
        let worker = run(&["worker", &address, "--name", name, "--threads", "1"]);
        wait_for_worker(&scene, &address, &[], name);
        worker
    });
    let ran = run(&["--cluster", &address, "20000"]).wait();
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.ends_with("2262 primes below 20000\n"), "{ran:?}");
    // What was sent to the plain worker ran elsewhere; nothing failed for it.
    let missing = events(&scene, "TaskFailed");
    let elsewhere = missing.iter().filter(|event| !event["retry_in_s"].is_null()).count();
    assert!(missing.iter().all(|event| event["kind"] == "missing"), "{missing:?}");
    let status_before = status(&scene, &address, &[]).unwrap();
    let finished = |name: &str| -> u64 {
        let workers = status_before["workers"].as_array().unwrap();
        workers.iter().find(|w| w["name"] == name).unwrap()["finished"].as_u64().unwrap()
    };
    // It can hold what is scattered.
    assert!(finished("plain") <= 1, "{elsewhere} were sent elsewhere");
    assert!(finished("a") > 0 && finished("b") > 0);

    let by_hand = run(&["shutdown", &address]).wait();
    assert_eq!(by_hand.code, Some(0), "{by_hand:?}");
    for process in [scheduler, plain].into_iter().chain(workers) {
        assert_eq!(process.wait().code, Some(0));
    }
    let here = run(&["--workers", "2", "--processes", "--record", "own.reel", "1000"]).wait();
    assert_eq!(here.code, Some(0), "{here:?}");
    assert!(here.stdout.ends_with("168 primes below 1000\n"), "{here:?}");
    assert!(here.stderr.contains("hosts: trace: own.reel"), "{here:?}");
}

#[test]
fn commands_speak_tls_when_they_are_given_certificates() {
    let scene = Scene::new();
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new([]).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    scene.write("ca.pem", params.self_signed(&key).unwrap().pem());
    let issuer = rcgen::Issuer::new(params, key);
    let key = rcgen::KeyPair::generate().unwrap();
    let member = rcgen::CertificateParams::new(["member".to_owned()]).unwrap();
    scene.write("member.pem", member.signed_by(&key, &issuer).unwrap().pem());
    scene.write("member.key", key.serialize_pem());
    scene.write("token", "key");
    scene.write("job.toml", "[[task]]\nkey = \"a\"\nrun = \"echo hello\"\n");
    let token = ["--token-file", "token"];
    let tls = ["--tls-cert", "member.pem", "--tls-key", "member.key", "--tls-ca", "ca.pem"];
    let access = [&token[..], &tls].concat();
    let listen = free_address();
    let address = format!("tcp://{listen}");
    let scheduler =
        scene.start(&with(&access, &["scheduler", "--listen", &listen, "--record", "run.reel"]));
    wait_until("the scheduler answers", || status(&scene, &address, &access));
    let worker = scene.start(&with(&access, &["worker", &address, "--name", "a", "--supervise"]));
    wait_for_worker(&scene, &address, &access, "a");
    assert_eq!(scene.ok(&with(&access, &["submit", &address, "job.toml"])).stdout, "hello\n");

    scene.fails(1, &[&["status", &address][..], &token].concat(), &["TLS and a certificate"]);
    scene.fails(1, &[&["status", &address][..], &tls].concat(), &["token is missing or wrong"]);
    scene.fails(2, &["status", &address, "--tls-cert", "member.pem"], &["TLS needs all of"]);
    let no_key = ["--tls-cert", "member.pem", "--tls-key", "token", "--tls-ca", "ca.pem"];
    scene.fails(3, &[&["status", &address][..], &no_key].concat(), &["token: no private key"]);
    scene.ok(&with(&access, &["shutdown", &address]));
    for process in [scheduler, worker] {
        assert_eq!(process.wait().code, Some(0));
    }
}

/// Three hosts run a job. One is cut off for ten seconds, one for good, and the third is killed once
/// the first is back.
#[test]
fn hosts_are_cut_off_and_killed_and_the_result_is_right() {
    let scene = Scene::new();
    let Some(net) = Net::new() else { return };
    scene.write("token", "key");
    let steps = "[[task]]\nkey = \"step\"\neach.range = 120\nrun = \"sleep 0.05; echo {item}\"\n";
    let gate = "while [ ! -e gate ]; do sleep 0.05; done; paste -sd+ | bc";
    let gate = gate.replace("paste -sd+ | bc", "awk '{ s += $1 } END { print NR, s }'");
    let sum = format!("[[task]]\nkey = \"sum\"\nstdin.task = \"step\"\nrun = \"\"\"{gate}\"\"\"\n");
    scene.write("job.toml", format!("{steps}{sum}"));
    let on = |host: &str, args: &[&str]| {
        let reel = [&[env!("CARGO_BIN_EXE_reel")], args, &["--token-file", "token"]].concat();
        let mut command = net.command(host, &reel);
        command.current_dir(scene.path("."));
        start(command)
    };
    let address = format!("tcp://{}:7878", net.address("head"));
    let listen = address.trim_start_matches("tcp://");
    let scheduler =
        on("head", &["scheduler", "--listen", listen, "--record", "run.reel", "--silence", "3"]);
    wait_until("the scheduler answers", || {
        (on("head", &["status", &address]).wait().code == Some(0)).then_some(())
    });
    let workers = HOSTS.map(|host| {
        on(host, &["worker", &address, "--name", host, "--threads", "2", "--reconnect", "60"])
    });
    wait_until("all have joined", || (events(&scene, "WorkerJoined").len() == 3).then_some(()));
    let submit = on("head", &["submit", &address, "job.toml"]);
    let finished_by = |name: &str| {
        events(&scene, "TaskFinished").iter().filter(|event| event["worker"] == name).count()
    };
    wait_until("each has done some", || {
        HOSTS.iter().all(|host| finished_by(host) > 1).then_some(())
    });
    net.cut("a");
    net.cut("b");
    std::thread::sleep(std::time::Duration::from_secs(10));
    net.mend("a");
    let joined = |name: &str| {
        events(&scene, "WorkerJoined").iter().filter(|event| event["worker"] == name).count()
    };
    wait_until("the first is back", || (joined("a") == 2).then_some(()));
    workers[2].signal("KILL");
    wait_until("the kill is seen", || (lost(&scene).len() == 3).then_some(()));
    scene.write("gate", "");
    let ran = submit.wait();
    assert_eq!((ran.code, ran.stdout.trim()), (Some(0), "120 7140"), "{ran:?}");

    let seen = lost(&scene);
    assert_eq!(seen.iter().filter(|(_, reason)| reason == "silent").count(), 2, "{seen:?}");
    assert_eq!(seen[2], ("c".to_owned(), "disconnected".to_owned()), "{seen:?}");
    assert_eq!((joined("a"), joined("b"), joined("c")), (2, 1, 1));
    let down: Ran = on("head", &["shutdown", &address]).wait();
    assert_eq!(down.code, Some(0), "{down:?}");
    assert_eq!(scheduler.wait().code, Some(0));
    let [first, second, third] = workers;
    assert_eq!(first.wait().code, Some(0));
    assert_eq!(third.wait().code, None);
    second.signal("KILL");
    second.wait();
    scene.ok(&["check", "run.reel"]);
}

/// Who was lost, and why.
fn lost(scene: &Scene) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    events(scene, "WorkerLost").iter().map(|e| (text(&e["worker"]), text(&e["reason"]))).collect()
}
