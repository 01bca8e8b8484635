//! Folds file and tail into one stream of records, without gaps and without repetition.

use std::path::Path;

use crate::budget::Spent;
use crate::events::OpenBlock;
use crate::format::{BlockHeader, Footer, Kind, Unsealer};
use crate::records::{decode_logs, decode_samples, decode_specs};
use crate::scan::{Found, Scanner};
use crate::seek::Keyframes;
use crate::tail::TailReader;
use crate::{Batch, OpenError, ReadError, SpecBatch, Warning};

/// More warnings than this are not kept: nobody reads them, and a forged file has millions.
const MAX_WARNINGS: usize = 1_000;
/// So many events of a block are returned at a time: they stay in a near cache until they are folded.
const EVENTS_AT_ONCE: usize = 512;

/// What a reader wants of a trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Events, samples and log lines.
    Records,
    /// Task specs.
    Specs,
}

/// A place in a trace: all before it was returned.
#[derive(Debug)]
pub(crate) struct TraceCursor {
    pub(crate) scanner: Scanner,
    pub(crate) tail: TailReader,
    pub(crate) unsealer: Unsealer,
    wanted: Wanted,
    pub(crate) specs: Vec<SpecBatch>,
    /// The block of events that was not returned whole yet.
    open: Option<Opened>,
    /// The `seq` of the next event.
    next_seq: u64,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) n_blocks: u64,
    pub(crate) n_keyframes: u64,
    pub(crate) keyframe_bytes: u64,
    pub(crate) n_specs: u64,
    /// The task after the last whose spec was counted.
    specs_end: u64,
    /// Where the keyframes are, as far as that was looked up.
    pub(crate) keyframes: Keyframes,
    /// What was unpacked since the last jump.
    pub(crate) spent: Spent,
    /// The footer was reached.
    closed: bool,
    /// Events are missing: what follows them cannot be folded.
    pub(crate) stopped: bool,
}

/// A block of events, and where it is in the file.
#[derive(Debug)]
struct Opened {
    block: OpenBlock,
    offset: u64,
    bytes: u64,
}

/// How far one step came.
#[derive(Debug)]
pub(crate) enum Step {
    /// Something new, perhaps only specs.
    Batch(Batch),
    /// Nothing more for now, with so many bytes of a block that is not whole at an offset.
    End { offset: u64, torn: u64 },
    /// Nothing more, ever.
    Over,
}

/// What the tail brought.
#[derive(Debug)]
pub(crate) enum Tail {
    /// Something new, perhaps only specs.
    Batch(Batch),
    /// Events up to the one given are neither in the tail nor in a block that was read.
    Gap(u64),
    /// Nothing more for now.
    End,
}

impl TraceCursor {
    pub(crate) fn open(path: &Path, wanted: Wanted) -> Result<Self, OpenError> {
        let mut scanner = Scanner::open(path)?;
        // A window of a run begins with a keyframe, and its events where that was made.
        let first_block = scanner.block_at(scanner.begin())?;
        let window = first_block.filter(|header| header.kind == Kind::Keyframe as u8);
        let unsealer =
            Unsealer::new().map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        Ok(Self {
            tail: TailReader::new(path, scanner.run_check),
            scanner,
            unsealer,
            wanted,
            specs: Vec::new(),
            open: None,
            next_seq: window.map_or(0, |header| header.first),
            warnings: Vec::new(),
            n_blocks: 0,
            n_keyframes: 0,
            keyframe_bytes: 0,
            n_specs: 0,
            specs_end: 0,
            keyframes: Keyframes::default(),
            spent: Spent::default(),
            closed: false,
            stopped: false,
        })
    }

    /// Whether the run was closed and all of it was returned.
    pub(crate) fn is_finished(&self) -> bool {
        self.closed && !self.stopped
    }

    /// Size of the file and its tail.
    pub(crate) fn bytes(&self) -> Result<u64, ReadError> {
        let tail = if self.closed { 0 } else { self.tail.bytes() };
        Ok(self.scanner.len()? + tail)
    }

    pub(crate) fn warn(&mut self, warning: Warning) {
        // What is read again after a jump back is warned of once.
        if self.warnings.len() < MAX_WARNINGS && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }

    /// Goes on behind a block, with the event of that `seq`.
    pub(crate) fn resume(&mut self, offset: u64, next_seq: u64) {
        self.scanner.go_to(offset);
        self.tail = TailReader::new(self.scanner.path(), self.scanner.run_check);
        self.open = None;
        self.next_seq = next_seq;
        (self.closed, self.stopped) = (false, false);
        self.spent = Spent::default();
    }

    /// What the next block that brings anything holds.
    pub(crate) fn read_blocks(&mut self) -> Result<Step, ReadError> {
        loop {
            if self.closed || self.stopped {
                return Ok(Step::Over);
            }
            if let Some(opened) = self.open.take() {
                let batch = self.more_events(opened)?;
                if batch.is_empty() {
                    continue;
                }
                return Ok(Step::Batch(batch));
            }
            match self.scanner.next()? {
                Found::End { offset, torn } => return Ok(Step::End { offset, torn }),
                Found::Damage { offset, bytes, reason } => {
                    self.warn(Warning::Damaged { offset, bytes, reason });
                }
                Found::Block { offset, header } => {
                    self.n_blocks += 1;
                    let batch = self.block(offset, &header)?;
                    if !batch.is_empty() || !self.specs.is_empty() {
                        return Ok(Step::Batch(batch));
                    }
                }
            }
        }
    }

    fn block(&mut self, offset: u64, header: &BlockHeader) -> Result<Batch, ReadError> {
        let mut batch = Batch::default();
        let Some(kind) = Kind::from_number(header.kind) else {
            self.count_block(header.kind);
            return Ok(batch);
        };
        if kind == Kind::Events && !self.follows(offset, header.first) {
            return Ok(batch);
        }
        if kind == Kind::Keyframe {
            self.n_keyframes += 1;
            self.keyframe_bytes += header.block_len();
        }
        if kind == Kind::Specs {
            self.count_specs(header.first, u64::from(header.n_records));
        }
        if !self.wants(kind, header) {
            self.pass_over(kind, header);
            return Ok(batch);
        }
        self.spent.block(header.raw_len, header.n_records);
        self.check_budget(offset)?;
        let payload = self.scanner.payload(offset, header)?;
        if let Err(why) = self.unpack(kind, offset, header, &payload, &mut batch) {
            let bytes = header.block_len();
            self.warn(Warning::Damaged { offset, bytes, reason: why.0 });
            batch = Batch::default();
        }
        Ok(batch)
    }

    /// The next events of a block, without those that the tail brought already.
    fn more_events(&mut self, mut opened: Opened) -> Result<Batch, ReadError> {
        let Opened { ref mut block, offset, bytes } = opened;
        let mut decoded = match block.take(EVENTS_AT_ONCE) {
            Ok(decoded) => decoded,
            Err(why) => {
                self.warn(Warning::Damaged { offset, bytes, reason: why.0 });
                return Ok(Batch::default());
            }
        };
        let next_seq = self.next_seq;
        if decoded.events.first().is_some_and(|event| event.seq < next_seq) {
            decoded.events.retain(|event| event.seq >= next_seq);
        }
        self.next_seq = decoded.events.last().map_or(next_seq, |event| event.seq + 1);
        for (tag, n) in decoded.unknown {
            self.count_events(tag, n);
        }
        if block.has_more() {
            self.open = Some(opened);
        }
        self.spent.events(&decoded.events);
        self.check_budget(offset)?;
        Ok(Batch { events: decoded.events, ..Batch::default() })
    }

    /// Whether what was unpacked so far is no more than a run of this size has.
    pub(crate) fn check_budget(&mut self, offset: u64) -> Result<(), ReadError> {
        // A scheduler that starts again on its own log needs all that its tasks run, however well
        // that was compressed.
        if self.wanted == Wanted::Specs {
            return Ok(());
        }
        let Some(reason) = self.spent.beyond(self.bytes()?) else { return Ok(()) };
        self.stopped = true;
        Err(ReadError::TooMuch { path: self.scanner.path().to_owned(), offset, reason })
    }

    /// Whether events from `first` on go on where the last ones ended; if not, reading stops.
    fn follows(&mut self, offset: u64, first: u64) -> bool {
        if first > self.next_seq {
            self.warn(Warning::EventsLost { offset, from: self.next_seq, before: first });
            self.stopped = true;
        }
        !self.stopped
    }

    fn wants(&self, kind: Kind, header: &BlockHeader) -> bool {
        match kind {
            Kind::Footer => true,
            Kind::Keyframe => false,
            Kind::Specs => self.wanted == Wanted::Specs,
            Kind::Samples | Kind::Logs => self.wanted == Wanted::Records,
            Kind::Events => {
                let end = header.first.saturating_add(u64::from(header.n_records));
                self.wanted == Wanted::Records && end > self.next_seq
            }
        }
    }

    fn pass_over(&mut self, kind: Kind, header: &BlockHeader) {
        if kind == Kind::Events {
            let end = header.first.saturating_add(u64::from(header.n_records));
            self.next_seq = self.next_seq.max(end);
        }
    }

    fn unpack(
        &mut self,
        kind: Kind,
        offset: u64,
        header: &BlockHeader,
        payload: &[u8],
        batch: &mut Batch,
    ) -> Result<(), crate::bytes::Malformed> {
        let tick = self.scanner.info.tick();
        let file_bytes = self.bytes().unwrap_or(0);
        let raw = self.unsealer.unseal(header, payload)?;
        match kind {
            Kind::Samples => batch.samples = decode_samples(header, &raw, tick)?,
            Kind::Logs => batch.logs = decode_logs(header, &raw, tick)?,
            Kind::Specs => self.specs.push(decode_specs(header.first, header.n_records, &raw)?),
            Kind::Events => {
                let room = self.spent.room(file_bytes);
                let block = OpenBlock::new(header, raw.into_owned(), tick, room)?;
                self.open = Some(Opened { block, offset, bytes: header.block_len() });
            }
            Kind::Footer => {
                let footer = Footer::parse(&raw, file_bytes)?;
                self.follows(offset, footer.events_end());
                self.closed = true;
            }
            Kind::Keyframe => {}
        }
        Ok(())
    }

    /// What the tail holds beyond the blocks.
    pub(crate) fn read_tail(&mut self) -> Result<Tail, ReadError> {
        if self.closed || self.stopped {
            return Ok(Tail::End);
        }
        loop {
            let found = self.tail.read(self.next_seq, &self.scanner.info)?;
            self.next_seq = found.next_seq;
            for (tag, n) in found.unknown {
                self.count_events(tag, n);
            }
            for specs in &found.specs {
                self.count_specs(specs.first.0.into(), specs.lens.len() as u64);
            }
            let batch = Batch { events: found.events, ..Batch::default() };
            self.spent.events(&batch.events);
            self.check_budget(self.scanner.offset())?;
            match self.wanted {
                Wanted::Specs if !found.specs.is_empty() => {
                    self.specs.extend(found.specs);
                    return Ok(Tail::Batch(Batch::default()));
                }
                Wanted::Records if !batch.is_empty() => return Ok(Tail::Batch(batch)),
                // All that was read is in blocks, or not wanted.
                Wanted::Specs | Wanted::Records if found.n_bytes > 0 => {}
                Wanted::Specs | Wanted::Records => {
                    return Ok(found.gap_before.map_or(Tail::End, Tail::Gap));
                }
            }
        }
    }

    /// Gives up: the events before `before` are nowhere.
    pub(crate) fn give_up(&mut self, offset: u64, before: u64) {
        self.follows(offset, before);
    }

    /// Specs come in the order of their tasks; those of the tail may be in a block too.
    fn count_specs(&mut self, first: u64, n: u64) {
        let end = first.saturating_add(n);
        self.n_specs += end.saturating_sub(first.max(self.specs_end));
        self.specs_end = self.specs_end.max(end);
    }

    fn count_block(&mut self, of: u8) {
        for warning in &mut self.warnings {
            if let Warning::UnknownBlocks { kind, n } = warning
                && *kind == of
            {
                *n += 1;
                return;
            }
        }
        self.warn(Warning::UnknownBlocks { kind: of, n: 1 });
    }

    fn count_events(&mut self, of: u8, more: u64) {
        for warning in &mut self.warnings {
            if let Warning::UnknownEvents { tag, n } = warning
                && *tag == of
            {
                *n += more;
                return;
            }
        }
        self.warn(Warning::UnknownEvents { tag: of, n: more });
    }
}

#[cfg(test)]
mod tests;
