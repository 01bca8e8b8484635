//! How a subcommand fails: one line for the user and an exit code.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

/// Why the command ends with an exit code other than 0.
#[derive(Debug)]
pub struct Failure {
    code: u8,
    /// Empty: all has been said.
    message: String,
}

impl Failure {
    /// The run, or a check, failed.
    pub fn run(error: impl Into<Box<dyn Error>>) -> Self {
        Self { code: 1, message: chain(error.into().as_ref()) }
    }

    /// The run failed, and the user has been told how.
    pub fn told() -> Self {
        Self { code: 1, message: String::new() }
    }

    /// The command line asks for something that cannot be.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { code: 2, message: message.into() }
    }

    /// An input could not be read.
    pub fn input(error: impl Into<Box<dyn Error>>) -> Self {
        Self { code: 3, message: chain(error.into().as_ref()) }
    }

    /// The same with one more line, which says what to do.
    pub fn with_line(self, line: &str) -> Self {
        Self { message: format!("{}\n{line}", self.message), ..self }
    }

    /// What went wrong.
    pub fn into_message(self) -> String {
        self.message
    }

    /// Says it on standard error, each line with the program's name; the exit code is left.
    pub fn say(self) -> Self {
        for line in self.message.lines() {
            say(format_args!("{line}"));
        }
        Self { message: String::new(), ..self }
    }

    /// Says it, if it has not been said, and gives the exit code.
    pub fn report(self) -> ExitCode {
        ExitCode::from(self.say().code)
    }
}

impl From<io::Error> for Failure {
    /// Writing to standard output failed. A reader that has seen enough is no failure.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self { code: 0, message: String::new() };
        }
        Self { code: 1, message: format!("write to standard output: {error}") }
    }
}

/// Writes one line to standard error for the user; nobody reading it is no reason to stop.
pub fn say(line: std::fmt::Arguments<'_>) {
    use std::io::Write;
    let _ = writeln!(io::stderr(), "{}: {line}", program_name());
}

/// What this program is called.
pub fn program_name() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let path = std::env::args_os().next().map(PathBuf::from);
        let stem = path.as_ref().and_then(|path| path.file_stem());
        stem.map_or_else(|| "reel".to_owned(), |stem| stem.to_string_lossy().into_owned())
    })
}

/// An error and its causes, each once: many messages include the text of their cause already.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
