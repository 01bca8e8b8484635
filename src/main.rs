//! The command `reel`: reads the command line, runs one subcommand, and is the one place where
//! errors become a line on standard error and an exit code.

mod cli;
mod demo;

use std::process::ExitCode;

fn main() -> ExitCode {
    taskreel::command::log_to_stderr();
    // A worker process of `--processes` is this program again: it does not return from here.
    taskreel::init();
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
