//! `reel explain`: why a run took as long as it did.

mod pictures;

use std::io::Write;
use std::path::PathBuf;

use taskreel_model::{HumanBytes, Nanos};
use taskreel_recorder::TraceReader;
use taskreel_replay::analysis::{Explanation, Facts, Finding, explain};

use super::Failure;
use super::failure::say;
use super::table::{counted, grouped, printable};
use super::theme::ThemeName;

/// Says what made a run slow: findings with what each cost, what shows it, and what to try.
///
/// The most costly comes first. A cost is how much sooner the run would have ended had those slots
/// worked instead; costs overlap, so they do not add up.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  reel explain run.reel
  reel explain run.reel --pictures why     a picture per finding, in the folder why
  reel explain run.reel --markdown > issue.md
  reel explain run.reel --json | jq '.findings[0]'

Kinds of findings: communication, stragglers, imbalance, small-tasks, parallelism, critical-path,
memory-pressure, repeated-work, failures, slow-workers, slow-start, scheduler.")]
pub(crate) struct Explain {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// One JSON object instead of text.
    #[arg(long, conflicts_with = "markdown")]
    json: bool,
    /// Markdown, to paste into an issue.
    #[arg(long)]
    markdown: bool,
    /// Draw a picture of each finding into this folder.
    #[arg(long, value_name = "DIR")]
    pictures: Option<PathBuf>,
    /// Colours of the pictures
    #[arg(long, value_name = "THEME", default_value = "light", requires = "pictures")]
    theme: ThemeName,
}

impl Explain {
    /// Prints the findings.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let mut reader = TraceReader::open(&self.trace).map_err(Failure::input)?;
        let facts = Facts::read(&mut reader);
        let explained = explain(&facts);
        let pictures = match &self.pictures {
            Some(folder) => pictures::draw(&self.trace, &explained, folder, &self.theme.theme())?,
            None => Vec::new(),
        };
        if self.json {
            serde_json::to_writer_pretty(&mut *out, &explained).map_err(std::io::Error::from)?;
            return Ok(writeln!(out)?);
        }
        for warning in &explained.warnings {
            say(format_args!("{}: {}", self.trace.display(), printable(warning)));
        }
        if self.markdown {
            return Ok(out.write_all(explained.markdown(&pictures).as_bytes())?);
        }
        write_head(&explained, facts.n_slots(), out)?;
        for (index, finding) in explained.findings.iter().enumerate() {
            self.write_finding(index, finding, pictures.get(index), out)?;
        }
        if explained.findings.is_empty() {
            writeln!(out, "\nNothing stands out that made it slow.")?;
        }
        Ok(())
    }

    fn write_finding(
        &self,
        index: usize,
        finding: &Finding,
        picture: Option<&String>,
        out: &mut dyn Write,
    ) -> Result<(), Failure> {
        let plain = |text: &str| printable(&text.replace('`', ""));
        let (cost, share) = (finding.cost, percent(finding.share));
        writeln!(out, "\n{}. {}", index + 1, plain(&finding.title))?;
        wrapped(out, &format!("Costs about {cost}, {share} of the makespan."))?;
        for evidence in &finding.evidence {
            wrapped(out, &plain(evidence))?;
        }
        wrapped(out, &format!("Try: {}", plain(&finding.advice)))?;
        match picture {
            Some(file) => writeln!(out, "   Picture: {}", printable(file))?,
            None => writeln!(out, "   Picture: {}", self.render(index, finding))?,
        }
        Ok(())
    }

    /// The command that draws a finding.
    fn render(&self, index: usize, finding: &Finding) -> String {
        let window = finding.picture_window();
        format!(
            "reel render {} -o finding-{}.svg --plot {} --from {:.3}s --to {:.3}s",
            self.trace.display(),
            index + 1,
            finding.plot,
            window.from.as_secs_f64(),
            window.to.as_secs_f64(),
        )
    }
}

fn write_head(explained: &Explanation, n_slots: u64, out: &mut dyn Write) -> Result<(), Failure> {
    let totals = &explained.totals;
    let makespan = Nanos::from_secs_f64(totals.makespan_s);
    let workers = counted(totals.workers, "worker");
    let name = printable(&explained.name);
    let slots = counted(n_slots, "slot");
    writeln!(
        out,
        "{name}: {makespan} from the first submission to the last end, on {workers} with {slots}"
    )?;
    let lost = if totals.workers_lost > 0 {
        format!(", {} lost", counted(totals.workers_lost, "worker"))
    } else {
        String::new()
    };
    writeln!(
        out,
        "  {}: {} finished, {} erred{lost}; {}, {} of results, {} ({})",
        counted(totals.tasks, "task"),
        grouped(totals.finished),
        grouped(totals.erred),
        counted(totals.executions, "execution"),
        HumanBytes(totals.result_bytes),
        counted(totals.transfers, "transfer"),
        HumanBytes(totals.transfer_bytes),
    )?;
    writeln!(out, "\nWhat the slots did")?;
    for of in explained.uses.iter().filter(|of| of.share >= 0.001) {
        let bar = "█".repeat((of.share * 50.0).round() as usize);
        writeln!(out, "  {:<10} {:>6}  {bar}", of.what, percent(of.share))?;
    }
    let path = &explained.critical_path;
    let executed = Nanos::from_secs_f64(path.executed_s);
    let n = counted(path.tasks, "task");
    let names = path
        .prefixes
        .iter()
        .take(3)
        .map(|(name, s)| format!("{} {}", printable(name), Nanos::from_secs_f64(*s)));
    let names: Vec<String> = names.collect();
    let share = percent(path.share);
    writeln!(
        out,
        "\nCritical path: {n}, {executed}, {share} of the makespan: {}",
        names.join(", ")
    )?;
    Ok(())
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A paragraph below a finding's title, 96 columns wide.
fn wrapped(out: &mut dyn Write, text: &str) -> Result<(), Failure> {
    let mut line = String::from("  ");
    for word in text.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > 96 {
            writeln!(out, "{line}")?;
            line = String::from("    ");
        }
        line.push(' ');
        line.push_str(word);
    }
    Ok(writeln!(out, "{line}")?)
}
