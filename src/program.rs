//! A program of one's own that is also its cluster's scheduler and workers.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use taskreel_runtime::{Client, ClientOptions, Cluster};

use crate::command::access::Access;
use crate::command::failure::say;
use crate::command::size::{Workers, parse_scheduler, parse_size, parse_workers};
use crate::command::{self, Failure};

/// Makes a program of a function: the program's own work, on a cluster of its own or one that is
/// there, and the subcommands by which that cluster is run on other hosts with the same program, so
/// that its workers have its `#[task]` functions.
///
/// ```no_run
/// use taskreel::{Client, TaskError, task};
///
/// #[task]
/// fn double(x: u64) -> u64 {
///     2 * x
/// }
///
/// fn work(client: &Client, args: &[String]) -> Result<(), TaskError> {
///     let doubled = client.gather(client.map(0..10_u64, double))?;
///     println!("{doubled:?} {args:?}");
///     Ok(())
/// }
///
/// taskreel::main!(work);
/// ```
///
/// ```text
/// program [--workers N] [--processes] … ARGS     does the work here
/// program scheduler | worker ADDR                runs a cluster, on one host or many
/// program --cluster ADDR ARGS                    does the work there
/// program status | cancel | retire | shutdown ADDR
/// ```
#[macro_export]
macro_rules! main {
    ($work:path) => {
        fn main() -> ::std::process::ExitCode {
            $crate::program($work)
        }
    };
}

/// What a program made by [`crate::main!`] can be told.
#[derive(Debug, Parser)]
#[command(args_conflicts_with_subcommands = true, max_term_width = 100)]
struct Program {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    work: Work,
}

#[derive(Debug, Subcommand)]
enum Command {
    Scheduler(command::Scheduler),
    Worker(command::worker::Worker),
    Status(command::status::Status),
    Cancel(command::cancel::Cancel),
    Retire(command::retire::Retire),
    Shutdown(command::shutdown::Shutdown),
}

/// Where the program's own work is done.
#[derive(Debug, Args)]
struct Work {
    /// Work on the cluster whose scheduler is at tcp://HOST:PORT, instead of one of this program's own
    #[arg(long, value_name = "ADDR", value_parser = parse_scheduler)]
    cluster: Option<String>,
    #[command(flatten)]
    access: Access,
    /// Number of workers, or MIN..MAX: then they start while work waits, and leave when there is none
    /// [default: one per core]
    #[arg(long, value_name = "N", value_parser = parse_workers, conflicts_with = "cluster")]
    workers: Option<Workers>,
    /// Threads per worker: how many tasks it runs at once [default: its share of the cores]
    #[arg(
        long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024),
        conflicts_with = "cluster"
    )]
    threads: Option<u16>,
    /// Workers are processes that talk TCP, instead of threads of this one
    #[arg(long, conflicts_with = "cluster")]
    processes: bool,
    /// Memory limit of each worker, such as 512MB or 2GiB [default: its share of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, conflicts_with = "cluster")]
    memory: Option<u64>,
    /// Record the run to this file [default: NAME-DATE-TIME.reel in this folder]
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cluster", "no_record"])]
    record: Option<PathBuf>,
    /// Do not record the run
    #[arg(long, conflicts_with = "cluster")]
    no_record: bool,
    /// Arguments of the program's own
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    args: Vec<String>,
}

/// What [`crate::main!`] calls: reads the command line, and does what it says. Worker processes of
/// the program's own cluster begin and end here, as in [`crate::init`].
pub fn program<E: Into<Box<dyn Error>>>(work: fn(&Client, &[String]) -> Result<(), E>) -> ExitCode {
    command::log_to_stderr();
    crate::init();
    let matches = Program::command().get_matches();
    let done = match Program::from_arg_matches(&matches) {
        Ok(Program { command: Some(command), .. }) => run(command),
        Ok(Program { command: None, work: options }) => options.run(work),
        Err(error) => error.exit(),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(command: Command) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match command {
        Command::Scheduler(scheduler) => scheduler.run(None),
        Command::Worker(worker) => worker.run(),
        Command::Status(status) => status.run(&mut out),
        Command::Cancel(cancel) => cancel.run(&mut out),
        Command::Retire(retire) => retire.run(),
        Command::Shutdown(shutdown) => shutdown.run(),
    }
}

impl Work {
    fn run<E: Into<Box<dyn Error>>>(
        self,
        work: fn(&Client, &[String]) -> Result<(), E>,
    ) -> Result<(), Failure> {
        if let Some(address) = &self.cluster {
            let (token, tls) = (self.access.token()?, self.access.tls()?);
            let options = ClientOptions { name: name(), token, tls, ..ClientOptions::default() };
            let client = Client::connect(address, &options).map_err(Failure::run)?;
            return work(&client, &self.args).map_err(Failure::run);
        }
        let mut builder = Cluster::local().processes(self.processes);
        builder = match self.workers {
            Some(Workers::Fixed(n_workers)) => builder.workers(n_workers.into()),
            Some(Workers::Between(min, max)) => builder.adapt(min.into(), max.into()),
            None => builder,
        };
        if let Some(n_threads) = self.threads {
            builder = builder.threads(n_threads);
        }
        if let Some(bytes) = self.memory {
            builder = builder.memory(bytes);
        }
        if self.no_record {
            builder = builder.no_record();
        } else if let Some(path) = self.record {
            builder = builder.record(path);
        }
        let cluster = builder.start().map_err(Failure::run)?;
        let done = work(&cluster.client(), &self.args).map_err(Failure::run);
        // A cluster that could not go on explains why the work failed.
        let summary = cluster.close().map_err(Failure::run)?;
        if let Some(record) = summary.record {
            say(format_args!("trace: {}", record.path.display()));
        }
        done
    }
}

fn name() -> String {
    command::failure::program_name().to_owned()
}
