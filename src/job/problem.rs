//! What can be wrong with a job file, and where.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// More than this many mistakes are counted and not listed.
const LISTED_MAX: usize = 20;

/// Why a job file was not accepted. Nothing of it has run.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The file could not be read.
    #[error("read job file {path}", path = path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It was read, and is wrong.
    #[error("{}", list(path, problems))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong, in the order of the file; not empty.
        problems: Vec<Problem>,
    },
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Line of the file, from 1.
    pub line: usize,
    /// Character of the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// The way out; may be empty.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if self.hint.is_empty() { Ok(()) } else { write!(f, "; {}", self.hint) }
    }
}

/// The mistakes found so far, with the text they are in.
pub(crate) struct Problems<'a> {
    text: &'a str,
    found: Vec<Problem>,
}

impl<'a> Problems<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, found: Vec::new() }
    }

    /// Notes a mistake at a byte of the text.
    pub(crate) fn add(
        &mut self,
        offset: usize,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let (line, column) = self.place(offset);
        self.found.push(Problem { line, column, message: message.into(), hint: hint.into() });
    }

    /// The line of a byte of the text, for messages that name a second place.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.place(offset).0
    }

    pub(crate) fn len(&self) -> usize {
        self.found.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn into_sorted(mut self) -> Vec<Problem> {
        self.found.sort();
        self.found.dedup();
        self.found
    }

    fn place(&self, offset: usize) -> (usize, usize) {
        let before = self.text.get(..offset).unwrap_or(self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

fn list(path: &std::path::Path, problems: &[Problem]) -> String {
    let mut lines: Vec<String> = problems
        .iter()
        .take(LISTED_MAX)
        .map(|p| format!("{}:{}:{}: {p}", path.display(), p.line, p.column))
        .collect();
    if problems.len() > LISTED_MAX {
        lines.push(format!("{}: and {} more", path.display(), problems.len() - LISTED_MAX));
    }
    lines.join("\n")
}
