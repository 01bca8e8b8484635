//! Writing the tail, on the thread that calls `append`.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use taskreel_model::{Event, Stamped, TaskId};

use super::row::put_event;
use super::{FRAME_LEN, FrameHeader, HEADER_LEN, TailHeader, tail_paths};
use crate::bytes::Sink;
use crate::codec::MAX_ROW;
use crate::format::{Kind, MAX_RECORDS};
use crate::records::encode_specs;
use crate::{RecordError, SpecBatch};

/// A tail of this size is left for the other one as soon as that one is free.
const ROTATE_AT: u64 = 4 << 20;
/// A frame is closed when it has this many bytes.
const FRAME_TARGET: usize = 1 << 20;

/// The two tails of a trace being written.
#[derive(Debug)]
pub(crate) struct TailWriter {
    trace: PathBuf,
    run_check: u32,
    generation: u32,
    /// Counts the frames.
    ticket: u64,
    tails: [Tail; 2],
    current: usize,
    frame: Sink,
    durable: bool,
}

#[derive(Debug)]
struct Tail {
    path: PathBuf,
    file: Option<File>,
    len: u64,
    /// The last ticket it holds: it is free once the blocks hold that too.
    last_ticket: u64,
}

impl TailWriter {
    /// Tails of a new trace; any of an earlier one of that name are removed.
    pub(crate) fn new(trace: &Path, run_check: u32) -> Self {
        let tails = tail_paths(trace).map(|path| Tail { path, file: None, len: 0, last_ticket: 0 });
        let writer = Self {
            trace: trace.to_owned(),
            run_check,
            generation: 0,
            ticket: 0,
            tails,
            current: 0,
            frame: Sink::default(),
            durable: false,
        };
        writer.remove();
        writer
    }

    /// Tails that go on after those of a recorder that was killed, whose events are in blocks by
    /// now. Whoever follows the trace tells them apart by their generation.
    pub(crate) fn after(trace: &Path, run_check: u32, generation: u32) -> Self {
        Self { generation, ..Self::new(trace, run_check) }
    }

    /// Whether each write waits until it is on the disk.
    pub(crate) fn durable(self, durable: bool) -> Self {
        Self { durable, ..self }
    }

    /// Removes the files.
    pub(crate) fn remove(&self) {
        for tail in &self.tails {
            // One that stays is harmless: it does not fit to another trace, and a closed trace
            // needs none.
            let _ = fs::remove_file(&tail.path);
        }
    }

    /// Writes events. `folded` is the last frame that blocks hold; `written` is told of each frame:
    /// its ticket, `seq` of its first event, how many these are, and their rows.
    pub(crate) fn events(
        &mut self,
        events: &[Stamped<Event>],
        folded: u64,
        mut written: impl FnMut(u64, u64, u32, &[u8]),
    ) -> Result<(), RecordError> {
        self.rotate(folded)?;
        let mut rest = events;
        while let Some(first) = rest.first() {
            self.begin_frame();
            let (mut n, mut last) = (0, 0);
            while let Some(event) = rest.get(n)
                && n < MAX_RECORDS as usize
                && self.frame.len() < FRAME_TARGET
            {
                self.row(event, last)?;
                last = event.logged_at.0;
                n += 1;
            }
            rest = &rest[n..];
            let ticket = self.write(Kind::Events, first.seq, n)?;
            written(ticket, first.seq, n as u32, &self.frame.bytes()[FRAME_LEN..]);
        }
        Ok(())
    }

    /// Empties the frame, but for the room of its header.
    fn begin_frame(&mut self) {
        self.frame.clear();
        (0..FRAME_LEN).for_each(|_| self.frame.byte(0));
    }

    fn row(&mut self, event: &Stamped<Event>, last: u64) -> Result<(), RecordError> {
        let begin = self.frame.len();
        put_event(&mut self.frame, event, last);
        let len = self.frame.len() - begin;
        if len > MAX_ROW {
            return Err(RecordError::TooLarge {
                path: self.trace.clone(),
                what: format!("event {} ({})", event.seq, event.what.name()),
                bytes: len,
                limit: MAX_ROW,
            });
        }
        Ok(())
    }

    /// Writes task specs, in one frame; returns its ticket.
    pub(crate) fn specs(&mut self, batch: &SpecBatch, folded: u64) -> Result<u64, RecordError> {
        self.rotate(folded)?;
        self.begin_frame();
        self.frame.append(|out| out.append(&mut encode_specs(&batch.lens, &batch.bytes)));
        self.write(Kind::Specs, u64::from(batch.first.0), batch.lens.len())
    }

    /// Cuts a batch of specs into such as fit into a frame and a block.
    pub(crate) fn split_specs(&self, batch: SpecBatch) -> Result<Vec<SpecBatch>, RecordError> {
        if batch.bytes.len() <= FRAME_TARGET && batch.lens.len() <= MAX_RECORDS as usize {
            return Ok(vec![batch]);
        }
        let mut parts: Vec<SpecBatch> = Vec::new();
        let mut bytes = batch.bytes.as_slice();
        for (task, &len) in (batch.first.0..).zip(&batch.lens) {
            if len as usize > MAX_ROW {
                return Err(RecordError::TooLarge {
                    path: self.trace.clone(),
                    what: format!("the arguments of task {}", TaskId(task)),
                    bytes: len as usize,
                    limit: MAX_ROW,
                });
            }
            let (spec, rest) = bytes.split_at(len as usize);
            bytes = rest;
            let room = |part: &&mut SpecBatch| {
                part.bytes.len() < FRAME_TARGET && part.lens.len() < MAX_RECORDS as usize
            };
            match parts.last_mut().filter(room) {
                Some(part) => part.push(spec),
                None => {
                    let mut part = SpecBatch::new(TaskId(task));
                    part.push(spec);
                    parts.push(part);
                }
            }
        }
        Ok(parts)
    }

    /// Goes over to the other tail if this one is large enough and that one is free.
    fn rotate(&mut self, folded: u64) -> Result<(), RecordError> {
        let other = 1 - self.current;
        let full = self.tails[self.current].len > ROTATE_AT;
        if full && self.tails[other].last_ticket <= folded {
            self.current = other;
            self.begin()?;
        } else if self.tails[self.current].file.is_none() {
            self.begin()?;
        }
        Ok(())
    }

    /// Empties the current tail and writes its header.
    fn begin(&mut self) -> Result<(), RecordError> {
        self.generation += 1;
        let header = TailHeader { run_check: self.run_check, generation: self.generation };
        let tail = &mut self.tails[self.current];
        tail.file = None;
        // What it held stays behind the new begin: its checksums are of another generation, and
        // writing over it is quicker than making the file grow again.
        let how = OpenOptions::new().write(true).create(true).truncate(false).open(&tail.path);
        let begun = how.and_then(|mut file| {
            file.write_all(&header.encode())?;
            Ok(file)
        });
        tail.file = Some(begun.map_err(|source| fault(tail, source))?);
        tail.len = HEADER_LEN as u64;
        Ok(())
    }

    fn write(&mut self, kind: Kind, first: u64, n_records: usize) -> Result<u64, RecordError> {
        let payload = &self.frame.bytes()[FRAME_LEN..];
        let mut header = FrameHeader {
            payload_len: payload.len() as u32,
            kind: kind as u8,
            first,
            n_records: n_records as u32,
            crc: 0,
        };
        header.crc = header.checksum(self.generation, payload);
        self.frame.bytes_mut()[..FRAME_LEN].copy_from_slice(&header.encode());
        let tail = &mut self.tails[self.current];
        let file = tail.file.as_mut().expect("rotate opened it");
        let written = file.write_all(self.frame.bytes());
        let written = if self.durable { written.and_then(|()| file.sync_data()) } else { written };
        written.map_err(|source| fault(tail, source))?;
        tail.len += self.frame.len() as u64;
        self.ticket += 1;
        tail.last_ticket = self.ticket;
        Ok(self.ticket)
    }
}

fn fault(tail: &Tail, source: io::Error) -> RecordError {
    RecordError::Io { path: tail.path.clone(), source }
}
