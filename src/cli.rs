//! The command line: one file per subcommand.

mod check;
mod cluster_options;
mod demo;
mod diff;
mod elsewhere;
mod events;
mod explain;
mod export;
mod fetch;
mod info;
mod json;
mod misread;
mod open;
mod output;
mod pack;
mod progress;
mod render;
mod replay;
mod run;
mod runs;
mod session;
mod simulate;
mod state;
mod story;
mod submit;
mod theme;
mod view;
mod viewer;

use std::io::{self, BufWriter, Write};

use clap::{CommandFactory, Parser, Subcommand};

use taskreel::command::{
    access, cancel, failure, interrupt, record_error, retire, shutdown, size, status, table, worker,
};

pub(crate) use failure::Failure;
pub(crate) use table::{counted, grouped};

/// What follows every help text of a trace command about instants.
const INSTANTS: &str = "Instants are written 12.3s, 1m2s, 250ms, 50%, event:81234 or end.";

/// Runs parallel work, records every run, and shows any instant of it again.
///
/// A run's trace is one small file: open it in the viewer, ask for the state at any instant, draw
/// it, send it to somebody.
#[derive(Debug, Parser)]
#[command(name = "reel", version, max_term_width = 100)]
#[command(after_help = "Begin with:
  reel demo                        count the words of the files here, live in the browser
  reel run job.toml                run a graph of commands
  reel view wordcount-….reel       open a trace in the browser, live or long finished

REEL_LOG=info (or debug, trace) in the environment shows what goes on inside.

Exit codes: 0 done, 1 the run failed, 2 wrong usage, 3 an input could not be read.")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(Box<demo::Demo>),
    Run(run::Run),
    Scheduler(taskreel::command::Scheduler),
    Worker(worker::Worker),
    Submit(submit::Submit),
    Status(status::Status),
    Cancel(cancel::Cancel),
    Retire(retire::Retire),
    Shutdown(shutdown::Shutdown),
    Info(info::Info),
    Check(check::Check),
    State(state::AtInstant),
    Events(events::Events),
    Render(render::Render),
    Replay(replay::Replay),
    Diff(diff::Diff),
    Simulate(simulate::Simulate),
    Story(story::TellStory),
    Explain(explain::Explain),
    Export(export::Export),
    Pack(pack::Pack),
    Runs(runs::Runs),
    View(view::View),
}

/// Reads the command line and does what it says.
pub(crate) fn run() -> Result<(), Failure> {
    let cli = Cli::try_parse()
        .unwrap_or_else(|error| misread::explained(error, &mut Cli::command()).exit());
    let mut out = BufWriter::new(io::stdout().lock());
    match cli.command {
        Command::Demo(command) => command.run(&mut out)?,
        Command::Run(command) => command.run(&mut out)?,
        Command::Scheduler(command) => command.run(Some(&viewer::pack()))?,
        Command::Worker(command) => command.run()?,
        Command::Submit(command) => command.run(&mut out)?,
        Command::Status(command) => command.run(&mut out)?,
        Command::Cancel(command) => command.run(&mut out)?,
        Command::Retire(command) => command.run()?,
        Command::Shutdown(command) => command.run()?,
        Command::Info(command) => command.run(&mut out)?,
        Command::Check(command) => command.run(&mut out)?,
        Command::State(command) => command.run(&mut out)?,
        Command::Events(command) => command.run(&mut out)?,
        Command::Render(command) => command.run(&mut out)?,
        Command::Replay(command) => command.run(&mut out)?,
        Command::Diff(command) => command.run(&mut out)?,
        Command::Simulate(command) => command.run(&mut out)?,
        Command::Story(command) => command.run(&mut out)?,
        Command::Explain(command) => command.run(&mut out)?,
        Command::Export(command) => command.run(&mut out)?,
        Command::Pack(command) => command.run()?,
        Command::Runs(command) => command.run(&mut out)?,
        Command::View(command) => command.run()?,
    }
    Ok(out.flush()?)
}
