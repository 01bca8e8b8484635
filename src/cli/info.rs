//! `reel info`: what a trace holds.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use taskreel_model::{Event, HumanBytes, Nanos, State};
use taskreel_recorder::{Totals, TraceInfo};

use super::table::{counted, grouped, printable};
use super::{Failure, open};

/// Says what a trace holds: run, tasks, workers, size, and whether anything is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  reel info run.reel
  reel info run.reel --json | jq .tasks")]
pub(crate) struct Info {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

/// The JSON form; the text says the same.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) trace: String,
    pub(crate) name: String,
    pub(crate) run_id: String,
    pub(crate) started: String,
    pub(crate) started_unix_ns: u64,
    pub(crate) duration_s: f64,
    pub(crate) version: String,
    pub(crate) format: String,
    pub(crate) host: String,
    pub(crate) platform: String,
    pub(crate) command: Vec<String>,
    pub(crate) workers: Workers,
    pub(crate) graphs: u64,
    pub(crate) tasks: Tasks,
    pub(crate) events: u64,
    pub(crate) samples: u64,
    pub(crate) logs: u64,
    pub(crate) bytes: u64,
    pub(crate) bytes_per_event: f64,
    /// Whether the run was closed and nothing is missing.
    pub(crate) complete: bool,
    /// What is missing, or was skipped.
    pub(crate) warnings: Vec<String>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Workers {
    pub(crate) joined: u64,
    pub(crate) lost: u64,
    pub(crate) slots: u64,
}

/// Each task once, by how it ended.
#[derive(Debug, Serialize)]
pub(crate) struct Tasks {
    pub(crate) total: u64,
    pub(crate) finished: u64,
    pub(crate) erred: u64,
    pub(crate) cancelled: u64,
    pub(crate) unfinished: u64,
}

impl Info {
    /// Prints the report.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let report = Report::of(&self.trace)?;
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &report).map_err(std::io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        report.write(out)
    }
}

impl Report {
    /// What a trace's footer says; without one the trace is folded.
    fn of(trace: &Path) -> Result<Self, Failure> {
        let (info, name) = (open::info(trace)?, trace.display().to_string());
        match info.summary.totals {
            Some(totals) => Ok(Self::new(name, info, totals)),
            None => Ok(Self::folded(trace, name, info)?.0),
        }
    }

    /// Reads a whole trace, which is to be called `name`, and gives its last state too.
    pub(crate) fn read(trace: &Path, name: &str) -> Result<(Self, State), Failure> {
        Self::folded(trace, name.to_owned(), open::info(trace)?)
    }

    fn folded(trace: &Path, name: String, info: TraceInfo) -> Result<(Self, State), Failure> {
        let mut n_lost = 0;
        let (state, warnings) = open::fold(trace, |event, _| {
            if let Event::WorkerLost { reason, .. } = event.what {
                n_lost += u64::from(reason.is_unplanned());
            }
            ControlFlow::Continue(())
        })?;
        let mut report = Self::new(name, info, Totals::of(&state));
        report.workers.lost = n_lost;
        report.complete &= warnings.is_empty();
        // The footer knows of nothing that reading stumbles over.
        report.warnings.extend(warnings);
        let mut seen = BTreeSet::new();
        report.warnings.retain(|warning| seen.insert(warning.clone()));
        Ok((report, state))
    }

    fn new(trace: String, info: TraceInfo, totals: Totals) -> Self {
        let started = Timestamp::from_nanosecond(i128::from(info.run.started_unix_ns))
            .map_or_else(|_| "unknown".to_owned(), |t| format!("{t:.3}"));
        let events = info.summary.events;
        Self {
            trace,
            name: info.run.name,
            run_id: info.run.run_id,
            started,
            started_unix_ns: info.run.started_unix_ns,
            duration_s: Nanos(info.summary.last_logged_at_ns).as_secs_f64(),
            version: info.run.version,
            format: format!("{}.{}", info.format.0, info.format.1),
            host: info.run.host,
            platform: info.run.platform,
            command: info.run.command,
            workers: Workers {
                joined: totals.workers,
                lost: info.summary.workers_lost,
                slots: totals.slots,
            },
            graphs: info.summary.n_events("GraphSubmitted"),
            tasks: Tasks::of(totals),
            events,
            samples: info.summary.samples,
            logs: info.summary.logs,
            bytes: info.bytes,
            bytes_per_event: info.bytes as f64 / events.max(1) as f64,
            complete: info.closed && info.warnings.is_empty(),
            warnings: info.warnings.iter().map(ToString::to_string).collect(),
        }
    }

    fn write(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let mut line = |name: &str, value: String| {
            writeln!(out, "{name:<10}{}", printable(&value)).map_err(Failure::from)
        };
        let (workers, tasks) = (&self.workers, &self.tasks);
        line("name", self.name.clone())?;
        line("started", self.started.clone())?;
        line("duration", Nanos::from_secs_f64(self.duration_s).to_string())?;
        line("host", format!("{} ({})", self.host, self.platform))?;
        line("command", self.command.join(" "))?;
        line("version", format!("{} (format {})", self.version, self.format))?;
        let lost =
            if workers.lost > 0 { format!(", {} lost", workers.lost) } else { String::new() };
        let n_workers = counted(workers.joined, "worker");
        line("workers", format!("{n_workers}, {}{lost}", counted(workers.slots, "slot")))?;
        let outcomes = [
            (tasks.finished, "finished"),
            (tasks.erred, "erred"),
            (tasks.cancelled, "cancelled"),
            (tasks.unfinished, "unfinished"),
        ];
        let outcomes: Vec<String> = outcomes
            .iter()
            .filter(|(n, name)| *n > 0 || *name == "finished")
            .map(|(n, name)| format!("{} {name}", grouped(*n)))
            .collect();
        line("graphs", grouped(self.graphs))?;
        line("tasks", format!("{}: {}", grouped(tasks.total), outcomes.join(", ")))?;
        line("events", grouped(self.events))?;
        let size = HumanBytes(self.bytes);
        line("size", format!("{size}, {:.1} B per event", self.bytes_per_event))?;
        let complete = if self.complete { "yes" } else { "no" };
        line("complete", complete.to_owned())?;
        self.warnings.iter().try_for_each(|warning| line("", warning.clone()))
    }
}

impl Tasks {
    /// Each task of a run once.
    pub(crate) fn of(totals: Totals) -> Self {
        let Totals { tasks: total, finished, erred, cancelled, .. } = totals;
        let unfinished = total.saturating_sub(finished + erred + cancelled);
        Self { total, finished, erred, cancelled, unfinished }
    }
}
