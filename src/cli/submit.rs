//! `reel submit`: runs a job file on a cluster that is there.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use taskreel::job::Job;
use taskreel::{Client, ClientOptions};

use super::Failure;
use super::access::Access;
use super::failure::say;
use super::run::execute;
use super::table::printable;

/// Runs the commands of a job file on the cluster at ADDR, and prints their output.
///
/// The job runs as long as this command does: when it is killed, what it submitted is given up. A
/// scheduler that is started again meanwhile is found again.
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The scheduler: tcp://HOST:PORT
    #[arg(value_name = "ADDR")]
    address: String,
    /// The job file
    #[arg(value_name = "JOB.toml")]
    job: PathBuf,
    /// Print outputs and errors as one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

impl Submit {
    /// Runs it and prints what it printed.
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let job = Job::load(&self.job).map_err(Failure::input)?;
        let options = ClientOptions {
            name: job.name.clone(),
            token: self.access.token()?,
            tls: self.access.tls()?,
            ..ClientOptions::default()
        };
        let client = Client::connect(&self.address, &options).map_err(Failure::run)?;
        let mut written = Ok(());
        let print = |text: Vec<u8>| {
            if !self.json && written.is_ok() {
                written = out.write_all(&text).and_then(|()| out.flush());
            }
        };
        let outcome = execute::run(&job, &client, print)?;
        written?;
        for note in &outcome.notes {
            say(format_args!("{}", printable(note)));
        }
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &outcome.json).map_err(std::io::Error::from)?;
            writeln!(out)?;
            out.flush()?;
        }
        if outcome.failed { Err(Failure::told()) } else { Ok(()) }
    }
}
