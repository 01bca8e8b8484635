//! The columns of an event block: bytes of one field of one kind of event, in the order of events.

use crate::bytes::{Cursor, Malformed, Sink, put_varint};

macro_rules! columns {
    ($($name:ident = $number:literal,)*) => {
        /// A column. Numbers of the format: appended, never reused.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(super) enum Column {
            $($name = $number,)*
        }

        /// Names of the columns by number, as the description of the format has them.
        pub(crate) const COLUMN_NAMES: &[&str] = &[$(stringify!($name),)*];
    };
}

columns! {
    Tag = 0,
    LoggedAt = 1,
    Lag = 2,
    Cause = 3,
    Cold = 4,
    Worker = 5,
    NewWorker = 6,
    SubmittedTask = 7,
    SubmittedGraph = 8,
    SubmittedPrefix = 9,
    SubmittedShape = 10,
    SubmittedSuffix = 11,
    SubmittedOptions = 12,
    SubmittedDeps = 13,
    Dep = 14,
    ReleasedClient = 15,
    ReleasedTask = 16,
    AssignedTask = 17,
    AssignedAttempt = 18,
    AssignedReason = 19,
    StartedFrom = 20,
    StartedTask = 21,
    StartedAttempt = 22,
    StartedSlot = 23,
    StartedAt = 24,
    FinishedIn = 25,
    FinishedTask = 26,
    FinishedAttempt = 27,
    FinishedBytes = 28,
    FinishedAt = 29,
    FetchFrom = 30,
    FetchDependent = 31,
    FetchTask = 32,
    FetchAt = 33,
    FetchedFlight = 34,
    FetchedTask = 35,
    FetchedBytes = 36,
    FetchedAt = 37,
    ActivityKind = 38,
    ActivityTask = 39,
    ActivityTook = 40,
    ActivityBytes = 41,
    ActivityAt = 42,
}

const N_COLUMNS: usize = COLUMN_NAMES.len();

/// Columns being written.
#[derive(Debug)]
pub(super) struct ColumnsOut {
    columns: [Sink; N_COLUMNS],
}

impl ColumnsOut {
    pub(super) fn new() -> Self {
        Self { columns: std::array::from_fn(|_| Sink::default()) }
    }

    pub(super) fn column(&mut self, column: Column) -> &mut Sink {
        &mut self.columns[column as usize]
    }

    pub(super) fn byte(&mut self, column: Column, value: u8) {
        self.column(column).byte(value);
    }

    pub(super) fn varint(&mut self, column: Column, value: impl Into<u64>) {
        self.column(column).varint(value.into());
    }

    /// An id as its difference to the expected one.
    pub(super) fn id(&mut self, column: Column, expected: u32, id: u32) {
        self.column(column).zigzag(i64::from(id) - i64::from(expected));
    }

    /// An instant in ticks as its difference to the expected one.
    pub(super) fn instant(&mut self, column: Column, expected: u64, instant: u64) {
        self.column(column).zigzag(instant.wrapping_sub(expected) as i64);
    }

    /// The payload: a table of the columns that hold anything, then their bytes. Empties them.
    pub(super) fn drain(&mut self) -> Vec<u8> {
        let len: usize = self.columns.iter().map(Sink::len).sum();
        let mut out = Vec::with_capacity(len + 4 * N_COLUMNS);
        let used = || (0_u8..).zip(&self.columns).filter(|(_, sink)| sink.len() > 0);
        out.push(used().count() as u8);
        for (number, sink) in used() {
            out.push(number);
            put_varint(&mut out, sink.len() as u64);
        }
        for column in &mut self.columns {
            out.extend_from_slice(column.bytes());
            column.clear();
        }
        out
    }
}

/// Columns being read.
#[derive(Debug)]
pub(super) struct ColumnsIn<'a> {
    columns: [Cursor<'a>; N_COLUMNS],
}

impl<'a> ColumnsIn<'a> {
    /// Finds the columns of a payload; those of unknown number are passed over.
    pub(super) fn parse(raw: &'a [u8]) -> Result<Self, Malformed> {
        let mut table = Cursor::new(raw);
        let n = table.u8()?;
        let mut data = table;
        for _ in 0..n {
            data.u8()?;
            data.varint()?;
        }
        let mut columns = [Cursor::default(); N_COLUMNS];
        for _ in 0..n {
            let number = table.u8()?;
            let bytes = data.take_len(table.varint()?)?;
            if let Some(column) = columns.get_mut(usize::from(number)) {
                *column = Cursor::new(bytes);
            }
        }
        Ok(Self { columns })
    }

    pub(super) fn column(&mut self, column: Column) -> &mut Cursor<'a> {
        &mut self.columns[column as usize]
    }

    pub(super) fn byte(&mut self, column: Column) -> Result<u8, Malformed> {
        self.column(column).u8()
    }

    pub(super) fn varint(&mut self, column: Column) -> Result<u64, Malformed> {
        self.column(column).varint()
    }

    pub(super) fn varint_u32(&mut self, column: Column) -> Result<u32, Malformed> {
        self.column(column).varint_u32()
    }

    pub(super) fn id(&mut self, column: Column, expected: u32) -> Result<u32, Malformed> {
        let difference = self.column(column).zigzag()?;
        i64::from(expected)
            .checked_add(difference)
            .and_then(|id| u32::try_from(id).ok())
            .ok_or(Malformed("an id is out of range"))
    }

    pub(super) fn instant(&mut self, column: Column, expected: u64) -> Result<u64, Malformed> {
        Ok(expected.wrapping_add(self.column(column).zigzag()? as u64))
    }
}
