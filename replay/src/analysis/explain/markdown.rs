//! An explanation as Markdown, to paste into an issue. Names of the run stand in code spans, in
//! which nothing is markup.

use std::fmt::Write;

use taskreel_model::{HumanBytes, Nanos};

use super::{Explanation, PrefixTime};
use crate::analysis::findings::{percent, quoted, short};
use crate::figure::count_text;

/// How many prefixes are listed.
const LISTED: usize = 10;

impl Explanation {
    /// The explanation as Markdown. `pictures` are the files that show the findings, in their
    /// order; where there is none, the text says which plot and window show it.
    pub fn markdown(&self, pictures: &[String]) -> String {
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_markdown(pictures, &mut out);
        out
    }

    fn write_markdown(&self, pictures: &[String], out: &mut String) -> std::fmt::Result {
        let totals = &self.totals;
        writeln!(out, "## {}: {}\n", quoted(&self.name), secs(totals.makespan_s))?;
        writeln!(
            out,
            "{} tasks on {} workers ({} lost): {} finished, {} erred. {} executions, {} of results; \
             {} transfers moved {}.\n",
            count_text(totals.tasks),
            count_text(totals.workers),
            count_text(totals.workers_lost),
            count_text(totals.finished),
            count_text(totals.erred),
            count_text(totals.executions),
            HumanBytes(totals.result_bytes),
            count_text(totals.transfers),
            HumanBytes(totals.transfer_bytes),
        )?;
        let uses = self.uses.iter().filter(|of| of.share >= 0.001);
        let uses: Vec<String> =
            uses.map(|of| format!("{} {}", of.what, percent(of.share))).collect();
        writeln!(out, "Slots: {}.\n", uses.join(", "))?;
        writeln!(
            out,
            "Critical path: {} tasks, {}, {} of the makespan.\n",
            count_text(self.critical_path.tasks),
            secs(self.critical_path.executed_s),
            percent(self.critical_path.share),
        )?;
        self.write_findings(pictures, out)?;
        write_prefixes(&self.prefixes, out)?;
        for warning in &self.warnings {
            writeln!(out, "\nThe trace is not whole: {}", quoted(warning))?;
        }
        Ok(())
    }

    fn write_findings(&self, pictures: &[String], out: &mut String) -> std::fmt::Result {
        if self.findings.is_empty() {
            return writeln!(out, "Nothing stands out that made it slow.\n");
        }
        for (index, finding) in self.findings.iter().enumerate() {
            let cost = short(finding.cost);
            let share = percent(finding.share);
            writeln!(out, "### {}. {}\n", index + 1, finding.title)?;
            writeln!(out, "Cost: about {cost}, {share} of the makespan.\n")?;
            for evidence in &finding.evidence {
                writeln!(out, "- {evidence}")?;
            }
            writeln!(out, "- **Try:** {}", finding.advice)?;
            match pictures.get(index) {
                Some(file) => writeln!(out, "\n![{}]({file})\n", finding.kind)?,
                None => {
                    let window = finding.picture_window();
                    let (from, to) = (window.from.as_secs_f64(), window.to.as_secs_f64());
                    let plot = finding.plot;
                    writeln!(out, "- See `--plot {plot} --from {from:.6}s --to {to:.6}s`.\n")?;
                }
            }
        }
        Ok(())
    }
}

fn write_prefixes(prefixes: &[PrefixTime], out: &mut String) -> std::fmt::Result {
    writeln!(out, "| prefix | executions | time | median | p95 |")?;
    writeln!(out, "|---|---:|---:|---:|---:|")?;
    for prefix in prefixes.iter().filter(|prefix| prefix.runs > 0).take(LISTED) {
        writeln!(
            out,
            "| {} | {} | {} | {} | {} |",
            quoted(&prefix.name).replace('|', "\\|"),
            count_text(prefix.runs),
            secs(prefix.run_time_s),
            secs(prefix.median_s),
            secs(prefix.p95_s),
        )?;
    }
    Ok(())
}

fn secs(seconds: f64) -> String {
    short(Nanos::from_secs_f64(seconds))
}
