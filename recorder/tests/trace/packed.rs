//! A trace inside a pack is read where it lies.

use std::fs::{self, File};
use std::path::Path;

use taskreel_recorder::pack::{Part, ZipWriter};
use taskreel_recorder::{
    OpenError, Recorder, RecorderOptions, RunInfo, Source, Tailer, TraceReader, read_info,
};

use crate::round_trip::{open, read_all};
use crate::run;

fn record(path: &Path) {
    let mut recorder =
        Recorder::create(path, &RunInfo::default(), RecorderOptions::default()).unwrap();
    run::turns(3, 2_000, 2, 2).iter().for_each(|turn| recorder.append(turn).unwrap());
    recorder.finish().unwrap();
}

/// A pack with a part before the trace and one behind it.
fn pack(path: &Path, trace: &mut dyn std::io::Read) {
    let mut zip = ZipWriter::new(File::create(path).unwrap());
    zip.add(Part::Issue, &mut b"It was slow.".as_slice()).unwrap();
    zip.add(Part::Trace, trace).unwrap();
    zip.add(Part::Summary, &mut b"{}".as_slice()).unwrap();
    zip.finish().unwrap();
}

#[test]
fn it_is_read_like_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (bare, packed) = (folder.path().join("run.reel"), folder.path().join("run.reel.zip"));
    record(&bare);
    pack(&packed, &mut File::open(&bare).unwrap());
    let (from_file, expected) = open(&bare);
    let (from_pack, read) = open(&packed);
    assert_eq!(read, expected);
    assert!(from_file.is_finished() && from_pack.is_finished());
    assert_eq!(from_pack.warnings(), []);
    let mut tailer = Tailer::open(&packed).unwrap();
    assert_eq!(read_all(&mut tailer), expected);
    assert!(tailer.is_finished());
    assert_eq!(read_info(&packed).unwrap(), read_info(&bare).unwrap());
}

#[test]
fn a_cut_trace_in_it_ends_with_the_trace_and_not_with_the_pack() {
    let folder = tempfile::tempdir().unwrap();
    let (bare, packed) = (folder.path().join("run.reel"), folder.path().join("run.reel.zip"));
    record(&bare);
    let whole = fs::read(&bare).unwrap();
    for len in [whole.len() - 1, whole.len() - 24, whole.len() - 200, 400] {
        pack(&packed, &mut &whole[..len]);
        fs::write(&bare, &whole[..len]).unwrap();
        let ((from_file, expected), (from_pack, read)) = (open(&bare), open(&packed));
        assert_eq!(read, expected, "cut at {len}");
        assert_eq!(from_pack.warnings(), from_file.warnings(), "cut at {len}");
    }
}

#[test]
fn what_is_no_pack_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel.zip");
    fs::write(&path, b"PK\x03\x04 and something else").unwrap();
    let refused = TraceReader::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::NotAPack { .. }), "{refused}");
    let mut zip = ZipWriter::new(File::create(&path).unwrap());
    zip.add(Part::Issue, &mut b"no trace".as_slice()).unwrap();
    zip.finish().unwrap();
    let refused = TraceReader::open(&path).unwrap_err();
    assert!(refused.to_string().contains("it holds no trace"), "{refused}");
    // The pack is sound, and its trace is not.
    pack(&path, &mut b"nothing of the kind".as_slice());
    assert!(matches!(TraceReader::open(&path).unwrap_err(), OpenError::NotATrace { .. }));
    pack(&path, &mut b"".as_slice());
    assert!(matches!(TraceReader::open(&path).unwrap_err(), OpenError::Empty { .. }));
}
