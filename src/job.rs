//! Job files: graphs of commands written as TOML. `docs/job-file.md` is the manual.
//!
//! A file goes through three stages, and a mistake found in any of them is reported with its line
//! and the way out, several at once: [`read`] turns TOML into task tables, [`each`] and
//! [`placeholder`] make the elements of arrays, [`graph`] resolves dependencies and orders them.

mod each;
mod fields;
mod graph;
mod nearest;
mod placeholder;
mod problem;
mod read;
mod shell;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use problem::{JobError, Problem};

use problem::Problems;

/// A job, checked: its tasks stand in an order in which they can run.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Its name: the field `name`, else the file's name without `.toml`.
    pub name: String,
    /// Its tasks, dependencies before dependents.
    pub tasks: Vec<JobTask>,
}

/// One command of a job; of an array, one element.
#[derive(Clone, Debug, PartialEq)]
pub struct JobTask {
    /// Its key, unique in the job.
    pub key: String,
    /// The program and its arguments; never empty.
    pub argv: Vec<String>,
    /// Variables beyond those inherited.
    pub env: BTreeMap<String, String>,
    /// The folder it runs in.
    pub cwd: PathBuf,
    /// What it reads.
    pub stdin: JobStdin,
    /// The tasks it depends on, by position in [`Job::tasks`]; smaller than its own.
    pub needs: Vec<usize>,
    /// How often it runs again after a failure.
    pub retries: u32,
    /// How long to wait before each retry.
    pub retry_delay: Duration,
    /// It fails when one attempt takes longer.
    pub timeout: Option<Duration>,
    /// Higher runs first.
    pub priority: i32,
    /// What it needs of a worker while it runs, in thousandths of a unit: 1000 of `gpu` is one.
    pub resources: BTreeMap<String, u64>,
    /// Whether its standard output is kept as its result.
    pub capture: bool,
}

/// What a task of a job reads from its standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JobStdin {
    /// Nothing.
    Empty,
    /// This text.
    Text(String),
    /// This file.
    File(PathBuf),
    /// The captured output of these tasks, one after the other; each is among its `needs`.
    Outputs(Vec<usize>),
}

impl Job {
    /// A job of one command, which runs in the current folder. `argv` begins with the program.
    pub fn of_command(argv: Vec<String>) -> Self {
        let program = argv.first().map_or("command", String::as_str);
        let key = program.rsplit('/').next().unwrap_or(program).to_owned();
        let task = JobTask {
            key: key.clone(),
            argv,
            env: BTreeMap::new(),
            cwd: std::env::current_dir().unwrap_or_default(),
            stdin: JobStdin::Empty,
            needs: Vec::new(),
            retries: 0,
            retry_delay: Duration::ZERO,
            timeout: None,
            priority: 0,
            resources: BTreeMap::new(),
            capture: true,
        };
        Self { name: key, tasks: vec![task] }
    }

    /// Reads and checks a job file.
    ///
    /// # Errors
    /// [`JobError::Unreadable`] when the file cannot be read, [`JobError::Invalid`] with all that
    /// is wrong in it.
    pub fn load(path: &Path) -> Result<Self, JobError> {
        let unreadable = |source: io::Error| JobError::Unreadable { path: path.to_owned(), source };
        let text = std::fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(text)
            .map_err(|e| unreadable(io::Error::new(io::ErrorKind::InvalidData, e)))?;
        Self::parse(&text, path)
    }

    /// Checks the text of a job file. Relative paths in it are relative to the folder of `path`.
    ///
    /// # Errors
    /// [`JobError::Invalid`] with all that is wrong in it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, JobError> {
        let folder =
            path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
        // Workers may be processes of their own: a folder means the same to all of them.
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        let mut problems = Problems::new(text);
        let job = read::read(text, &folder, &mut problems)
            .and_then(|draft| graph::build(draft, &mut problems));
        match job {
            Some(mut job) if problems.is_empty() => {
                if job.name.is_empty() {
                    job.name = path
                        .file_stem()
                        .map_or_else(|| "job".to_owned(), |s| s.to_string_lossy().into_owned());
                }
                Ok(job)
            }
            _ => Err(JobError::Invalid { path: path.to_owned(), problems: problems.into_sorted() }),
        }
    }
}
