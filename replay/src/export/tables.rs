//! Tables as CSV and as lines of JSON: one row per execution of a task, per transfer, per sample.
//!
//! Instants are seconds since the run began with all nine decimals; what does not apply is empty
//! (CSV) or absent (JSON). Texts are those of the trace: a spreadsheet should import them as text.

use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use taskreel_model::{Activity, Nanos, Sample};

use super::Rows;
use super::rows::{Attempt, Move, TaskRow, activity_name, failure_name, outcome_name};

/// What a table is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Table {
    /// Executions of tasks, then the tasks that never ran.
    Tasks,
    /// Data that moved between workers, to and from disk, and (de)serialization.
    Transfers,
    /// Readings of processes.
    Samples,
}

impl Table {
    /// All tables.
    pub const ALL: [Self; 3] = [Self::Tasks, Self::Transfers, Self::Samples];

    /// Its name: `tasks`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tasks => "tasks",
            Self::Transfers => "transfers",
            Self::Samples => "samples",
        }
    }

    /// What a row of it is: `task`.
    fn kind(self) -> &'static str {
        match self {
            Self::Tasks => "task",
            Self::Transfers => "transfer",
            Self::Samples => "sample",
        }
    }

    pub(super) fn columns(self) -> &'static [&'static str] {
        match self {
            Self::Tasks => &TASK_COLUMNS,
            Self::Transfers => &TRANSFER_COLUMNS,
            Self::Samples => &SAMPLE_COLUMNS,
        }
    }

    /// Shows each row, its cells in the order of the columns.
    pub(super) fn each(
        self,
        rows: &Rows,
        visit: &mut dyn FnMut(&[Cell]) -> io::Result<()>,
    ) -> io::Result<()> {
        match self {
            Self::Tasks => {
                for attempt in &rows.attempts {
                    visit(&attempt_cells(rows, attempt))?;
                }
                let never_ran = rows.tasks.iter().enumerate().filter(|(_, row)| row.n_runs == 0);
                for (id, row) in never_ran {
                    visit(&idle_task_cells(rows, rows.places.task(id).0, row))?;
                }
            }
            Self::Transfers => {
                for moved in &rows.moves {
                    visit(&move_cells(rows, moved))?;
                }
            }
            Self::Samples => {
                for sample in &rows.samples {
                    visit(&sample_cells(rows, sample))?;
                }
            }
        }
        Ok(())
    }
}

const TASK_COLUMNS: [&str; 19] = [
    "task_id",
    "key",
    "prefix",
    "graph",
    "attempt",
    "worker",
    "slot",
    "submitted_at_s",
    "ready_at_s",
    "assigned_at_s",
    "started_at_s",
    "stopped_at_s",
    "duration_s",
    "outcome",
    "phase",
    "result_bytes",
    "failure",
    "error",
    "waited_s",
];

const TRANSFER_COLUMNS: [&str; 11] = [
    "activity",
    "task_id",
    "key",
    "dependent",
    "from",
    "worker",
    "started_at_s",
    "stopped_at_s",
    "duration_s",
    "bytes",
    "ok",
];

const SAMPLE_COLUMNS: [&str; 13] = [
    "at_s",
    "worker",
    "cpu_percent",
    "rss_bytes",
    "managed_bytes",
    "spilled_bytes",
    "received_bytes_per_s",
    "sent_bytes_per_s",
    "read_bytes_per_s",
    "written_bytes_per_s",
    "open_files",
    "slots_busy",
    "lag_s",
];

/// One value of a row.
pub(super) enum Cell {
    Empty,
    Text(String),
    Word(&'static str),
    Count(u64),
    Tenths(u64),
    Seconds(Nanos),
    Flag(bool),
}

fn attempt_cells(rows: &Rows, attempt: &Attempt) -> [Cell; 19] {
    let task = rows.task(attempt.task);
    let (failure, error) = match attempt.error {
        Some((kind, error)) => {
            (Cell::Word(failure_name(kind)), Cell::Text(rows.state.text(error).to_owned()))
        }
        None => (Cell::Empty, Cell::Empty),
    };
    let ended = attempt.stopped_at;
    [
        Cell::Count(u64::from(attempt.task.0)),
        Cell::Text(rows.task_name(attempt.task)),
        Cell::Text(rows.prefix_name(attempt.task).to_owned()),
        task.map_or(Cell::Empty, |task| Cell::Count(u64::from(task.graph.0))),
        Cell::Count(u64::from(attempt.attempt)),
        Cell::Text(rows.worker_name(attempt.worker)),
        Cell::Count(u64::from(attempt.slot)),
        task.map_or(Cell::Empty, |task| Cell::Seconds(task.submitted_at)),
        Cell::Seconds(attempt.ready_at),
        Cell::Seconds(attempt.assigned_at),
        Cell::Seconds(attempt.started_at),
        ended.map_or(Cell::Empty, Cell::Seconds),
        ended.map_or(Cell::Empty, |at| Cell::Seconds(at.since(attempt.started_at))),
        Cell::Word(outcome_name(attempt.outcome)),
        task.map_or(Cell::Empty, |task| Cell::Word(task.phase.name())),
        Cell::Count(attempt.bytes),
        failure,
        error,
        attempt.left_at.map_or(Cell::Empty, |_| Cell::Seconds(attempt.waited)),
    ]
}

fn idle_task_cells(rows: &Rows, id: u32, task: &TaskRow) -> [Cell; 19] {
    let prefix = &rows.state.prefix(task.key.prefix).name;
    let seconds = |at: Nanos| if at == Nanos::ZERO { Cell::Empty } else { Cell::Seconds(at) };
    [
        Cell::Count(u64::from(id)),
        Cell::Text(rows.state.key_text(task.key)),
        Cell::Text(prefix.to_string()),
        Cell::Count(u64::from(task.graph.0)),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        Cell::Seconds(task.submitted_at),
        seconds(task.ready_at),
        seconds(task.assigned_at),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        Cell::Word(if task.cancelled { "cancelled" } else { "not-run" }),
        Cell::Word(task.phase.name()),
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
        Cell::Empty,
    ]
}

fn move_cells(rows: &Rows, moved: &Move) -> [Cell; 11] {
    let is_transfer = moved.activity == Activity::Transfer;
    [
        Cell::Word(activity_name(moved.activity)),
        Cell::Count(u64::from(moved.task.0)),
        Cell::Text(rows.task_name(moved.task)),
        if is_transfer { Cell::Text(rows.task_name(moved.dependent)) } else { Cell::Empty },
        moved.from.map_or(Cell::Empty, |from| Cell::Text(rows.worker_name(from))),
        Cell::Text(rows.worker_name(moved.worker)),
        Cell::Seconds(moved.started_at),
        Cell::Seconds(moved.stopped_at),
        Cell::Seconds(moved.stopped_at.since(moved.started_at)),
        Cell::Count(moved.bytes),
        Cell::Flag(moved.ok),
    ]
}

fn sample_cells(rows: &Rows, sample: &Sample) -> [Cell; 13] {
    [
        Cell::Seconds(sample.at),
        sample.worker.map_or(Cell::Word("scheduler"), |w| Cell::Text(rows.worker_name(w))),
        Cell::Tenths(u64::from(sample.cpu_permille)),
        Cell::Count(sample.rss_bytes),
        Cell::Count(sample.managed_bytes),
        Cell::Count(sample.spilled_bytes),
        Cell::Count(sample.received_per_s),
        Cell::Count(sample.sent_per_s),
        Cell::Count(sample.read_per_s),
        Cell::Count(sample.written_per_s),
        Cell::Count(u64::from(sample.open_files)),
        Cell::Count(u64::from(sample.slots_busy)),
        Cell::Seconds(sample.lag),
    ]
}

/// One table as CSV (RFC 4180, lines end in `\n`): a line of names, then one line per row.
///
/// # Errors
/// Writing fails.
pub fn write_csv(rows: &Rows, table: Table, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", table.columns().join(","))?;
    let mut line = String::new();
    table.each(rows, &mut |cells| {
        line.clear();
        for (i, cell) in cells.iter().enumerate() {
            if i > 0 {
                line.push(',');
            }
            line.push_str(&csv_field(&cell.text()));
        }
        line.push('\n');
        out.write_all(line.as_bytes())
    })
}

/// Tables as one JSON object per line, whose `kind` is `task`, `transfer` or `sample`.
///
/// # Errors
/// Writing fails.
pub fn write_jsonl(rows: &Rows, tables: &[Table], out: &mut dyn Write) -> io::Result<()> {
    for table in tables {
        table.each(rows, &mut |cells| {
            serde_json::to_writer(&mut *out, &Object { table: *table, cells })?;
            out.write_all(b"\n")
        })?;
    }
    Ok(())
}

/// A row with the names of its columns.
struct Object<'a> {
    table: Table,
    cells: &'a [Cell],
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("kind", self.table.kind())?;
        for (name, cell) in self.table.columns().iter().zip(self.cells) {
            match cell {
                Cell::Empty => {}
                Cell::Text(text) => map.serialize_entry(name, text)?,
                Cell::Word(word) => map.serialize_entry(name, word)?,
                Cell::Count(count) => map.serialize_entry(name, count)?,
                Cell::Tenths(tenths) => map.serialize_entry(name, &(*tenths as f64 / 10.0))?,
                Cell::Seconds(at) => map.serialize_entry(name, &at.as_secs_f64())?,
                Cell::Flag(flag) => map.serialize_entry(name, flag)?,
            }
        }
        map.end()
    }
}

impl Cell {
    /// As CSV has it.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Empty => String::new(),
            Self::Text(text) => text.clone(),
            Self::Word(word) => (*word).to_owned(),
            Self::Count(count) => count.to_string(),
            Self::Tenths(tenths) => format!("{}.{}", tenths / 10, tenths % 10),
            Self::Seconds(at) => format!("{}.{:09}", at.0 / 1_000_000_000, at.0 % 1_000_000_000),
            Self::Flag(flag) => flag.to_string(),
        }
    }
}

/// In quotes where a comma, quote or line break would end it too early.
fn csv_field(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}
