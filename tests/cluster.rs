//! A cluster of `reel` processes: scheduler, workers, and the commands that ask and steer.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod support;

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::{Running, Scene, wait_until};

struct Cluster {
    scene: Scene,
    address: String,
}

impl Cluster {
    fn new() -> Self {
        let scene = Scene::new();
        scene.write("token", "key\n");
        let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        Self { scene, address: format!("tcp://{free}") }
    }

    fn start_scheduler(&self) -> Running {
        self.start_scheduler_with(&[])
    }

    fn start_scheduler_with(&self, more: &[&str]) -> Running {
        let listen = self.address.trim_start_matches("tcp://");
        let args = ["scheduler", "--listen", listen, "--record", "run.reel"];
        let scheduler = self.scene.start(&[&args[..], &["--token-file", "token"], more].concat());
        wait_until("the scheduler answers", || self.ask("status", &["--json"]));
        scheduler
    }

    fn start_worker(&self, name: &str, more: &[&str]) -> Running {
        let args = ["worker", &self.address, "--name", name, "--threads", "1"];
        let worker = self.scene.start(&[&args[..], &["--token-file", "token"], more].concat());
        wait_until("the worker is there", || {
            let status = self.status();
            let workers = status["workers"].as_array()?;
            workers.iter().any(|w| w["name"] == name).then_some(())
        });
        worker
    }

    fn ask(&self, command: &str, more: &[&str]) -> Option<String> {
        let args = [command, &self.address, "--token-file", "token"];
        let ran = self.scene.reel(&[&args[..], more].concat());
        (ran.code == Some(0)).then_some(ran.stdout)
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.ask("status", &["--json"]).expect("an answer")).unwrap()
    }
}

#[test]
fn a_scheduler_whose_trace_is_taken_away_does_what_its_option_says() {
    for (more, code) in [(&[][..], 1), (&["--on-record-error", "continue", "--durable"], 0)] {
        let cluster = Cluster::new();
        let scheduler = cluster.start_scheduler_with(more);
        let worker = cluster.start_worker("a", &[]);
        std::fs::remove_file(cluster.scene.path("run.reel")).unwrap();
        // It is noticed when a block is made, during the task or at the end of the run.
        let submit = ["submit", &cluster.address, "--token-file", "token", "--", "true"];
        let ran = cluster.scene.reel(&submit);
        assert!(ran.code == Some(0) || code == 1, "{ran:?}");
        cluster.ask("shutdown", &[]);
        let ended = scheduler.wait();
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains("run.reel was removed"), "{ended:?}");
        worker.wait();
    }
}

#[test]
fn a_job_runs_on_a_cluster_whose_scheduler_is_killed() {
    let cluster = Cluster::new();
    let scheduler = cluster.start_scheduler();
    let workers = [cluster.start_worker("a", &[]), cluster.start_worker("b", &["--supervise"])];
    cluster.scene.write(
        "job.toml",
        "[[task]]\nkey = \"step\"\neach.range = 40\nrun = \"sleep 0.05; echo 1\"\n\
         [[task]]\nkey = \"sum\"\nstdin.task = \"step\"\nrun = \"wc -l\"\n",
    );
    let submit =
        cluster.scene.start(&["submit", &cluster.address, "job.toml", "--token-file", "token"]);
    wait_until("some have finished", || {
        let finished = |w: &Value| w["finished"].as_u64();
        let n: u64 = cluster.status()["workers"].as_array()?.iter().filter_map(finished).sum();
        (n > 5).then_some(())
    });
    scheduler.signal("KILL");
    scheduler.wait();
    let scheduler = cluster.start_scheduler();
    let ran = submit.wait();
    assert_eq!((ran.code, ran.stdout.trim()), (Some(0), "40"), "{ran:?}");
    assert_eq!(cluster.status()["incarnation"], 1);
    let shown = cluster.ask("status", &[]).unwrap();
    assert!(shown.contains("started again 1 time") && shown.contains("running"), "{shown}");

    cluster.ask("shutdown", &[]).unwrap();
    assert_eq!(scheduler.wait().code, Some(0));
    for worker in workers {
        assert_eq!(worker.wait().code, Some(0));
    }
    let info = cluster.scene.json(&["info", "run.reel", "--json"]);
    assert_eq!(
        (&info["complete"], &info["tasks"]["finished"]),
        (&Value::from(true), &Value::from(41))
    );
}

/// `run` and `demo` on a cluster that is there: the same output as on one of their own.
#[test]
fn commands_and_demos_run_on_a_cluster_that_is_there() {
    let cluster = Cluster::new();
    let scheduler = cluster.start_scheduler();
    let worker = cluster.start_worker("a", &[]);
    let there = ["--cluster", &cluster.address, "--token-file", "token"];
    let run = |args: &[&str]| cluster.scene.ok(args).stdout;
    assert_eq!(run(&[&["run"], &there[..], &["--", "echo", "one"]].concat()), "one\n");
    let submit = ["submit", &cluster.address, "--token-file", "token", "--", "echo", "two"];
    assert_eq!(run(&submit), "two\n");
    let demo = ["demo", "reduction", "--leaves", "8", "--sleep", "1ms", "--json"];
    let summary = cluster.scene.json(&[&demo[..], &there[..]].concat());
    assert_eq!(summary["result"]["sum"], 28, "{summary}");
    let failing = [&["run"], &there[..], &["--", "false"]].concat();
    assert_eq!(cluster.scene.reel(&failing).code, Some(1));
    let both = [&["run", "--workers", "2"], &there[..], &["--", "true"]].concat();
    assert_eq!(cluster.scene.reel(&both).code, Some(2), "it has the workers that it has");
    cluster.ask("shutdown", &[]).unwrap();
    for process in [scheduler, worker] {
        assert_eq!(process.wait().code, Some(0));
    }
    let info = cluster.scene.json(&["info", "run.reel", "--json"]);
    assert_eq!(info["tasks"]["total"], 18, "{info}");
}

#[test]
fn a_worker_says_that_it_looks_for_its_scheduler_and_can_be_stopped() {
    let cluster = Cluster::new();
    let mut command = cluster.scene.command(&["worker", &cluster.address]);
    let mut worker = command.stderr(Stdio::piped()).spawn().unwrap();
    let mut stderr = BufReader::new(worker.stderr.take().unwrap());
    let mut said = String::new();
    stderr.read_line(&mut said).unwrap();
    assert!(said.contains("looks for a scheduler at tcp://127.0.0.1:"), "{said}");
    let kill = Command::new("kill").args(["-s", "TERM", &worker.id().to_string()]).status();
    assert!(kill.unwrap().success());
    let status = wait_until("the worker ends", || worker.try_wait().unwrap());
    assert_eq!(status.code(), Some(1));
}

#[test]
fn without_the_token_nobody_gets_in_and_off_loopback_there_must_be_one() {
    let cluster = Cluster::new();
    let scheduler = cluster.start_scheduler();
    for command in ["status", "shutdown", "worker"] {
        cluster.scene.fails(1, &[command, &cluster.address], &["token is missing or wrong"]);
    }
    cluster.scene.fails(1, &["scheduler", "--listen", "0.0.0.0:0"], &["token", "0.0.0.0:0"]);
    cluster.ask("shutdown", &[]).unwrap();
    assert_eq!(scheduler.wait().code, Some(0));
}

#[test]
fn a_supervised_worker_that_is_killed_is_started_again_and_one_that_is_asked_leaves() {
    let cluster = Cluster::new();
    let scheduler = cluster.start_scheduler();
    let supervisor = cluster.start_worker("a", &["--supervise"]);
    let joined = || cluster.scene.ok(&["events", "run.reel", "--kind", "WorkerJoined", "--json"]);
    let pids = || -> Vec<u64> {
        let lines = joined().stdout;
        lines
            .lines()
            .filter_map(|l| serde_json::from_str::<Value>(l).ok()?["pid"].as_u64())
            .collect()
    };
    let first = pids()[0];
    assert!(Command::new("kill").args(["-9", &first.to_string()]).status().unwrap().success());
    wait_until("another has joined", || (pids().len() == 2).then_some(()));
    supervisor.signal("TERM");
    assert_eq!(supervisor.wait().code, Some(0));
    let lost = cluster.scene.ok(&["events", "run.reel", "--kind", "WorkerLost"]).stdout;
    assert!(lost.contains("disconnected") && lost.contains("retired"), "{lost}");
    cluster.ask("shutdown", &[]).unwrap();
    assert_eq!(scheduler.wait().code, Some(0));
}

#[test]
fn ctrl_c_gives_up_what_was_submitted() {
    let cluster = Cluster::new();
    let scheduler = cluster.start_scheduler();
    let worker = cluster.start_worker("w-0", &[]);
    let args = ["submit", &cluster.address, "--token-file", "token", "--", "sleep", "600"];
    let submit = cluster.scene.start(&args);
    wait_until("it runs", || (cluster.status()["workers"][0]["executing"] == 1).then_some(()));
    submit.signal("INT");
    let interrupted = submit.wait();
    assert_eq!(interrupted.code, Some(1), "{interrupted:?}");
    assert!(interrupted.stderr.contains("giving up what was submitted"), "{interrupted:?}");
    let left = |status: &Value| status["clients"].as_array().is_some_and(Vec::is_empty);
    wait_until("its client has left", || left(&cluster.status()).then_some(()));
    assert_eq!(cluster.status()["graphs"].as_array().map(Vec::len), Some(0));
    let log = cluster.scene.ok(&["events", "run.reel", "--kind", "ClientLeft"]).stdout;
    assert_eq!(log.lines().count(), 1, "it said goodbye: {log}");
    cluster.ask("shutdown", &[]).unwrap();
    for process in [scheduler, worker] {
        assert_eq!(process.wait().code, Some(0));
    }
}

#[test]
fn workers_are_retired_and_graphs_given_up_by_the_command() {
    let cluster = Cluster::new();
    let scheduler = cluster.start_scheduler();
    let workers = ["w-10", "w-2", "w-1"].map(|name| cluster.start_worker(name, &[]));
    let names = |status: &Value| -> Vec<String> {
        let workers = status["workers"].as_array().unwrap();
        workers.iter().map(|worker| worker["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&cluster.status()), ["w-1", "w-2", "w-10"]);
    cluster
        .scene
        .write("job.toml", "[[task]]\nkey = \"long\"\neach.range = 9\nrun = \"sleep 600\"\n");
    let submit =
        cluster.scene.start(&["submit", &cluster.address, "job.toml", "--token-file", "token"]);
    wait_until("all run something", || {
        let status = cluster.status();
        let workers = status["workers"].as_array()?;
        // Slow submission makes several graphs of one job.
        let graphs = status["graphs"].as_array()?;
        let n_tasks: u64 = graphs.iter().filter_map(|graph| graph["tasks"].as_u64()).sum();
        let all_run = workers.iter().all(|worker| worker["executing"] == 1);
        (n_tasks == 9 && all_run).then_some(())
    });
    assert_eq!(cluster.ask("cancel", &["c0"]).unwrap(), "9 tasks given up\n");
    let given_up = submit.wait();
    assert_eq!(given_up.code, Some(1), "{given_up:?}");
    assert!(given_up.stderr.contains("given up"), "{given_up:?}");

    cluster.ask("retire", &["w-2"]).unwrap();
    wait_until("it has left", || (names(&cluster.status()) == ["w-1", "w-10"]).then_some(()));
    let [ten, two, one] = workers;
    assert_eq!(two.wait().code, Some(0));
    let args = ["retire", &cluster.address, "nobody", "--token-file", "token"];
    cluster.scene.fails(1, &args, &["there is no worker nobody here"]);
    let lost = cluster.scene.ok(&["events", "run.reel", "--kind", "WorkerLost"]).stdout;
    assert!(lost.contains("worker=w-2") && lost.contains("retired"), "{lost}");
    cluster.ask("shutdown", &[]).unwrap();
    for process in [scheduler, ten, one] {
        assert_eq!(process.wait().code, Some(0));
    }
}
