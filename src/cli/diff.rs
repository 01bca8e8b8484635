//! `reel diff`: two runs of the same job side by side.

use std::io::Write;
use std::path::{Path, PathBuf};

use taskreel_model::Nanos;
use taskreel_recorder::TraceReader;
use taskreel_replay::analysis::compare::{Comparison, Digest, PrefixDiff, compare};
use taskreel_replay::analysis::{Facts, PrefixTime};
use taskreel_replay::figure::{Axis, Figure, PrefixColors, View, Window};
use taskreel_replay::plots::TaskStream;
use taskreel_replay::{Instant, render};

use super::failure::say;
use super::output::write_file;
use super::table::{Table, grouped, printable};
use super::theme::ThemeName;
use super::{Failure, open};

/// Compares two runs of the same job: where the time went, by prefix, by use of the slots, by worker.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  reel diff before.reel after.reel
  reel diff before.reel after.reel -o both.svg     both task streams on one time axis
  reel diff before.reel after.reel --json | jq '.prefixes[0]'")]
pub(crate) struct Diff {
    /// The trace to compare with.
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The trace to compare.
    #[arg(value_name = "B")]
    b: PathBuf,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Draw both task streams on one time axis into this file, an SVG.
    #[arg(short, long, value_name = "OUT.svg")]
    output: Option<PathBuf>,
    /// Colours of the picture
    #[arg(long, value_name = "THEME", default_value = "light", requires = "output")]
    theme: ThemeName,
}

const WIDTH_PX: u32 = 1_280;
const HEIGHT_PX: u32 = 330;

impl Diff {
    /// Prints the comparison.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let [a, b] = [read(&self.a)?, read(&self.b)?];
        let compared = compare(&a, &b);
        if let Some(output) = &self.output {
            let picture = self.picture(&a, &b)?;
            write_file(output, |file| file.write_all(picture.as_bytes()))?;
            say(format_args!("wrote {}", output.display()));
        }
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &compared).map_err(std::io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        self.write(&compared, out)
    }

    fn write(&self, compared: &Comparison, out: &mut dyn Write) -> Result<(), Failure> {
        let [a, b] = &compared.runs;
        let makespan = |s| Nanos::from_secs_f64(s).to_string();
        for (letter, path, side) in [("A", &self.a, a), ("B", &self.b, b)] {
            let name = printable(&side.name);
            let path = path.display();
            writeln!(out, "{letter}: {name}, {path}: {}", makespan(side.makespan_s))?;
        }
        writeln!(out, "\nB took {}.\n", took(a.makespan_s, b.makespan_s))?;
        let mut table = Table::new(&["", ">A", ">B", "B against A"]);
        let mut row = |name: &str, a: u64, b: u64| {
            table.row([name.to_owned(), grouped(a), grouped(b), times(a as f64, b as f64)]);
        };
        row("tasks", a.tasks, b.tasks);
        row("erred", a.erred, b.erred);
        row("workers", a.workers.len() as u64, b.workers.len() as u64);
        row("slots", a.slots, b.slots);
        table.write(out)?;
        write_prefixes(&compared.prefixes, out)?;
        writeln!(out, "\nWhat the slots did, in seconds of one slot")?;
        let mut table = Table::new(&["use", ">A", ">B", "B against A"]);
        for of in &compared.uses {
            let seconds = |s: f64| format!("{s:.3}");
            table.row([
                of.what.to_owned(),
                seconds(of.a_s),
                seconds(of.b_s),
                times(of.a_s, of.b_s),
            ]);
        }
        table.write(out)?;
        write_workers(compared, out)
    }

    /// Both task streams, each from its first submission, over the longer makespan.
    fn picture(&self, a: &Digest, b: &Digest) -> Result<String, Failure> {
        let length = a.window.length().max(b.window.length());
        let colors = PrefixColors::of(a.prefix_names().chain(b.prefix_names()));
        let mut figures: Vec<Figure> = Vec::new();
        for (letter, path, run) in [("A", &self.a, a), ("B", &self.b, b)] {
            let plot = TaskStream::with_colors(colors.clone());
            let mut timeline = open::timeline(path, vec![Box::new(plot)])?;
            open::seek(&mut timeline, Instant::End);
            let from = run.window.from;
            let view = View::new(Window::new(from, from + length), WIDTH_PX, HEIGHT_PX);
            let mut figure = timeline.plots()[0].figure(&view.at(timeline.now()));
            let title = format!("{letter}: {}, {}", path.display(), run.window.length());
            figure.title = printable(&title);
            // Both axes begin with the first submission.
            figure.x = Axis::time(Window::new(Nanos::ZERO, length), figure.frame.width);
            figures.push(figure);
        }
        let headline = format!(
            "B took {}",
            took(a.window.length().as_secs_f64(), b.window.length().as_secs_f64())
        );
        Ok(render::stack(&figures, &headline, &self.theme.theme()))
    }
}

fn read(path: &Path) -> Result<Digest, Failure> {
    let facts = Facts::read(&mut TraceReader::open(path).map_err(Failure::input)?);
    for warning in &facts.warnings {
        say(format_args!("{}: {}", path.display(), printable(warning)));
    }
    Ok(Digest::of(&facts))
}

fn write_prefixes(prefixes: &[PrefixDiff], out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "\nBy prefix, where they differ most first: executions, time, median, p95")?;
    let columns = [
        "prefix",
        ">A",
        ">B",
        ">A time",
        ">B time",
        ">A median",
        ">B median",
        ">A p95",
        ">B p95",
        "time",
    ];
    let mut table = Table::new(&columns);
    for diff in prefixes {
        let count = |of: &Option<PrefixTime>| {
            of.as_ref().map_or_else(|| "-".to_owned(), |of| grouped(of.runs))
        };
        let time = |of: &Option<PrefixTime>, pick: fn(&PrefixTime) -> f64| {
            let text = |of| Nanos::from_secs_f64(pick(of)).to_string();
            of.as_ref().map_or_else(|| "-".to_owned(), text)
        };
        let verdict = match (&diff.a, &diff.b) {
            (None, _) => "new".to_owned(),
            (_, None) => "gone".to_owned(),
            (Some(a), Some(b)) => times(a.run_time_s, b.run_time_s),
        };
        table.row([
            diff.name.clone(),
            count(&diff.a),
            count(&diff.b),
            time(&diff.a, |of| of.run_time_s),
            time(&diff.b, |of| of.run_time_s),
            time(&diff.a, |of| of.median_s),
            time(&diff.b, |of| of.median_s),
            time(&diff.a, |of| of.p95_s),
            time(&diff.b, |of| of.p95_s),
            verdict,
        ]);
    }
    Ok(table.write(out)?)
}

fn write_workers(compared: &Comparison, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(out, "\nWorkers")?;
    let mut table = Table::new(&["run", "worker", ">slots", ">executions", ">busy", ""]);
    for (letter, side) in ["A", "B"].iter().zip(&compared.runs) {
        for worker in &side.workers {
            table.row([
                (*letter).to_owned(),
                worker.name.clone(),
                worker.slots.to_string(),
                grouped(worker.runs),
                format!("{:.0} %", worker.busy * 100.0),
                if worker.lost { "lost".to_owned() } else { String::new() },
            ]);
        }
    }
    Ok(table.write(out)?)
}

/// How long B took beside A: `16.0 % less time than A`.
fn took(a_s: f64, b_s: f64) -> String {
    let text = times(a_s, b_s);
    match (text.strip_prefix('-'), text.strip_prefix('+')) {
        (Some(less), _) => format!("{less} less time than A"),
        (_, Some(more)) => format!("{more} more time than A"),
        _ if a_s > 0.0 && b_s > 0.0 && a_s != b_s => format!("{:.2} times as long as A", b_s / a_s),
        _ => text,
    }
}

/// How B compares with A: `2.10 times as long`, in words that suit any quantity.
fn times(a: f64, b: f64) -> String {
    if a == b {
        return "the same".to_owned();
    }
    if a <= 0.0 || b <= 0.0 {
        return if a <= 0.0 { "new".to_owned() } else { "gone".to_owned() };
    }
    let ratio = b / a;
    match ratio {
        0.5..2.0 => format!("{:+.1} %", (ratio - 1.0) * 100.0),
        _ => format!("{ratio:.2} times as much"),
    }
}
