//! `reel runs`: the runs of a folder, their tags and notes, and which of them to keep.

use std::env;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use taskreel_model::{HumanBytes, Nanos};
use taskreel_recorder::library::{Keep, Library, LibraryError, Run, to_remove};

use super::Failure;
use super::failure::say;
use super::size::parse_size;
use super::table::{Table, counted, grouped, printable};

/// Names the folder that is meant when none is given.
const FOLDER_VARIABLE: &str = "REEL_RUNS";

/// Lists the runs recorded in a folder, latest first, and looks after them.
///
/// Tags and notes stand in a small file beside each trace. The folder is the present one, or that
/// of the variable REEL_RUNS.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  reel runs                                    the runs in this folder
  reel runs --tag slow --json | jq '.[].file'
  reel runs tag run.reel slow issue-17         --remove takes tags away
  reel runs note run.reel 'the disk was full'
  reel runs rm run.reel
  reel runs rm --keep-days 30 --keep-bytes 10GB --dry-run

A run tagged `keep` stays whatever its age and size."
)]
pub(crate) struct Runs {
    #[command(subcommand)]
    action: Option<Action>,
    /// The folder with the traces [default: $REEL_RUNS, or this folder]
    #[arg(value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Only runs that have this tag; may be repeated
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,
    /// A JSON array, an object for each run
    #[arg(long)]
    json: bool,
}

/// What to do with runs, rather than to list them.
#[derive(Debug, Subcommand)]
enum Action {
    /// Adds tags to a run, or takes them away.
    Tag(Tag),
    /// Writes what there is to say about a run; an empty text removes it.
    Note(Note),
    /// Removes runs: the ones named, or those beyond an age or a size.
    Rm(Remove),
}

#[derive(Debug, Args)]
struct Tag {
    /// The run: a file, or its name in the folder of REEL_RUNS
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// Words to find it by
    #[arg(value_name = "TAG", required = true)]
    tags: Vec<String>,
    /// Take the tags away
    #[arg(long)]
    remove: bool,
}

#[derive(Debug, Args)]
struct Note {
    /// The run: a file, or its name in the folder of REEL_RUNS
    #[arg(value_name = "RUN")]
    run: PathBuf,
    /// The text
    #[arg(value_name = "TEXT")]
    text: String,
}

#[derive(Debug, Args)]
struct Remove {
    /// The runs to remove: files, or their names in the folder of REEL_RUNS
    #[arg(value_name = "RUN", required_unless_present_any = ["keep_days", "keep_bytes"])]
    runs: Vec<PathBuf>,
    /// Remove the runs that began earlier than so many days ago
    #[arg(long, value_name = "N", conflicts_with = "runs")]
    keep_days: Option<u64>,
    /// Remove the oldest runs until the others have at most so many bytes together
    #[arg(long, value_name = "SIZE", value_parser = parse_size, conflicts_with = "runs")]
    keep_bytes: Option<u64>,
    /// The folder that --keep-days and --keep-bytes look after [default: $REEL_RUNS, or this one]
    #[arg(long, value_name = "DIR", conflicts_with = "runs")]
    folder: Option<PathBuf>,
    /// Only say what would be removed
    #[arg(long)]
    dry_run: bool,
}

impl Runs {
    /// Lists runs, or changes them.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        match &self.action {
            Some(Action::Tag(tag)) => tag.run(out),
            Some(Action::Note(note)) => {
                let (library, file) = locate(&note.run)?;
                library.note(&file, &note.text).map_err(failure)
            }
            Some(Action::Rm(remove)) => remove.run(),
            None => self.list(out),
        }
    }

    fn list(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let folder = default_folder(self.folder.as_deref());
        let mut runs = open(&folder)?.runs().map_err(failure)?;
        runs.retain(|run| self.tag.iter().all(|tag| run.tags.contains(tag)));
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &runs).map_err(std::io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        let (sound, broken): (Vec<Run>, Vec<Run>) = runs
            .into_iter()
            .partition(|run| run.facts.started_unix_ns > 0 || run.problem.is_none());
        if !sound.is_empty() {
            table(&sound).write(out)?;
        }
        out.flush()?;
        for run in sound.iter().chain(&broken) {
            if let Some(problem) = &run.problem {
                say(format_args!("{}", printable(problem)));
            }
        }
        if sound.is_empty() && broken.is_empty() {
            let which = if self.tag.is_empty() { "no runs" } else { "no runs with these tags" };
            say(format_args!("{which} in {}", folder.display()));
        }
        Ok(())
    }
}

impl Tag {
    fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let (library, file) = locate(&self.run)?;
        let none = Vec::new();
        let (add, remove) = if self.remove { (&none, &self.tags) } else { (&self.tags, &none) };
        let tags = library.tag(&file, add, remove).map_err(failure)?;
        Ok(writeln!(out, "{}", tags.join(" "))?)
    }
}

impl Remove {
    fn run(&self) -> Result<(), Failure> {
        if !self.runs.is_empty() {
            // All are there, or nothing is removed.
            let found: Vec<(Library, String)> =
                self.runs.iter().map(|run| locate(run)).collect::<Result<_, _>>()?;
            let mut removed = found.iter().map(|(library, file)| self.remove(library, file, 0));
            return removed.try_for_each(|removed| removed.map_err(failure));
        }
        let library = open(&default_folder(self.folder.as_deref()))?;
        let runs = library.runs().map_err(failure)?;
        let keep = Keep { days: self.keep_days, bytes: self.keep_bytes };
        let gone = to_remove(&runs, keep, now_unix_ns(), |run| library.is_recording(run));
        for run in &gone {
            match self.remove(&library, &run.file, run.bytes) {
                // Somebody else looks after the folder, too.
                Err(LibraryError::NoSuchRun { .. }) => {}
                removed => removed.map_err(failure)?,
            }
        }
        let word = if self.dry_run { "would go" } else { "removed" };
        let bytes = HumanBytes(gone.iter().map(|run| run.bytes).sum());
        let kept = counted((runs.len() - gone.len()) as u64, "run");
        say(format_args!("{} {word} ({bytes}), {kept} kept", counted(gone.len() as u64, "run")));
        Ok(())
    }

    fn remove(&self, library: &Library, file: &str, bytes: u64) -> Result<(), LibraryError> {
        if !self.dry_run {
            library.remove(file)?;
        }
        let word = if self.dry_run { "would remove" } else { "removed" };
        let size = if bytes > 0 { format!(" ({})", HumanBytes(bytes)) } else { String::new() };
        say(format_args!("{word} {}{size}", printable(file)));
        Ok(())
    }
}

/// The folder that is meant: the one given, the variable's, the present one.
pub(super) fn default_folder(given: Option<&Path>) -> PathBuf {
    let from_variable = || env::var_os(FOLDER_VARIABLE).filter(|folder| !folder.is_empty());
    match given {
        Some(folder) => folder.to_owned(),
        None => from_variable().map_or_else(|| PathBuf::from("."), PathBuf::from),
    }
}

fn open(folder: &Path) -> Result<Library, Failure> {
    Library::open(folder).map_err(failure)
}

/// The library and the name in it of a run: of a file that is there, or of a name alone in the
/// default folder.
fn locate(run: &Path) -> Result<(Library, String), Failure> {
    let name = run.file_name().and_then(OsStr::to_str);
    let name = name.ok_or_else(|| Failure::usage(format!("{} is no run", run.display())))?;
    let parent = run.parent().filter(|parent| !parent.as_os_str().is_empty());
    let folder = match parent {
        Some(parent) => parent.to_owned(),
        None if run.exists() => PathBuf::from("."),
        None => default_folder(None),
    };
    let library = open(&folder)?;
    if !folder.join(name).is_file() {
        let (file, folder) = (name.to_owned(), folder);
        return Err(failure(LibraryError::NoSuchRun { file, folder }));
    }
    Ok((library, name.to_owned()))
}

/// Wrong tags and notes are wrong usage; all else is an input that cannot be read.
fn failure(error: LibraryError) -> Failure {
    match error {
        LibraryError::BadNote(message) => Failure::usage(message),
        LibraryError::Recording { .. } => Failure::run(error),
        LibraryError::Io { .. } | LibraryError::NoSuchRun { .. } | LibraryError::Damaged { .. } => {
            Failure::input(error)
        }
    }
}

fn table(runs: &[Run]) -> Table {
    let columns =
        ["file", "started", ">took", ">tasks", ">failures", ">workers", ">size", "tags", "note"];
    let mut table = Table::new(&columns);
    for run in runs {
        let facts = &run.facts;
        let open = if facts.closed { "" } else { " (not closed)" };
        let first_line = run.note.lines().next().unwrap_or("");
        table.row([
            format!("{}{open}", run.file),
            started(facts.started_unix_ns),
            Nanos(facts.duration_ns).to_string(),
            grouped(facts.tasks),
            grouped(facts.failures),
            grouped(facts.workers),
            HumanBytes(run.bytes).to_string(),
            run.tags.join(" "),
            first_line.to_owned(),
        ]);
    }
    table
}

/// The instant of a run's begin where its reader is.
fn started(unix_ns: u64) -> String {
    let local = Timestamp::from_nanosecond(i128::from(unix_ns))
        .map(|at| at.to_zoned(TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string());
    local.unwrap_or_else(|_| "unknown".to_owned())
}

fn now_unix_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
