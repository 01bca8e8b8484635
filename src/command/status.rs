//! `reel status`: how a cluster is now.

use std::io::Write;

use clap::Args;
use taskreel_model::HumanBytes;
use taskreel_runtime::Operator;
use taskreel_runtime::wire::operate::{ClusterStatus, WorkerLine};

use super::Failure;
use super::access::Access;
use super::size::parse_scheduler;
use super::table::{Table, counted, grouped, printable};

/// Shows the workers, clients and unfinished graphs of the cluster at ADDR.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reel status tcp://head:7878
  reel status tcp://head:7878 --json | jq .workers")]
pub struct Status {
    /// The scheduler: tcp://HOST:PORT
    #[arg(value_name = "ADDR", value_parser = parse_scheduler)]
    address: String,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    access: Access,
}

impl Status {
    /// Asks and prints.
    pub fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let operator = Operator::new(self.address, self.access.credentials()?);
        let status = operator.status().map_err(Failure::run)?;
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &status).map_err(std::io::Error::from)?;
            writeln!(out)?;
            return Ok(());
        }
        print(&status, out)?;
        Ok(())
    }
}

fn print(status: &ClusterStatus, out: &mut dyn Write) -> std::io::Result<()> {
    let ClusterStatus { name, version, elapsed, incarnation, n_events, .. } = status;
    writeln!(out, "{} for {elapsed}, {} recorded", printable(name), counted(*n_events, "event"))?;
    writeln!(
        out,
        "version {}, started again {}",
        printable(version),
        counted(u64::from(*incarnation), "time")
    )?;
    let phases = status.tasks.iter().filter(|(_, n)| *n > 0);
    let phases: Vec<String> = phases.map(|(phase, n)| format!("{} {phase}", grouped(*n))).collect();
    writeln!(
        out,
        "tasks: {}",
        if phases.is_empty() { "none".to_owned() } else { phases.join(", ") }
    )?;
    let mut table = Table::new(&[
        "worker",
        "id",
        "status",
        ">slots",
        ">running",
        ">assigned",
        ">waiting",
        ">finished",
        ">memory",
    ]);
    for worker in &status.workers {
        let WorkerLine { name, id, status, slots, executing, assigned, waiting, finished, .. } =
            worker;
        table.row([
            name.clone(),
            id.to_string(),
            status.clone(),
            slots.to_string(),
            executing.to_string(),
            assigned.to_string(),
            waiting.to_string(),
            grouped(*finished),
            HumanBytes(worker.memory_bytes + worker.disk_bytes).to_string(),
        ]);
    }
    table.write(out)?;
    let mut table = Table::new(&["graph", "id", "client", ">tasks", ">ended", ">failed"]);
    for graph in &status.graphs {
        let client = status.clients.iter().find(|client| client.id == graph.client);
        let away = if client.is_some_and(|client| client.away) { " (away)" } else { "" };
        table.row([
            graph.name.clone(),
            graph.id.to_string(),
            format!("{}{away}", client.map_or("", |client| &client.name)),
            grouped(graph.tasks.into()),
            grouped(graph.ended.into()),
            grouped(graph.erred.into()),
        ]);
    }
    if !status.graphs.is_empty() {
        table.write(out)?;
    }
    Ok(())
}
