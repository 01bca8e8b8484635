//! `reel simulate`: what if the run had had another cluster?
//!
//! [`Workload`] is what a trace says was to be done: the graphs, when they were submitted and after
//! what, how long each task took and how large its result was. `measure` reads from the same trace
//! what the cluster itself cost. `predict` gives both to the real scheduler core among simulated
//! workers (`taskreel_model::simulation`) and records what happens.

mod measure;
mod predict;
mod submissions;
#[cfg(test)]
mod tests;
mod workload;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::builder::PossibleValuesParser;
use serde_json::json;
use taskreel_model::simulation::Network;
use taskreel_model::{HumanBytes, Nanos, POLICY_NAMES, State, WorkerInfo, policy_by_name};
use taskreel_recorder::{Recorder, RecorderOptions, RunInfo, Source, TraceReader};
use taskreel_replay::Instant;

use super::Failure;
use super::failure::say;
use super::size::parse_size;
use super::table::{Table, counted, grouped};
use predict::{Cluster, Prediction, fit, predict};
use workload::{Gather, Presence, Workload};

/// A cluster with more is not simulated: each slot takes some bytes.
const MAX_SLOTS: u64 = 10_000_000;

/// Says how long a recorded run would have taken on another cluster, and records that.
///
/// The real scheduler runs the recorded graphs again, on workers and a network that are simulated:
/// each task takes as long as it did, and what the cluster cost is measured from the trace. What is
/// predicted is a trace like any other: view it, explain it, compare it with the run. Workers come and
/// go when they did, unless --workers says how many there are. Spilling, pauses and cancelled tasks
/// are left out.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  reel simulate run.reel                        the cluster as it was: how good is the prediction?
  reel simulate run.reel --workers 16           sixteen of its workers
  reel simulate run.reel --bandwidth 100MB      a slower network
  reel simulate run.reel --workers 4 -o four.reel && reel diff run.reel four.reel")]
pub(crate) struct Simulate {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// How many workers, like the first one that the run had [default: those that it had]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    workers: Option<u32>,
    /// How many tasks each worker runs at once [default: as it did]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    threads: Option<u16>,
    /// Bytes a second that a worker receives, such as 100MB or 1GiB [default: measured]
    #[arg(long, value_name = "SIZE", value_parser = parse_bandwidth)]
    bandwidth: Option<u64>,
    /// How long a message takes from one end to the other, such as 50us or 2ms [default: measured]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    latency: Option<Nanos>,
    /// Which worker runs what [default: as it was]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(POLICY_NAMES))]
    policy: Option<String>,
    /// Seed of the lots that a policy draws [default: that of the run]
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Record the prediction to this file, which must not exist
    #[arg(short, long, value_name = "OUT.reel")]
    output: Option<PathBuf>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

fn parse_bandwidth(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        0 => Err("with no bandwidth no result would ever arrive: write 1 or more".to_owned()),
        bytes => Ok(bytes),
    }
}

fn parse_time(text: &str) -> Result<Nanos, String> {
    match text.parse() {
        Ok(Instant::At(time)) => Ok(time),
        _ => Err(format!("`{text}` is no time: write 50us, 2ms or 0.1s")),
    }
}

impl Simulate {
    /// Predicts, records and prints.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let (info, workload) = read(&self.trace)?;
        let workload = Arc::new(workload);
        let cluster = self.cluster(&workload, fit(&workload).map_err(Failure::run)?)?;
        let (network, n_workers) = (cluster.network, cluster.workers.len());
        let n_slots: u64 = slots(&cluster.workers);
        let mut recorder =
            self.output.as_deref().map(|path| self.record(path, &info)).transpose()?;
        let (prediction, state) =
            predict(&workload, cluster, &mut recorder).map_err(Failure::run)?;
        if let Some(recorder) = recorder {
            recorder.finish_at(&state).map_err(Failure::run)?;
        }
        if self.json {
            let predicted = json!({
                "makespan_s": prediction.makespan.as_secs_f64(),
                "workers": n_workers, "slots": n_slots, "policy": self.policy(&workload),
                "bound_by_work_s": prediction.work_bound.as_secs_f64(),
                "bound_by_path_s": prediction.path_bound.as_secs_f64(),
                "unfinished": prediction.n_stuck, "events": prediction.n_events,
                "trace": self.output,
            });
            let recorded = json!({
                "makespan_s": workload.makespan.as_secs_f64(),
                "workers": workload.workers.len(), "tasks": workload.tasks.len(),
            });
            let costs = costs_json(network);
            let all = json!({"recorded": recorded, "predicted": predicted, "costs": costs});
            serde_json::to_writer_pretty(&mut *out, &all).map_err(std::io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        write(&workload, &prediction, (n_workers as u64, n_slots), network, &state, out)?;
        if let Some(path) = &self.output {
            say(format_args!("wrote {}", path.display()));
        }
        Ok(())
    }

    fn policy<'a>(&'a self, workload: &'a Workload) -> &'a str {
        self.policy.as_deref().unwrap_or(&workload.policy)
    }

    fn cluster(&self, workload: &Workload, mut network: Network) -> Result<Cluster, Failure> {
        let mut workers = workload.workers.clone();
        let Some(first) = workers.first().map(|worker| worker.info.clone()) else {
            let path = self.trace.display();
            return Err(Failure::input(format!("{path}: no worker ever joined this run")));
        };
        if let Some(n_workers) = self.workers {
            workers = (0..n_workers).map(|number| like(&first, number)).collect();
        }
        if let Some(threads) = self.threads {
            workers.iter_mut().for_each(|worker| worker.info.slots = threads);
        }
        let n_slots = slots(&workers);
        if n_slots > MAX_SLOTS {
            let (n_workers, most) = (grouped(workers.len() as u64), grouped(MAX_SLOTS));
            let slots = grouped(n_slots);
            return Err(Failure::usage(format!(
                "{n_workers} workers with {slots} slots are too many: {most} slots can be simulated"
            )));
        }
        network.bandwidth = self.bandwidth.unwrap_or(network.bandwidth).max(1);
        if let Some(latency) = self.latency {
            (network.latency, network.report) = (latency, latency);
            network.fetch = latency + latency;
        }
        let seed = self.seed.unwrap_or(workload.seed);
        let policy = policy_by_name(self.policy(workload), seed).expect("clap knows the names");
        Ok(Cluster { workers, network, policy })
    }

    fn record(&self, path: &Path, of: &RunInfo) -> Result<Recorder, Failure> {
        let info = RunInfo {
            run_id: format!("{}-simulated", of.run_id),
            name: format!("{}, simulated", of.name),
            command: std::env::args().collect(),
            tick_ns: 1,
            seed: self.seed.unwrap_or(of.seed),
            ..of.clone()
        };
        Recorder::create(path, &info, RecorderOptions::default()).map_err(Failure::run)
    }
}

fn read(path: &Path) -> Result<(RunInfo, Workload), Failure> {
    let mut reader = TraceReader::open(path).map_err(Failure::input)?;
    if reader.opening_state().map_err(Failure::input)?.is_some() {
        let hint = "this needs the whole: ask for a pack without --from";
        return Err(Failure::input(format!("{} is a part of a run; {hint}", path.display())));
    }
    let (mut state, mut changes, mut gather) = (State::new(), Vec::new(), Gather::default());
    while let Some(batch) = reader.next_batch().map_err(Failure::input)? {
        for event in &batch.events {
            changes.clear();
            state.apply(event, &mut changes).map_err(Failure::input)?;
            gather.take(event, &changes, &state);
        }
    }
    for warning in reader.warnings() {
        say(format_args!("{}: {warning}", path.display()));
    }
    Ok((reader.run_info().clone(), gather.finish(reader.run_info().seed)))
}

/// One more worker like that one, from begin to end.
fn like(first: &WorkerInfo, number: u32) -> Presence {
    let info = WorkerInfo {
        name: format!("worker-{number}"),
        address: format!("simulated://{number}"),
        pid: number,
        ..first.clone()
    };
    Presence { info, joined_at: Nanos::ZERO, retires_at: None, gone: None }
}

/// How many slots they have together.
fn slots(workers: &[Presence]) -> u64 {
    workers.iter().map(|worker| u64::from(worker.info.slots)).sum()
}

fn costs_json(network: Network) -> serde_json::Value {
    json!({
        "latency_s": network.latency.as_secs_f64(),
        "report_s": network.report.as_secs_f64(),
        "fetch_s": network.fetch.as_secs_f64(),
        "bandwidth_bytes_per_s": network.bandwidth,
        "handover_s": network.handover.as_secs_f64(),
        "scheduler_per_event_s": network.per_event.as_secs_f64(),
    })
}

fn write(
    workload: &Workload,
    prediction: &Prediction,
    (n_workers, n_slots): (u64, u64),
    network: Network,
    state: &State,
    out: &mut dyn Write,
) -> Result<(), Failure> {
    let recorded_slots = slots(&workload.workers);
    let mut table = Table::new(&["", ">workers", ">slots", ">makespan"]);
    let mut row = |name: &str, workers: u64, slots: u64, makespan: Nanos| {
        table.row([name.to_owned(), grouped(workers), grouped(slots), makespan.to_string()]);
    };
    row("recorded", workload.workers.len() as u64, recorded_slots, workload.makespan);
    row("predicted", n_workers, n_slots, prediction.makespan);
    table.write(out)?;
    let (work, path) = (prediction.work_bound, prediction.path_bound);
    writeln!(out, "\nNo cluster with these slots takes less than {}:", work.max(path))?;
    writeln!(out, "  the work, shared out evenly   {work}")?;
    writeln!(out, "  the longest chain of tasks    {path}")?;
    writeln!(out, "\nWhat the cluster is taken to cost")?;
    writeln!(out, "  a task on its way to a slot   {}", network.latency)?;
    writeln!(out, "  a report                      {}", network.report)?;
    let (fetch, rate) = (network.fetch, HumanBytes(network.bandwidth));
    writeln!(out, "  a transfer                    {fetch}, and {rate} a second")?;
    writeln!(out, "  a slot between two tasks      {}", network.handover)?;
    writeln!(out, "  an event of the scheduler     {}", network.per_event)?;
    if workload.n_not_run > 0 {
        let n = counted(workload.n_not_run as u64, "task");
        writeln!(out, "\n{n} never ran to an end, and are taken to need no time.")?;
    }
    if prediction.n_stuck > 0 {
        let n = counted(prediction.n_stuck as u64, "task");
        let n_workers = state.workers().len();
        writeln!(out, "\n{n} wait for something that none of the {n_workers} workers has.")?;
    }
    Ok(())
}
