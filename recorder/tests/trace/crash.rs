//! A recorder that is killed, and one that cannot write.

use std::fs;
use std::path::Path;

use taskreel_recorder::{
    CreateError, OnRecordError, OpenError, RecordError, Recorder, RecorderOptions, RunInfo, Source,
    TraceReader,
};

use crate::round_trip::open;
use crate::run;

/// A tail of another run under the same name is not mixed in.
#[test]
fn a_stale_tail_is_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let options = RecorderOptions { overwrite: true, ..RecorderOptions::default() };
    let info = |run_id: &str| RunInfo { run_id: run_id.to_owned(), ..RunInfo::default() };
    let mut first = Recorder::create(&path, &info("a"), options).unwrap();
    first.append(&run::turns(7, 10, 1, 1)[0]).unwrap();
    let stale = fs::read(folder.path().join("run.reel.tail")).unwrap();
    first.finish().unwrap();
    let second = Recorder::create(&path, &info("b"), options).unwrap();
    fs::write(folder.path().join("run.reel.tail"), stale).unwrap();
    assert!(open(&path).1.is_empty());
    drop(second);
}

#[test]
fn an_existing_file_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    fs::write(&path, "precious").unwrap();
    let refused =
        Recorder::create(&path, &RunInfo::default(), RecorderOptions::default()).unwrap_err();
    assert!(matches!(refused, CreateError::Exists { .. }));
    assert!(refused.to_string().contains("run.reel exists already"));
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    let options = RecorderOptions { overwrite: true, ..RecorderOptions::default() };
    Recorder::create(&path, &RunInfo::default(), options).unwrap().finish().unwrap();
    assert!(open(&path).0.is_finished());
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_told_at_once() {
    let options = RecorderOptions { overwrite: true, ..RecorderOptions::default() };
    let full = Recorder::create(Path::new("/dev/full"), &RunInfo::default(), options).unwrap_err();
    assert!(full.to_string().starts_with("cannot create the trace /dev/full: No space left"));
}

/// A recorder whose tail cannot be written, since a folder is in its place.
fn with_bad_tail(path: &Path, on_error: OnRecordError) -> Recorder {
    let options = RecorderOptions { on_error, ..RecorderOptions::default() };
    let recorder = Recorder::create(path, &RunInfo::default(), options).unwrap();
    let mut tail = path.as_os_str().to_owned();
    tail.push(".tail");
    fs::create_dir(tail).unwrap();
    recorder
}

#[test]
fn a_failed_write_stops_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let mut recorder = with_bad_tail(&path, OnRecordError::Stop);
    let turns = run::turns(8, 10, 1, 1);
    let failure = recorder.append(&turns[0]).unwrap_err();
    assert!(failure.to_string().contains("run.reel.tail: "), "{failure}");
    assert!(matches!(recorder.append(&turns[1]), Err(RecordError::Stopped { .. })));
    assert!(matches!(recorder.finish(), Err(RecordError::Stopped { .. })));
    assert!(open(&path).1.is_empty());
}

#[test]
fn a_failed_write_is_survived_if_so_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let mut recorder = with_bad_tail(&path, OnRecordError::Continue);
    for turn in run::turns(8, 10, 1, 1) {
        recorder.append(&turn).unwrap();
    }
    let summary = recorder.finish().unwrap();
    assert_eq!((summary.events, summary.incomplete), (0, true));
    assert!(!open(&path).0.is_finished());
}

/// The writing thread's error reaches whoever appends, or finishes.
#[test]
fn a_removed_file_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(9, 10, 1, 1);
    let mut recorder =
        Recorder::create(&path, &RunInfo::default(), RecorderOptions::default()).unwrap();
    recorder.append(&turns[0]).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(recorder.finish(), Err(RecordError::Removed { .. })));

    let mut recorder =
        Recorder::create(&path, &RunInfo::default(), RecorderOptions::default()).unwrap();
    fs::remove_file(&path).unwrap();
    let mut turn = turns[0].clone();
    let failure = loop {
        if let Err(failure) = recorder.append(&turn) {
            break failure;
        }
        let n = turn.len() as u64;
        turn.iter_mut().for_each(|event| event.seq += n);
    };
    assert!(failure.to_string().contains("was removed, replaced or cut"), "{failure}");
}

/// What waits for its block is in the tail and nowhere else.
#[test]
fn a_removed_tail_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(10, 10, 1, 1);
    let mut recorder =
        Recorder::create(&path, &RunInfo::default(), RecorderOptions::default()).unwrap();
    recorder.append(&turns[0]).unwrap();
    fs::remove_file(folder.path().join("run.reel.tail")).unwrap();
    let failure = recorder.append(&turns[1]).and_then(|()| recorder.finish()).unwrap_err();
    assert!(
        failure.to_string().contains("run.reel.tail was removed, replaced or cut"),
        "{failure}"
    );
}

#[test]
fn files_that_are_no_traces() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.reel");
    let why = || TraceReader::open(&path).unwrap_err();
    assert!(matches!(why(), OpenError::NotFound { .. }));
    fs::write(&path, "").unwrap();
    assert!(matches!(why(), OpenError::Empty { .. }));
    fs::write(&path, "%PDF-1.7 something else altogether").unwrap();
    assert!(matches!(why(), OpenError::NotATrace { .. }));
    fs::write(&path, b"REEL\r\n\x09\x00\x00\x00\x00\x00\x00\x00\x00\x00").unwrap();
    let message = why().to_string();
    assert!(message.contains("has format 9, this program reads up to format 1"), "{message}");
    fs::write(&path, b"REEL\r\n\x01\x00").unwrap();
    assert!(matches!(why(), OpenError::Header { .. }));
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(why(), OpenError::Io { .. }));
    for message in [why().to_string(), message] {
        assert!(message.contains("x.reel") && !message.contains('\n'));
    }
}
