//! `reel export`: a run in the formats of other tools, and as a page that needs none.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use taskreel_replay::export::{Rows, Table, write_chrome, write_csv, write_jsonl, write_perfetto};

use taskreel_recorder::TraceReader;
use taskreel_replay::Reopen;
use taskreel_viewer::export_html;

use super::failure::say;
use super::output::write_file;
use super::{Failure, open};

/// Writes a run for other tools: a web page of its own, Perfetto, Chrome's tracing, tables.
///
/// html is one file below 25 MB with the viewer and the data, opened by double click, without
/// server and network; it says what it left out.
///
/// perfetto is gzipped protobuf, with dependencies as arrows; open it at ui.perfetto.dev, which
/// keeps it in the browser. chrome is JSON for the same and older tools. csv and jsonl are tables
/// of tasks (one row per execution), transfers and samples; see docs/export.md for their columns.
/// parquet is the same tables for data frames, where reel was built with it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  reel export run.reel --format html -o run.html
  reel export run.reel --format perfetto -o run.pftrace.gz
  reel export run.reel --format csv -o tasks.csv
  reel export run.reel --format csv --table transfers -o - | head
  reel export run.reel --format csv -o tables/           all three tables, in a folder
  reel export run.reel --format jsonl -o - | jq 'select(.kind == \"task\" and .duration_s > 1)'")]
pub(crate) struct Export {
    /// The trace.
    #[arg(value_name = "FILE")]
    trace: PathBuf,
    /// What to write
    #[arg(long, value_name = "FORMAT")]
    format: Format,
    /// The file to write; - is standard output. Of csv and parquet also a folder, with a / at its end
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Which tables, separated by commas [default: tasks in a csv or parquet file, else all]
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    table: Vec<TableName>,
}

/// Said where Parquet was left out of the build.
const NO_PARQUET: &str = "this reel was built without Parquet: build it with \
    `cargo build --release --features parquet`; csv and jsonl hold the same tables";

/// Most bytes of a page: what issue trackers take as an attachment, with room for their rounding.
const PAGE_BYTES_MAX: usize = 24_500_000;

/// Formats of other tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Perfetto,
    Chrome,
    Csv,
    Jsonl,
    Parquet,
}

/// Tables of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TableName {
    Tasks,
    Transfers,
    Samples,
}

impl Export {
    /// Writes the export.
    pub(crate) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let tables = self.tables()?;
        let to_folder = self.is_folder();
        if self.format == Format::Parquet && cfg!(not(feature = "parquet")) {
            return Err(Failure::usage(NO_PARQUET));
        }
        if to_folder && !self.is_one_table() {
            let output = self.output.display();
            return Err(Failure::usage(format!("{output} is a folder: name a file, or -")));
        }
        if self.is_one_table() && !to_folder && tables.len() > 1 {
            let hint = "name one --table, or a folder: -o tables/";
            return Err(Failure::usage(format!("such a file holds one table: {hint}")));
        }
        if self.format == Format::Html {
            return self.page(out);
        }
        let rows = self.rows()?;
        if to_folder {
            std::fs::create_dir_all(&self.output).map_err(|error| {
                Failure::run(format!("make folder {}: {error}", self.output.display()))
            })?;
            for table in tables {
                let path = self.output.join(format!("{}.{}", table.name(), self.ending()));
                to_file(&path, |out| self.write_table(&rows, table, out))?;
            }
            return Ok(());
        }
        let write = |out: &mut dyn Write| match self.format {
            // Written above.
            Format::Html => Ok(()),
            Format::Perfetto => write_perfetto(&rows, out),
            Format::Chrome => write_chrome(&rows, out),
            Format::Csv | Format::Parquet => {
                tables.iter().try_for_each(|table| self.write_table(&rows, *table, out))
            }
            Format::Jsonl => write_jsonl(&rows, &tables, out),
        };
        if self.output == Path::new("-") {
            return Ok(write(out)?);
        }
        to_file(&self.output, write)
    }

    /// Whether a file holds one table.
    fn is_one_table(&self) -> bool {
        matches!(self.format, Format::Csv | Format::Parquet)
    }

    /// How names of files with one table end.
    fn ending(&self) -> &'static str {
        if self.format == Format::Parquet { "parquet" } else { "csv" }
    }

    fn write_table(&self, rows: &Rows, table: Table, out: &mut dyn Write) -> std::io::Result<()> {
        #[cfg(feature = "parquet")]
        if self.format == Format::Parquet {
            return taskreel_replay::export::write_parquet(rows, table, out);
        }
        write_csv(rows, table, out)
    }

    /// Writes the page, and says what it left out.
    fn page(&self, out: &mut dyn Write) -> Result<(), Failure> {
        open::reader(&self.trace)?;
        let trace = self.trace.clone();
        let reopen: Reopen = Box::new(move || Ok(Box::new(TraceReader::open(&trace)?) as _));
        let page = export_html(reopen, "", PAGE_BYTES_MAX).map_err(Failure::input)?;
        if self.output == Path::new("-") {
            out.write_all(page.html.as_bytes())?;
        } else {
            to_file(&self.output, |out| out.write_all(page.html.as_bytes()))?;
        }
        for what in &page.left_out {
            say(format_args!("left out: {what}"));
        }
        Ok(())
    }

    fn rows(&self) -> Result<Rows, Failure> {
        let mut source = open::reader(&self.trace)?;
        let rows = Rows::collect(&mut source, &self.trace.display().to_string());
        open::say_warnings(&self.trace, taskreel_recorder::Source::warnings(&source));
        if let Some(cut) = &rows.cut {
            say(format_args!("{cut}"));
        }
        Ok(rows)
    }

    fn tables(&self) -> Result<Vec<Table>, Failure> {
        let is_table = self.is_one_table() || self.format == Format::Jsonl;
        if !is_table && !self.table.is_empty() {
            return Err(Failure::usage("--table is for csv, jsonl and parquet"));
        }
        if self.table.is_empty() {
            let one = self.is_one_table() && !self.is_folder();
            return Ok(if one { vec![Table::Tasks] } else { Table::ALL.to_vec() });
        }
        let named = |table: &Table| self.table.iter().any(|name| name.table() == *table);
        Ok(Table::ALL.into_iter().filter(named).collect())
    }

    fn is_folder(&self) -> bool {
        self.output.as_os_str().to_string_lossy().ends_with('/') || self.output.is_dir()
    }
}

impl TableName {
    fn table(self) -> Table {
        match self {
            Self::Tasks => Table::Tasks,
            Self::Transfers => Table::Transfers,
            Self::Samples => Table::Samples,
        }
    }
}

fn to_file(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> std::io::Result<()>,
) -> Result<(), Failure> {
    write_file(path, write)?;
    say(format_args!("wrote {}", path.display()));
    Ok(())
}
