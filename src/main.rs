//! The command `reel`: reads the command line, runs one subcommand, and is the one place where
//! errors become a line on standard error and an exit code.

mod cli;
mod demo;

use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    log_to_stderr();
    // A worker process of `--processes` is this program again: it does not return from here.
    taskreel::init();
    match cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

/// What the parts have to say that is no result: warnings, and more when `REEL_LOG` asks for it.
fn log_to_stderr() {
    let filter = EnvFilter::try_from_env("REEL_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .without_time()
        .with_target(false)
        .init();
}
