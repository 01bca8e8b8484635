//! Reading the tails: what was acknowledged and is in no block.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use taskreel_model::{Event, Stamped};

use super::row::read_event;
use super::{FRAME_LEN, FrameHeader, HEADER_LEN, MAX_FRAME, TailHeader, tail_paths};
use crate::bytes::{Cursor, Malformed};
use crate::format::Kind;
use crate::records::decode_specs;
use crate::{ReadError, RunInfo, SpecBatch};

/// How much of the tails one call reads, about.
const READ_AT_ONCE: u64 = 4 << 20;

/// Reads the tails of a trace, and goes on where it left off when they have grown.
#[derive(Debug)]
pub(crate) struct TailReader {
    tails: [Position; 2],
    run_check: u32,
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
        Self { tails: tail_paths(trace).map(at), run_check }
    }

    /// The highest generation that was read.
    pub(crate) fn generation(&self) -> u32 {
        self.tails.iter().map(|tail| tail.generation).max().unwrap_or(0)
    }

    /// Size of the files now.
    pub(crate) fn bytes(&self) -> u64 {
        self.tails.iter().filter_map(|tail| tail.path.metadata().ok()).map(|meta| meta.len()).sum()
    }

    /// Whole frames not read before, without the events before `next_seq`. Nothing: there are none
    /// for now.
    pub(crate) fn read(&mut self, next_seq: u64, info: &RunInfo) -> Result<TailRecords, ReadError> {
        let mut found = TailRecords { next_seq, ..TailRecords::default() };
        let mut open = Vec::new();
        for tail in &mut self.tails {
            let file = tail.open(self.run_check).map_err(|source| tail.fault(source))?;
            open.extend(file.map(|file| (tail.generation, file, tail)));
        }
        open.sort_by_key(|&(generation, ..)| generation);
        for (_, file, tail) in &mut open {
            while found.n_bytes < READ_AT_ONCE {
                let frame = tail.frame(file).map_err(|source| tail.fault(source))?;
                let Some((header, payload)) = frame else {
                    break;
                };
                if found.take(&header, &payload, info).is_err() {
                    return Ok(found);
                }
                tail.offset += (FRAME_LEN + payload.len()) as u64;
                found.n_bytes += (FRAME_LEN + payload.len()) as u64;
            }
        }
        Ok(found)
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

    /// The next whole frame.
    fn frame(&self, file: &mut BufReader<File>) -> io::Result<Option<(FrameHeader, Vec<u8>)>> {
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
        let mut payload = Vec::new();
        file.take(u64::from(header.payload_len)).read_to_end(&mut payload)?;
        let whole = payload.len() == header.payload_len as usize
            && header.checksum(self.generation, &payload) == header.crc;
        Ok(whole.then_some((header, payload)))
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
    fn take(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        info: &RunInfo,
    ) -> Result<(), Malformed> {
        match Kind::from_number(header.kind) {
            Some(Kind::Specs) => {
                self.specs.push(decode_specs(header.first, header.n_records, payload)?);
                Ok(())
            }
            Some(Kind::Events) => self.take_events(header, payload, info),
            Some(Kind::Samples | Kind::Logs | Kind::Keyframe | Kind::Footer) | None => Ok(()),
        }
    }

    fn take_events(
        &mut self,
        header: &FrameHeader,
        payload: &[u8],
        info: &RunInfo,
    ) -> Result<(), Malformed> {
        let end = header.first.saturating_add(u64::from(header.n_records));
        if end <= self.next_seq {
            return Ok(());
        }
        if header.first > self.next_seq {
            self.gap_before = Some(header.first);
            return Err(Malformed("events are missing"));
        }
        let (mut rows, mut last) = (Cursor::new(payload), 0);
        for seq in header.first..end {
            let event = read_event(&mut rows, seq, last)?;
            last = event.logged_at.0;
            if seq < self.next_seq {
                continue;
            }
            if let Event::Unknown { tag } = event.what {
                *self.unknown.entry(tag).or_default() += 1;
            }
            self.events.push(Stamped {
                logged_at: info.quantize(event.logged_at),
                at: info.quantize(event.at),
                ..event
            });
            self.next_seq = seq + 1;
        }
        Ok(())
    }
}
