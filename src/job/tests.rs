//! Job files against what becomes of them, and mistakes against what is said of them.

use std::fs;
use std::path::Path;

use super::{Job, JobError, JobStdin};

fn parse(text: &str) -> Job {
    Job::parse(text, Path::new("/job/test.toml")).unwrap_or_else(|e| panic!("{e}\n{text}"))
}

/// Checks the lines said of a mistaken file, without its name.
fn check_wrong(text: &str, expected: &[&str]) {
    let error = Job::parse(text, Path::new("/job/j.toml")).expect_err("the file is wrong");
    assert!(matches!(error, JobError::Invalid { .. }));
    let said: Vec<String> =
        error.to_string().lines().map(|l| l.replacen("/job/j.toml:", "", 1)).collect();
    assert_eq!(said, expected, "{text}");
}

fn keys(job: &Job) -> Vec<&str> {
    job.tasks.iter().map(|t| t.key.as_str()).collect()
}

#[test]
fn reads_every_field() {
    let job = parse(
        r#"
        env = { A = "job", B = 1 }
        cwd = "sub"
        [[task]]
        key = "one"
        argv = ["cat", "{print}"]
        env.A = "task"
        stdin = "text"
        retries = 2
        retry_delay = "250ms"
        timeout = 1.5
        priority = -1
        resources = { gpu = 1, disk = 0.5 }
        capture = false
        [[task]]
        key = "two"
        run = "sort"
        stdin.task = "one"
        cwd = "/abs"
        "#,
    );
    assert_eq!(job.name, "test");
    let one = &job.tasks[0];
    assert_eq!(one.argv, ["cat", "{print}"]);
    assert_eq!(one.env["A"], "task");
    assert_eq!(one.env["B"], "1");
    assert_eq!(one.cwd, Path::new("/job/sub"));
    assert_eq!(one.stdin, JobStdin::Text("text".into()));
    assert_eq!((one.retries, one.retry_delay.as_millis()), (2, 250));
    assert_eq!(one.timeout.map(|t| t.as_millis()), Some(1500));
    assert_eq!((one.priority, one.capture), (-1, false));
    assert_eq!((one.resources["gpu"], one.resources["disk"]), (1000, 500));
    let two = &job.tasks[1];
    assert_eq!(two.argv, ["sh", "-ec", "sort"]);
    assert_eq!(two.stdin, JobStdin::Outputs(vec![0]));
    assert_eq!(two.needs, [0]);
    assert_eq!(two.cwd, Path::new("/abs"));
}

#[test]
fn arrays_pair_by_index_and_gather_as_a_whole() {
    let job = parse(
        r#"
        [[task]]
        key = "fetch"
        each.range = "1..=3"
        run = "echo {item} {index}"
        [[task]]
        key = "parse-{item}"
        each = ["a b", "c", "d"]
        run = "cat {item}"
        needs = ["fetch-{index}", "fetch[0]"]
        [[task]]
        key = "all"
        run = "true"
        needs = ["parse"]
        stdin.task = "fetch"
        "#,
    );
    // Depth first: what a result is for runs soon after it was made.
    assert_eq!(
        keys(&job),
        ["fetch-0", "fetch-1", "fetch-2", "parse-a b", "parse-c", "parse-d", "all"]
    );
    assert_eq!(job.tasks[0].argv[2], "echo 1 0");
    assert_eq!(job.tasks[3].argv[2], "cat 'a b'");
    assert_eq!(job.tasks[4].needs, [0, 1]);
    assert_eq!(job.tasks[6].needs, [0, 1, 2, 3, 4, 5]);
    assert_eq!(job.tasks[6].stdin, JobStdin::Outputs(vec![0, 1, 2]));
}

#[test]
fn globs_and_lines_read_the_job_files_folder() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("da[ta");
    fs::create_dir_all(data.join("sub")).unwrap();
    for name in ["b.csv", "a.csv", "sub/c.csv", ".hidden.csv", "x.txt"] {
        fs::write(data.join(name), "").unwrap();
    }
    fs::write(data.join("list"), "one\n\ntwo words\r\n").unwrap();
    let text = r#"
        [[task]]
        key = "top-{stem}"
        each.glob = "*.csv"
        argv = ["cat", "{item}"]
        [[task]]
        key = "deep-{name}"
        each.glob = "**/*.csv"
        argv = ["cat", "{item}"]
        [[task]]
        key = "line"
        each.lines = "list"
        argv = ["echo", "{item}"]
    "#;
    let job = Job::parse(text, &data.join("job.toml")).unwrap();
    let args: Vec<String> = job.tasks.iter().map(|t| format!("{} {}", t.key, t.argv[1])).collect();
    assert_eq!(
        args,
        [
            "top-a a.csv",
            "top-b b.csv",
            "deep-a.csv a.csv",
            "deep-b.csv b.csv",
            "deep-c.csv sub/c.csv",
            "line-0 one",
            "line-1 two words"
        ]
    );
    assert_eq!(job.tasks[0].cwd, data);
}

#[test]
fn mistakes_are_reported_together_with_line_and_hint() {
    check_wrong(
        "[[task]]\nkey = \"a\"\nrun = \"true\"\nretrys = 3\ntimeout = \"soon\"\n\
         [[task]]\nkey = \"b\"\nneeds = [\"c\", \"aa\"]\n",
        &[
            "4:1: unknown field `retrys` in task `a`; did you mean `retries`?",
            "5:11: `timeout` cannot be \"soon\"; it takes a duration: \"250ms\", \"30s\", \"5m\", \
             \"1h30m\", or a number of seconds",
            "6:1: task `b` runs nothing; add `run = \"shell line\"` or \
             `argv = [\"program\", \"argument\"]`",
            "8:10: task `b` needs `c`, which is no task; did you mean `a`?",
            "8:15: task `b` needs `aa`, which is no task; did you mean `a`?",
        ],
    );
}

#[test]
fn cycles_and_duplicates_are_refused() {
    check_wrong(
        "[[task]]\nkey = \"a\"\nrun = \"true\"\nneeds = [\"b\"]\n\
         [[task]]\nkey = \"b\"\nrun = \"true\"\nneeds = [\"a\"]\n\
         [[task]]\nkey = \"self\"\nrun = \"true\"\nstdin.task = \"self\"\n",
        &[
            "2:7: dependency cycle: a → b → a; an arrow reads `needs`; take one of them out",
            "10:7: dependency cycle: self → self; an arrow reads `needs`; take one of them out",
        ],
    );
    check_wrong(
        "[[task]]\nkey = \"a-1\"\nrun = \"true\"\n\
         [[task]]\nkey = \"a\"\nrun = \"true\"\neach.range = 3\n",
        &["5:7: duplicate key `a-1`: line 2 has it too; rename one of them"],
    );
    check_wrong(
        "[[task]]\nkey = \"a-{stem}\"\nrun = \"true\"\neach = [\"x.c\", \"x.h\"]\n",
        &["2:7: two elements of the array have the key `a-x`; add `{index}` to the key"],
    );
}

#[test]
fn mistakes_around_arrays() {
    check_wrong(
        "[[task]]\nkey = \"{item}\"\nrun = \"true\"\neach = [\"x\"]\n",
        &["2:7: the key of an array begins with a name; such as `key = \"task-{item}\"`"],
    );
    check_wrong(
        "[[task]]\nkey = \"a\"\nrun = \"echo {itme}\"\neach.glob = \"/no/such/*.x\"\n\
         [[task]]\nkey = \"b\"\nrun = \"echo {item}\"\nneeds = [\"a-3\"]\n",
        &[
            "3:7: unknown placeholder `{itme}`; did you mean `{item}`?",
            "4:1: no file matches `/no/such/*.x`; the pattern is relative to /job",
            "7:7: `{item}` stands only in a task with `each`; add `each = …`, or write `{{item}}` \
             for these characters",
        ],
    );
    check_wrong(
        "[[task]]\nkey = \"a\"\nrun = \"true\"\neach.range = 3\n\
         [[task]]\nkey = \"b\"\nrun = \"true\"\neach.range = 9\nneeds = [\"a-{index}\"]\n",
        &["9:10: task `b-3` needs `a-3`, which is no task; \
           array `a` has 3 elements, `a-0` to `a-2`"],
    );
    check_wrong(
        "[[task]]\nkey = \"a\"\nrun = \"true\"\neach.range = \"0..1000000000000\"\n",
        &["4:1: an array of 1000000000000 tasks is too large; at most 1000000: let each do more"],
    );
}

#[test]
fn what_is_not_toml_is_located_too() {
    let error = Job::parse("[[task]]\nkey = \n", Path::new("j.toml")).expect_err("no value");
    assert!(error.to_string().starts_with("j.toml:2:"), "{error}");
    check_wrong(
        "name = \"x\"\n",
        &["1:1: the job has no tasks; begin each task with a line `[[task]]`"],
    );
}

#[test]
fn the_manual_is_up_to_date() {
    const MANUAL: &str = include_str!("../../docs/job-file.md");
    for field in super::read::JOB_FIELDS.iter().chain(super::read::TASK_FIELDS) {
        let row = if *field == "task" { "| `[[task]]` |".into() } else { format!("| `{field}` |") };
        assert!(MANUAL.contains(&row), "{field} is not described");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("data")).unwrap();
    fs::write(folder.path().join("data/a.txt"), "").unwrap();
    let examples = MANUAL.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next());
    assert!(examples.clone().count() > 0);
    for example in examples {
        Job::parse(example, &folder.path().join("j.toml")).unwrap_or_else(|e| panic!("{e}"));
    }
}

#[test]
fn knows_what_other_tools_call_a_field() {
    check_wrong(
        "[[task]]\nkey = \"a\"\nrun = \"true\"\n[[task]]\nkey = \"b\"\ncmd = \"true\"\ndepends_on = [\"a\"]\n",
        &[
            "4:1: task `b` runs nothing; add `run = \"shell line\"` or `argv = [\"program\", \"argument\"]`",
            "6:1: unknown field `cmd` in task `b`; did you mean `run`?",
            "7:1: unknown field `depends_on` in task `b`; did you mean `needs`?",
        ],
    );
}
