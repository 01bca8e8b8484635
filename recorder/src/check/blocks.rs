//! A walk over all blocks and the tail, noting what is wrong and handing out what is whole.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use taskreel_model::{Event, LogLine, Sample, Stamped, State};

use super::{CheckReport, Finding};
use crate::budget::{Spent, state_bytes};
use crate::bytes::Malformed;
use crate::events::decode;
use crate::format::{BlockHeader, Footer, IndexEntry, Kind, TRAILER_LEN, Unsealer};
use crate::keyframe::decode_keyframe;
use crate::records::{decode_logs, decode_samples, decode_specs};
use crate::scan::{Found, Scanner};
use crate::tail::TailReader;
use crate::{OpenError, ReadError, SpecBatch, Summary};

/// More findings than this are only counted.
const MAX_FINDINGS: usize = 2_000;

/// What one step found whole.
#[derive(Debug)]
pub(super) enum Piece {
    Events(Vec<Stamped<Event>>),
    Samples(Vec<Sample>),
    Logs(Vec<LogLine>),
    Specs(SpecBatch),
    /// A stored state: what the events before that `seq` fold to, and where it is.
    State(u64, u64),
    /// Nothing to keep.
    Other,
}

#[derive(Debug)]
pub(super) struct Walk {
    pub(super) scanner: Scanner,
    unsealer: Unsealer,
    tail: TailReader,
    pub(super) report: CheckReport,
    /// What the events so far fold to; `None`: some are missing or do not fold.
    fold: Option<State>,
    /// Events that do not fold; behind each, the fold goes on from the next stored state.
    illegal: BTreeSet<u64>,
    /// `seq` that the next event should have.
    next_seq: u64,
    /// What the footer should say.
    index: Vec<IndexEntry>,
    summary: Summary,
    /// Where the state after so many events is stored; those that were passed are taken out.
    stored: BTreeMap<u64, u64>,
    /// What was unpacked so far.
    spent: Spent,
    over: bool,
}

impl Walk {
    pub(super) fn open(path: &Path) -> Result<Self, OpenError> {
        let scanner = Scanner::open(path)?;
        let stored = stored_states(Scanner::open(path)?)?;
        let unsealer =
            Unsealer::new().map_err(|source| OpenError::Io { path: path.to_owned(), source })?;
        Ok(Self {
            tail: TailReader::new(path, scanner.run_check),
            scanner,
            unsealer,
            report: CheckReport::default(),
            fold: Some(State::new()),
            illegal: BTreeSet::new(),
            next_seq: 0,
            index: Vec::new(),
            summary: Summary::default(),
            stored,
            spent: Spent::default(),
            over: false,
        })
    }

    fn note(&mut self, offset: u64, bytes: u64, what: impl Into<String>) {
        if self.report.findings.len() < MAX_FINDINGS {
            self.report.findings.push(Finding { offset, bytes, what: what.into() });
        } else {
            self.report.n_more += 1;
        }
    }

    /// Whether an event that was handed out does not fold.
    pub(super) fn is_illegal(&self, seq: u64) -> bool {
        self.illegal.contains(&seq)
    }

    /// Looks at the next block, or at the tail behind the last one; `None`: that was all.
    pub(super) fn step(&mut self) -> Result<Option<Piece>, ReadError> {
        if self.over {
            return Ok(None);
        }
        match self.scanner.next()? {
            Found::Damage { offset, bytes, reason } => {
                self.note(offset, bytes, format!("damaged ({reason})"));
                Ok(Some(Piece::Other))
            }
            Found::End { offset, torn } => {
                self.over = true;
                if torn > 0 {
                    self.note(offset, torn, "an unfinished block");
                }
                let events = self.tail_events(offset)?;
                self.note(offset, 0, "the run was not closed: there is no footer");
                Ok(Some(Piece::Events(events)))
            }
            Found::Block { offset, header } => {
                self.report.blocks += 1;
                let piece = self.block(offset, &header)?;
                self.index.push(IndexEntry {
                    offset,
                    kind: header.kind,
                    n_records: header.n_records,
                    first: header.first,
                    first_at: header.first_at,
                    last_at: header.last_at,
                });
                Ok(Some(piece))
            }
        }
    }

    fn block(&mut self, offset: u64, header: &BlockHeader) -> Result<Piece, ReadError> {
        self.spent.block(header.raw_len, header.n_records);
        self.check_budget(offset)?;
        let payload = self.scanner.payload(offset, header)?;
        let tick = self.scanner.info.tick();
        let file_bytes = self.file_bytes()?;
        let room = self.spent.room(file_bytes);
        let read = self.unsealer.unseal(header, &payload).and_then(|raw| {
            Ok::<_, Malformed>(match Kind::from_number(header.kind) {
                Some(Kind::Events) => {
                    let decoded = decode(header, raw.into_owned(), tick, room)?;
                    self.report.unknown += decoded.unknown.values().sum::<u64>();
                    Piece::Events(decoded.events)
                }
                Some(Kind::Samples) => Piece::Samples(decode_samples(header, &raw, tick)?),
                Some(Kind::Logs) => Piece::Logs(decode_logs(header, &raw, tick)?),
                Some(Kind::Specs) => {
                    Piece::Specs(decode_specs(header.first, header.n_records, &raw)?)
                }
                Some(Kind::Keyframe) => {
                    let may_spend = |bytes| self.spent.stored(bytes, file_bytes);
                    let (first, now) = (header.first, header.first_at);
                    decode_keyframe(first, now, &raw, state_bytes(file_bytes), may_spend)?;
                    Piece::State(header.first, offset)
                }
                Some(Kind::Footer) => {
                    let footer = Footer::parse(&raw, file_bytes)?;
                    self.closed(offset, header, &footer);
                    Piece::Other
                }
                None => {
                    self.report.unknown += 1;
                    Piece::Other
                }
            })
        });
        if let Ok(Piece::Events(events)) = &read {
            self.spent.events(events);
            self.check_budget(offset)?;
        }
        Ok(match read {
            Ok(piece) => self.accept(offset, header, piece),
            Err(why) => {
                self.note(offset, header.block_len(), format!("damaged ({})", why.0));
                Piece::Other
            }
        })
    }

    fn file_bytes(&self) -> Result<u64, ReadError> {
        Ok(self.scanner.len()? + self.tail.bytes())
    }

    /// Whether what was unpacked so far is no more than a run of this size has.
    fn check_budget(&self, offset: u64) -> Result<(), ReadError> {
        let Some(reason) = self.spent.beyond(self.file_bytes()?) else { return Ok(()) };
        Err(ReadError::TooMuch { path: self.scanner.path().to_owned(), offset, reason })
    }

    /// Compares a piece with what came before it.
    fn accept(&mut self, offset: u64, header: &BlockHeader, piece: Piece) -> Piece {
        match piece {
            Piece::Events(events) => Piece::Events(self.events(offset, events)),
            Piece::State(seq, _) => {
                self.report.keyframes += 1;
                if self.index.is_empty() {
                    // A window of a run begins with its state.
                    self.next_seq = seq;
                    self.fold = self.state_at(offset);
                    self.stored.remove(&seq);
                }
                piece
            }
            other => {
                let n = u64::from(header.n_records);
                match &other {
                    Piece::Samples(_) => self.summary.samples += n,
                    Piece::Logs(_) => self.summary.logs += n,
                    Piece::Specs(_) => self.summary.specs += n,
                    Piece::Events(_) | Piece::State(..) | Piece::Other => {}
                }
                other
            }
        }
    }

    /// The events that were not there before; notes gaps, and what does not fold.
    fn events(&mut self, offset: u64, mut events: Vec<Stamped<Event>>) -> Vec<Stamped<Event>> {
        let first = events.first().map_or(self.next_seq, |event| event.seq);
        if first > self.next_seq {
            let lost = format!("events {} to {} are lost", self.next_seq, first - 1);
            self.note(offset, 0, lost);
            self.fold = None;
        } else if first < self.next_seq {
            self.note(offset, 0, format!("events from {first} on are there twice"));
            events.retain(|event| event.seq >= self.next_seq);
        }
        let mut changes = Vec::new();
        for event in &events {
            self.next_seq = event.seq + 1;
            if let Some(state) = &mut self.fold
                && let Err(illegal) = state.apply(event, &mut changes)
            {
                self.fold = None;
                self.illegal.insert(event.seq);
                self.note(offset, 0, illegal.to_string());
            }
            changes.clear();
            self.compare(event.seq + 1);
        }
        self.summary.count_events(&events);
        self.report.events += events.len() as u64;
        events
    }

    /// Compares the state with the one that is stored for this place.
    fn compare(&mut self, seq: u64) {
        let Some(offset) = self.stored.remove(&seq) else { return };
        let Some(stored) = self.state_at(offset) else { return };
        match &self.fold {
            Some(state) if *state != stored => {
                self.note(offset, 0, "a stored state is not what its events fold to");
            }
            Some(_) => {}
            None => self.fold = Some(stored),
        }
    }

    /// The state in the block at an offset; one that is damaged is noted when its turn comes.
    pub(super) fn state_at(&mut self, offset: u64) -> Option<State> {
        let header = self.scanner.block_at(offset).ok()??;
        let payload = self.scanner.payload(offset, &header).ok()?;
        let raw = self.unsealer.unseal(&header, &payload).ok()?;
        let file_bytes = self.file_bytes().ok()?;
        let may_spend = |bytes| self.spent.stored(bytes, file_bytes);
        let (first, now) = (header.first, header.first_at);
        decode_keyframe(first, now, &raw, state_bytes(file_bytes), may_spend).ok()
    }

    fn tail_events(&mut self, offset: u64) -> Result<Vec<Stamped<Event>>, ReadError> {
        let mut all = Vec::new();
        loop {
            let next_seq = self.next_seq.max(all.last().map_or(0, |e: &Stamped<Event>| e.seq + 1));
            let found = self.tail.read(next_seq, &self.scanner.info)?;
            all.extend(found.events);
            if let Some(before) = found.gap_before {
                self.note(offset, 0, format!("events {next_seq} to {} are lost", before - 1));
            }
            if found.n_bytes == 0 || found.gap_before.is_some() {
                break;
            }
        }
        self.report.tail_events = all.len() as u64;
        Ok(self.events(offset, all))
    }

    /// The footer was reached: compares it with what was found.
    fn closed(&mut self, offset: u64, header: &BlockHeader, footer: &Footer) {
        self.over = true;
        self.report.closed = true;
        if footer.index != self.index {
            self.note(offset, header.block_len(), "the index is not that of the blocks");
        }
        let (said, found) = (&footer.summary, &self.summary);
        let counts = [said.events, said.samples, said.logs, said.specs];
        if counts != [found.events, found.samples, found.logs, found.specs] {
            self.note(offset, header.block_len(), "the footer counts other records than there are");
        }
        let end = offset + header.block_len() + TRAILER_LEN as u64;
        let len = self.scanner.len().unwrap_or(end);
        if len > end {
            self.note(end, len - end, "bytes behind the end of the trace");
        } else if !matches!(self.scanner.trailer(), Ok(Some(t)) if t.footer_offset == offset) {
            self.note(offset + header.block_len(), 0, "the trailer is damaged");
        }
    }
}

/// Where states are stored, by the `seq` of the event that follows.
fn stored_states(mut scanner: Scanner) -> Result<BTreeMap<u64, u64>, ReadError> {
    let mut stored = BTreeMap::new();
    loop {
        match scanner.next()? {
            Found::Block { offset, header } if header.kind == Kind::Keyframe as u8 => {
                stored.insert(header.first, offset);
            }
            Found::Block { .. } | Found::Damage { .. } => {}
            Found::End { .. } => return Ok(stored),
        }
    }
}
