//! The run in words: every text of the page that changes, made once, for the template and for the
//! live channel alike. A field's name is the id of the element that shows it.

use serde::Serialize;
use taskreel_model::{HumanBytes, Nanos, Phase};

use crate::ledger::{ErrorRow, Jumps};
use crate::summary::{PrefixRow, StatusKind, Summary, WorkerRow};
use crate::text::{count, elapsed};
use crate::wire::Packed;

/// All texts and tables of the page.
#[derive(Debug, Serialize)]
pub(crate) struct Words {
    /// The run's id: another one means that another run is shown at the same address.
    pub run: String,
    /// For the style of badge and page.
    pub kind: StatusKind,
    /// Texts by the id of their element.
    pub texts: Texts,
    /// Rows of the tables by their id.
    pub tables: Tables,
    /// Tasks that have ended, and tasks.
    pub progress: [u64; 2],
    /// Up to when the run is shown, in ns since it began.
    pub now_ns: u64,
    /// Where the run ends for now: the same, unless the page looks back.
    pub end_ns: u64,
    /// Events up to the instant that is shown.
    pub seq: u64,
    /// What the run does, whatever instant is shown.
    #[serde(flatten)]
    pub jumping: Jumping,
}

/// What the scrubber needs to know of the run.
#[derive(Debug, Serialize)]
pub(crate) struct Jumping {
    /// Whether the run itself goes on.
    pub run_kind: StatusKind,
    /// Where to jump from the instant that is shown.
    pub jumps: Jumps,
    /// The last failures up to the instant that is shown, the newest first.
    #[serde(skip)]
    pub errors: Vec<[String; 8]>,
    /// How many there were before.
    #[serde(skip)]
    pub n_errors_more: usize,
}

/// See [`Words::texts`].
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Texts {
    pub badge: &'static str,
    pub elapsed: String,
    /// What is not as it should be; empty: nothing.
    pub banner: String,
    pub total_tasks: String,
    pub total_done: String,
    pub total_executing: String,
    pub total_slots: String,
    pub total_left: String,
    pub total_erred: String,
    pub total_rate: String,
    pub total_memory: String,
    pub status_text: String,
    pub phases: String,
    pub events: String,
    pub workers_more: String,
    pub prefixes_more: String,
    pub errors_more: String,
    /// What the page of errors says while there are none; else empty.
    pub no_errors: &'static str,
    /// What the plots say while there is nothing to draw; else empty.
    pub empty: &'static str,
}

/// See [`Words::tables`]. The last cell of a row whose first one is a link is not shown: it is what
/// the link leads to.
#[derive(Debug, Serialize)]
pub(crate) struct Tables {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workers: Option<Vec<[String; 16]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefixes: Option<Vec<[String; 5]>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errors: Option<Vec<[String; 8]>>,
}

impl Tables {
    /// Leaves out what a page does not show.
    pub(crate) fn keep(&mut self, ids: &[String]) {
        let is_shown = |id: &str| ids.iter().any(|shown| shown == id);
        self.workers.take_if(|_| !is_shown("workers"));
        self.prefixes.take_if(|_| !is_shown("prefixes"));
        self.errors.take_if(|_| !is_shown("errors"));
    }
}

impl Words {
    /// As the live channel sends them.
    pub(crate) fn packed(&self) -> Packed {
        Packed::json("words", self)
    }

    /// What the page says of a run.
    pub(crate) fn new(run: &Summary, mut jumping: Jumping) -> Self {
        let totals = &run.totals;
        let texts = Texts {
            badge: run.status.kind.badge(),
            elapsed: shown_at(run),
            banner: banner(run),
            total_tasks: count(totals.tasks),
            total_done: count(totals.done),
            total_executing: count(totals.executing),
            total_slots: count(totals.slots),
            total_left: count(totals.active.saturating_sub(totals.executing)),
            total_erred: count(totals.erred),
            total_rate: rate(totals.tasks_per_s),
            total_memory: HumanBytes(totals.memory_bytes).to_string(),
            status_text: run.status.text.clone(),
            phases: phases(run),
            events: count(run.n_events),
            workers_more: more(run.n_workers_more, "workers"),
            prefixes_more: more(run.n_prefixes_more, "prefixes"),
            errors_more: more(jumping.n_errors_more, "before"),
            no_errors: if jumping.errors.is_empty() { "Nothing has failed." } else { "" },
            empty: empty(run),
        };
        Self {
            run: run.run.id.clone(),
            kind: run.status.kind,
            texts,
            tables: Tables {
                workers: Some(run.workers.iter().map(worker_cells).collect()),
                prefixes: Some(run.prefixes.iter().map(prefix_cells).collect()),
                errors: Some(std::mem::take(&mut jumping.errors)),
            },
            progress: [totals.done + totals.erred, totals.tasks],
            now_ns: run.now_ns,
            end_ns: run.end_ns,
            seq: run.n_events,
            jumping,
        }
    }
}

fn worker_cells(worker: &WorkerRow) -> [String; 16] {
    let bytes = |n: u64| HumanBytes(n).to_string();
    [
        worker.name.clone(),
        worker.address.clone(),
        worker.status.to_owned(),
        format!("{} / {}", worker.executing, worker.slots),
        count(worker.assigned as u64),
        worker.cpu_permille.map_or_else(dash, |cpu| format!("{} %", cpu / 10)),
        worker.rss_bytes.map_or_else(dash, bytes),
        bytes(worker.memory_bytes),
        if worker.memory_limit == 0 { dash() } else { bytes(worker.memory_limit) },
        bytes(worker.disk_bytes),
        both(worker.network_per_s),
        both(worker.disk_per_s),
        count(worker.done),
        count(worker.failed),
        worker.seen_ns.map_or_else(dash, |at| format!("{:.1} s", Nanos(at).as_secs_f64())),
        worker.id.to_string(),
    ]
}

/// Two rates: in and out, or read and written.
fn both(per_s: Option<[u64; 2]>) -> String {
    match per_s {
        None => dash(),
        Some([0, 0]) => "0".to_owned(),
        Some([a, b]) => format!("{} / {}", HumanBytes(a), HumanBytes(b)),
    }
}

/// A row of the table of failures.
pub(crate) fn error_cells(error: &ErrorRow) -> [String; 8] {
    [
        error.key.clone(),
        format!("{:.3} s", error.at.as_secs_f64()),
        error.worker.clone(),
        error.attempt.to_string(),
        format!("{:?}", error.kind).to_lowercase(),
        if error.retried { "runs again" } else { "for good" }.to_owned(),
        error.message.clone(),
        error.task.0.to_string(),
    ]
}

fn prefix_cells(prefix: &PrefixRow) -> [String; 5] {
    let mean = if prefix.mean_ns == 0 { dash() } else { Nanos(prefix.mean_ns).to_string() };
    [prefix.name.clone(), count(prefix.tasks), count(prefix.done), count(prefix.erred), mean]
}

fn dash() -> String {
    "–".to_owned()
}

fn banner(run: &Summary) -> String {
    let mut parts = Vec::new();
    if matches!(run.status.kind, StatusKind::Incomplete | StatusKind::Failed) {
        parts.push(run.status.text.clone());
    }
    parts.extend(run.warnings.iter().cloned());
    parts.join(" · ")
}

/// How long the run has been going on; exactly, of an instant that was chosen.
fn shown_at(run: &Summary) -> String {
    match run.status.kind {
        StatusKind::Past => format!("{:.3} s", Nanos(run.now_ns).as_secs_f64()),
        _ => elapsed(Nanos(run.now_ns)),
    }
}

fn empty(run: &Summary) -> &'static str {
    match run.status.kind {
        _ if run.totals.tasks > 0 => "",
        StatusKind::Reading => "Reading the trace …",
        StatusKind::Live => "The cluster is up. Waiting for the first task …",
        StatusKind::Past => "No task was submitted by then.",
        StatusKind::Incomplete | StatusKind::Finished | StatusKind::Failed => {
            "No task was submitted in this run."
        }
    }
}

/// `0`, `2.4`, `38`, `12,345`.
fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 10.0 {
        format!("{per_second:.1}")
    } else {
        count(per_second.round() as u64)
    }
}

/// `waiting 12 · processing 4`: the phases that any task is in.
fn phases(run: &Summary) -> String {
    let shown: Vec<String> = Phase::ALL
        .iter()
        .filter_map(|phase| {
            let n = run.totals.phases.get(phase.name()).copied().filter(|n| *n > 0)?;
            Some(format!("{} {}", phase.name(), count(n)))
        })
        .collect();
    shown.join(" · ")
}

fn more(n: usize, what: &str) -> String {
    if n == 0 { String::new() } else { format!("and {} more {what}", count(n as u64)) }
}
