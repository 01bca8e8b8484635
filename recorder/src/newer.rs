//! Keeps `traces/v1/newer-minor.reel` as a later minor version might write it: with blocks and events
//! that this version does not know. `BLESS=1` writes it anew; the command's tests read it.

use std::fs::{self, File};
use std::path::Path;

use taskreel_model::{Event, Nanos, Stamped};

use crate::format::{BlockHeader, HEADER_PREFIX, MINOR, Sealer, TRAILER_LEN, Trailer};
use crate::writer::BlockWriter;
use crate::{RunInfo, run};

/// Kind of block and tag of event that nobody knows yet.
const UNKNOWN: u8 = 99;

fn made() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("newer-minor.reel");
    let info = RunInfo { name: "newer".to_owned(), ..RunInfo::default() };
    let (mut writer, _) = BlockWriter::begin(&path, File::create(&path).unwrap(), &info).unwrap();
    let mut events: Vec<Stamped<Event>> = run::turns(3, 40, 2, 1).concat();
    for _ in 0..3 {
        let (seq, at) = (events.len() as u64, Nanos(900_000_000));
        let what = Event::Unknown { tag: UNKNOWN };
        events.push(Stamped { seq, logged_at: at, at, cause: None, what });
    }
    writer.events(&events).unwrap();
    let end_of_events = writer.bytes() as usize;
    writer.finish().unwrap();
    later(&fs::read(path).unwrap(), end_of_events)
}

/// The file with a later version in its header, and unknown blocks before its footer.
fn later(bytes: &[u8], end_of_events: usize) -> Vec<u8> {
    let mut out = bytes[..end_of_events].to_vec();
    out[7] = MINOR + 1;
    let json_len = u32::from_le_bytes(out[8..12].try_into().unwrap()) as usize;
    let checked = [&out[..12], &out[HEADER_PREFIX..HEADER_PREFIX + json_len]].concat();
    let crc = crc32fast::hash(&checked).to_le_bytes();
    out[12..HEADER_PREFIX].copy_from_slice(&crc);
    for number in [1, 2] {
        let header = BlockHeader { kind: UNKNOWN, number, ..BlockHeader::default() };
        let block = Sealer::new().unwrap().seal(header, b"what a later version adds").unwrap();
        out.extend_from_slice(&block);
    }
    let footer_offset = out.len() as u64;
    let footer = &bytes[end_of_events..bytes.len() - TRAILER_LEN];
    out.extend_from_slice(footer);
    let footer_len = footer.len() as u32;
    out.extend_from_slice(&Trailer { footer_offset, footer_len }.encode());
    out
}

#[test]
fn the_trace_of_a_later_minor_version_is_as_recorded() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../traces/v1/newer-minor.reel");
    let made = made();
    if std::env::var_os("BLESS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    // Compression may change with its library; what is inside may not.
    let read = |bytes: &[u8]| {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        let mut summary = crate::read_info(file.path()).unwrap().summary;
        // Since it was recorded, kinds of events may have come of which it has none.
        while summary.by_tag.pop_if(|n| *n == 0).is_some() {}
        summary
    };
    assert_eq!(read(&fs::read(&path).unwrap()), read(&made));
}
