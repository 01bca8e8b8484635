//! `GET metrics`: the run for Prometheus.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};

use super::Site;
use crate::fold::Gone;
use crate::summary::{StatusKind, Summary, WorkerRow};

pub(super) async fn metrics(State(site): State<Arc<Site>>) -> Result<Response, Gone> {
    let summary = site.folders.run.ask(|run| run.summary()).await?;
    Ok(([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text(&summary))
        .into_response())
}

/// The text format of Prometheus, version 0.0.4.
fn text(run: &Summary) -> String {
    let mut out = Metrics(String::new());
    let totals = &run.totals;
    out.one("up", "Whether the run goes on", u64::from(run.status.kind == StatusKind::Live) as f64);
    out.one("run_seconds", "Time since the run began", run.now_ns as f64 / 1e9);
    out.one("events_total", "Events recorded", run.n_events as f64);
    out.one("tasks_submitted_total", "Tasks submitted", totals.tasks as f64);
    out.one("tasks_done_total", "Tasks that finished at least once", totals.done as f64);
    out.one("tasks_erred_total", "Tasks that failed for good", totals.erred as f64);
    out.one("tasks_executing", "Tasks in a slot", totals.executing as f64);
    out.one("slots", "Slots of the workers that are here", totals.slots as f64);
    out.one("results_memory_bytes", "Results held in memory", totals.memory_bytes as f64);
    out.head("tasks", "Tasks by phase");
    for (phase, n) in &totals.phases {
        out.value("tasks", &[("phase", phase)], *n as f64);
    }
    out.head("prefix_tasks_done_total", "Tasks that finished, by prefix");
    for prefix in &run.prefixes {
        out.value("prefix_tasks_done_total", &[("prefix", &prefix.name)], prefix.done as f64);
    }
    type Column = (&'static str, &'static str, fn(&WorkerRow) -> Option<f64>);
    let columns: [Column; 6] = [
        ("worker_executing", "Tasks in slots", |w| Some(w.executing as f64)),
        ("worker_assigned", "Tasks assigned", |w| Some(w.assigned as f64)),
        ("worker_memory_bytes", "Results in memory", |w| Some(w.memory_bytes as f64)),
        ("worker_disk_bytes", "Results on disk", |w| Some(w.disk_bytes as f64)),
        ("worker_rss_bytes", "Memory of the process", |w| Some(w.rss_bytes? as f64)),
        ("worker_cpu_cores", "Cores in use", |w| Some(f64::from(w.cpu_permille?) / 1e3)),
    ];
    for (name, help, column) in columns {
        out.head(name, help);
        for worker in run.workers.iter().filter(|worker| worker.status != "lost") {
            if let Some(value) = column(worker) {
                out.value(name, &[("worker", &worker.name)], value);
            }
        }
    }
    out.0
}

/// Metrics so far.
struct Metrics(String);

impl Metrics {
    fn one(&mut self, name: &str, help: &str, value: f64) {
        self.head(name, help);
        self.value(name, &[], value);
    }

    fn head(&mut self, name: &str, help: &str) {
        let kind = if name.ends_with("_total") { "counter" } else { "gauge" };
        let _ = writeln!(self.0, "# HELP taskreel_{name} {help}.\n# TYPE taskreel_{name} {kind}");
    }

    fn value(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<String> =
            labels.iter().map(|(label, text)| format!("{label}=\"{}\"", escaped(text))).collect();
        let labels =
            if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(self.0, "taskreel_{name}{labels} {value}");
    }
}

/// A label's value, as the format wants it.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_cannot_end_early() {
        let mut metrics = Metrics(String::new());
        metrics.value("tasks", &[("prefix", "a\"} 1\nb\\")], 2.0);
        assert_eq!(metrics.0, "taskreel_tasks{prefix=\"a\\\"} 1\\nb\\\\\"} 2\n");
    }
}
