//! Runs a checked job on a cluster.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use taskreel::job::{Job, JobStdin, JobTask};
use taskreel::{Client, Command, CommandOutput, Stdin, TaskError, TaskFuture};

use crate::cli::Failure;
use crate::demo::Outcome;

/// More failures than this are counted and not listed.
const LISTED_MAX: usize = 20;

/// Submits all tasks and waits for those that nothing depends on, in their order; `print` gets the
/// output of each as soon as it and those before it have ended.
pub(crate) fn run(
    job: &Job,
    client: &Client,
    print: impl FnMut(Vec<u8>),
) -> Result<Outcome, Failure> {
    let mut is_needed = vec![false; job.tasks.len()];
    job.tasks.iter().flat_map(|task| &task.needs).for_each(|&need| is_needed[need] = true);

    let mut futures: Vec<TaskFuture<CommandOutput>> = Vec::with_capacity(job.tasks.len());
    for task in &job.tasks {
        let future = submit(task, &futures, client);
        futures.push(future);
    }
    // A result that only other tasks read is freed as soon as they have.
    let ends: Vec<(&JobTask, TaskFuture<CommandOutput>)> = job
        .tasks
        .iter()
        .zip(futures)
        .zip(is_needed)
        .filter_map(|(end, is_needed)| (!is_needed).then_some(end))
        .collect();
    // Each is freed when it is printed.
    let results = ends.into_iter().map(|(task, future)| (task, future.wait()));
    Ok(outcome(results, print))
}

fn submit(
    task: &JobTask,
    before: &[TaskFuture<CommandOutput>],
    client: &Client,
) -> TaskFuture<CommandOutput> {
    let mut argv = argv(task).into_iter();
    let program = argv.next().expect("a checked task has a program");
    let mut command = Command::new(program).args(argv).cwd(&task.cwd);
    for (name, value) in &task.env {
        command = command.env(name, value);
    }
    command = command.stdin(match &task.stdin {
        JobStdin::Empty => Stdin::Empty,
        JobStdin::Text(text) => text.clone().into(),
        JobStdin::File(path) => Stdin::File(path.clone()),
        JobStdin::Outputs(sources) => {
            let outputs = sources.iter().map(|&source| before[source].clone());
            outputs.collect::<Vec<_>>().into()
        }
    });
    let mut call = command.call().key(&task.key).retries(task.retries).priority(task.priority);
    for (name, thousandths) in &task.resources {
        call = call.resource(name, *thousandths as f64 / 1000.0);
    }
    call = call.retry_delay(task.retry_delay);
    if let Some(timeout) = task.timeout {
        call = call.timeout(timeout);
    }
    let only_before = task.needs.iter().filter(|need| match &task.stdin {
        JobStdin::Outputs(sources) => !sources.contains(need),
        JobStdin::Empty | JobStdin::Text(_) | JobStdin::File(_) => true,
    });
    for &need in only_before {
        call = call.after(&before[need]);
    }
    client.submit(call)
}

/// The command line, with its output thrown away if it is not to be captured.
fn argv(task: &JobTask) -> Vec<String> {
    if task.capture {
        return task.argv.clone();
    }
    let mut argv: Vec<String> =
        ["sh", "-c", "exec \"$@\" > /dev/null", "sh"].map(str::to_owned).into();
    argv.extend(task.argv.iter().cloned());
    argv
}

fn outcome<'a>(
    results: impl Iterator<Item = (&'a JobTask, Result<CommandOutput, TaskError>)>,
    mut print: impl FnMut(Vec<u8>),
) -> Outcome {
    let mut by_key = Map::new();
    // By the task that failed: each of its dependents says the same.
    let mut errors: BTreeMap<String, String> = BTreeMap::new();
    let mut notes = Vec::new();
    for (task, result) in results {
        match result {
            Ok(output) => {
                by_key.insert(task.key.clone(), Value::from(output.text()));
                print(output.stdout.0);
                if output.dropped_bytes > 0 {
                    notes.push(format!(
                        "{}: {} B of its output dropped",
                        task.key, output.dropped_bytes
                    ));
                }
            }
            Err(error) => {
                let culprit = error.culprit().unwrap_or_else(|| error.key()).to_owned();
                errors.entry(culprit).or_insert_with(|| error.message().to_owned());
            }
        }
    }
    notes.extend(errors.iter().take(LISTED_MAX).map(|(key, why)| format!("{key} failed: {why}")));
    if errors.len() > LISTED_MAX {
        notes.push(format!("and {} more failed", errors.len() - LISTED_MAX));
    }
    let listed: Vec<Value> =
        errors.iter().map(|(key, why)| json!({ "task": key, "message": why })).collect();
    Outcome {
        text: Vec::new(),
        json: json!({ "outputs": by_key, "errors": listed }),
        notes,
        failed: !errors.is_empty(),
    }
}
