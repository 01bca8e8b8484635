//! What is on the disk when the power goes: the order in which files are written and synced.

use std::ffi::OsStr;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use taskreel_recorder::{Conditions, Disk, Recorder, RecorderOptions, RunInfo};

use crate::run;

/// A disk that notes whether what a tail depends on was synced before.
#[derive(Debug, Default)]
struct Ledger {
    noted: Mutex<Noted>,
}

#[derive(Debug, Default)]
struct Noted {
    /// The trace itself has bytes that are not on the disk.
    is_dirty: bool,
    /// How often a tail was begun; of these, how often while the trace was dirty.
    n_begun: u32,
    n_begun_early: u32,
}

impl Disk for Ledger {
    fn write(&self, path: &Path, offset: u64, _bytes: &[u8]) -> Result<(), (usize, io::Error)> {
        let mut noted = self.noted.lock().unwrap();
        if path.extension() == Some(OsStr::new("reel")) {
            noted.is_dirty = true;
        } else if offset == 0 {
            noted.n_begun += 1;
            noted.n_begun_early += u32::from(noted.is_dirty);
        }
        Ok(())
    }

    fn cut(&self, _path: &Path, _len: u64) -> io::Result<()> {
        Ok(())
    }

    fn sync(&self, path: &Path) -> io::Result<()> {
        if path.extension() == Some(OsStr::new("reel")) {
            self.noted.lock().unwrap().is_dirty = false;
        }
        Ok(())
    }
}

/// A tail is of no use without the trace's header, and what it held is lost once it is begun anew: both
/// times the trace must be on the disk first.
#[test]
fn no_tail_is_begun_before_what_it_depends_on_is_on_the_disk() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run.reel");
    let disk = Arc::new(Ledger::default());
    let asked: Arc<dyn Disk> = Arc::<Ledger>::clone(&disk);
    let conditions = Conditions { disk: Some(asked), by_hand: true, tail_bytes: Some(512) };
    let options = RecorderOptions { durable: true, ..RecorderOptions::default() };
    let mut recorder =
        Recorder::create_under(&path, &RunInfo::default(), options, conditions).unwrap();
    let hand = recorder.hand();
    for turn in run::turns(7, 200, 2, 2) {
        recorder.append(&turn).unwrap();
        // The blocks of these events, and no other word to the disk.
        hand.work(false);
    }
    let noted = disk.noted.lock().unwrap();
    assert!(noted.n_begun > 9, "the tails took turns {} times", noted.n_begun);
    assert_eq!(noted.n_begun_early, 0, "{} of {} times", noted.n_begun_early, noted.n_begun);
}
