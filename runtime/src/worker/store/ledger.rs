//! Which results a store holds, where each is, and which was used least recently.

use std::collections::BTreeMap;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use taskreel_model::TaskId;

/// Results that are smaller stay in memory: a file each would cost more than they.
const WORTH_SPILLING: u64 = 1 << 10;

/// Names a file of a store; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Serial(pub(super) u64);

/// A result that is to be written to a file.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) task: TaskId,
    pub(super) serial: Serial,
    pub(super) result: Bytes,
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    results: FxHashMap<TaskId, Entry>,
    /// The results that may be spilled, by the tick of their last use.
    by_use: BTreeMap<u64, TaskId>,
    /// Counts uses.
    tick: u64,
    memory_bytes: u64,
    /// Of these, what is being written.
    writing_bytes: u64,
    disk_bytes: u64,
    next_serial: u64,
}

#[derive(Debug)]
struct Entry {
    place: Place,
    bytes: u64,
    /// Its key in `by_use`; `None` while it must stay.
    used: Option<u64>,
}

#[derive(Debug)]
enum Place {
    Memory(Bytes),
    /// In memory until the file is whole.
    Writing(Bytes, Serial),
    Disk(Serial),
}

impl Ledger {
    /// Takes a result; gives the file of one that it replaces.
    pub(super) fn insert(&mut self, task: TaskId, result: Bytes) -> Option<Serial> {
        let bytes = result.len() as u64;
        self.memory_bytes += bytes;
        let entry = Entry { place: Place::Memory(result), bytes, used: None };
        self.results.insert(task, entry).and_then(|replaced| self.let_go(&replaced))
    }

    /// It may be spilled from now on, as the last used of all.
    pub(super) fn settle(&mut self, task: TaskId) {
        let tick = self.next_tick();
        let Some(entry) = self.results.get_mut(&task) else { return };
        let is_new = matches!(entry.place, Place::Memory(_)) && entry.used.is_none();
        if is_new && entry.bytes >= WORTH_SPILLING {
            entry.used = Some(tick);
            self.by_use.insert(tick, task);
        }
    }

    /// A result that is in memory; it was used.
    pub(super) fn get(&mut self, task: TaskId) -> Option<Bytes> {
        let tick = self.next_tick();
        let entry = self.results.get_mut(&task)?;
        let (Place::Memory(result) | Place::Writing(result, _)) = &entry.place else { return None };
        if let Some(used) = &mut entry.used {
            self.by_use.remove(used);
            *used = tick;
            self.by_use.insert(tick, task);
        }
        Some(result.clone())
    }

    /// The file and size of a result that is on disk.
    pub(super) fn on_disk(&self, task: TaskId) -> Option<(Serial, u64)> {
        match self.results.get(&task)? {
            Entry { place: Place::Disk(serial), bytes, .. } => Some((*serial, *bytes)),
            Entry { place: Place::Memory(_) | Place::Writing(..), .. } => None,
        }
    }

    /// All results with their sizes, in the order of their tasks.
    pub(super) fn list(&self) -> Vec<(TaskId, u64)> {
        let all = self.results.iter();
        let mut all: Vec<(TaskId, u64)> = all.map(|(&task, entry)| (task, entry.bytes)).collect();
        all.sort_unstable();
        all
    }

    pub(super) fn contains(&self, task: TaskId) -> bool {
        self.results.contains_key(&task)
    }

    /// Forgets a result; gives its file. One that is being written is the writer's to remove.
    pub(super) fn remove(&mut self, task: TaskId) -> Option<Serial> {
        let entry = self.results.remove(&task)?;
        self.let_go(&entry)
    }

    /// Counts out what is no longer here; gives its file.
    fn let_go(&mut self, entry: &Entry) -> Option<Serial> {
        if let Some(used) = entry.used {
            self.by_use.remove(&used);
        }
        match entry.place {
            Place::Memory(_) => self.memory_bytes -= entry.bytes,
            Place::Writing(..) => {
                self.memory_bytes -= entry.bytes;
                self.writing_bytes -= entry.bytes;
            }
            Place::Disk(serial) => {
                self.disk_bytes -= entry.bytes;
                return Some(serial);
            }
        }
        None
    }

    /// A result was read from that file, and is in memory again. `false`: it is no longer there.
    pub(super) fn restore(&mut self, task: TaskId, serial: Serial, result: &Bytes) -> bool {
        let tick = self.next_tick();
        let Some(entry) = self.results.get_mut(&task) else { return false };
        if !matches!(entry.place, Place::Disk(found) if found == serial) {
            return false;
        }
        entry.place = Place::Memory(result.clone());
        entry.used = Some(tick);
        self.by_use.insert(tick, task);
        self.disk_bytes -= entry.bytes;
        self.memory_bytes += entry.bytes;
        true
    }

    /// Chooses the least recently used result that nobody else holds: else no memory would become
    /// free.
    pub(super) fn begin_writing(&mut self) -> Option<Writing> {
        let (tick, task) =
            self.by_use.iter().map(|(tick, task)| (*tick, *task)).find(|(_, task)| {
                let entry = &self.results[task];
                matches!(&entry.place, Place::Memory(result) if result.is_unique())
            })?;
        self.by_use.remove(&tick);
        let serial = Serial(self.next_serial);
        self.next_serial += 1;
        let entry = self.results.get_mut(&task).expect("`by_use` lists what is here");
        entry.used = None;
        let Place::Memory(result) = &entry.place else { return None };
        let result = result.clone();
        entry.place = Place::Writing(result.clone(), serial);
        self.writing_bytes += entry.bytes;
        Some(Writing { task, serial, result })
    }

    /// The file is whole, or could not be written. `false`: nobody wants it any more.
    pub(super) fn end_writing(&mut self, task: TaskId, serial: Serial, is_whole: bool) -> bool {
        let tick = self.next_tick();
        let Some(entry) = self.results.get_mut(&task) else { return false };
        let result = match &entry.place {
            Place::Writing(result, found) if *found == serial => result.clone(),
            Place::Memory(_) | Place::Writing(..) | Place::Disk(_) => return false,
        };
        self.writing_bytes -= entry.bytes;
        if is_whole {
            entry.place = Place::Disk(serial);
            self.memory_bytes -= entry.bytes;
            self.disk_bytes += entry.bytes;
        } else {
            entry.place = Place::Memory(result);
            entry.used = Some(tick);
            self.by_use.insert(tick, task);
        }
        true
    }

    pub(super) fn memory_bytes(&self) -> u64 {
        self.memory_bytes
    }

    /// What is left in memory when what is being written is written.
    pub(super) fn memory_bytes_after_writing(&self) -> u64 {
        self.memory_bytes - self.writing_bytes
    }

    pub(super) fn disk_bytes(&self) -> u64 {
        self.disk_bytes
    }

    fn next_tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }
}
