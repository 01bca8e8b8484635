//! Arrays of tasks: the items that `each` names.

use std::fs;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::DeValue;

use super::fields::{Fields, Text, whole_of};
use super::problem::Problems;

/// The most elements of one array: more is a slip of the keyboard, or another tool's work.
const ELEMENTS_MAX: usize = 1_000_000;

/// What an array of tasks runs over, as written.
#[derive(Clone, Debug)]
pub(crate) struct Each {
    pub(crate) over: Over,
    pub(crate) offset: usize,
}

/// The kinds of `each`.
#[derive(Clone, Debug)]
pub(crate) enum Over {
    /// The files that match a pattern.
    Glob(String),
    /// Whole numbers.
    Range(Range<i64>),
    /// The lines of a file.
    Lines(String),
    /// The items themselves.
    List(Vec<Text>),
    /// Something that is wrong, and noted.
    Wrong,
}

impl Over {
    fn read(value: &Spanned<DeValue<'_>>, owner: &mut Fields<'_, '_, '_>) -> Option<Self> {
        const WANTED: &str = "{ glob = \"*.csv\" }, { range = \"0..10\" }, { lines = \"FILE\" } \
                              or a list of texts";
        let offset = value.span().start;
        let over = match value.get_ref() {
            DeValue::Array(_) => Self::List(owner.texts("each")?),
            DeValue::Table(table) => {
                let known = ["glob", "range", "lines"];
                let mut fields = Fields::new(table, "`each`", &known, owner.problems);
                if known.iter().filter(|name| fields.get(name).is_some()).count() > 1 {
                    fields.problems.add(
                        offset,
                        "`each` has more than one source",
                        "keep one of them",
                    );
                    return None;
                }
                if let Some(range) = fields.get("range") {
                    Self::Range(range_of(range).or_else(|| {
                        fields.wrong(range, "range", "\"0..10\", \"1..=10\" or 10, which is 0..10")
                    })?)
                } else if fields.get("glob").is_some() {
                    Self::Glob(fields.text("glob")?.text)
                } else if fields.get("lines").is_some() {
                    Self::Lines(fields.text("lines")?.text)
                } else if table.is_empty() {
                    return owner.wrong(value, "each", WANTED);
                } else {
                    return None;
                }
            }
            _ => return owner.wrong(value, "each", WANTED),
        };
        Some(over)
    }
}

impl Each {
    /// Reads `each = { glob | range | lines = … }` or `each = ["a", "b"]`.
    pub(crate) fn read(value: &Spanned<DeValue<'_>>, owner: &mut Fields<'_, '_, '_>) -> Self {
        let over = Over::read(value, owner).unwrap_or(Over::Wrong);
        Self { over, offset: value.span().start }
    }
    /// The items, in order. Relative paths start at `folder`; items of a glob are relative too.
    pub(crate) fn items(&self, folder: &Path, problems: &mut Problems<'_>) -> Option<Vec<String>> {
        let items = match &self.over {
            Over::Wrong => return None,
            Over::List(texts) => texts.iter().map(|t| t.text.clone()).collect(),
            Over::Range(range) => {
                let n = range.end.saturating_sub(range.start).unsigned_abs();
                if n > ELEMENTS_MAX as u64 {
                    return self.too_many(n, problems);
                }
                range.clone().map(|i| i.to_string()).collect()
            }
            Over::Lines(file) => self.lines(file, folder, problems)?,
            Over::Glob(pattern) => self.glob(pattern, folder, problems)?,
        };
        if items.len() > ELEMENTS_MAX {
            return self.too_many(items.len() as u64, problems);
        }
        if items.is_empty() {
            let (message, hint) = match &self.over {
                Over::Glob(pattern) => (
                    format!("no file matches `{pattern}`"),
                    format!("the pattern is relative to {}", folder.display()),
                ),
                Over::Lines(file) => (format!("`{file}` has no lines"), String::new()),
                Over::Range(_) | Over::List(_) | Over::Wrong => {
                    ("`each` has no items".to_owned(), String::new())
                }
            };
            problems.add(self.offset, message, hint);
            return None;
        }
        Some(items)
    }

    fn lines(&self, file: &str, folder: &Path, problems: &mut Problems<'_>) -> Option<Vec<String>> {
        match fs::read_to_string(folder.join(file)) {
            Ok(text) => Some(
                text.lines().filter(|line| !line.trim().is_empty()).map(str::to_owned).collect(),
            ),
            Err(error) => {
                let path = folder.join(file);
                let message = format!("cannot read the lines of {}: {error}", path.display());
                problems.add(self.offset, message, "a path is relative to the job file's folder");
                None
            }
        }
    }

    fn glob(
        &self,
        pattern: &str,
        folder: &Path,
        problems: &mut Problems<'_>,
    ) -> Option<Vec<String>> {
        // The folder's own name is no pattern, whatever characters it has.
        let absolute = Path::new(pattern).is_absolute();
        let root = if absolute { String::new() } else { folder.to_string_lossy().into_owned() };
        let whole = match absolute {
            true => pattern.to_owned(),
            false => format!("{}/{pattern}", glob::Pattern::escape(&root)),
        };
        let options = glob::MatchOptions {
            require_literal_separator: true,
            require_literal_leading_dot: true,
            ..glob::MatchOptions::default()
        };
        let paths = match glob::glob_with(&whole, options) {
            Ok(paths) => paths,
            Err(error) => {
                let message = format!("`{pattern}` is no file pattern: {}", error.msg);
                problems.add(self.offset, message, "`*`, `?`, `[a-z]` and `**` are special");
                return None;
            }
        };
        let mut items = Vec::new();
        // Unreadable folders hold nothing that a task could read either.
        for path in paths.flatten().filter(|path| path.is_file()) {
            let path = if absolute { &path } else { path.strip_prefix(folder).unwrap_or(&path) };
            let Some(text) = path.to_str() else {
                let message = format!("a file that matches has a name that is not text: {path:?}");
                problems.add(self.offset, message, "rename it, or take a narrower pattern");
                return None;
            };
            items.push(text.to_owned());
        }
        items.sort();
        Some(items)
    }

    fn too_many<T>(&self, n: u64, problems: &mut Problems<'_>) -> Option<T> {
        let message = format!("an array of {n} tasks is too large");
        problems.add(self.offset, message, format!("at most {ELEMENTS_MAX}: let each do more"));
        None
    }
}

/// `"0..10"` without its end, `"1..=10"` with it, `10` for `0..10`.
fn range_of(value: &Spanned<DeValue<'_>>) -> Option<Range<i64>> {
    if let Some(end) = whole_of(value) {
        return (end >= 0).then_some(0..end);
    }
    let (start, end) = value.get_ref().as_str()?.split_once("..")?;
    let start: i64 = start.trim().parse().ok()?;
    let end: i64 = match end.strip_prefix('=') {
        Some(last) => last.trim().parse::<i64>().ok()?.checked_add(1)?,
        None => end.trim().parse().ok()?,
    };
    (start <= end).then_some(start..end)
}
