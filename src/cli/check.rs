//! `reel check`: everything that is wrong with a trace, and a sound one of what can be saved.

use std::io::Write;
use std::path::PathBuf;

use serde_json::{Value, json};
use taskreel_recorder::{CheckReport, RepairError, check_trace, repair_trace};

use super::Failure;
use super::failure::say;
use super::json::Object;
use super::table::{counted, grouped};

/// Reads every byte of a trace and says what is wrong with it, and where.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  reel check run.reel
  reel check run.reel --repair -o sound.reel

Ends with 0 if the trace is sound, with 1 if something is wrong. A run that was killed has no footer:
that is one thing wrong, and --repair adds it.")]
pub(crate) struct Check {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// Write a sound trace with all that can be saved
    #[arg(long, requires = "out")]
    repair: bool,
    /// Where to write it; the file must not exist
    #[arg(short, long = "out", value_name = "FILE", requires = "repair")]
    out: Option<PathBuf>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(crate) fn run(self, out: &mut dyn Write) -> Result<(), Failure> {
        let Some(target) = &self.out else {
            let report = check_trace(&self.trace).map_err(Failure::input)?;
            self.print(&report, out)?;
            return if report.is_sound() { Ok(()) } else { Err(Failure::told()) };
        };
        let repaired = repair_trace(&self.trace, target).map_err(|error| match error {
            RepairError::Open(_) | RepairError::Read(_) => Failure::input(error),
            RepairError::Create(_) | RepairError::Record(_) => Failure::run(error),
        })?;
        self.print(&repaired.report, out)?;
        let from = match repaired.first_event {
            0 => String::new(),
            first => format!(" from event {} on", grouped(first)),
        };
        let events = counted(repaired.events, "event");
        say(format_args!("{}: a sound trace with {events}{from}", target.display()));
        Ok(())
    }

    fn print(&self, report: &CheckReport, out: &mut dyn Write) -> Result<(), Failure> {
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &self.object(report))
                .map_err(std::io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        for finding in &report.findings {
            writeln!(out, "{finding}")?;
        }
        if report.n_more > 0 {
            writeln!(out, "and {} more", grouped(report.n_more))?;
        }
        if report.unknown > 0 {
            let n = grouped(report.unknown);
            writeln!(out, "{n} blocks or events of a newer version were passed over")?;
        }
        let (blocks, events) = (counted(report.blocks, "block"), counted(report.events, "event"));
        let verdict = if report.is_sound() { "sound" } else { "not sound" };
        Ok(writeln!(out, "{verdict}: {blocks}, {events} read")?)
    }

    fn object(&self, report: &CheckReport) -> Object {
        let findings: Vec<Value> = report
            .findings
            .iter()
            .map(|f| json!({ "offset": f.offset, "bytes": f.bytes, "what": f.what }))
            .collect();
        Object(vec![
            ("trace", json!(self.trace)),
            ("sound", json!(report.is_sound())),
            ("closed", json!(report.closed)),
            ("findings", json!(findings)),
            ("more_findings", json!(report.n_more)),
            ("blocks", json!(report.blocks)),
            ("keyframes", json!(report.keyframes)),
            ("events", json!(report.events)),
            ("tail_events", json!(report.tail_events)),
            ("unknown", json!(report.unknown)),
        ])
    }
}
