//! The run in words: every text of the page that changes, made once, for the template and for the
//! live channel alike. A field's name is the id of the element that shows it.

use serde::Serialize;
use taskreel_model::{HumanBytes, Nanos, Phase};

use crate::summary::{PrefixRow, StatusKind, Summary, WorkerRow};
use crate::text::{count, elapsed};

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
    /// What the plots say while there is nothing to draw; else empty.
    pub empty: &'static str,
}

/// See [`Words::tables`].
#[derive(Debug, Serialize)]
pub(crate) struct Tables {
    pub workers: Vec<[String; 12]>,
    pub prefixes: Vec<[String; 5]>,
}

impl Words {
    /// What the page says of a run.
    pub(crate) fn new(run: &Summary) -> Self {
        let totals = &run.totals;
        let texts = Texts {
            badge: run.status.kind.badge(),
            elapsed: elapsed(Nanos(run.now_ns)),
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
            empty: empty(run),
        };
        Self {
            run: run.run.id.clone(),
            kind: run.status.kind,
            texts,
            tables: Tables {
                workers: run.workers.iter().map(worker_cells).collect(),
                prefixes: run.prefixes.iter().map(prefix_cells).collect(),
            },
            progress: [totals.done + totals.erred, totals.tasks],
            now_ns: run.now_ns,
        }
    }
}

fn worker_cells(worker: &WorkerRow) -> [String; 12] {
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
        count(worker.done),
        count(worker.failed),
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

fn empty(run: &Summary) -> &'static str {
    match run.status.kind {
        _ if run.totals.tasks > 0 => "",
        StatusKind::Reading => "Reading the trace …",
        StatusKind::Live => "The cluster is up. Waiting for the first task …",
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
