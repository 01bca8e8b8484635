//! Words that people type where a subcommand stands: a file, or what other tools call it.

use std::path::Path;

use clap::Command;
use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

/// What users of other clusters and of other commands type, and what they find here.
const ELSEWHERE: [(&str, &str); 29] = [
    ("start", "scheduler` and `reel worker ADDR"),
    ("up", "scheduler` and `reel worker ADDR"),
    ("init", "demo"),
    ("head", "scheduler"),
    ("master", "scheduler"),
    ("join", "worker ADDR"),
    ("stop", "shutdown ADDR"),
    ("down", "shutdown ADDR"),
    ("kill", "cancel ADDR ID"),
    ("drain", "retire ADDR WORKER"),
    ("job", "submit ADDR JOB.toml"),
    ("exec", "run -- CMD"),
    ("list", "runs"),
    ("ls", "runs"),
    ("history", "runs"),
    ("summary", "info FILE"),
    ("dashboard", "view FILE"),
    ("open", "view FILE"),
    ("serve", "view FILE"),
    ("show", "view FILE"),
    ("ui", "view FILE"),
    ("play", "replay FILE"),
    ("log", "events FILE"),
    ("logs", "events FILE"),
    ("timeline", "export FILE --format perfetto -o OUT"),
    ("plot", "render FILE -o OUT.svg --plot NAME"),
    ("compare", "diff A B"),
    ("why", "explain FILE"),
    ("version", "--version"),
];

/// The error of a command line, with a way out where the first word is no subcommand.
pub(super) fn explained(error: Error, command: &mut Command) -> Error {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return error;
    };
    let Some(hint) = hint(word) else { return error };
    let message = format!("there is no subcommand '{word}'\n\n  tip: {hint}");
    command.error(ErrorKind::InvalidSubcommand, message)
}

fn hint(word: &str) -> Option<String> {
    let extension = Path::new(word).extension().and_then(|end| end.to_str());
    match extension {
        Some("reel" | "zip") => Some(format!(
            "`{word}` is a trace: `reel view {word}` shows it, `reel info {word}` says what it is"
        )),
        Some("toml") => Some(format!("`{word}` is a job: `reel run {word}`")),
        Some(_) => Some(format!("to run a command: `reel run -- {word}`")),
        None if Path::new(word).is_dir() => {
            Some(format!("`{word}` is a folder: `reel view {word}` shows the runs in it"))
        }
        None => {
            let (_, here) = ELSEWHERE.iter().find(|(there, _)| *there == word)?;
            Some(format!("`reel {here}`"))
        }
    }
}
