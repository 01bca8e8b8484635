//! Writes the main file, block after block, on whatever thread it is called.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use taskreel_model::{Event, LogLine, Sample, Stamped, State};

use crate::bytes::Malformed;
use crate::disk::{Conditions, Output};
use crate::events::{Encoded, Encoder};
use crate::format::{
    BlockHeader, Footer, IndexEntry, Kind, MAX_RAW, MAX_RECORDS, Sealer, Trailer, encode_header,
};
use crate::keyframe::encode_keyframe;
use crate::records::{encode_logs, encode_samples, encode_specs};
use crate::tail::{Frame, tail_paths};
use crate::{CreateError, RecordError, RunInfo, SpecBatch, Summary, Totals};

/// Events in one block: more make it no smaller, fewer make a reader's first picture quicker.
const EVENTS_PER_BLOCK: usize = 64 << 10;
/// Log lines in one block: they have at most 8 KiB, and whoever reads one has it in memory twice.
const LINES_PER_BLOCK: usize = 1 << 10;
/// Events are encoded so many at a time before a look at how full the block is.
const BATCH: usize = 256;

/// The main file of a trace being written.
#[derive(Debug)]
pub(crate) struct BlockWriter {
    path: PathBuf,
    file: Output,
    /// Where the next block goes; all before it is whole.
    offset: u64,
    tick: u64,
    sealer: Sealer,
    encoder: Encoder,
    /// Specs that wait for those that follow them.
    open_specs: Option<SpecBatch>,
    footer: Footer,
    next_seq: u64,
}

/// An end that the file had, between two blocks.
#[derive(Debug)]
pub(crate) struct Mark {
    offset: u64,
    n_blocks: usize,
    summary: Summary,
}

impl BlockWriter {
    /// Writes the header into an empty file. Returns its checksum too, which ties a tail to it.
    pub(crate) fn begin(
        path: &Path,
        file: File,
        info: &RunInfo,
    ) -> Result<(Self, u32), CreateError> {
        Self::begin_under(path, file, info, &Conditions::default())
    }

    /// As [`begin`](Self::begin), under these conditions.
    pub(crate) fn begin_under(
        path: &Path,
        file: File,
        info: &RunInfo,
        conditions: &Conditions,
    ) -> Result<(Self, u32), CreateError> {
        let mut file = Output::new(path, file, conditions);
        let header = encode_header(info).map_err(|(bytes, limit)| CreateError::HeaderTooLarge {
            path: path.to_owned(),
            bytes,
            limit,
        })?;
        let fault = |source| CreateError::Io { path: path.to_owned(), source };
        file.write_all(&header).map_err(fault)?;
        let check = u32::from_le_bytes(header[12..16].try_into().expect("four bytes"));
        let writer = Self {
            path: path.to_owned(),
            file,
            offset: header.len() as u64,
            tick: info.tick(),
            sealer: Sealer::new().map_err(fault)?,
            encoder: Encoder::new(info.tick()),
            open_specs: None,
            footer: Footer::default(),
            next_seq: 0,
        };
        Ok((writer, check))
    }

    /// Goes on behind the blocks of a file: what is there from `offset` on is cut off.
    pub(crate) fn resume(
        path: &Path,
        mut file: Output,
        info: &RunInfo,
        (offset, footer): (u64, Footer),
    ) -> io::Result<Self> {
        file.cut(offset)?;
        Ok(Self {
            path: path.to_owned(),
            file,
            offset,
            tick: info.tick(),
            sealer: Sealer::new()?,
            encoder: Encoder::new(info.tick()),
            open_specs: None,
            next_seq: footer.events_end(),
            footer,
        })
    }

    /// Has the system bring all to the disk.
    pub(crate) fn sync(&mut self) -> Result<(), RecordError> {
        self.file.sync().map_err(|source| self.fault(source))
    }

    /// Bytes in the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.offset
    }

    /// What is in the file.
    pub(crate) fn summary(&self) -> &Summary {
        &self.footer.summary
    }

    /// `seq` after the last event in a block.
    pub(crate) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Counts records that were dropped before they came here.
    pub(crate) fn count_dropped(&mut self, n: u64) {
        self.footer.summary.dropped += n;
    }

    /// Notes what the state after the last event says.
    pub(crate) fn set_totals(&mut self, totals: Option<Totals>) {
        self.footer.summary.totals = totals;
    }

    /// The present end, to come back to.
    pub(crate) fn mark(&self) -> Mark {
        Mark {
            offset: self.offset,
            n_blocks: self.footer.index.len(),
            summary: self.footer.summary.clone(),
        }
    }

    /// Takes back what was written since the mark.
    pub(crate) fn rewind(&mut self, mark: Mark) -> Result<(), RecordError> {
        self.file.cut(mark.offset).map_err(|source| self.fault(source))?;
        self.offset = mark.offset;
        self.footer.index.truncate(mark.n_blocks);
        self.footer.summary = mark.summary;
        Ok(())
    }

    /// About how many bytes `finish` will add, and not fewer.
    pub(crate) fn footer_bytes_max(&self) -> u64 {
        // Names and numbers of the summary are some 700 bytes, an entry has at most 42.
        2_048 + 42 * (self.footer.index.len() as u64 + 1)
    }

    /// The file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes events whose `seq` has no gaps.
    pub(crate) fn events(&mut self, events: &[Stamped<Event>]) -> Result<(), RecordError> {
        for events in events.chunks(BATCH) {
            self.encoder.add(events);
            self.close_if_full(EVENTS_PER_BLOCK)?;
        }
        self.event_block()
    }

    /// Adds what a frame of the tail holds to the open blocks. Returns whether a block of events was
    /// full and written.
    pub(crate) fn frame(&mut self, frame: &Frame<'_>) -> Result<bool, RecordError> {
        let [tail, _] = tail_paths(&self.path);
        let tampered = |_why: Malformed| RecordError::Removed { path: tail.clone() };
        if let Some(specs) = frame.specs().map_err(tampered)? {
            return self.add_specs(specs).map(|()| false);
        }
        let n_blocks = self.footer.index.len();
        let mut rows = frame.rows();
        while rows.encode(BATCH as u64, &mut self.encoder).map_err(tampered)? {
            // The frame fits into the open block, unless it is a large one.
            self.close_if_full(2 * EVENTS_PER_BLOCK)?;
        }
        self.close_if_full(EVENTS_PER_BLOCK)?;
        Ok(self.footer.index.len() > n_blocks)
    }

    /// Writes what [`frame`](Self::frame) left open.
    pub(crate) fn close_blocks(&mut self) -> Result<(), RecordError> {
        self.spec_block()?;
        self.event_block()
    }

    /// Adds specs to the open batch if they follow it.
    fn add_specs(&mut self, batch: SpecBatch) -> Result<(), RecordError> {
        match &mut self.open_specs {
            Some(open) if open.takes(&batch) => open.join(&batch),
            _ => {
                self.spec_block()?;
                self.open_specs = Some(batch);
            }
        }
        Ok(())
    }

    /// Writes the open batch of specs, if there is one.
    fn spec_block(&mut self) -> Result<(), RecordError> {
        self.open_specs.take().map_or(Ok(()), |batch| self.specs(&batch))
    }

    /// Closes the open block of events when it has so many, or as many bytes as a block may.
    fn close_if_full(&mut self, n_full: usize) -> Result<(), RecordError> {
        let is_full = self.encoder.n_events() >= n_full;
        // A single event is smaller by far than a block may be: the tail refused it else.
        if is_full || self.encoder.weight() > MAX_RAW / 4 { self.event_block() } else { Ok(()) }
    }

    /// Closes the open block, if there is one.
    fn event_block(&mut self) -> Result<(), RecordError> {
        let Some(Encoded { raw, counts, first, first_at, last_at }) = self.encoder.finish() else {
            return Ok(());
        };
        // A scheduler that starts again needs the specs of every task that an event names.
        self.spec_block()?;
        let header = BlockHeader {
            kind: Kind::Events as u8,
            n_records: counts.n_events,
            first,
            first_at,
            last_at,
            ..BlockHeader::default()
        };
        self.block(header, &raw)?;
        self.footer.summary.count_block(&counts, last_at);
        self.next_seq = first + u64::from(counts.n_events);
        Ok(())
    }

    /// Writes samples.
    pub(crate) fn samples(&mut self, samples: &[Sample]) -> Result<(), RecordError> {
        for samples in samples.chunks(MAX_RECORDS as usize) {
            let raw = encode_samples(samples, self.tick);
            self.records(Kind::Samples, &raw, samples.iter().map(|sample| sample.at.0))?;
            self.footer.summary.samples += samples.len() as u64;
        }
        Ok(())
    }

    /// Writes log lines.
    pub(crate) fn logs(&mut self, lines: &[LogLine]) -> Result<(), RecordError> {
        for lines in lines.chunks(LINES_PER_BLOCK) {
            let raw = encode_logs(lines, self.tick);
            self.records(Kind::Logs, &raw, lines.iter().map(|line| line.at.0))?;
            self.footer.summary.logs += lines.len() as u64;
        }
        Ok(())
    }

    fn records(
        &mut self,
        kind: Kind,
        raw: &[u8],
        instants: impl ExactSizeIterator<Item = u64> + Clone,
    ) -> Result<(), RecordError> {
        let header = BlockHeader {
            kind: kind as u8,
            n_records: instants.len() as u32,
            first_at: instants.clone().min().unwrap_or(0),
            last_at: instants.max().unwrap_or(0),
            ..BlockHeader::default()
        };
        self.block(header, raw)
    }

    /// Writes task specs; a batch is at most as large as one frame of the tail.
    pub(crate) fn specs(&mut self, batch: &SpecBatch) -> Result<(), RecordError> {
        let header = BlockHeader {
            kind: Kind::Specs as u8,
            n_records: batch.lens.len() as u32,
            first: u64::from(batch.first.0),
            ..BlockHeader::default()
        };
        self.block(header, &encode_specs(&batch.lens, &batch.bytes))?;
        self.footer.summary.specs += batch.lens.len() as u64;
        Ok(())
    }

    /// Writes a keyframe that belongs just here, if it has at most `room` bytes. Returns its size,
    /// and whether it was written.
    pub(crate) fn keyframe(
        &mut self,
        state: &State,
        room: u64,
    ) -> Result<(u64, bool), RecordError> {
        let raw = encode_keyframe(state);
        let header = BlockHeader {
            kind: Kind::Keyframe as u8,
            n_records: 1,
            first: state.next_seq(),
            first_at: state.now().0,
            last_at: state.now().0,
            number: self.footer.index.len() as u32,
            ..BlockHeader::default()
        };
        if raw.len() > MAX_RAW {
            return Ok((raw.len() as u64, false));
        }
        let block = self.sealer.seal(header, &raw).map_err(|source| self.fault(source))?;
        let bytes = block.len() as u64;
        if bytes > room {
            return Ok((bytes, false));
        }
        self.sealed(&header, &block)?;
        Ok((bytes, true))
    }

    /// Writes summary, index and trailer, and has the system bring all to the disk.
    pub(crate) fn finish(&mut self) -> Result<(), RecordError> {
        let footer_offset = self.offset;
        let header = BlockHeader {
            kind: Kind::Footer as u8,
            n_records: self.footer.index.len() as u32,
            last_at: self.footer.summary.last_logged_at_ns,
            ..BlockHeader::default()
        };
        let raw = self.footer.encode();
        self.block(header, &raw)?;
        let footer_len = (self.offset - footer_offset) as u32;
        self.write(&Trailer { footer_offset, footer_len }.encode())?;
        self.sync()
    }

    fn block(&mut self, header: BlockHeader, raw: &[u8]) -> Result<(), RecordError> {
        let header = BlockHeader { number: self.footer.index.len() as u32, ..header };
        let block = self.sealer.seal(header, raw).map_err(|source| self.fault(source))?;
        self.sealed(&header, &block)
    }

    fn sealed(&mut self, header: &BlockHeader, block: &[u8]) -> Result<(), RecordError> {
        let entry = IndexEntry {
            offset: self.offset,
            kind: header.kind,
            n_records: header.n_records,
            first: header.first,
            first_at: header.first_at,
            last_at: header.last_at,
        };
        self.write(block)?;
        self.footer.index.push(entry);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), RecordError> {
        if !self.file.is_in_place() {
            return Err(RecordError::Removed { path: self.path.clone() });
        }
        if let Err(source) = self.file.write_all(bytes) {
            // Half a block is cut off, so that the file ends whole; the error is what counts.
            let _ = self.file.cut(self.offset);
            return Err(self.fault(source));
        }
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn fault(&self, source: io::Error) -> RecordError {
        RecordError::Io { path: self.path.clone(), source }
    }
}
