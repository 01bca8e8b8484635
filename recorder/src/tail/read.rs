//! Reading the tails: what was acknowledged and is in no block.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use taskreel_model::{Event, Stamped};

use super::encode::Rows;
use super::{
    FRAME_LEN, FrameHeader, FrameKind, HEADER_LEN, MAX_FRAME, TailHeader, first, row, tail_paths,
};
use crate::bytes::{Cursor, Malformed};
use crate::records::decode_specs;
use crate::{ReadError, RunInfo, SpecBatch};

/// How much of the tails one call reads, about: some 30,000 events, which take five times as much memory.
const READ_AT_ONCE: u64 = 512 << 10;

/// Reads the tails of a trace, and goes on where it left off when they have grown.
#[derive(Debug)]
pub(crate) struct TailReader {
    tails: [Position; 2],
    run_check: u32,
    /// Tails of this generation and those before are passed over.
    after: u32,
    /// Memory for payloads.
    payload: Vec<u8>,
}

/// A whole frame.
#[derive(Debug)]
pub(crate) struct Frame<'a> {
    kind: Option<FrameKind>,
    /// `seq` of the first event, or the first task.
    first: u64,
    n_records: u32,
    payload: &'a [u8],
}

/// What follows once a frame was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// The next frame.
    GoOn,
    /// Nothing for now.
    Enough,
    /// The same frame, when there is more to read.
    Again,
}

#[derive(Debug)]
struct Position {
    path: PathBuf,
    generation: u32,
    offset: u64,
}

/// What a call brought.
#[derive(Debug, Default)]
pub(crate) struct TailRecords {
    pub(crate) events: Vec<Stamped<Event>>,
    pub(crate) specs: Vec<SpecBatch>,
    /// How many events of which tag are not known: each is in `events` as `Event::Unknown`.
    pub(crate) unknown: BTreeMap<u8, u64>,
    /// The first event there is, if those before it are neither here nor in a block.
    pub(crate) gap_before: Option<u64>,
    /// `seq` after the last event.
    pub(crate) next_seq: u64,
    /// How much was read; 0: nothing more is there for now.
    pub(crate) n_bytes: u64,
}

impl TailReader {
    /// For the trace whose header has the checksum given.
    pub(crate) fn new(trace: &Path, run_check: u32) -> Self {
        let at = |path| Position { path, generation: 0, offset: 0 };
        let tails = tail_paths(trace).map(at);
        Self { tails, run_check, after: 0, payload: Vec::new() }
    }

    /// For those alone that are begun after the generation given.
    pub(crate) fn after(self, generation: u32) -> Self {
        Self { after: generation, ..self }
    }

    /// The highest generation that was read.
    pub(crate) fn generation(&self) -> u32 {
        self.tails.iter().map(|tail| tail.generation).max().unwrap_or(0)
    }

    /// Size of the files now.
    pub(crate) fn bytes(&self) -> u64 {
        self.tails.iter().filter_map(|tail| tail.path.metadata().ok()).map(|meta| meta.len()).sum()
    }

    /// What is in whole frames not read before, without the events before `next_seq`. Nothing: there
    /// is none for now.
    pub(crate) fn read(&mut self, next_seq: u64, info: &RunInfo) -> Result<TailRecords, ReadError> {
        let mut found = TailRecords { next_seq, ..TailRecords::default() };
        self.frames(|frame| {
            if found.take(frame, info).is_err() {
                return Ok::<_, ReadError>(Next::Again);
            }
            found.n_bytes += frame.bytes();
            Ok(if found.n_bytes < READ_AT_ONCE { Next::GoOn } else { Next::Enough })
        })?;
        Ok(found)
    }

    /// Passes on the whole frames that were not taken before.
    pub(crate) fn frames<E: From<ReadError>>(
        &mut self,
        mut take: impl FnMut(&Frame<'_>) -> Result<Next, E>,
    ) -> Result<(), E> {
        let mut open = Vec::new();
        for tail in &mut self.tails {
            let file = tail.open(self.run_check).map_err(|source| tail.fault(source))?;
            open.extend(file.map(|file| (tail.generation, file, tail)));
        }
        open.retain(|&(generation, ..)| generation > self.after);
        open.sort_by_key(|&(generation, ..)| generation);
        for (_, file, tail) in &mut open {
            loop {
                let read = tail.frame(file, &mut self.payload);
                let Some(frame) = read.map_err(|source| tail.fault(source))? else { break };
                let (next, bytes) = (take(&frame)?, frame.bytes());
                if next == Next::Again {
                    return Ok(());
                }
                tail.offset += bytes;
                if next == Next::Enough {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

impl Frame<'_> {
    /// Bytes in the file.
    pub(crate) fn bytes(&self) -> u64 {
        (FRAME_LEN + self.payload.len()) as u64
    }

    /// How many events it holds.
    pub(crate) fn n_events(&self) -> u64 {
        match self.kind {
            Some(FrameKind::FirstEvents | FrameKind::Events) => u64::from(self.n_records),
            Some(FrameKind::Specs) | None => 0,
        }
    }

    /// What tasks run, if that is what it holds.
    pub(crate) fn specs(&self) -> Result<Option<SpecBatch>, Malformed> {
        match self.kind {
            Some(FrameKind::Specs) => {
                decode_specs(self.first, self.n_records, self.payload).map(Some)
            }
            Some(FrameKind::FirstEvents | FrameKind::Events) | None => Ok(None),
        }
    }

    /// Its rows, to be encoded; they are as the present version writes them.
    pub(crate) fn rows(&self) -> Rows<'_> {
        Rows::new(self.payload, self.first, self.first.saturating_add(self.n_events()))
    }

    /// Its events, in order; behind an error nothing can be read.
    fn events(&self) -> Events<'_> {
        Events {
            rows: Cursor::new(self.payload),
            is_first: self.kind == Some(FrameKind::FirstEvents),
            seq: self.first,
            end: self.first.saturating_add(self.n_events()),
            last: 0,
        }
    }
}

/// The events of a frame.
#[derive(Debug)]
struct Events<'a> {
    rows: Cursor<'a>,
    /// Whether the rows are those of the first tails.
    is_first: bool,
    seq: u64,
    end: u64,
    /// `logged_at` of the event before.
    last: u64,
}

impl Iterator for Events<'_> {
    type Item = Result<Stamped<Event>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.seq == self.end {
            return None;
        }
        let Self { rows, seq, last, .. } = self;
        let read = if self.is_first {
            first::read_event(rows, *seq, *last)
        } else {
            row::read_event(rows, *seq, *last)
        };
        if let Ok(event) = &read {
            *last = event.logged_at.0;
        }
        *seq += 1;
        Some(read)
    }
}

impl Position {
    /// The file from where it was left, or from its begin if it was emptied since; `None`: there
    /// is none, or it belongs to another trace.
    fn open(&mut self, run_check: u32) -> io::Result<Option<BufReader<File>>> {
        let file = match File::open(&self.path) {
            Ok(file) if file.metadata()?.is_file() => file,
            Ok(_folder) => return Ok(None),
            Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(why) => return Err(why),
        };
        let mut file = BufReader::new(file);
        let Some(bytes) = read_array(&mut file)? else {
            return Ok(None);
        };
        let Some(header) = TailHeader::parse(&bytes).filter(|h| h.run_check == run_check) else {
            return Ok(None);
        };
        if header.generation != self.generation {
            self.generation = header.generation;
            self.offset = HEADER_LEN as u64;
        }
        file.seek(SeekFrom::Start(self.offset))?;
        Ok(Some(file))
    }

    fn fault(&self, source: io::Error) -> ReadError {
        ReadError::Io { path: self.path.clone(), offset: self.offset, source }
    }

    /// The next whole frame, its payload in the memory given.
    fn frame<'a>(
        &self,
        file: &mut BufReader<File>,
        payload: &'a mut Vec<u8>,
    ) -> io::Result<Option<Frame<'a>>> {
        let Some(bytes) = read_array::<FRAME_LEN>(file)? else {
            return Ok(None);
        };
        let Ok(header) = FrameHeader::parse(&bytes) else {
            return Ok(None);
        };
        if header.payload_len as usize > MAX_FRAME {
            return Ok(None);
        }
        // `take` keeps a forged length from taking more memory than there are bytes.
        payload.clear();
        file.take(u64::from(header.payload_len)).read_to_end(payload)?;
        let whole = payload.len() == header.payload_len as usize
            && header.checksum(self.generation, payload) == header.crc;
        Ok(whole.then_some(Frame {
            kind: FrameKind::from_number(header.kind),
            first: header.first,
            n_records: header.n_records,
            payload,
        }))
    }
}

fn read_array<const N: usize>(file: &mut BufReader<File>) -> io::Result<Option<[u8; N]>> {
    let mut bytes = [0; N];
    match file.read_exact(&mut bytes) {
        Ok(()) => Ok(Some(bytes)),
        Err(why) if why.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(why) => Err(why),
    }
}

impl TailRecords {
    /// Adds a frame's records; `Err`: reading must not go on behind it for now.
    fn take(&mut self, frame: &Frame<'_>, info: &RunInfo) -> Result<(), Malformed> {
        self.specs.extend(frame.specs()?);
        if frame.first.saturating_add(frame.n_events()) <= self.next_seq || frame.n_events() == 0 {
            return Ok(());
        }
        if frame.first > self.next_seq {
            self.gap_before = Some(frame.first);
            return Err(Malformed("events are missing"));
        }
        for event in frame.events() {
            let event = event?;
            if event.seq < self.next_seq {
                continue;
            }
            if let Event::Unknown { tag } = event.what {
                *self.unknown.entry(tag).or_default() += 1;
            }
            self.next_seq = event.seq + 1;
            self.events.push(Stamped {
                logged_at: info.quantize(event.logged_at),
                at: info.quantize(event.at),
                ..event
            });
        }
        Ok(())
    }
}
