//! `issue.md`: what a maintainer asks first, ready to paste.

use std::fmt::Write;

use taskreel_model::{HumanBytes, Nanos, State, WorkerStatus};
use taskreel_replay::analysis::Finding;

use crate::cli::info::{Report, Tasks};
use crate::cli::{counted, grouped};

/// Rows of a table; more are summed up.
const ROWS_MAX: usize = 20;
/// Characters of a name.
const NAME_MAX: usize = 120;

/// What redaction leaves.
pub(super) const READABLE: &str = "times, durations, sizes, counts, numbers in keys, the shape of \
    the graph, kinds of failure, versions, platform, when the run began, and its id";

/// The text.
pub(super) fn text(
    report: &Report,
    state: &State,
    findings: &[Finding],
    left_out: Vec<String>,
    redacted: bool,
) -> String {
    let mut out = String::new();
    out.push_str(
        "<!-- Made by `reel pack`. Say what happened, attach the .zip, and drag its stream.png to \
         where the picture belongs. -->\n\n\
         ## What happened\n\n\
         (What did you run, and what was slow or wrong?)\n\n\
         ## What should have happened\n\n\
         (What did you expect, and why? Has it been otherwise before?)\n\n\
         ## The run\n\n",
    );
    environment(&mut out, report);
    workers(&mut out, state);
    prefixes(&mut out, state);
    list(&mut out, findings);
    out.push_str(
        "### Task stream\n\n(drag stream.png here)\n\n\
         ## The trace\n\n\
         The attached .zip opens as it is, in any version of reel from this one on: \
         `reel view FILE.zip`.\n",
    );
    notes(&mut out, report, left_out, redacted);
    out
}

/// The cell of a table: a name from a trace must neither end it nor be markup.
fn name(text: &str) -> String {
    let mut plain: String = text
        .chars()
        .take(NAME_MAX)
        .map(|c| match c {
            '`' => '\'',
            '|' => '¦',
            c if c.is_control() => ' ',
            c => c,
        })
        .collect();
    if text.chars().nth(NAME_MAX).is_some() {
        plain.push('…');
    }
    let plain = plain.trim();
    if plain.is_empty() { String::new() } else { format!("`{plain}`") }
}

fn environment(out: &mut String, report: &Report) {
    let Tasks { total, finished, erred, cancelled, unfinished } = report.tasks;
    let mut tasks = format!("{}: {} finished", grouped(total), grouped(finished));
    for (n, word) in [(erred, "erred"), (cancelled, "cancelled"), (unfinished, "unfinished")] {
        if n > 0 {
            tasks.push_str(&format!(", {} {word}", grouped(n)));
        }
    }
    let workers = &report.workers;
    let lost = if workers.lost > 0 { format!(", {} lost", workers.lost) } else { String::new() };
    let slots = counted(workers.slots, "slot");
    let rows = [
        ("command", name(&report.command.join(" "))),
        ("name", name(&report.name)),
        ("started", report.started.clone()),
        ("took", Nanos::from_secs_f64(report.duration_s).to_string()),
        ("tasks", tasks),
        ("workers", format!("{}, {slots}{lost}", grouped(workers.joined))),
        ("host", name(&report.host)),
        ("platform", name(&report.platform)),
        ("version", format!("{}, trace format {}", name(&report.version), report.format)),
    ];
    out.push_str("| | |\n|---|---|\n");
    for (title, value) in rows.iter().filter(|(_, value)| !value.is_empty()) {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {title} | {value} |");
    }
    out.push('\n');
}

fn workers(out: &mut String, state: &State) {
    let rows = state.workers().iter().map(|worker| {
        let limit = match worker.info.memory_limit {
            0 => "none".to_owned(),
            bytes => HumanBytes(bytes).to_string(),
        };
        let lost = if worker.status == WorkerStatus::Lost { " (gone)" } else { "" };
        [
            format!("{}{lost}", name(&worker.info.name)),
            name(&worker.info.host),
            worker.info.slots.to_string(),
            limit,
            grouped(worker.n_finished),
            grouped(worker.n_failed),
            worker.busy.to_string(),
        ]
    });
    let head = ["worker", "host", "slots", "memory limit", "finished", "failed", "busy"];
    table(out, "Workers", head, rows);
}

fn prefixes(out: &mut String, state: &State) {
    let rows = state.prefixes().iter().map(|prefix| {
        let mean = prefix.run_time.0.checked_div(prefix.n_runs);
        [
            name(&prefix.name),
            grouped(prefix.counts.total()),
            grouped(prefix.n_finished),
            grouped(prefix.n_erred),
            mean.map_or_else(String::new, |mean| Nanos(mean).to_string()),
            prefix.run_time.to_string(),
            HumanBytes(prefix.result_bytes).to_string(),
        ]
    });
    let head = ["tasks", "submitted", "finished", "erred", "mean", "in total", "results"];
    table(out, "Tasks", head, rows);
}

/// What made the run slow, the most costly first.
fn list(out: &mut String, findings: &[Finding]) {
    if findings.is_empty() {
        return;
    }
    out.push_str("### What `reel explain` finds\n\n");
    for (finding, number) in findings.iter().zip(1..) {
        let share = finding.share * 100.0;
        let title = sentence(&finding.title);
        let _ = writeln!(out, "{number}. {title}: about {}, {share:.0} %.", finding.cost);
        for evidence in &finding.evidence {
            let _ = writeln!(out, "   {}", sentence(evidence));
        }
    }
    out.push('\n');
}

/// A sentence in which names stand: neither markup nor lines of its own.
fn sentence(text: &str) -> String {
    let plain = |c: char| match c {
        '<' => '‹',
        c if c.is_control() => ' ',
        c => c,
    };
    text.chars().map(plain).collect()
}

/// A table with a title; nothing if it has no rows.
fn table<const N: usize>(
    out: &mut String,
    title: &str,
    head: [&str; N],
    rows: impl ExactSizeIterator<Item = [String; N]>,
) {
    let n_rows = rows.len();
    if n_rows == 0 {
        return;
    }
    let _ = writeln!(out, "### {title}\n\n| {} |\n|{}", head.join(" | "), "---|".repeat(N));
    for row in rows.take(ROWS_MAX) {
        let _ = writeln!(out, "| {} |", row.join(" | "));
    }
    if n_rows > ROWS_MAX {
        let _ = writeln!(out, "\n… and {} more.", grouped((n_rows - ROWS_MAX) as u64));
    }
    out.push('\n');
}

/// What of the trace is missing, wrong or hidden.
fn notes(out: &mut String, report: &Report, left_out: Vec<String>, redacted: bool) {
    let events = counted(report.events, "event");
    let _ = writeln!(out, "\n- It holds {events} in {}.", HumanBytes(report.bytes));
    let warnings = report.warnings.iter().map(|warning| format!("Found wrong: {}", name(warning)));
    let left_out = left_out.into_iter().map(|line| format!("Left out: {line}."));
    for line in warnings.chain(left_out) {
        let _ = writeln!(out, "- {line}");
    }
    if redacted {
        let _ = writeln!(
            out,
            "- Redacted: keys, names, hosts, addresses, paths, arguments, log lines and error \
             messages are pseudonyms. Still readable: {READABLE}."
        );
    }
}
