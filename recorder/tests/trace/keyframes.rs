//! Keyframes: any instant is near one, and is what folding from the begin gives.

use std::fs;
use std::path::Path;

use taskreel_model::{Event, Nanos, Stamped, State};
use taskreel_recorder::{
    Conditions, Recorder, RecorderOptions, RunInfo, SeekTo, Source, TraceReader, read_info,
};

use crate::run;

fn record(path: &Path, turns: &[run::Turn]) -> Recorder {
    // All blocks are made when it is finished: the same ones on every machine.
    let conditions = Conditions { by_hand: true, ..Conditions::default() };
    let options = RecorderOptions::default();
    let mut recorder =
        Recorder::create_under(path, &RunInfo::default(), options, conditions).unwrap();
    for turn in turns {
        recorder.append(turn).unwrap();
    }
    recorder
}

fn folded(events: &[Stamped<Event>]) -> State {
    let mut state = State::new();
    for event in events {
        state.apply(event, &mut Vec::new()).unwrap();
    }
    state
}

/// The state at a place, from a keyframe if there is one, and how many events were folded for it.
fn sought(reader: &mut TraceReader, to: SeekTo) -> Option<(State, usize)> {
    let mut state = reader.seek(to, 0).unwrap()?;
    let mut n_folded = 0;
    while let Some(batch) = reader.next_batch().unwrap() {
        for event in batch.events {
            let is_by = match to {
                SeekTo::Event(seq) => event.seq <= seq,
                SeekTo::At(at) => event.logged_at <= at,
                SeekTo::End => true,
            };
            if !is_by {
                return Some((state, n_folded));
            }
            state.apply(&event, &mut Vec::new()).unwrap();
            n_folded += 1;
        }
    }
    Some((state, n_folded))
}

/// The first event of each block of events, and of each keyframe the one behind it.
fn firsts(trace: &[u8]) -> (Vec<u64>, Vec<u64>) {
    let number = |at: usize| u32::from_le_bytes(trace[at..at + 4].try_into().unwrap()) as usize;
    let (mut events, mut keyframes, mut at) = (Vec::new(), Vec::new(), 16 + number(8));
    while trace[at..].starts_with(&[0xF5, b'B', b'L', b'K']) {
        let first = u64::from_le_bytes(trace[at + 16..at + 24].try_into().unwrap());
        match trace[at + 4] {
            1 => events.push(first),
            5 => keyframes.push(first),
            _ => {}
        }
        at += 56 + number(at + 44);
    }
    (events, keyframes)
}

#[test]
fn any_instant_is_near_a_keyframe_and_exact() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(21, 90_000, 2, 2);
    let events = turns.concat();
    let n = events.len() as u64;
    record(&path, &turns).finish().unwrap();
    let info = read_info(&path).unwrap();
    assert!(info.keyframes >= 2, "{info:?}");
    assert!(info.keyframe_bytes * 10 <= info.bytes, "{info:?}");
    // They come when they are due, not when a block ends.
    let (blocks, keyframes) = firsts(&fs::read(&path).unwrap());
    assert!(keyframes.iter().any(|first| !blocks.contains(first)), "{keyframes:?} {blocks:?}");

    let mut reader = TraceReader::open(&path).unwrap();
    // On, back, to the same place again, and to the end.
    for seq in [n * 4 / 5, n - 1, n * 3 / 4, n * 3 / 4, n * 9 / 10] {
        let (state, n_folded) = sought(&mut reader, SeekTo::Event(seq)).expect("a keyframe");
        assert!(state == folded(&events[..=seq as usize]), "event {seq}");
        assert!(n_folded < events.len() / 2, "{n_folded} events after the keyframe");
    }
    let at = events[events.len() * 5 / 6].logged_at;
    let n_by = events.partition_point(|event| event.logged_at <= at);
    let (state, _) = sought(&mut reader, SeekTo::At(at)).expect("a keyframe");
    assert!(state == folded(&events[..n_by]));
    let (state, _) = sought(&mut reader, SeekTo::End).expect("a keyframe");
    assert!(state == folded(&events) && reader.is_finished());
    assert_eq!(reader.end().unwrap(), Some(events.last().unwrap().logged_at));
    // Before the first keyframe there is nothing to jump to, nor behind the last one.
    assert_eq!(reader.seek(SeekTo::Event(5), 0).unwrap(), None);
    assert_eq!(reader.seek(SeekTo::At(Nanos(0)), 0).unwrap(), None);
    assert_eq!(reader.seek(SeekTo::End, n).unwrap(), None);
    assert_eq!(reader.warnings(), []);
}

/// Without a footer the keyframes are found too.
#[test]
fn keyframes_of_a_trace_that_was_cut() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(22, 90_000, 2, 2);
    let events = turns.concat();
    record(&path, &turns).finish().unwrap();
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() - 30]).unwrap();
    let mut reader = TraceReader::open(&path).unwrap();
    let last = events.len() as u64 - 1;
    let (state, _) = sought(&mut reader, SeekTo::Event(last)).expect("a keyframe");
    assert!(state == folded(&events));
}

/// A keyframe that is damaged is passed over for the one before it; events behind a gap are
/// reached from the keyframe behind the gap.
#[test]
fn damaged_keyframes_and_lost_events() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(23, 120_000, 2, 2);
    let events = turns.concat();
    record(&path, &turns).finish().unwrap();
    let whole = fs::read(&path).unwrap();
    let last = events.len() as u64 - 1;
    let marker = [0xF5, b'B', b'L', b'K', 5];
    let places: Vec<usize> = (0..whole.len() - 5).filter(|&i| whole[i..i + 5] == marker).collect();
    assert!(places.len() >= 2);

    let mut damaged = whole.clone();
    damaged[places[places.len() - 1] + 80] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let mut reader = TraceReader::open(&path).unwrap();
    let (state, _) = sought(&mut reader, SeekTo::Event(last)).expect("an earlier keyframe");
    assert!(state == folded(&events));
    assert_eq!(reader.warnings().len(), 1, "{:?}", reader.warnings());

    // The first block is gone: from the begin nothing can be folded, from a keyframe all can.
    let mut damaged = whole.clone();
    let begin = whole.windows(4).position(|w| w == &marker[..4]).unwrap();
    damaged[begin + 70] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let mut reader = TraceReader::open(&path).unwrap();
    assert!(crate::round_trip::read_all(&mut reader).is_empty());
    let (state, _) = sought(&mut reader, SeekTo::Event(last)).expect("a keyframe");
    assert!(state == folded(&events));
}
