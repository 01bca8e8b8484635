//! Files that are cut, damaged or forged: what can be shown is shown, the rest is said.

use std::fs::{self, File};
use std::path::PathBuf;

use proptest::prelude::*;
use taskreel_model::{Event, Nanos, Sample, Stamped};
use tempfile::TempDir;

use crate::format::{BlockHeader, Sealer};
use crate::run;
use crate::writer::BlockWriter;
use crate::{RunInfo, Source, Tailer, TraceReader, Warning, read_info, read_specs};

/// A small closed trace, a block for each turn and one of samples after each third.
struct Trace {
    folder: TempDir,
    events: Vec<Stamped<Event>>,
    bytes: Vec<u8>,
    /// Where each block begins, and the first event after it.
    blocks: Vec<(usize, u64)>,
}

impl Trace {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.reel");
        let file = File::create(&path).unwrap();
        let (mut writer, _) = BlockWriter::begin(&path, file, &RunInfo::default()).unwrap();
        let turns = run::turns(11, 40, 2, 1);
        let (mut blocks, mut next_seq) = (Vec::new(), 0);
        for (i, turn) in turns.iter().enumerate() {
            next_seq += turn.len() as u64;
            blocks.push((writer.bytes() as usize, next_seq));
            writer.events(turn).unwrap();
            if i % 3 == 0 {
                blocks.push((writer.bytes() as usize, next_seq));
                writer.samples(&[Sample { at: Nanos(i as u64), ..Sample::default() }]).unwrap();
            }
        }
        blocks.push((writer.bytes() as usize, next_seq));
        writer.finish().unwrap();
        let bytes = fs::read(&path).unwrap();
        Self { folder, events: turns.concat(), bytes, blocks }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("run.reel")
    }

    /// What a reader makes of some bytes: events, warnings, and whether it was all.
    fn read(&self, bytes: &[u8]) -> Option<(Vec<Stamped<Event>>, Vec<Warning>, bool)> {
        fs::write(self.path(), bytes).unwrap();
        let mut reader = TraceReader::open(&self.path()).ok()?;
        let mut events = Vec::new();
        while let Some(batch) = reader.next_batch().unwrap() {
            events.extend(batch.events);
        }
        Some((events, reader.warnings().to_vec(), reader.is_finished()))
    }

    /// How many events the blocks hold that end before a byte.
    fn events_before(&self, byte: usize) -> usize {
        let whole = self.blocks.windows(2).filter(|pair| pair[1].0 <= byte);
        whole.map(|pair| pair[0].1 as usize).max().unwrap_or(0)
    }
}

#[test]
fn cut_at_any_byte_it_shows_the_whole_blocks() {
    let trace = Trace::new();
    let header = trace.blocks[0].0;
    for len in 0..trace.bytes.len() {
        let read = trace.read(&trace.bytes[..len]);
        let Some((events, warnings, finished)) = read else {
            assert!(len < header, "cut at {len}");
            continue;
        };
        assert_eq!(events.len(), trace.events_before(len), "cut at {len}");
        assert!(events == trace.events[..events.len()]);
        let footer_is_there = len >= trace.bytes.len() - crate::format::TRAILER_LEN;
        assert_eq!(finished, footer_is_there, "cut at {len}");
        assert_eq!(warnings.is_empty(), finished, "cut at {len}");
        let info = read_info(&trace.path()).unwrap();
        assert_eq!((info.summary.events, info.closed), (events.len() as u64, finished));
    }
}

/// A tailer that sees the file grow byte by byte returns each block as soon as it is whole.
#[test]
fn grown_byte_by_byte_it_is_followed() {
    let trace = Trace::new();
    let mut len = trace.blocks[0].0;
    fs::write(trace.path(), &trace.bytes[..len]).unwrap();
    let mut tailer = Tailer::open(&trace.path()).unwrap();
    let mut events = Vec::new();
    while !tailer.is_finished() {
        while let Some(batch) = tailer.next_batch().unwrap() {
            events.extend(batch.events);
        }
        assert_eq!(events.len(), trace.events_before(len));
        len += 1;
        fs::write(trace.path(), &trace.bytes[..len.min(trace.bytes.len())]).unwrap();
    }
    assert!(events == trace.events);
    assert_eq!(tailer.warnings(), []);
}

#[test]
fn lost_events_end_the_reading() {
    let trace = Trace::new();
    // Once in a payload, once in a block's header.
    for (block, within) in [(2, BlockHeader::LEN + 3), (4, 20)] {
        let (offset, _) = trace.blocks[block];
        let mut bytes = trace.bytes.clone();
        bytes[offset + within] ^= 0x40;
        let (events, warnings, finished) = trace.read(&bytes).unwrap();
        assert!(!finished);
        assert_eq!(events.len(), trace.events_before(offset));
        let [Warning::Damaged { offset: at, .. }, Warning::EventsLost { from, before, .. }] =
            warnings.as_slice()
        else {
            panic!("{warnings:?}");
        };
        assert_eq!((*at as usize, *from as usize), (offset, events.len()));
        assert!(trace.blocks.iter().any(|&(_, next)| next == *before));
    }
}

#[test]
fn lost_samples_do_not_end_the_reading() {
    let trace = Trace::new();
    let (offset, _) = trace.blocks[1];
    for within in [5, BlockHeader::LEN + 1] {
        let mut bytes = trace.bytes.clone();
        bytes[offset + within] ^= 0x40;
        let (events, warnings, finished) = trace.read(&bytes).unwrap();
        assert!(events == trace.events && finished);
        assert!(matches!(warnings.as_slice(), [Warning::Damaged { .. }]), "{warnings:?}");
    }
}

/// The last block of events is gone, and only the footer knows that it was there.
#[test]
fn the_footer_tells_of_events_lost_at_the_end() {
    let trace = Trace::new();
    let n = trace.blocks.len();
    let last = (0..n - 1).rev().find(|&i| i == 0 || trace.blocks[i - 1].1 < trace.blocks[i].1);
    let (offset, end) = trace.blocks[last.unwrap()];
    let mut bytes = trace.bytes.clone();
    bytes[offset + 9] ^= 1;
    let (events, warnings, finished) = trace.read(&bytes).unwrap();
    assert!(!finished && events.len() < trace.events.len());
    let lost = |w: &Warning| matches!(w, Warning::EventsLost { before, .. } if *before == end);
    assert!(warnings.iter().any(lost), "{warnings:?}");
}

#[test]
fn unknown_blocks_are_counted_and_passed_over() {
    let trace = Trace::new();
    let header = BlockHeader { kind: 77, n_records: 3, ..BlockHeader::default() };
    let foreign = Sealer::new().unwrap().seal(header, &[9; 300]).unwrap();
    let (before, after) = trace.bytes.split_at(trace.blocks[2].0);
    let bytes = [before, &foreign, &foreign, after].concat();
    let (events, warnings, finished) = trace.read(&bytes).unwrap();
    assert!(events == trace.events && finished);
    assert_eq!(warnings, [Warning::UnknownBlocks { kind: 77, n: 2 }]);
}

#[test]
fn a_file_that_shrinks_is_an_error() {
    let trace = Trace::new();
    let mut tailer = Tailer::open(&trace.path()).unwrap();
    tailer.next_batch().unwrap().unwrap();
    fs::write(trace.path(), b"").unwrap();
    assert!(tailer.next_batch().unwrap_err().to_string().contains("was replaced"));
}

/// Blocks that unpack to far more than they take, until it is too much: an error, and soon.
#[test]
fn bombs_are_refused() {
    let trace = Trace::new();
    let (before, _) = trace.bytes.split_at(trace.blocks[0].0);
    let mut sealer = Sealer::new().unwrap();
    // Samples that are all the same, and workers with all the slots there can be.
    let samples = crate::records::encode_samples(&vec![Sample::default(); 1 << 18], 1_000);
    let header = BlockHeader { kind: 2, n_records: 1 << 18, ..BlockHeader::default() };
    let samples = sealer.seal(header, &samples).unwrap();
    let worker = |id: u32| Event::WorkerJoined {
        worker: taskreel_model::WorkerId(id),
        info: Box::new(taskreel_model::WorkerInfo {
            name: String::new(),
            address: String::new(),
            host: String::new(),
            pid: 0,
            slots: u16::MAX,
            memory_limit: 0,
            resources: [].into(),
            version: String::new(),
        }),
    };
    let joined = (0..2_000_u32).map(|id| Stamped {
        seq: id.into(),
        logged_at: Nanos(0),
        at: Nanos(0),
        cause: None,
        what: worker(id),
    });
    let raw = crate::events::Encoder::new(1_000).encode(&joined.collect::<Vec<_>>());
    let header = BlockHeader { kind: 1, n_records: 2_000, ..BlockHeader::default() };
    let workers = sealer.seal(header, &raw).unwrap();
    for (bomb, n_times) in [(samples, 200), (workers, 1)] {
        fs::write(trace.path(), [before, &bomb.repeat(n_times)].concat()).unwrap();
        let mut reader = TraceReader::open(&trace.path()).unwrap();
        let why = loop {
            match reader.next_batch() {
                Ok(batch) => assert!(batch.is_some(), "the bomb is not noticed"),
                Err(why) => break why,
            }
        };
        assert!(why.to_string().contains("run of its size"), "{why}");
        assert!(reader.next_batch().is_ok_and(|batch| batch.is_none()));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// Whatever is done to a file: no panic, and events that are shown are true. A change behind
    /// a forged checksum may show others; a changed byte may not.
    #[test]
    fn damage_never_shows_what_was_not(
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut: prop::sample::Index,
        insert in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let trace = Trace::new();
        let mut bytes = trace.bytes.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let at = cut.index(bytes.len());
        bytes.splice(at..at, insert);
        if let Some((events, ..)) = trace.read(&bytes) {
            prop_assert!(events == trace.events[..events.len()]);
            let _ = read_info(&trace.path());
            let _ = read_specs(&trace.path());
        }
    }

    /// Blocks whose checksums fit and whose content is anything.
    #[test]
    fn forged_blocks_are_survived(
        kind in 0..9_u8,
        raw: Vec<u8>,
        n_records in prop_oneof![0..9_u32, any::<u32>()],
        first in prop_oneof![Just(0), any::<u64>()],
        first_at: u64,
    ) {
        let trace = Trace::new();
        let header = BlockHeader { kind, n_records, first, first_at, ..BlockHeader::default() };
        let forged = Sealer::new().unwrap().seal(header, &raw).unwrap();
        let (before, after) = trace.bytes.split_at(trace.blocks[0].0);
        prop_assert!(trace.read(&[before, &forged, after].concat()).is_some());
        let _ = read_info(&trace.path());
        let _ = read_specs(&trace.path());
    }
}
