//! `reel run`: a job file, or one command.

mod execute;

use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc::{self, Receiver};

use clap::Args;
use taskreel::job::Job;

use super::cluster_options::ClusterOptions;
use super::{Failure, session};
use crate::demo::Workload;

/// Runs the commands of a job file, or one command, and records the run
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
  reel run --cluster tcp://head:7878 -- python3 fit.py
  reel run job.toml --workers 8 --json | jq .result.outputs")]
pub(crate) struct Run {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    options: ClusterOptions,
}

/// What is to run.
#[derive(Debug, Args)]
pub(super) struct What {
    /// The job file
    #[arg(
        value_name = "JOB.toml",
        required_unless_present = "command",
        conflicts_with = "command"
    )]
    job: Option<PathBuf>,
    /// One command and its arguments, run without a shell
    #[arg(value_name = "CMD", last = true)]
    command: Vec<String>,
}

impl Run {
    /// Runs it and prints what it printed.
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let job = self.what.job()?;
        let name = job.name.clone();
        let (work, printed) = workload(job);
        session::run_printing(&name, &self.options, work, &printed, out)
    }
}

impl What {
    /// The job of the file, or of the one command. What is no job file may be a command that was written
    /// without the dashes before it.
    pub(super) fn job(self) -> Result<Job, Failure> {
        let Some(path) = self.job else { return Ok(Job::of_command(self.command)) };
        Job::load(&path).map_err(|error| {
            let failure = Failure::input(error);
            let hint = || format!("a command stands behind two dashes: -- {}", path.display());
            let is_job = path.extension().is_some_and(|end| end == "toml");
            if is_job { failure } else { failure.with_line(&hint()) }
        })
    }
}

/// What runs a job, and what it prints before its end.
pub(super) fn workload(job: Job) -> (Workload, Receiver<Vec<u8>>) {
    let (tx, printed) = mpsc::channel();
    // Nobody listens after a Ctrl-C.
    let print = move |text| drop(tx.send(text));
    (Box::new(move |client: &_| execute::run(&job, client, print)), printed)
}
