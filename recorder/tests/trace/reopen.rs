//! Going on with a trace that is there.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::Duration;

use taskreel_model::{Nanos, Sample, State, TaskId};
use taskreel_recorder::{
    CreateError, Recorder, RecorderOptions, ReopenError, Reopened, RunInfo, Source, SpecBatch,
    TraceReader, read_info, read_specs,
};

use crate::round_trip::open;
use crate::run;

fn create(path: &Path) -> Recorder {
    Recorder::create(path, &RunInfo::default(), RecorderOptions::default()).unwrap()
}

fn reopen(path: &Path) -> (Recorder, State) {
    let (recorder, reopened) = try_reopen(path).unwrap();
    (recorder, reopened.state)
}

/// Processes that another test starts have the files of this one, too, locks and all, until they run their
/// own program: what nobody else here holds is free soon.
fn try_reopen(path: &Path) -> Result<(Recorder, Reopened), ReopenError> {
    for _ in 0..60_000 {
        match Recorder::reopen(path, RecorderOptions::default()) {
            Err(ReopenError::InUse { .. }) => thread::sleep(Duration::from_millis(1)),
            reopened => return reopened,
        }
    }
    panic!("the trace stays locked");
}

/// Closed, dropped or torn: it goes on where the events ended, and ends as one trace.
#[test]
fn a_trace_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let turns = run::turns(31, 400, 2, 2);
    let events = turns.concat();
    let parts: Vec<_> = turns.chunks(turns.len() / 4 + 1).map(<[_]>::concat).collect();
    let mut specs = SpecBatch::new(TaskId(0));
    (0..400_u32).for_each(|task| specs.push(&task.to_le_bytes()));

    let mut recorder = create(&path);
    recorder.specs(specs.clone()).unwrap();
    recorder.append(&parts[0]).unwrap();
    recorder.sample(Sample { at: Nanos(5_000), ..Sample::default() });
    recorder.finish().unwrap();

    let (mut recorder, state) = reopen(&path);
    assert_eq!(state.next_seq(), parts[0].len() as u64);
    recorder.append(&parts[1]).unwrap();
    drop(recorder);

    let mut file = OpenOptions::new().append(true).open(&path).unwrap();
    file.write_all(&[0xF5, b'B', b'L', b'K', 1, 0, 0]).unwrap();
    let (mut recorder, state) = reopen(&path);
    assert_eq!(state.next_seq(), (parts[0].len() + parts[1].len()) as u64);
    recorder.append(&parts[2]).unwrap();
    recorder.append(&parts[3]).unwrap();
    recorder.finish().unwrap();

    let (reader, all) = open(&path);
    assert!(all.events == events && reader.is_finished());
    assert_eq!(reader.warnings(), []);
    let info = read_info(&path).unwrap();
    let summary = &info.summary;
    assert_eq!((summary.events, summary.samples, summary.specs), (events.len() as u64, 1, 400));
    assert_eq!(summary.by_tag.iter().sum::<u64>(), summary.events);
    assert_eq!(read_specs(&path).unwrap().0, vec![specs]);
    let mut folded = State::new();
    for event in &events {
        folded.apply(event, &mut Vec::new()).unwrap();
    }
    let (_, state) = reopen(&path);
    assert!(state == folded);
}

#[test]
fn one_recorder_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let mut recorder = create(&path);
    recorder.append(&run::turns(32, 5, 1, 1)[0]).unwrap();
    let second = Recorder::reopen(&path, RecorderOptions::default()).unwrap_err();
    assert!(matches!(second, ReopenError::InUse { .. }));
    let overwrite = RecorderOptions { overwrite: true, ..RecorderOptions::default() };
    let second = Recorder::create(&path, &RunInfo::default(), overwrite).unwrap_err();
    assert!(matches!(second, CreateError::InUse { .. }));
    recorder.finish().unwrap();
    assert!(!open(&path).1.events.is_empty());
}

#[test]
fn a_trace_with_lost_events_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let mut recorder = create(&path);
    recorder.append(&run::turns(33, 900, 1, 1).concat()).unwrap();
    recorder.finish().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let block = bytes.windows(4).position(|w| w == [0xF5, b'B', b'L', b'K']).unwrap();
    bytes[block + 60] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let refused = try_reopen(&path).unwrap_err();
    assert!(matches!(refused, ReopenError::Damaged { .. }));
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert!(TraceReader::open(&path).is_ok());
}
