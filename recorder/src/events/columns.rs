//! The columns of an event block: bytes of one field of one kind of event, in the order of events.

use crate::bytes::{Cursor, Malformed, put_long, put_varint, spread};

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

/// Room for what the events between two calls of [`ColumnsOut::settle`] put into a column.
const ROOM: usize = 4 << 10;
/// The longest number.
const MAX_VARINT: usize = 10;
/// So many events may be put into columns between two calls of [`ColumnsOut::settle`]: none has more
/// than one number of the longest, or two ids, in a column of single numbers.
pub(super) const MAX_UNSETTLED: usize = ROOM / MAX_VARINT;

/// Columns being written.
#[derive(Debug)]
pub(super) struct ColumnsOut {
    columns: [Vec<u8>; N_COLUMNS],
    /// What follows them: so that putting a byte needs no look at a vector's capacity.
    fresh: Box<[Fresh; N_COLUMNS]>,
}

#[derive(Clone, Debug)]
struct Fresh {
    bytes: [u8; ROOM + MAX_VARINT],
    len: usize,
}

impl Fresh {
    /// Where the next number goes. It is below [`ROOM`] anyway, which the compiler does not know.
    #[inline(always)]
    fn place(&self) -> usize {
        self.len % ROOM
    }

    #[inline(always)]
    fn byte(&mut self, value: u8) {
        self.bytes[self.place()] = value;
        self.len += 1;
    }

    /// Most numbers have one byte, nearly all others up to four.
    #[inline(always)]
    fn varint(&mut self, value: u64) {
        if value < 0x80 {
            self.byte(value as u8);
        } else if value < 1 << 28 {
            let (at, (bytes, n)) = (self.place(), spread(value as u32));
            self.bytes[at..at + 4].copy_from_slice(&bytes);
            self.len += n;
        } else {
            let at = self.place();
            self.len = put_long(&mut self.bytes, at, value);
        }
    }

    #[inline(always)]
    fn zigzag(&mut self, value: i64) {
        self.varint(((value << 1) ^ (value >> 63)) as u64);
    }
}

impl ColumnsOut {
    pub(super) fn new() -> Self {
        let fresh = vec![Fresh { bytes: [0; ROOM + MAX_VARINT], len: 0 }; N_COLUMNS];
        let Ok(fresh) = fresh.into_boxed_slice().try_into() else {
            unreachable!("there are so many columns")
        };
        Self { columns: [const { Vec::new() }; N_COLUMNS], fresh }
    }

    #[inline(always)]
    fn fresh(&mut self, column: Column) -> &mut Fresh {
        &mut self.fresh[column as usize]
    }

    /// A column that an event puts any number of bytes into, and nothing by the functions below.
    pub(super) fn long(&mut self, column: Column) -> &mut Vec<u8> {
        &mut self.columns[column as usize]
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, column: Column, value: u8) {
        self.fresh(column).byte(value);
    }

    #[inline(always)]
    pub(super) fn varint(&mut self, column: Column, value: impl Into<u64>) {
        self.fresh(column).varint(value.into());
    }

    #[inline(always)]
    pub(super) fn zigzag(&mut self, column: Column, value: i64) {
        self.fresh(column).zigzag(value);
    }

    /// An id as its difference to the expected one.
    #[inline(always)]
    pub(super) fn id(&mut self, column: Column, expected: u32, id: u32) {
        self.zigzag(column, i64::from(id) - i64::from(expected));
    }

    /// An instant in ticks as its difference to the expected one.
    #[inline(always)]
    pub(super) fn instant(&mut self, column: Column, expected: u64, instant: u64) {
        self.zigzag(column, instant.wrapping_sub(expected) as i64);
    }

    /// Makes room for more: to be called after [`MAX_UNSETTLED`] events at the latest.
    pub(super) fn settle(&mut self) {
        for (column, fresh) in self.columns.iter_mut().zip(self.fresh.iter_mut()) {
            assert!(fresh.len <= ROOM, "a column has more numbers than events");
            column.extend_from_slice(&fresh.bytes[..fresh.len]);
            fresh.len = 0;
        }
    }

    /// The tags of the events.
    pub(super) fn tags(&self) -> &[u8] {
        &self.columns[Column::Tag as usize]
    }

    /// The payload: a table of the columns that hold anything, then their bytes. Empties them. All must
    /// be settled.
    pub(super) fn drain(&mut self) -> Vec<u8> {
        let len: usize = self.columns.iter().map(Vec::len).sum();
        let mut out = Vec::with_capacity(len + 4 * N_COLUMNS);
        let used = || (0_u8..).zip(&self.columns).filter(|(_, column)| !column.is_empty());
        out.push(used().count() as u8);
        for (number, column) in used() {
            out.push(number);
            put_varint(&mut out, column.len() as u64);
        }
        for column in &mut self.columns {
            out.append(column);
        }
        out
    }
}

/// Where the columns of a payload are, and how far they were read.
#[derive(Debug)]
pub(super) struct Places {
    /// Of each column, the first byte that was not read and the one behind the last.
    columns: [(usize, usize); N_COLUMNS],
}

impl Places {
    /// Finds the columns of a payload; those of unknown number are passed over.
    pub(super) fn find(raw: &[u8]) -> Result<Self, Malformed> {
        let mut table = Cursor::new(raw);
        let n = table.u8()?;
        let mut data = table;
        for _ in 0..n {
            data.u8()?;
            data.varint()?;
        }
        let mut columns = [(0, 0); N_COLUMNS];
        for _ in 0..n {
            let number = table.u8()?;
            let begin = raw.len() - data.remaining();
            let bytes = data.take_len(table.varint()?)?;
            if let Some(column) = columns.get_mut(usize::from(number)) {
                *column = (begin, begin + bytes.len());
            }
        }
        Ok(Self { columns })
    }

    /// The columns from where they were left, in the payload in which they were found.
    pub(super) fn columns<'a>(&self, raw: &'a [u8]) -> ColumnsIn<'a> {
        ColumnsIn { columns: self.columns.map(|(begin, end)| Cursor::new(&raw[begin..end])) }
    }

    /// Notes how far columns were read.
    pub(super) fn leave(&mut self, columns: &ColumnsIn<'_>) {
        for ((begin, end), column) in self.columns.iter_mut().zip(&columns.columns) {
            *begin = *end - column.remaining();
        }
    }
}

/// Columns being read.
#[derive(Debug)]
pub(super) struct ColumnsIn<'a> {
    columns: [Cursor<'a>; N_COLUMNS],
}

impl<'a> ColumnsIn<'a> {
    #[inline(always)]
    pub(super) fn column(&mut self, column: Column) -> &mut Cursor<'a> {
        &mut self.columns[column as usize]
    }

    #[inline(always)]
    pub(super) fn byte(&mut self, column: Column) -> Result<u8, Malformed> {
        self.column(column).u8()
    }

    #[inline(always)]
    pub(super) fn varint(&mut self, column: Column) -> Result<u64, Malformed> {
        self.column(column).varint()
    }

    #[inline(always)]
    pub(super) fn varint_u32(&mut self, column: Column) -> Result<u32, Malformed> {
        self.column(column).varint_u32()
    }

    #[inline(always)]
    pub(super) fn id(&mut self, column: Column, expected: u32) -> Result<u32, Malformed> {
        let difference = self.column(column).zigzag()?;
        i64::from(expected)
            .checked_add(difference)
            .and_then(|id| u32::try_from(id).ok())
            .ok_or(Malformed("an id is out of range"))
    }

    #[inline(always)]
    pub(super) fn instant(&mut self, column: Column, expected: u64) -> Result<u64, Malformed> {
        Ok(expected.wrapping_add(self.column(column).zigzag()? as u64))
    }
}
