//! From TOML to task tables: types, unknown and missing fields. Names are not resolved yet.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::each::Each;
use super::fields::{Fields, Text, text_of};
use super::placeholder;
use super::problem::Problems;

pub(crate) const JOB_FIELDS: &[&str] = &["name", "env", "cwd", "task"];
pub(crate) const TASK_FIELDS: &[&str] = &[
    "key",
    "each",
    "run",
    "argv",
    "env",
    "cwd",
    "stdin",
    "needs",
    "retries",
    "retry_delay",
    "timeout",
    "priority",
    "resources",
    "capture",
];
const STDIN_FIELDS: &[&str] = &["text", "file", "task"];

/// A job file as written, types checked.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(crate) name: String,
    pub(crate) tasks: Vec<DraftTask>,
}

/// One `[[task]]`.
#[derive(Debug)]
pub(crate) struct DraftTask {
    pub(crate) key: Text,
    pub(crate) each: Option<Each>,
    pub(crate) program: Program,
    pub(crate) env: BTreeMap<String, Text>,
    /// Where the job runs; `cwd` starts there.
    pub(crate) folder: PathBuf,
    pub(crate) cwd: Option<String>,
    pub(crate) stdin: DraftStdin,
    pub(crate) needs: Vec<Text>,
    pub(crate) retries: u32,
    pub(crate) retry_delay: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) priority: i32,
    /// In thousandths.
    pub(crate) resources: BTreeMap<String, u64>,
    pub(crate) capture: bool,
}

/// What a task runs.
#[derive(Debug)]
pub(crate) enum Program {
    /// A line for `sh`.
    Shell(String),
    /// A program and its arguments.
    Argv(Vec<String>),
}

/// What a task reads.
#[derive(Debug)]
pub(crate) enum DraftStdin {
    Empty,
    Text(String),
    File(String),
    Task(Text),
}

/// Reads the whole file; `None` when it is not TOML or has no tasks.
pub(crate) fn read(text: &str, folder: &Path, problems: &mut Problems<'_>) -> Option<Draft> {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let offset = error.span().map_or(0, |span| span.start);
        problems.add(offset, error.message().replace('\n', ", "), "");
    }
    if !errors.is_empty() {
        return None;
    }
    let mut fields = Fields::new(table.get_ref(), "the job", JOB_FIELDS, problems);
    let name = fields.text("name").map_or_else(String::new, |name| name.text);
    let shared = Shared {
        env: fields.variables("env").unwrap_or_default().into_iter().collect(),
        folder: fields.text("cwd").map_or_else(|| folder.to_owned(), |cwd| folder.join(cwd.text)),
    };
    let tables = task_tables(&mut fields)?;
    let tasks = tables.iter().filter_map(|(table, at)| read_task(table, *at, &shared, problems));
    Some(Draft { name, tasks: tasks.collect() })
}

/// What all tasks of a file share.
struct Shared {
    env: BTreeMap<String, Text>,
    folder: PathBuf,
}

fn task_tables<'t>(fields: &mut Fields<'t, '_, '_>) -> Option<Vec<(&'t DeTable<'t>, usize)>> {
    const WANTED: &str = "begin each task with a line `[[task]]`";
    let Some(value) = fields.get("task") else {
        fields.problems.add(0, "the job has no tasks", WANTED);
        return None;
    };
    let tables = value.get_ref().as_array().and_then(|tasks| {
        tasks
            .iter()
            .map(|task| Some((task.get_ref().as_table()?, task.span().start)))
            .collect::<Option<Vec<_>>>()
    });
    if tables.is_none() {
        fields.problems.add(value.span().start, "`task` must be an array of tables", WANTED);
    }
    tables
}

fn read_task(
    table: &DeTable<'_>,
    at: usize,
    shared: &Shared,
    problems: &mut Problems<'_>,
) -> Option<DraftTask> {
    let owner = match table.get("key").and_then(|key| key.get_ref().as_str()) {
        Some(key) => format!("task `{key}`"),
        None => "the task".to_owned(),
    };
    let mut fields = Fields::new(table, &owner, TASK_FIELDS, problems);
    let key = match fields.get("key") {
        Some(_) => fields.text("key"),
        None => {
            fields.problems.add(at, "a task has no key", "add `key = \"NAME\"`");
            None
        }
    };
    let each = fields.get("each").map(|value| Each::read(value, &mut fields));
    let program = read_program(&mut fields, &owner, at);
    let mut env = shared.env.clone();
    env.extend(fields.variables("env").unwrap_or_default());
    let cwd = fields.text("cwd").map(|cwd| cwd.text);
    let stdin = read_stdin(&mut fields, &owner);
    let task = DraftTask {
        key: key?,
        each,
        // A task with mistakes still takes part, so that its dependents are not blamed too.
        program: program.unwrap_or(Program::Shell(String::new())),
        env,
        folder: shared.folder.clone(),
        cwd,
        stdin,
        needs: fields.texts("needs").unwrap_or_default(),
        retries: fields.whole("retries", "from 0").unwrap_or(0),
        retry_delay: fields.duration("retry_delay").unwrap_or_default(),
        timeout: fields.duration("timeout"),
        priority: fields.whole("priority", "that may be negative").unwrap_or(0),
        resources: fields.amounts("resources").unwrap_or_default(),
        capture: fields.flag("capture").unwrap_or(true),
    };
    if task.timeout == Some(Duration::ZERO) {
        fields.problems.add(
            at,
            format!("{owner} has a timeout of 0"),
            "leave `timeout` out for none",
        );
    }
    check_key(&task, fields.problems);
    check_placeholders(table, task.each.is_some(), fields.problems);
    Some(task)
}

fn read_program(fields: &mut Fields<'_, '_, '_>, owner: &str, at: usize) -> Option<Program> {
    match (fields.get("run"), fields.get("argv")) {
        (Some(run), Some(_)) => {
            let message = format!("{owner} has both `run` and `argv`");
            fields.problems.add(run.span().start, message, "keep one of them");
            None
        }
        (Some(_), None) => fields.text("run").map(|line| Program::Shell(line.text)),
        (None, Some(value)) => {
            let argv: Vec<String> = fields.texts("argv")?.into_iter().map(|t| t.text).collect();
            if argv.first().is_none_or(String::is_empty) {
                return fields.wrong(value, "argv", "the program first: [\"wc\", \"-l\"]");
            }
            Some(Program::Argv(argv))
        }
        (None, None) => {
            let hint = "add `run = \"shell line\"` or `argv = [\"program\", \"argument\"]`";
            fields.problems.add(at, format!("{owner} runs nothing"), hint);
            None
        }
    }
}

fn read_stdin(fields: &mut Fields<'_, '_, '_>, owner: &str) -> DraftStdin {
    const WANTED: &str = "a text, { file = \"PATH\" } or { task = \"KEY\" }";
    let Some(value) = fields.get("stdin") else { return DraftStdin::Empty };
    let table = match value.get_ref() {
        DeValue::String(text) => return DraftStdin::Text(text.to_string()),
        DeValue::Table(table) if table.len() <= 1 => table,
        _ => {
            fields.wrong::<()>(value, "stdin", WANTED);
            return DraftStdin::Empty;
        }
    };
    let owner = format!("`stdin` of {owner}");
    let mut inner = Fields::new(table, &owner, STDIN_FIELDS, fields.problems);
    if let Some(text) = inner.text("text") {
        DraftStdin::Text(text.text)
    } else if let Some(file) = inner.text("file") {
        DraftStdin::File(file.text)
    } else if let Some(task) = inner.text("task") {
        DraftStdin::Task(task)
    } else {
        DraftStdin::Empty
    }
}

fn check_key(task: &DraftTask, problems: &mut Problems<'_>) {
    let Text { text, offset } = &task.key;
    if text.is_empty() || text.len() > 1000 || text.contains(char::is_control) {
        problems.add(*offset, "a key is a line of 1 to 1000 bytes", "such as `key = \"count\"`");
    }
    if task.each.is_some() && placeholder::has_placeholder(text) && array_name(text).is_empty() {
        let hint = format!("such as `key = \"task-{text}\"`");
        problems.add(*offset, "the key of an array begins with a name", hint);
    }
}

/// The name of an array: its key up to the first placeholder, without the dash.
pub(crate) fn array_name(key: &str) -> &str {
    placeholder::before_placeholder(key).trim_end_matches(['-', '.', '_', ' '])
}

/// Notes mistyped placeholders of an array, and placeholders of a task that is none.
fn check_placeholders(table: &DeTable<'_>, is_array: bool, problems: &mut Problems<'_>) {
    let mut texts = Vec::new();
    for (name, value) in table {
        if name.get_ref() != "each" {
            collect_texts(value, &mut texts);
        }
    }
    for Text { text, offset } in &texts {
        if is_array {
            if let Some((word, meant)) = placeholder::mistyped(text) {
                let hint = format!("did you mean `{{{meant}}}`?");
                problems.add(*offset, format!("unknown placeholder `{{{word}}}`"), hint);
            }
        } else if text.contains("{item}") && placeholder::has_placeholder(text) {
            let hint = "add `each = …`, or write `{{item}}` for these characters";
            problems.add(*offset, "`{item}` stands only in a task with `each`", hint);
        }
    }
}

fn collect_texts(value: &Spanned<DeValue<'_>>, texts: &mut Vec<Text>) {
    match value.get_ref() {
        DeValue::Array(items) => items.iter().for_each(|item| collect_texts(item, texts)),
        DeValue::Table(table) => table.values().for_each(|value| collect_texts(value, texts)),
        DeValue::String(_) => texts.extend(text_of(value)),
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_) => {}
    }
}
