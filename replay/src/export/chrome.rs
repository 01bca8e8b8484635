//! Chrome's trace events: JSON that `chrome://tracing`, Perfetto and Speedscope open.
//!
//! Each worker is a process, each lane a thread of it. Process and thread ids begin at 1: a thread
//! id of 0 is the kernel's idle thread to importers, which then drop what they cannot nest.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde_json::{Value, json};
use taskreel_model::{Nanos, WorkerId};

use super::Rows;
use super::lanes::{Counter, Lane, Span, What, counters, lanes, moments};
use super::rows::{activity_name, outcome_name};

/// The run as Chrome trace events.
///
/// # Errors
/// Writing fails.
pub fn write_chrome(rows: &Rows, out: &mut dyn Write) -> io::Result<()> {
    let mut events = Events { out, is_first: true };
    events.out.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n")?;
    let lanes = lanes(rows);
    processes(rows, &lanes, &mut events)?;
    let mut places: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for (tid, lane) in (1..).zip(&lanes) {
        let pid = pid(lane.worker);
        for span in &lane.spans {
            if let What::Attempt(index) = span.what {
                places.insert(index, (pid, tid));
            }
            events.put(&complete(rows, span, pid, tid))?;
        }
    }
    for (id, (maker, user)) in (1_u64..).zip(&rows.edges) {
        flow(rows, id, (*maker, *user), &places, &mut events)?;
    }
    for counter in counters(rows) {
        count(&counter, &mut events)?;
    }
    for (at, worker, name) in moments(rows) {
        let scope = if worker.is_some() { "p" } else { "g" };
        events.put(&json!({ "ph": "i", "s": scope, "name": name, "ts": micros(at),
            "pid": pid(worker), "tid": 1 }))?;
    }
    writeln!(events.out, "\n]}}")
}

/// Writes events with commas between them.
struct Events<'a> {
    out: &'a mut dyn Write,
    is_first: bool,
}

impl Events<'_> {
    fn put(&mut self, event: &Value) -> io::Result<()> {
        if !std::mem::take(&mut self.is_first) {
            self.out.write_all(b",\n")?;
        }
        Ok(serde_json::to_writer(&mut *self.out, event)?)
    }
}

fn pid(worker: Option<WorkerId>) -> u64 {
    worker.map_or(1, |worker| u64::from(worker.0) + 2)
}

/// Microseconds, in which the format counts; nanoseconds are the decimals.
fn micros(at: Nanos) -> f64 {
    at.0 as f64 / 1e3
}

fn processes(rows: &Rows, lanes: &[Lane], events: &mut Events<'_>) -> io::Result<()> {
    let mut name = |pid: u64, name: &str| {
        events.put(&json!({ "ph": "M", "name": "process_name", "pid": pid, "tid": 1,
            "args": { "name": name } }))?;
        events.put(&json!({ "ph": "M", "name": "process_sort_index", "pid": pid, "tid": 1,
            "args": { "sort_index": pid } }))
    };
    name(1, "scheduler")?;
    for index in 0..rows.state.workers().len() {
        let worker = WorkerId(index as u32);
        name(pid(Some(worker)), &rows.worker_name(worker))?;
    }
    for (tid, lane) in (1_u64..).zip(lanes) {
        let pid = pid(lane.worker);
        events.put(&json!({ "ph": "M", "name": "thread_name", "pid": pid, "tid": tid,
            "args": { "name": lane.name } }))?;
        events.put(&json!({ "ph": "M", "name": "thread_sort_index", "pid": pid, "tid": tid,
            "args": { "sort_index": tid } }))?;
    }
    Ok(())
}

fn complete(rows: &Rows, span: &Span, pid: u64, tid: u64) -> Value {
    let (name, category, args) = match span.what {
        What::Attempt(index) => {
            let attempt = &rows.attempts[index as usize];
            let args = json!({
                "key": rows.task_name(attempt.task),
                "attempt": attempt.attempt,
                "outcome": outcome_name(attempt.outcome),
                "result_bytes": attempt.bytes,
                "error": attempt.error.map(|(_, error)| rows.state.text(error)),
            });
            (rows.prefix_name(attempt.task).to_owned(), "task", args)
        }
        What::Part(index) | What::Wait(index) => {
            let attempt = &rows.attempts[index as usize];
            let args = json!({ "key": rows.task_name(attempt.task), "attempt": attempt.attempt });
            let category = if matches!(span.what, What::Wait(_)) { "wait" } else { "task" };
            (rows.prefix_name(attempt.task).to_owned(), category, args)
        }
        What::Move(index) => {
            let moved = &rows.moves[index as usize];
            let args = json!({
                "key": rows.task_name(moved.task),
                "from": moved.from.map(|from| rows.worker_name(from)),
                "bytes": moved.bytes,
                "ok": moved.ok,
            });
            let activity = activity_name(moved.activity);
            (activity.to_owned(), "data", args)
        }
        What::Mark(index) => {
            let mark = &rows.marks[index as usize];
            let args = json!({ "task": mark.task.map(|task| rows.task_name(task)) });
            (rows.state.text(mark.name).to_owned(), "span", args)
        }
    };
    json!({ "ph": "X", "name": name, "cat": category, "ts": micros(span.start),
        "dur": micros(span.stop.since(span.start)), "pid": pid, "tid": tid, "args": args })
}

/// The arrow of one dependency: one id per edge, for flows cannot fork.
fn flow(
    rows: &Rows,
    id: u64,
    (maker, user): (u32, u32),
    places: &BTreeMap<u32, (u64, u64)>,
    events: &mut Events<'_>,
) -> io::Result<()> {
    for (ph, index) in [("s", maker), ("f", user)] {
        let Some((pid, tid)) = places.get(&index) else { continue };
        let mut event = json!({ "ph": ph, "id": id, "name": "dependency", "cat": "dependency",
            "ts": micros(rows.attempts[index as usize].started_at), "pid": pid, "tid": tid });
        if ph == "f" {
            event["bp"] = json!("e");
        }
        events.put(&event)?;
    }
    Ok(())
}

fn count(counter: &Counter, events: &mut Events<'_>) -> io::Result<()> {
    let name = format!("{} ({})", counter.name, counter.unit);
    for (at, value) in &counter.values {
        events.put(&json!({ "ph": "C", "name": name, "ts": micros(*at),
            "pid": pid(counter.worker), "tid": 1, "args": { "value": value } }))?;
    }
    Ok(())
}
