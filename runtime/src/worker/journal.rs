//! The journal: reports that the scheduler is not known to have, on the worker's disk.
//!
//! The worker sends them again from memory when a connection broke. The journal is for when the worker
//! itself is killed: the next process that keeps its journal in the same folder sends on what it finds
//! there. It is written only of reports that have waited for a while, so that a scheduler that is
//! there costs nothing.
//!
//! ```text
//! frames, each a u32, little-endian, and as many bytes
//!   first: WorkerBefore      whose reports these are
//!   each other: (u64, Vec<Report>)   the number of the first of some reports, and the reports
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use taskreel_model::Report;

use crate::wire::codec::{self, MAX_FRAME_BYTES};
use crate::wire::message::WorkerBefore;

/// What the names of the files begin with.
const PREFIX: &str = "taskreel-reports-";

/// A journal does not grow beyond this: a worker that its scheduler has left for so long keeps the
/// rest in memory.
const MAX_BYTES: u64 = 64 << 20;

/// A journal that nobody asked for in so long is of a run that nobody will start again.
const MAX_AGE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Tells the journals of one process apart.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The journal of a worker.
#[derive(Debug)]
pub(crate) struct Journal {
    folder: PathBuf,
    written: Option<Written>,
}

/// A journal with something in it.
#[derive(Debug)]
struct Written {
    before: WorkerBefore,
    path: PathBuf,
    /// Locked as long as it is open: its worker lives.
    file: File,
    bytes: u64,
}

/// What a worker did not get to tell: one that was killed, or the same one, before its scheduler gave
/// it up for lost.
#[derive(Debug)]
pub(super) struct Untold {
    /// Who it was.
    pub(super) before: WorkerBefore,
    /// The number of the first report.
    pub(super) first: u64,
    pub(super) reports: Vec<Report>,
    file: Option<(PathBuf, File)>,
}

impl Journal {
    /// A journal yet to be begun.
    pub(crate) fn new(folder: PathBuf) -> Self {
        Self { folder, written: None }
    }

    /// Adds reports of that worker; `first` is the number of the first. Returns whether they are on the
    /// disk now: there may be no room.
    pub(super) fn add<'a>(
        &mut self,
        before: &WorkerBefore,
        first: u64,
        reports: impl Iterator<Item = &'a Report>,
    ) -> io::Result<()> {
        let mut written = match self.written.take() {
            Some(written) if written.before == *before => written,
            Some(_) | None => begin(&self.folder, before)?,
        };
        let reports: Vec<&Report> = reports.collect();
        let added = if written.bytes < MAX_BYTES { written.put(&(first, reports)) } else { Ok(()) };
        // Kept also when there was no room: a journal that is not locked is a dead worker's.
        self.written = Some(written);
        added
    }

    /// The scheduler has all of them.
    pub(super) fn clear(&mut self) {
        if let Some(Written { path, .. }) = self.written.take() {
            // One that stays is sent again, and not taken twice.
            let _ = fs::remove_file(path);
        }
    }

    /// Lets go of what was written, for it is now in these reports of a worker that was.
    pub(super) fn leave(
        &mut self,
        before: WorkerBefore,
        first: u64,
        reports: Vec<Report>,
    ) -> Untold {
        let file = self.written.take().map(|written| (written.path, written.file));
        Untold { before, first, reports, file }
    }

    /// What workers of this folder left that are no more, the oldest first.
    pub(super) fn left_behind(&self) -> Vec<Untold> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let ours = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(PREFIX))
        };
        let mut paths: Vec<PathBuf> =
            entries.flatten().map(|entry| entry.path()).filter(ours).collect();
        // They end in rising numbers.
        paths.sort_by_cached_key(|path| (path.as_os_str().len(), path.clone()));
        paths.into_iter().filter_map(|path| untold(path).ok().flatten()).collect()
    }
}

impl Written {
    /// Adds a frame whole, or leaves the file as it was.
    fn put<T: Serialize>(&mut self, value: &T) -> io::Result<()> {
        match put(&mut self.file, value) {
            Ok(bytes) => {
                self.bytes += bytes;
                Ok(())
            }
            Err(error) => {
                self.file.set_len(self.bytes)?;
                self.file.seek(SeekFrom::Start(self.bytes))?;
                Err(error)
            }
        }
    }
}

impl Untold {
    /// The scheduler has them.
    pub(super) fn done(self) {
        if let Some((path, _file)) = self.file {
            let _ = fs::remove_file(path);
        }
    }
}

fn begin(folder: &Path, before: &WorkerBefore) -> io::Result<Written> {
    fs::create_dir_all(folder)?;
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = folder.join(format!("{PREFIX}{}-{number}", std::process::id()));
        let mut how = OpenOptions::new();
        how.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            how.mode(0o600);
        }
        let mut file = match how.open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => continue,
            Err(error) => return Err(error),
        };
        // Whoever was quicker finds it empty and lets go of it. Where nothing can be locked, nobody
        // takes it for a dead worker's.
        let _ = file.lock();
        return match put(&mut file, before) {
            Ok(bytes) => Ok(Written { before: before.clone(), path, file, bytes }),
            Err(error) => {
                // One that stays is without an owner, and passed over.
                let _ = fs::remove_file(path);
                Err(error)
            }
        };
    }
}

/// What is in a journal; `None`: its worker lives, or it is nobody's business.
fn untold(path: PathBuf) -> io::Result<Option<Untold>> {
    let mut file = OpenOptions::new().read(true).write(true).open(&path)?;
    let about = file.metadata()?;
    if !about.is_file() || !is_own(&about) || file.try_lock().is_err() {
        return Ok(None);
    }
    if about.modified()?.elapsed().is_ok_and(|age| age > MAX_AGE) {
        fs::remove_file(&path)?;
        return Ok(None);
    }
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    (&mut file).take(2 * MAX_BYTES).read_to_end(&mut bytes)?;
    let mut rest = bytes.as_slice();
    let Some(before) = get::<WorkerBefore>(&mut rest) else { return Ok(None) };
    let (mut first, mut reports) = (0, Vec::new());
    while let Some((from, mut some)) = get::<(u64, Vec<Report>)>(&mut rest) {
        if reports.is_empty() {
            first = from;
        } else if first.checked_add(reports.len() as u64) != Some(from) {
            break;
        }
        reports.append(&mut some);
    }
    if reports.is_empty() {
        // Killed before it had anything to tell.
        fs::remove_file(&path)?;
        return Ok(None);
    }
    Ok(Some(Untold { before, first, reports, file: Some((path, file)) }))
}

/// Whether this user made it: a folder for temporary files is everybody's.
#[cfg(unix)]
fn is_own(about: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    about.uid() == rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
fn is_own(_about: &fs::Metadata) -> bool {
    true
}

/// Writes a frame. Returns its size.
fn put<T: Serialize>(file: &mut File, value: &T) -> io::Result<u64> {
    let mut frame = vec![0; 4];
    codec::encode_message(value, &mut frame).map_err(io::Error::other)?;
    let len = (frame.len() - 4) as u32;
    frame[..4].copy_from_slice(&len.to_le_bytes());
    file.write_all(&frame)?;
    Ok(frame.len() as u64)
}

/// Reads a frame; `None`: it is not whole, and nothing follows.
fn get<T: DeserializeOwned>(rest: &mut &[u8]) -> Option<T> {
    let (len, after) = rest.split_first_chunk::<4>()?;
    let len = u32::from_le_bytes(*len) as usize;
    let (frame, after) = after.split_at_checked(len).filter(|_| len <= MAX_FRAME_BYTES)?;
    let (value, _) = codec::decode_message_prefix(frame).ok()?;
    *rest = after;
    Some(value)
}

#[cfg(test)]
mod tests {
    use taskreel_model::{Nanos, Reported, TaskId, WorkerId};

    use super::*;

    fn before(worker: u32) -> WorkerBefore {
        WorkerBefore { run: "run".to_owned(), worker: WorkerId(worker) }
    }

    fn report(task: u32) -> Report {
        let what = Reported::Finished { task: TaskId(task), attempt: 1, bytes: 8 };
        Report { at: Nanos(u64::from(task)), what }
    }

    #[test]
    fn what_a_dead_worker_wrote_is_found_and_what_a_living_one_writes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(folder.path().to_owned());
        journal.add(&before(3), 5, [report(1), report(2)].iter()).unwrap();
        journal.add(&before(3), 7, [report(3)].iter()).unwrap();
        let heir = Journal::new(folder.path().to_owned());
        assert!(heir.left_behind().is_empty(), "its worker lives");
        drop(journal);
        let found = heir.left_behind();
        assert_eq!(found.len(), 1);
        assert_eq!((&found[0].before, found[0].first), (&before(3), 5));
        assert_eq!(found[0].reports, [report(1), report(2), report(3)]);
        assert!(heir.left_behind().is_empty(), "it is in good hands");
        found.into_iter().for_each(Untold::done);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_journal_without_room_stays_its_workers() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(folder.path().to_owned());
        journal.add(&before(1), 1, [report(1)].iter()).unwrap();
        let written = journal.written.as_mut().unwrap();
        // A file that cannot be written to, as on a full disk.
        written.file = File::open(&written.path).unwrap();
        written.file.lock().unwrap();
        assert!(journal.add(&before(1), 2, [report(2)].iter()).is_err());
        let heir = Journal::new(folder.path().to_owned());
        assert!(heir.left_behind().is_empty(), "its worker lives");
        drop(journal);
        let found = heir.left_behind();
        assert_eq!(found.iter().map(|of| &of.reports[..]).collect::<Vec<_>>(), [[report(1)]]);
    }

    #[test]
    fn a_journal_of_nothing_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        drop(begin(folder.path(), &before(1)).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(Journal::new(folder.path().to_owned()).left_behind().is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn a_torn_end_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::new(folder.path().to_owned());
        journal.add(&before(1), 1, [report(1)].iter()).unwrap();
        journal.add(&before(1), 2, [report(2)].iter()).unwrap();
        let path = journal.written.as_ref().unwrap().path.clone();
        drop(journal);
        let whole = fs::read(&path).unwrap();
        for len in 0..whole.len() {
            fs::write(&path, &whole[..len]).unwrap();
            for untold in Journal::new(folder.path().to_owned()).left_behind() {
                assert_eq!(untold.reports, [report(1), report(2)][..untold.reports.len()]);
                assert!(untold.reports.len() < 2);
            }
        }
    }
}
