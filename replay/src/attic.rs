//! Where packed bytes of long ago lie: in memory up to a budget, and beyond it in a file that has no name and goes
//! with the process. So a viewer that follows a run for days needs no more memory than one that follows it for minutes,
//! and still shows any instant of it exactly.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes that an attic keeps in memory: those of some 200,000 tasks.
const BUDGET_BYTES: u64 = 2 << 20;

/// Keeps bytes that are seldom asked for. Clones are the same attic; the last one takes its file with it.
#[derive(Clone, Debug)]
pub struct Attic(Arc<Rooms>);

#[derive(Debug)]
struct Rooms {
    budget: u64,
    in_memory: AtomicU64,
    /// Made when the budget is first exceeded.
    file: Mutex<Option<Growing>>,
}

/// The file, and how much was written to it: what was let go of leaves a gap.
#[derive(Debug)]
struct Growing {
    file: File,
    len: u64,
}

/// Some bytes in an attic. They leave it when this is dropped.
#[derive(Debug)]
pub struct Parcel {
    place: Place,
    attic: Attic,
}

#[derive(Debug)]
enum Place {
    Memory(Box<[u8]>),
    File { offset: u64, len: u32 },
}

impl Default for Attic {
    fn default() -> Self {
        Self::with_budget(BUDGET_BYTES)
    }
}

impl Attic {
    /// An attic that keeps at most so many bytes in memory.
    pub fn with_budget(bytes: u64) -> Self {
        let (in_memory, file) = (AtomicU64::new(0), Mutex::new(None));
        Self(Arc::new(Rooms { budget: bytes, in_memory, file }))
    }

    /// Puts bytes into it. What no file takes, because the disk is full, stays in memory.
    pub fn put(&self, bytes: Vec<u8>) -> Parcel {
        let n_bytes = bytes.len() as u64;
        let has_room = self.in_memory() + n_bytes <= self.0.budget;
        let place = match (has_room, u32::try_from(n_bytes)) {
            (false, Ok(len)) => self.write(&bytes).ok().map(|offset| Place::File { offset, len }),
            (true, _) | (false, Err(_)) => None,
        };
        let place = place.unwrap_or_else(|| {
            self.0.in_memory.fetch_add(n_bytes, Ordering::Relaxed);
            Place::Memory(bytes.into())
        });
        Parcel { place, attic: self.clone() }
    }

    /// Bytes that it keeps in memory.
    pub fn in_memory(&self) -> u64 {
        self.0.in_memory.load(Ordering::Relaxed)
    }

    /// Appends to the file; says where.
    fn write(&self, bytes: &[u8]) -> io::Result<u64> {
        let mut file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
        let growing = match &mut *file {
            Some(growing) => growing,
            none => none.insert(Growing { file: tempfile::tempfile_in(folder())?, len: 0 }),
        };
        let offset = growing.len;
        growing.file.seek(SeekFrom::Start(offset))?;
        growing.file.write_all(bytes)?;
        growing.len += bytes.len() as u64;
        Ok(offset)
    }

    fn read(&self, offset: u64, len: u32) -> io::Result<Vec<u8>> {
        let mut file = self.0.file.lock().unwrap_or_else(PoisonError::into_inner);
        let growing = file.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let mut bytes = vec![0; len as usize];
        growing.file.seek(SeekFrom::Start(offset))?;
        growing.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}

impl Parcel {
    /// The bytes. If the disk has lost them there are none: who unpacks them sees zeros.
    pub fn bytes(&self) -> Cow<'_, [u8]> {
        match &self.place {
            Place::Memory(bytes) => Cow::Borrowed(bytes),
            Place::File { offset, len } => {
                Cow::Owned(self.attic.read(*offset, *len).unwrap_or_default())
            }
        }
    }

    /// How many there are.
    pub fn n_bytes(&self) -> usize {
        match &self.place {
            Place::Memory(bytes) => bytes.len(),
            Place::File { len, .. } => *len as usize,
        }
    }
}

impl Drop for Parcel {
    fn drop(&mut self) {
        if let Place::Memory(bytes) = &self.place {
            self.attic.0.in_memory.fetch_sub(bytes.len() as u64, Ordering::Relaxed);
        }
    }
}

/// Where large temporary files belong: `/tmp` often is memory.
fn folder() -> PathBuf {
    let large = PathBuf::from("/var/tmp");
    if std::env::var_os("TMPDIR").is_none() && large.is_dir() {
        return large;
    }
    std::env::temp_dir()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_exceeds_the_budget_is_found_in_the_file() {
        let attic = Attic::with_budget(1_000);
        let bytes = |i: u32| vec![i as u8; 90 + i as usize % 7];
        let mut parcels: Vec<Parcel> = (0..500).map(|i| attic.put(bytes(i))).collect();
        assert!((900..=1_000).contains(&attic.in_memory()), "{}", attic.in_memory());
        for (i, parcel) in (0..).zip(&parcels) {
            assert_eq!(parcel.bytes(), bytes(i));
            assert_eq!(parcel.n_bytes(), bytes(i).len());
        }
        // What is let go of makes room.
        parcels.drain(..5);
        let n_bytes = attic.in_memory();
        parcels.push(attic.put(bytes(7)));
        assert_eq!(attic.in_memory(), n_bytes + bytes(7).len() as u64);
        assert_eq!(parcels.last().map(Parcel::bytes), Some(bytes(7).into()));
        drop(parcels);
        assert_eq!(attic.in_memory(), 0);
    }

    #[test]
    fn what_no_file_takes_stays_in_memory() {
        let attic = Attic::with_budget(10);
        // Opened for reading: it takes nothing, as if the disk were full.
        let here = tempfile::NamedTempFile::new().unwrap();
        let file = File::open(here.path()).unwrap();
        *attic.0.file.lock().unwrap() = Some(Growing { file, len: 0 });
        let parcel = attic.put(vec![3; 100]);
        assert_eq!((attic.in_memory(), parcel.bytes().into_owned()), (100, vec![3; 100]));
    }
}
