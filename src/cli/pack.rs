//! `reel pack`: a run as one small zip to attach to an issue.

mod issue;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::json;
use taskreel_model::{HumanBytes, Nanos};
use taskreel_recorder::TraceReader;
use taskreel_recorder::pack::{
    Copied, CopyError, CopyOptions, LeftOut, Part, ZipWriter, copy_trace,
};
use taskreel_replay::Instant;
use taskreel_replay::analysis::{Facts, explain};
use taskreel_replay::figure::Theme;
use taskreel_replay::plots::{self, Plot};
use taskreel_replay::render::{png, svg};

use super::failure::say;
use super::info::Report;
use super::json::Object;
use super::size::parse_size;
use super::table::{counted, grouped};
use super::{Failure, INSTANTS, open};

/// Size of the picture, in pixels.
const PICTURE_PX: (u32, u32) = (1280, 480);
/// What issue trackers take as an attachment.
const DEFAULT_MAX: &str = "25MB";
/// Bytes that the texts of a small pack take, and its zip.
const TEXTS: u64 = 6_000;

/// Packs a run into one small zip to hand on: trace, picture, summary, and a text for an issue.
///
/// Every command opens the zip as it is. What tasks were called with (arguments, environment) is
/// never in it.
#[derive(Debug, clap::Args)]
#[command(after_help = format!("{INSTANTS}

Examples:
  reel pack run.reel                      writes run.reel.zip here, at most 25 MB
  reel pack run.reel --redact             names, paths and messages become pseudonyms
  reel pack run.reel -o slow.zip --from 40% --to 1m10s --max-bytes 10MB
  reel view run.reel.zip                  what its reader does"))]
pub(crate) struct Pack {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// The zip to write; one that is there is replaced [default: FILE.zip in this folder]
    #[arg(short, long, value_name = "OUT.zip")]
    output: Option<PathBuf>,
    /// The most it may have: samples are left out first, then log lines, then the end of the run
    #[arg(long, value_name = "SIZE", default_value = DEFAULT_MAX, value_parser = parse_size)]
    max_bytes: u64,
    /// Only the run from here on; the state at that instant is packed with it [default: the begin]
    #[arg(long, value_name = "T")]
    from: Option<Instant>,
    /// Only the run up to here [default: the end]
    #[arg(long, value_name = "T")]
    to: Option<Instant>,
    /// Replace keys, names of workers and hosts, addresses, paths, arguments, log lines and error
    /// messages by pseudonyms such as host~1
    #[arg(long)]
    redact: bool,
}

/// What goes into the zip beside the trace.
struct Parts {
    svg: String,
    png: Vec<u8>,
    summary: Vec<u8>,
    issue: String,
}

/// Files that are removed unless they were put where they belong.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // It may never have been made, or have been renamed.
        let _ = fs::remove_file(&self.0);
    }
}

impl Pack {
    /// Writes the zip and says what is in it.
    pub(crate) fn run(&self) -> Result<(), Failure> {
        let output = self.output()?;
        let (copied, _issue, bytes) = self.make(&output)?;
        open::say_warnings(&self.trace, &copied.warnings);
        say(format_args!("wrote {} ({})", output.display(), HumanBytes(bytes)));
        for line in left_out(&copied.left_out) {
            say(format_args!("left out: {line}"));
        }
        if self.redact {
            let n = counted(copied.n_replaced, "text");
            say(format_args!(
                "redacted: {n} became pseudonyms; still readable: {}",
                issue::READABLE
            ));
        }
        Ok(())
    }

    /// Packs a whole run with the usual options, and gives the text for an issue.
    pub(crate) fn whole(trace: &Path, output: &Path) -> Result<String, Failure> {
        let max_bytes = parse_size(DEFAULT_MAX).map_err(Failure::usage)?;
        let (trace, redact) = (trace.to_owned(), false);
        let pack = Self { trace, output: None, max_bytes, from: None, to: None, redact };
        pack.make(output).map(|(_, issue, _)| issue)
    }

    /// Writes the zip whole or not at all; gives what went into it and its bytes.
    fn make(&self, output: &Path) -> Result<(Copied, String, u64), Failure> {
        let beside = |ending: &str| {
            let mut name = output.as_os_str().to_owned();
            name.push(ending);
            Scratch(name.into())
        };
        let (trace, zip) = (beside(".trace"), beside(".part"));
        let (copied, parts) = self.fit(&trace.0)?;
        let bytes = write_zip(&zip.0, &trace.0, &parts, self.max_bytes)?;
        if bytes > self.max_bytes {
            return Err(self.too_small());
        }
        fs::rename(&zip.0, output).map_err(|error| write_failure(output, &error))?;
        Ok((copied, parts.issue, bytes))
    }

    /// The copy of the trace, at a path, and what goes beside it. How long the texts are is known when
    /// they are made: where a run has many long names, the copy is made once more, and smaller.
    fn fit(&self, trace: &Path) -> Result<(Copied, Parts), Failure> {
        let mut reserve = self.reserve();
        loop {
            let copied = self.copy(trace, self.max_bytes.saturating_sub(reserve))?;
            let parts = Parts::of(trace, &copied, self.redact)?;
            let texts = parts.texts_bytes();
            if texts <= reserve || copied.bytes + texts <= self.max_bytes {
                return Ok((copied, parts));
            }
            reserve = texts;
        }
    }

    /// Room for all but the trace: the picture is the largest of it, and may stay out.
    fn reserve(&self) -> u64 {
        (self.max_bytes / 5).clamp(TEXTS, 1_000_000)
    }

    fn copy(&self, output: &Path, max_bytes: u64) -> Result<Copied, Failure> {
        let (from, to) = self.window()?;
        let options = CopyOptions { max_bytes: Some(max_bytes), redact: self.redact, from, to };
        copy_trace(&self.trace, output, options).map_err(|error| match error {
            CopyError::TooSmall { .. } => self.too_small(),
            other => failure(other),
        })
    }

    fn too_small(&self) -> Failure {
        failure(CopyError::TooSmall { max_bytes: self.max_bytes })
    }

    /// The part of the run to pack.
    fn window(&self) -> Result<(Option<Nanos>, Option<Nanos>), Failure> {
        if self.from.is_none() && self.to.is_none() {
            return Ok((None, None));
        }
        let end = open::info(&self.trace)?.summary.last_logged_at();
        let resolve = |instant: Option<Instant>, name: &str| match instant {
            None => Ok(None),
            Some(instant) => open::at(instant, end).map(Some).ok_or_else(|| {
                let hint = "a window is in time: write 12.3s, 50% or end";
                Failure::usage(format!("--{name} cannot be {instant}; {hint}"))
            }),
        };
        let (from, to) = (resolve(self.from, "from")?, resolve(self.to, "to")?);
        let (begin, finish) = (from.unwrap_or(Nanos::ZERO), to.unwrap_or(end));
        if begin > finish || begin > end {
            let hint = format!("the run ends at {end}");
            return Err(Failure::usage(format!(
                "nothing lies between {begin} and {finish}: {hint}"
            )));
        }
        Ok((from, to))
    }

    fn output(&self) -> Result<PathBuf, Failure> {
        let output = match &self.output {
            Some(output) => output.clone(),
            None => self.default_output()?,
        };
        if !output.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip")) {
            let hint = "name it OUT.zip: issue trackers refuse other endings";
            return Err(Failure::usage(format!("cannot write {}: {hint}", output.display())));
        }
        let is_input = match (output.canonicalize(), self.trace.canonicalize()) {
            (Ok(output), Ok(input)) => output == input,
            _ => false,
        };
        if is_input {
            let hint = "give another name with -o";
            return Err(Failure::usage(format!(
                "{} would replace itself: {hint}",
                output.display()
            )));
        }
        Ok(output)
    }

    /// The trace's name with `.zip`. A redacted one must not tell the name.
    fn default_output(&self) -> Result<PathBuf, Failure> {
        if self.redact {
            let id = open::info(&self.trace)?.run.run_id;
            let id: String = id.chars().filter(char::is_ascii_alphanumeric).take(8).collect();
            return Ok(format!("redacted-{id}.reel.zip").into());
        }
        let mut name = self.trace.file_name().unwrap_or_default().to_owned();
        if !self.trace.extension().is_some_and(|end| end.eq_ignore_ascii_case("zip")) {
            name.push(".zip");
        }
        Ok(name.into())
    }
}

impl Parts {
    /// Bytes of all but trace and pictures, with the zip's own.
    fn texts_bytes(&self) -> u64 {
        (self.summary.len() + self.issue.len() + 1_024) as u64
    }

    /// Made from the copy, so that they tell nothing that it does not.
    fn of(trace: &Path, copied: &Copied, redacted: bool) -> Result<Self, Failure> {
        let (mut report, state) = Report::read(trace, Part::Trace.name())?;
        // The copy of a damaged trace is sound; what was wrong with the original counts.
        report.warnings.extend(copied.warnings.iter().map(ToString::to_string));
        report.warnings.dedup();
        report.complete &= copied.closed && copied.warnings.is_empty();
        let (svg, png) = picture(trace)?;
        let facts = Facts::read(&mut TraceReader::open(trace).map_err(Failure::input)?);
        let findings = explain(&facts).findings;
        let lost = &copied.left_out;
        let summary = Object(vec![
            ("run", json!(report)),
            ("redacted", json!(redacted)),
            ("findings", json!(findings)),
            (
                "left_out",
                json!({
                    "specs": lost.specs, "samples": lost.samples, "logs": lost.logs,
                    "events": lost.events, "cut_at_s": lost.cut_at.map(|at| at.as_secs_f64()),
                }),
            ),
        ]);
        let mut summary = serde_json::to_vec_pretty(&summary).map_err(io::Error::from)?;
        summary.push(b'\n');
        let before =
            facts.begins_at.map(|at| format!("the run before {at}: this is a part of a run"));
        let left_out = left_out(lost).into_iter().chain(before).collect();
        let issue = issue::text(&report, &state, &findings, left_out, redacted);
        Ok(Self { svg, png, summary, issue })
    }
}

/// The task stream of a whole trace, as SVG and as PNG.
fn picture(trace: &Path) -> Result<(String, Vec<u8>), Failure> {
    let stream: Vec<Box<dyn Plot>> = plots::by_id("task-stream").into_iter().collect();
    let mut timeline = open::timeline(trace, stream)?;
    open::seek(&mut timeline, Instant::End);
    let (width, height) = PICTURE_PX;
    let plot = timeline.plot("task-stream").expect("it is one of all plots");
    let figure = plot.figure(&timeline.view(width, height));
    let theme = Theme::light();
    Ok((svg(&figure, &theme), png(&figure, &theme)))
}

/// Puts everything into one file. The pictures stay out if there is no room for them.
fn write_zip(to: &Path, trace: &Path, parts: &Parts, max_bytes: u64) -> Result<u64, Failure> {
    let fault = |error: io::Error| write_failure(to, &error);
    let trace_bytes = fs::metadata(trace).map_err(fault)?.len();
    let mut room = max_bytes.saturating_sub(trace_bytes + parts.texts_bytes());
    let mut takes = |picture: &[u8], name: &str| {
        let fits = picture.len() as u64 <= room;
        match fits {
            true => room -= picture.len() as u64,
            false => say(format_args!("left out: {name}, for want of room")),
        }
        fits
    };
    let mut zip = ZipWriter::new(BufWriter::new(File::create(to).map_err(fault)?));
    zip.add(Part::Trace, &mut File::open(trace).map_err(fault)?).map_err(fault)?;
    if takes(&parts.png, Part::Png.name()) {
        zip.add(Part::Png, &mut parts.png.as_slice()).map_err(fault)?;
    }
    if takes(parts.svg.as_bytes(), Part::Svg.name()) {
        zip.add(Part::Svg, &mut parts.svg.as_bytes()).map_err(fault)?;
    }
    zip.add(Part::Summary, &mut parts.summary.as_slice()).map_err(fault)?;
    zip.add(Part::Issue, &mut parts.issue.as_bytes()).map_err(fault)?;
    let mut file = zip.finish().map_err(fault)?;
    file.flush().map_err(fault)?;
    let file = file.into_inner().map_err(|error| fault(error.into_error()))?;
    file.sync_data().map_err(fault)?;
    Ok(file.metadata().map_err(fault)?.len())
}

fn failure(error: CopyError) -> Failure {
    match error {
        CopyError::TooSmall { .. } | CopyError::RedactedWindow => Failure::usage(error.to_string()),
        CopyError::Write { .. } | CopyError::Record(_) | CopyError::StateTooLarge { .. } => {
            Failure::run(error)
        }
        CopyError::Open(_) | CopyError::Read(_) | CopyError::Illegal { .. } => {
            Failure::input(error)
        }
    }
}

fn write_failure(path: &Path, error: &io::Error) -> Failure {
    Failure::run(format!("write {}: {error}", path.display()))
}

/// What a pack has not, a line each.
fn left_out(lost: &LeftOut) -> Vec<String> {
    let mut lines = Vec::new();
    if lost.specs > 0 {
        let n = counted(lost.specs, "task");
        lines.push(format!("what {n} were called with (arguments, environment): always"));
    }
    if lost.samples > 0 {
        lines.push(format!("{}, for want of room", counted(lost.samples, "sample")));
    }
    if lost.logs > 0 {
        lines.push(format!("{}, for want of room", counted(lost.logs, "log line")));
    }
    if let Some(at) = lost.cut_at {
        let n = grouped(lost.events);
        lines.push(format!("the run from {at} on ({n} events), for want of room"));
    }
    lines
}
