//! Parquet tables, read back, hold what the JSON lines hold.
//! `cargo test -p taskreel-replay --features parquet --test parquet`
#![cfg(feature = "parquet")]

#[path = "plots/made_up.rs"]
mod made_up;

use made_up::Made;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use serde_json::{Map, Value};
use taskreel_model::Nanos;
use taskreel_recorder::{RunInfo, VecSource};
use taskreel_replay::export::{Rows, Table, write_jsonl, write_parquet};

fn rows() -> Rows {
    let lost = Some((2, Nanos::from_millis(900)));
    let made = Made { fails_every: 20, loses: lost, ..Made::default() };
    Rows::collect(&mut VecSource::new(RunInfo::default(), [made.batch()]), "made up")
}

/// A row as the lines of JSON have it, without nulls.
fn object(fields: impl Iterator<Item = (String, Field)>) -> Map<String, Value> {
    let value = |field: Field| match field {
        Field::Null => None,
        Field::Str(text) => Some(text.into()),
        Field::Double(real) => Some(real.into()),
        Field::Long(count) => Some(count.into()),
        Field::Bool(flag) => Some(flag.into()),
        other => panic!("{other:?} is no field of these tables"),
    };
    fields.filter_map(|(name, field)| Some((name, value(field)?))).collect()
}

#[test]
fn what_is_read_back_is_what_the_json_lines_hold() {
    let rows = rows();
    for table in Table::ALL {
        let mut file = Vec::new();
        write_parquet(&rows, table, &mut file).expect("a Vec takes all");
        let reader = SerializedFileReader::new(bytes::Bytes::from(file)).expect("it is Parquet");
        let read = reader
            .get_row_iter(None)
            .expect("it has rows")
            .map(|row| object(row.expect("it is whole").into_columns().into_iter()));
        let mut lines = Vec::new();
        write_jsonl(&rows, &[table], &mut lines).expect("a Vec takes all");
        let lines = String::from_utf8(lines).expect("JSON is text");
        let written = lines.lines().map(|line| {
            let mut object: Map<String, Value> = serde_json::from_str(line).expect("an object");
            object.remove("kind");
            object
        });
        let (read, written): (Vec<_>, Vec<_>) = (read.collect(), written.collect());
        assert!(read.len() > 20, "{} {}", table.name(), read.len());
        assert_eq!(read, written, "{}", table.name());
    }
}

#[test]
fn the_same_run_gives_the_same_bytes() {
    let file = || {
        let mut file = Vec::new();
        write_parquet(&rows(), Table::Tasks, &mut file).expect("a Vec takes all");
        file
    };
    assert_eq!(file(), file());
}
