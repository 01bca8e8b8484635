//! Writing the tail, on the thread that calls `append`.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use taskreel_model::{Event, Stamped, TaskId};

use super::row::put_event;
use super::{Extent, FRAME_LEN, FrameHeader, FrameKind, HEADER_LEN, TailHeader, tail_paths};
use crate::bytes::Sink;
use crate::codec::MAX_ROW;
use crate::disk::{Conditions, Output};
use crate::format::MAX_RECORDS;
use crate::{RecordError, SpecBatch};

/// A tail of this size is left for the other one as soon as that one is free, unless
/// [`Conditions`] say otherwise.
const ROTATE_AT: u64 = 4 << 20;
/// A tail grows by so many bytes at once, zeros behind its last frame: writing over what is there is
/// far quicker than making the file longer with each write.
const GROW_BY: u64 = 64 << 10;
/// A frame is closed when it has this many bytes.
const FRAME_TARGET: usize = 1 << 20;

/// The two tails of a trace being written.
#[derive(Debug)]
pub(crate) struct TailWriter {
    trace: PathBuf,
    run_check: u32,
    generation: u32,
    written: Extent,
    tails: [Tail; 2],
    current: usize,
    frame: Sink,
    durable: bool,
    conditions: Conditions,
}

#[derive(Debug)]
struct Tail {
    path: PathBuf,
    file: Option<Output>,
    /// Where the next frame goes.
    len: u64,
    /// Bytes in the file.
    file_len: u64,
    /// How many frames there were with the last one it holds: it is free once the blocks hold all
    /// of these.
    end: u64,
}

impl TailWriter {
    /// Tails of a new trace; any of an earlier one of that name are removed.
    pub(crate) fn new(trace: &Path, run_check: u32) -> Self {
        let tails =
            tail_paths(trace).map(|path| Tail { path, file: None, len: 0, file_len: 0, end: 0 });
        let writer = Self {
            trace: trace.to_owned(),
            run_check,
            generation: 0,
            written: Extent::default(),
            tails,
            current: 0,
            frame: Sink::default(),
            durable: false,
            conditions: Conditions::default(),
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

    /// Under what conditions it is written.
    pub(crate) fn under(self, conditions: Conditions) -> Self {
        Self { conditions, ..self }
    }

    /// Removes the files.
    pub(crate) fn remove(&self) {
        for tail in &self.tails {
            // One that stays is harmless: it does not fit to another trace, and a closed trace
            // needs none.
            let _ = fs::remove_file(&tail.path);
        }
    }

    /// Writes events. Of the frames so far, blocks hold the first `folded`.
    ///
    /// # Panics
    /// A `seq` is not one more than the one before: a frame holds only the first.
    pub(crate) fn events(
        &mut self,
        events: &[Stamped<Event>],
        folded: u64,
    ) -> Result<(), RecordError> {
        self.rotate(folded)?;
        let mut rest = events;
        while let Some(first) = rest.first() {
            self.begin_frame();
            let n = self.rows(rest, first.seq)?;
            rest = &rest[n..];
            self.write(FrameKind::Events, first.seq, n)?;
        }
        Ok(())
    }

    /// Puts events into the frame until it is full. Returns how many these are.
    fn rows(&mut self, events: &[Stamped<Event>], first: u64) -> Result<usize, RecordError> {
        let (frame, mut last, mut n) = (&mut self.frame, None, 0);
        for (seq, event) in (first..).zip(events).take(MAX_RECORDS as usize) {
            assert_eq!(event.seq, seq, "events are recorded in the order of their seq");
            if frame.len() >= FRAME_TARGET {
                break;
            }
            put_event(frame, event, &mut last).map_err(|bytes| RecordError::TooLarge {
                path: self.trace.clone(),
                what: format!("event {} ({})", event.seq, event.what.name()),
                bytes,
                limit: MAX_ROW,
            })?;
            n += 1;
        }
        Ok(n)
    }

    /// Empties the frame, but for the room of its header.
    fn begin_frame(&mut self) {
        self.frame.clear();
        self.frame.fill(|room| room.fixed([0; FRAME_LEN]));
    }

    /// Writes task specs, in one frame.
    pub(crate) fn specs(&mut self, batch: &SpecBatch, folded: u64) -> Result<(), RecordError> {
        self.rotate(folded)?;
        self.begin_frame();
        batch.lens.iter().for_each(|&len| self.frame.varint(u64::from(len)));
        self.frame.append(|out| out.extend_from_slice(&batch.bytes));
        self.write(FrameKind::Specs, u64::from(batch.first.0), batch.lens.len())
    }

    /// What was written so far.
    pub(crate) fn written(&self) -> Extent {
        self.written
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
        let rotate_at = self.conditions.tail_bytes.unwrap_or(ROTATE_AT);
        let full = self.tails[self.current].len > rotate_at;
        if full && self.tails[other].end <= folded {
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
        let begun = how.and_then(|file| {
            let mut file = Output::new(&tail.path, file, &self.conditions);
            file.write_all(&header.encode())?;
            let file_len = file.len()?;
            Ok((file, file_len))
        });
        let (file, file_len) = begun.map_err(|source| fault(tail, source))?;
        (tail.file, tail.file_len) = (Some(file), file_len);
        tail.len = HEADER_LEN as u64;
        Ok(())
    }

    fn write(&mut self, kind: FrameKind, first: u64, n: usize) -> Result<(), RecordError> {
        let payload = &self.frame.bytes()[FRAME_LEN..];
        let mut header = FrameHeader {
            payload_len: payload.len() as u32,
            kind: kind as u8,
            first,
            n_records: n as u32,
            crc: 0,
        };
        header.crc = header.checksum(self.generation, payload);
        self.frame.bytes_mut()[..FRAME_LEN].copy_from_slice(&header.encode());
        let n_bytes = self.frame.len() as u64;
        let tail = &mut self.tails[self.current];
        let written = tail.write(&mut self.frame);
        let synced = written.and_then(|file| if self.durable { file.sync() } else { Ok(()) });
        synced.map_err(|source| fault(tail, source))?;
        self.written.frames += 1;
        self.written.bytes += n_bytes;
        tail.end = self.written.frames;
        Ok(())
    }
}

impl Tail {
    /// Writes a frame behind the last one.
    fn write(&mut self, frame: &mut Sink) -> io::Result<&Output> {
        let file = self.file.as_mut().expect("rotate opened it");
        let end = self.len + frame.len() as u64;
        let grows = end > self.file_len;
        if grows {
            self.file_len = end.next_multiple_of(GROW_BY);
            let zeros = (self.file_len - end) as usize;
            frame.append(|bytes| bytes.resize(bytes.len() + zeros, 0));
        }
        file.write_all(frame.bytes())?;
        if grows {
            file.go_to(end)?;
        }
        self.len = end;
        Ok(file)
    }
}

fn fault(tail: &Tail, source: io::Error) -> RecordError {
    RecordError::Io { path: tail.path.clone(), source }
}
