//! Job files, run by real processes.

mod support;

use std::process::Stdio;

use support::{Scene, only_trace, wait_until};

/// Runs an example where it stands, recording into the scene.
fn example(scene: &Scene, name: &str) -> String {
    let job = format!("{}/examples/jobs/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    scene.ok(&["run", &job, "--record", &format!("{name}.reel")]).stdout
}

#[test]
fn the_examples_run_as_documented() {
    let scene = Scene::new();
    assert!(example(&scene, "hello").starts_with("HELLO FROM "));
    let counts = example(&scene, "wordcount");
    assert_eq!(counts.lines().count(), 5, "{counts}");
    let total: u64 = (0..8).map(|i| (i..=100).sum::<u64>()).sum();
    assert_eq!(example(&scene, "pipeline"), format!("total: {total}\nall sums are there\n"));
    let info = scene.json(&["info", "pipeline.reel", "--json"]);
    assert_eq!(info["name"], "pipeline");
    assert_eq!(info["complete"], true);
    assert_eq!(info["tasks"]["erred"], 0);
}

#[test]
fn mistakes_are_told_together_and_nothing_runs() {
    let scene = Scene::new();
    scene.write(
        "job.toml",
        "[[task]]\nkey = \"a\"\nrun = \"touch ran\"\nretrys = 3\n\
         [[task]]\nkey = \"b\"\nrun = \"true\"\nneeds = [\"c\"]\n\
         [[task]]\nkey = \"x\"\nrun = \"true\"\nneeds = [\"y\"]\n\
         [[task]]\nkey = \"y\"\nrun = \"true\"\nneeds = [\"x\"]\n\
         [[task]]\nkey = \"a\"\nrun = \"true\"\n",
    );
    let ran = scene.reel(&["run", "job.toml"]);
    ran.failed_with(3, &["job.toml:4:1: ", "`retrys`", "did you mean `retries`?"]);
    ran.failed_with(3, &["job.toml:8:10: ", "needs `c`, which is no task"]);
    ran.failed_with(3, &["dependency cycle: x → y → x"]);
    ran.failed_with(3, &["job.toml:18:7: ", "duplicate key `a`: line 2"]);
    assert_eq!(ran.stderr.lines().count(), 4, "{}", ran.stderr);
    let left: Vec<_> = std::fs::read_dir(scene.path("")).unwrap().collect();
    assert_eq!(left.len(), 1, "nothing ran and nothing was recorded: {left:?}");
}

#[test]
fn a_failed_task_is_blamed_and_the_rest_goes_on() {
    let scene = Scene::new();
    scene.write(
        "job.toml",
        "[[task]]\nkey = \"bad\"\nrun = \"echo why >&2; exit 3\"\n\
         [[task]]\nkey = \"after\"\nrun = \"cat\"\nstdin.task = \"bad\"\n\
         [[task]]\nkey = \"good\"\nrun = \"echo fine\"\n",
    );
    let ran = scene.reel(&["run", "job.toml", "--json"]);
    ran.failed_with(1, &["bad failed", "why"]);
    let summary: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(summary["tasks"], 3);
    assert_eq!(summary["failed"], 2);
    assert_eq!(summary["result"]["outputs"]["good"], "fine\n");
    assert_eq!(summary["result"]["errors"][0]["task"], "bad");
    let trace = summary["trace"].as_str().expect("the trace is named");
    let events = scene.ok(&["events", trace, "--task", "bad"]).stdout;
    assert!(events.contains("TaskFailed"), "{events}");
}

#[test]
fn retries_timeouts_env_cwd_and_stdin() {
    let scene = Scene::new();
    scene.write("sub/input", "from a file\n");
    scene.write(
        "job.toml",
        r#"
        env = { WORD = "job" }
        [[task]]
        key = "flaky"
        run = "test -e flag || { touch flag; exit 1; }; echo flaky done"
        retries = 2
        retry_delay = "10ms"
        [[task]]
        key = "env"
        run = "echo $WORD $OTHER; pwd | sed 's,.*/,,'"
        env.OTHER = "task"
        cwd = "sub"
        [[task]]
        key = "text"
        argv = ["cat"]
        stdin = "from a text\n"
        [[task]]
        key = "file"
        argv = ["cat"]
        stdin.file = "input"
        cwd = "sub"
        [[task]]
        key = "quiet"
        run = "echo never seen"
        capture = false
        [[task]]
        key = "slow"
        run = "sleep 600"
        timeout = "200ms"
        "#,
    );
    let ran = scene.reel(&["run", "job.toml"]);
    ran.failed_with(1, &["slow failed"]);
    let expected = "flaky done\njob task\nsub\nfrom a text\nfrom a file\n";
    assert_eq!(ran.stdout, expected, "{}", ran.stderr);
    let trace = only_trace(&scene.path(""));
    let trace = trace.to_str().expect("a plain name");
    let failed = scene.ok(&["events", trace, "--kind", "task-failed", "--json"]).stdout;
    assert!(failed.contains("\"task\":\"flaky\"") && failed.contains("\"kind\":\"timeout\""));
}

#[test]
fn one_command_without_a_job_file() {
    let scene = Scene::new();
    let ran = scene.ok(&["run", "--record", "one.reel", "--", "printf", "%s|", "a b", "-c"]);
    assert_eq!(ran.stdout, "a b|-c|");
    assert_eq!(scene.json(&["info", "one.reel", "--json"])["tasks"]["finished"], 1);
    scene.fails(
        1,
        &["run", "--no-record", "--", "no-such-program-here"],
        &["no-such-program-here"],
    );
    scene.fails(3, &["run", "missing.toml"], &["missing.toml"]);
    assert_eq!(scene.reel(&["run"]).code, Some(2));
    assert_eq!(scene.reel(&["run", "x.toml", "--", "true"]).code, Some(2));
}

#[test]
fn an_array_of_odd_file_names() {
    let scene = Scene::new();
    for name in ["plain.txt", "two words.txt", "it's $(odd).txt", "ä.txt"] {
        scene.write(&format!("data/{name}"), format!("{name}\n"));
    }
    scene.write(
        "job.toml",
        "[[task]]\nkey = \"show-{name}\"\neach.glob = \"data/*.txt\"\nrun = \"cat {item}\"\n\
         [[task]]\nkey = \"all\"\nrun = \"sort\"\nenv.LC_ALL = \"C\"\nstdin.task = \"show\"\n",
    );
    let ran =
        scene.ok(&["run", "job.toml", "--workers", "2", "--processes", "--record", "odd.reel"]);
    assert_eq!(ran.stdout, "it's $(odd).txt\nplain.txt\ntwo words.txt\nä.txt\n");
    // One task reads the outputs of the four, without any between.
    assert_eq!(scene.json(&["info", "odd.reel", "--json"])["tasks"]["total"], 5);
}

#[test]
fn outputs_are_printed_as_their_tasks_end() {
    let scene = Scene::new();
    scene.write(
        "job.toml",
        "[[task]]\nkey = \"early\"\nrun = \"echo early; printf tail\"\n\
         [[task]]\nkey = \"late\"\nrun = \"until test -e go; do sleep 0.02; done; echo late\"\n",
    );
    let stdout = scene.path("stdout");
    let mut command = scene.command(&["run", "job.toml", "--no-record", "--workers", "1"]);
    let file = std::fs::File::create(&stdout).unwrap();
    let mut running = command.stdin(Stdio::null()).stdout(file).spawn().unwrap();
    let printed = || std::fs::read_to_string(&stdout).unwrap();
    // Whole lines: the rest of one may follow.
    wait_until("the first has printed", || (printed() == "early\n").then_some(()));
    assert_eq!(running.try_wait().unwrap(), None);
    scene.write("go", "");
    let status = wait_until("it ends", || running.try_wait().unwrap());
    assert!(status.success(), "{status}");
    assert_eq!(printed(), "early\ntaillate\n");
}
