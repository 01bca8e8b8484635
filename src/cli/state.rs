//! `reel state`: everything that was going on at an instant.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use taskreel_model::{
    HumanBytes, Nanos, Phase, PhaseCounts, Stage, State, TaskId, Worker, WorkerId, WorkerStatus,
};
use taskreel_replay::Instant;

use super::table::{Table, counted, grouped, printable};
use super::{Failure, INSTANTS, open};

/// How many keys the text lists per worker and kind; the JSON lists all.
const LISTED_MAX: usize = 4;

/// Shows the state of the cluster at an instant: what each worker ran, held and waited for.
///
/// State at an instant means all events logged by then.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{INSTANTS}

Examples:
  reel state run.reel --at 12.3s
  reel state run.reel --at 50% --json | jq .workers"))]
pub(crate) struct AtInstant {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// The instant.
    #[arg(long, value_name = "T", default_value = "end")]
    at: Instant,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

impl AtInstant {
    /// Prints the state.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let mut timeline = open::timeline(&self.trace, Vec::new())?;
        open::seek(&mut timeline, self.at);
        let (state, at) = (timeline.state(), timeline.now());
        open::say_warnings(&self.trace, timeline.warnings());
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &object(state, at))
                .map_err(std::io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        let events = counted(state.next_seq(), "event");
        writeln!(out, "At {at}, after {events}: {}", totals_line(state.totals()))?;
        write_prefixes(state, out)?;
        write_workers(state, at, out)?;
        Ok(())
    }
}

fn totals_line(totals: &PhaseCounts) -> String {
    let parts: Vec<String> = Phase::ALL
        .iter()
        .filter(|&&phase| totals.get(phase) > 0)
        .map(|&phase| format!("{} {}", grouped(totals.get(phase)), phase.name()))
        .collect();
    match parts.is_empty() {
        true => "no tasks".to_owned(),
        false => format!("{} ({})", counted(totals.total(), "task"), parts.join(", ")),
    }
}

fn write_prefixes(state: &State, out: &mut dyn Write) -> Result<(), Failure> {
    if state.prefixes().is_empty() {
        return Ok(());
    }
    let columns = [
        "prefix",
        ">tasks",
        ">waiting",
        ">queued",
        ">processing",
        ">memory",
        ">erred",
        ">released",
        ">forgotten",
    ];
    let mut table = Table::new(&columns);
    for prefix in state.prefixes() {
        let n = |phase| grouped(prefix.counts.get(phase));
        let waiting = prefix.counts.get(Phase::Waiting);
        table.row([
            prefix.name.to_string(),
            grouped(prefix.counts.total()),
            grouped(waiting),
            grouped(prefix.counts.get(Phase::Queued) + prefix.counts.get(Phase::NoWorker)),
            n(Phase::Processing),
            n(Phase::Memory),
            n(Phase::Erred),
            n(Phase::Released),
            n(Phase::Forgotten),
        ]);
    }
    writeln!(out)?;
    Ok(table.write(out)?)
}

fn write_workers(state: &State, at: Nanos, out: &mut dyn Write) -> Result<(), Failure> {
    for (index, worker) in state.workers().iter().enumerate() {
        let status = match worker.status {
            WorkerStatus::Running => String::new(),
            other => format!(" ({})", other.name()),
        };
        writeln!(out, "\n{}{status}", printable(&worker.info.name))?;
        if worker.status == WorkerStatus::Lost {
            continue;
        }
        let id = WorkerId(index as u32);
        let busy = worker.n_executing();
        writeln!(out, "  runs    {busy} of {}", counted(worker.info.slots.into(), "slot"))?;
        for (slot, task) in running(state, worker) {
            let since = started_at(state, task).map_or(Nanos::ZERO, |t| at.since(t));
            let name = printable(&state.task_name(task));
            writeln!(out, "            slot {slot}: {name}, for {since}")?;
        }
        let held = HumanBytes(worker.memory_bytes);
        let disk = match worker.disk_bytes {
            0 => String::new(),
            bytes => format!(", {} of them on disk", HumanBytes(bytes)),
        };
        let held = format!("{}, {held}{disk}", counted(worker.held.len() as u64, "result"));
        writeln!(out, "  holds   {held}{}", keys(state, &worker.held))?;
        for (stage, word) in [
            (Stage::Ready, "waits"),
            (Stage::Fetching, "fetches"),
            (Stage::Chained, "chained"),
            (Stage::Seceded, "seceded"),
        ] {
            let tasks = in_stage(state, worker, stage);
            let n = counted(tasks.len() as u64, "task");
            if !tasks.is_empty() || stage == Stage::Ready {
                writeln!(out, "  {word:<8}{n}{}", keys(state, &tasks))?;
            }
        }
        let arriving = state.flights().keys().filter(|(to, _)| *to == id).count() as u64;
        if arriving > 0 {
            writeln!(out, "  receives {}", counted(arriving, "result"))?;
        }
    }
    Ok(())
}

fn keys(state: &State, tasks: &[TaskId]) -> String {
    if tasks.is_empty() {
        return String::new();
    }
    let mut sorted = tasks.to_vec();
    sorted.sort_unstable();
    let names: Vec<String> =
        sorted.iter().take(LISTED_MAX).map(|task| printable(&state.task_name(*task))).collect();
    let more = if tasks.len() > LISTED_MAX { ", …" } else { "" };
    format!(": {}{more}", names.join(", "))
}

fn running<'a>(state: &'a State, worker: &'a Worker) -> impl Iterator<Item = (usize, TaskId)> + 'a {
    let live = move |task: &TaskId| state.task(*task).is_some();
    let slots = worker.slots.iter().enumerate();
    slots.filter_map(|(slot, task)| task.map(|task| (slot, task))).filter(move |(_, t)| live(t))
}

fn started_at(state: &State, task: TaskId) -> Option<Nanos> {
    Some(state.task(task)?.run?.executing()?.started_at)
}

fn in_stage(state: &State, worker: &Worker, stage: Stage) -> Vec<TaskId> {
    let is_in = |task: &&TaskId| {
        state.task(**task).and_then(|task| task.run).is_some_and(|run| run.stage() == stage)
    };
    worker.assigned.iter().filter(is_in).copied().collect()
}

fn object(state: &State, at: Nanos) -> Value {
    let counts = |counts: &PhaseCounts| -> Value {
        Phase::ALL.iter().map(|&p| (p.name().to_owned(), json!(counts.get(p)))).collect()
    };
    let prefixes: Vec<Value> = state
        .prefixes()
        .iter()
        .map(|prefix| {
            json!({
                "name": prefix.name,
                "tasks": prefix.counts.total(),
                "phases": counts(&prefix.counts),
                "finished": prefix.n_finished,
                "erred": prefix.n_erred,
                "run_time_s": prefix.run_time.as_secs_f64(),
                "result_bytes": prefix.result_bytes,
            })
        })
        .collect();
    let workers: Vec<Value> =
        (0..).zip(state.workers()).map(|(id, w)| worker_object(state, WorkerId(id), w)).collect();
    json!({
        "at_s": at.as_secs_f64(),
        "events": state.next_seq(),
        "tasks": state.totals().total(),
        "phases": counts(state.totals()),
        "prefixes": prefixes,
        "workers": workers,
    })
}

fn worker_object(state: &State, id: WorkerId, worker: &Worker) -> Value {
    let names = |mut tasks: Vec<TaskId>| -> Vec<String> {
        tasks.sort_unstable();
        tasks.into_iter().map(|task| state.task_name(task)).collect()
    };
    let executing: Vec<Value> = running(state, worker)
        .map(|(slot, task)| {
            let since = started_at(state, task).map(Nanos::as_secs_f64);
            json!({ "slot": slot, "task": state.task_name(task), "since_s": since })
        })
        .collect();
    let receiving: Vec<Value> = state
        .flights()
        .iter()
        .filter(|((to, _), _)| *to == id)
        .map(|((_, task), flight)| {
            let from = state.worker(flight.from).map(|from| from.info.name.clone());
            json!({ "task": state.task_name(*task), "from": from })
        })
        .collect();
    json!({
        "name": worker.info.name,
        "status": worker.status.name(),
        "slots": worker.info.slots,
        "executing": executing,
        "ready": names(in_stage(state, worker, Stage::Ready)),
        "fetching": names(in_stage(state, worker, Stage::Fetching)),
        "seceded": names(in_stage(state, worker, Stage::Seceded)),
        "chained": names(in_stage(state, worker, Stage::Chained)),
        "holds": names(worker.held.clone()),
        "receiving": receiving,
        "memory_bytes": worker.memory_bytes,
        "disk_bytes": worker.disk_bytes,
        "memory_limit": worker.info.memory_limit,
        "finished": worker.n_finished,
        "failed": worker.n_failed,
        "busy_s": worker.busy.as_secs_f64(),
    })
}
