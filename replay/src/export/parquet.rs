//! Tables as Parquet: the columns of the CSV tables, typed and compressed. Instants and durations
//! are seconds as doubles; what does not apply is null.

use std::io::{self, Write};
use std::sync::Arc;

use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::column::writer::ColumnWriter;
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{Type, TypePtr};

use super::Rows;
use super::tables::{Cell, Table};

/// Rows that are held before they are written.
const GROUP_ROWS: usize = 1 << 16;

/// One table as a Parquet file.
///
/// # Errors
/// Writing fails.
pub fn write_parquet(rows: &Rows, table: Table, out: &mut dyn Write) -> io::Result<()> {
    // The file is small beside the rows, and its writer wants to be sent between threads.
    let mut file = Vec::new();
    write(rows, table, &mut file).map_err(io::Error::other)?;
    out.write_all(&file)
}

fn write(rows: &Rows, table: Table, file: &mut Vec<u8>) -> Result<(), ParquetError> {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_created_by("taskreel".to_owned())
        .build();
    let mut writer = SerializedFileWriter::new(file, schema(table)?, Arc::new(properties))?;
    let mut group = Group::new(table);
    table.each(rows, &mut |cells| {
        group.push(cells);
        if group.n_rows == GROUP_ROWS {
            group.write(&mut writer).map_err(io::Error::other)?;
        }
        Ok(())
    })?;
    if group.n_rows > 0 {
        group.write(&mut writer)?;
    }
    writer.close().map(|_| ())
}

fn schema(table: Table) -> Result<TypePtr, ParquetError> {
    let column = |name: &&str| {
        let (physical, logical) = match Values::of(name) {
            Values::Text(_) => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Values::Real(_) => (Physical::DOUBLE, None),
            Values::Count(_) => (Physical::INT64, None),
            Values::Flag(_) => (Physical::BOOLEAN, None),
        };
        let column = Type::primitive_type_builder(name, physical);
        let column = column.with_logical_type(logical).with_repetition(Repetition::OPTIONAL);
        column.build().map(Arc::new)
    };
    let columns: Result<Vec<TypePtr>, ParquetError> = table.columns().iter().map(column).collect();
    Type::group_type_builder(table.name()).with_fields(columns?).build().map(Arc::new)
}

/// The values of a column that are not null.
enum Values {
    Text(Vec<ByteArray>),
    Real(Vec<f64>),
    Count(Vec<i64>),
    Flag(Vec<bool>),
}

impl Values {
    /// No values yet, of the type that a column of that name has.
    fn of(name: &str) -> Self {
        match name {
            "ok" => Self::Flag(Vec::new()),
            "cpu_percent" => Self::Real(Vec::new()),
            "key" | "prefix" | "worker" | "outcome" | "phase" | "failure" | "error"
            | "activity" | "dependent" | "from" => Self::Text(Vec::new()),
            _ if name.ends_with("_s") && !name.ends_with("_per_s") => Self::Real(Vec::new()),
            _ => Self::Count(Vec::new()),
        }
    }

    /// Adds a value; `false`: it is null.
    fn push(&mut self, cell: &Cell) -> bool {
        match (self, cell) {
            (_, Cell::Empty) => return false,
            (Self::Text(texts), cell) => texts.push(cell.text().into_bytes().into()),
            (Self::Real(reals), Cell::Seconds(at)) => reals.push(at.as_secs_f64()),
            (Self::Real(reals), Cell::Tenths(tenths)) => reals.push(*tenths as f64 / 10.0),
            (Self::Count(counts), Cell::Count(count)) => {
                counts.push(i64::try_from(*count).unwrap_or(i64::MAX));
            }
            (Self::Flag(flags), Cell::Flag(flag)) => flags.push(*flag),
            (Self::Real(_) | Self::Count(_) | Self::Flag(_), _) => {
                unreachable!("a column has cells of one type")
            }
        }
        true
    }
}

/// Rows that are to be written together, by column.
struct Group {
    table: Table,
    n_rows: usize,
    /// Values, and for each row whether it has one.
    columns: Vec<(Values, Vec<i16>)>,
}

impl Group {
    fn new(table: Table) -> Self {
        let columns = table.columns().iter().map(|name| (Values::of(name), Vec::new()));
        Self { table, n_rows: 0, columns: columns.collect() }
    }

    fn push(&mut self, cells: &[Cell]) {
        for ((values, present), cell) in self.columns.iter_mut().zip(cells) {
            present.push(i16::from(values.push(cell)));
        }
        self.n_rows += 1;
    }

    /// Writes the rows and begins anew.
    fn write(
        &mut self,
        writer: &mut SerializedFileWriter<&mut Vec<u8>>,
    ) -> Result<(), ParquetError> {
        let done = std::mem::replace(self, Self::new(self.table));
        let mut group: SerializedRowGroupWriter<'_, _> = writer.next_row_group()?;
        for (values, present) in done.columns {
            let Some(mut column) = group.next_column()? else { break };
            let present = Some(present.as_slice());
            match (column.untyped(), values) {
                (ColumnWriter::ByteArrayColumnWriter(to), Values::Text(of)) => {
                    to.write_batch(&of, present, None)?;
                }
                (ColumnWriter::DoubleColumnWriter(to), Values::Real(of)) => {
                    to.write_batch(&of, present, None)?;
                }
                (ColumnWriter::Int64ColumnWriter(to), Values::Count(of)) => {
                    to.write_batch(&of, present, None)?;
                }
                (ColumnWriter::BoolColumnWriter(to), Values::Flag(of)) => {
                    to.write_batch(&of, present, None)?;
                }
                _ => unreachable!("the schema has the types of the values"),
            }
            column.close()?;
        }
        group.close().map(|_| ())
    }
}
