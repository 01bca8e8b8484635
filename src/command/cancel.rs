//! `reel cancel`: gives tasks of a cluster up.

use std::io::Write;

use clap::Args;
use taskreel_model::{ClientId, GraphId, TaskId};
use taskreel_runtime::Operator;
use taskreel_runtime::wire::operate::Target;

use super::Failure;
use super::access::Access;
use super::size::parse_scheduler;
use super::table::counted;

/// Gives up a task, a graph or all that a client wants, with all that depends on it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reel cancel tcp://head:7878 g3             a graph, as reel status shows it
  reel cancel tcp://head:7878 count-17       a task, by its key")]
pub struct Cancel {
    /// The scheduler: tcp://HOST:PORT
    #[arg(value_name = "ADDR", value_parser = parse_scheduler)]
    address: String,
    /// A task (t17 or its key), a graph (g3) or a client (c1), as `reel status` shows them
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    access: Access,
}

impl Cancel {
    /// Asks for it, and says how much it was.
    pub fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = Operator::new(self.address, self.access.credentials()?);
        let n_tasks = operator.cancel(target(&self.id)).map_err(Failure::run)?;
        writeln!(out, "{} given up", counted(n_tasks, "task"))?;
        Ok(())
    }
}

fn target(id: &str) -> Target {
    let number = |letter: char| id.strip_prefix(letter).and_then(|n| n.parse::<u32>().ok());
    let task = number('t').map(|n| Target::Task(TaskId(n)));
    let graph = || number('g').map(|n| Target::Graph(GraphId(n)));
    let client = || number('c').map(|n| Target::Client(ClientId(n)));
    task.or_else(graph).or_else(client).unwrap_or_else(|| Target::Key(id.to_owned()))
}
