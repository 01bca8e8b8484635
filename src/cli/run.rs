//! `reel run`: a job file, or one command.

pub(super) mod execute;

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc;

use clap::Args;
use taskreel::job::Job;

use super::cluster_options::ClusterOptions;
use super::{Failure, session};

/// Runs the commands of a job file, or one command, and records the run.
///
/// The job file is checked whole before anything runs. The output of the tasks that nothing depends
/// on is printed as they end, in the file's order. docs/job-file.md describes the format; in short:
///
///   [[task]]
///   key = "count-{stem}"
///   each.glob = "data/*.txt"
///   run = "wc -w < {item}"
///
///   [[task]]
///   key = "total"
///   stdin.task = "count"
///   run = "paste -sd+ - | bc"
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    override_usage = "reel run [OPTIONS] JOB.toml\n       reel run [OPTIONS] -- CMD [ARGS]..."
)]
#[command(after_help = "Examples:
  reel run examples/jobs/pipeline.toml
  reel run --record build.reel --no-view -- make -j1
  reel run job.toml --workers 8 --json | jq .result.outputs")]
pub(crate) struct Run {
    /// The job file.
    #[arg(
        value_name = "JOB.toml",
        required_unless_present = "command",
        conflicts_with = "command"
    )]
    job: Option<PathBuf>,
    /// One command and its arguments, run without a shell
    #[arg(value_name = "CMD", last = true)]
    command: Vec<String>,
    #[command(flatten)]
    options: ClusterOptions,
}

impl Run {
    /// Runs it and prints what it printed.
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let job = match &self.job {
            Some(path) => Job::load(path).map_err(Failure::input)?,
            None => Job::of_command(self.command),
        };
        let name = job.name.clone();
        let (tx, printed) = mpsc::channel();
        // Nobody listens after a Ctrl-C.
        let print = move |text| drop(tx.send(text));
        let work = Box::new(move |client: &_| execute::run(&job, client, print));
        session::run_printing(&name, &self.options, work, &printed, out)
    }
}
