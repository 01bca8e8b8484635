//! From task tables to a graph: array elements, dependencies by name, cycles, the order.

mod names;
mod order;

use std::path::{Path, PathBuf};

use super::fields::Text;
use super::placeholder::{Values, expand, expand_shell, has_placeholder};
use super::problem::Problems;
use super::read::{Draft, DraftStdin, DraftTask, Program};
use super::{Job, JobStdin, JobTask};

use names::Names;

/// More dependencies than this between all tasks are refused rather than held in memory.
const EDGES_MAX: usize = 20_000_000;

/// Resolves and orders a draft; `None` or noted problems mean that it cannot run.
pub(crate) fn build(draft: Draft, problems: &mut Problems<'_>) -> Option<Job> {
    let mut elements = Vec::new();
    let mut names = Names::default();
    for (position, task) in draft.tasks.iter().enumerate() {
        names.declare(position, task, &mut elements, problems);
    }
    let mut tasks = Vec::with_capacity(elements.len());
    let mut n_edges = 0;
    // One report per table and field: its elements all make the same mistake.
    let mut blamed = None;
    for element in &elements {
        let draft_task = &draft.tasks[element.position];
        let n_before = problems.len();
        let task = resolve(element, draft_task, &names, blamed != Some(element.position), problems);
        if problems.len() > n_before {
            blamed = Some(element.position);
        }
        n_edges += task.needs.len();
        if n_edges > EDGES_MAX {
            let message = format!("the job has more than {EDGES_MAX} dependencies");
            let hint = "put a task between two arrays that need all of each other";
            problems.add(draft_task.key.offset, message, hint);
            return None;
        }
        tasks.push(task);
    }
    let offsets: Vec<usize> = elements.iter().map(|e| draft.tasks[e.position].key.offset).collect();
    let order = order::order(&tasks, &offsets, problems)?;
    Some(Job { name: draft.name, tasks: order::reorder(tasks, &order) })
}

/// One task to be: a table, or one item of it.
#[derive(Debug)]
pub(crate) struct Element {
    /// Position of its table in the draft.
    position: usize,
    key: String,
    values: Option<Values>,
}

/// The folder that relative paths of a task start from.
fn task_folder(task: &DraftTask, values: Option<&Values>) -> PathBuf {
    match &task.cwd {
        Some(cwd) => task.folder.join(expand(cwd, values)),
        None => task.folder.clone(),
    }
}

/// The folder that the paths in `each` start from, before there are elements.
fn each_folder(task: &DraftTask) -> PathBuf {
    match &task.cwd {
        Some(cwd) if has_placeholder(cwd) => task.folder.clone(),
        Some(_) | None => task_folder(task, None),
    }
}

fn resolve(
    element: &Element,
    task: &DraftTask,
    names: &Names,
    report: bool,
    problems: &mut Problems<'_>,
) -> JobTask {
    let values = element.values.as_ref();
    let cwd = task_folder(task, values);
    let mut find = |name: &Text| {
        let found = names.find(&expand(&name.text, values));
        if let (Err(missing), true) = (&found, report) {
            let message =
                format!("task `{}` needs `{}`, which is no task", element.key, missing.name);
            problems.add(name.offset, message, missing.hint.clone());
        }
        found.unwrap_or_default()
    };
    let mut needs: Vec<usize> = task.needs.iter().flat_map(&mut find).collect();
    let stdin = match &task.stdin {
        DraftStdin::Empty => JobStdin::Empty,
        DraftStdin::Text(text) => JobStdin::Text(expand(text, values)),
        DraftStdin::File(file) => JobStdin::File(cwd.join(expand(file, values))),
        DraftStdin::Task(name) => JobStdin::Outputs(find(name)),
    };
    if let JobStdin::Outputs(sources) = &stdin {
        needs.extend(sources);
    }
    needs.sort_unstable();
    needs.dedup();
    JobTask {
        key: element.key.clone(),
        argv: argv(&task.program, values),
        env: task.env.iter().map(|(k, v)| (k.clone(), expand(&v.text, values))).collect(),
        cwd,
        stdin,
        needs,
        retries: task.retries,
        retry_delay: task.retry_delay,
        timeout: task.timeout,
        priority: task.priority,
        resources: task.resources.clone(),
        capture: task.capture,
    }
}

fn argv(program: &Program, values: Option<&Values>) -> Vec<String> {
    match program {
        Program::Argv(argv) => argv.iter().map(|arg| expand(arg, values)).collect(),
        Program::Shell(line) => {
            let line = match values {
                Some(values) => expand_shell(line, values),
                None => expand(line, None),
            };
            // `-e`: a line that fails ends the task, as a reader of the file expects.
            vec!["sh".to_owned(), "-ec".to_owned(), line]
        }
    }
}

/// The items of an array's table, `None` when they cannot be had.
fn items(task: &DraftTask, problems: &mut Problems<'_>) -> Option<Vec<String>> {
    let folder: &Path = &each_folder(task);
    task.each.as_ref()?.items(folder, problems)
}
