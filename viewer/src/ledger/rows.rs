//! The executions themselves. The newest lie as they are; of a long run the older ones are packed: some bytes
//! each instead of seventy, and of the oldest not even those are in memory. Whoever asks of the whole run has them
//! unpacked again, a chunk at a time.

use std::cell::RefCell;
use std::collections::BTreeMap;

use taskreel_model::{Nanos, TaskId, WorkerId};
use taskreel_replay::attic::{Attic, Parcel};
use taskreel_replay::figure::Window;
use taskreel_replay::packed::{Unpacker, put, put_key, put_outcome, put_step};

use super::attempts::Attempt;

/// Executions that are packed together.
const CHUNK: usize = 1_024;
/// So many of the newest are left as they are.
const N_KEPT: usize = 4 * CHUNK;

/// Executions in the order in which they were told of.
#[derive(Debug, Default)]
pub(super) struct Rows {
    packed: Vec<Packed>,
    attic: Attic,
    /// Of those that are packed, the ones that went on then; they are as they are here.
    amended: BTreeMap<usize, Attempt>,
    newest: Unpacked,
    /// The chunk that was asked for last: who asks for a row asks for its neighbours, too.
    last: RefCell<(usize, Unpacked)>,
}

#[derive(Debug)]
struct Packed {
    /// The first begin.
    start: Nanos,
    /// The last end, of those that have ended.
    reach: Nanos,
    bytes: Parcel,
}

/// Rows, and the tasks that they needed, row after row.
#[derive(Clone, Debug, Default)]
struct Unpacked {
    rows: Vec<Attempt>,
    deps: Vec<TaskId>,
    /// Where the dependencies of each row end.
    ends: Vec<usize>,
}

impl Unpacked {
    fn push(&mut self, row: Attempt, deps: impl IntoIterator<Item = TaskId>) {
        self.rows.push(row);
        self.deps.extend(deps);
        self.ends.push(self.deps.len());
    }

    fn deps(&self, row: usize) -> &[TaskId] {
        let begin = row.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.deps[begin..self.ends[row]]
    }
}

impl Rows {
    pub(super) fn len(&self) -> usize {
        self.n_packed() + self.newest.rows.len()
    }

    fn n_packed(&self) -> usize {
        self.packed.len() * CHUNK
    }

    /// Adds an execution of a task that needed others; says where.
    pub(super) fn push(&mut self, row: Attempt, deps: &[TaskId]) -> usize {
        if self.newest.rows.len() >= 2 * N_KEPT {
            self.pack();
        }
        self.newest.push(row, deps.iter().copied());
        self.len() - 1
    }

    /// One that goes on, to be amended.
    pub(super) fn open_mut(&mut self, index: usize) -> Option<&mut Attempt> {
        match index.checked_sub(self.n_packed()) {
            Some(row) => self.newest.rows.get_mut(row),
            None => self.amended.get_mut(&index),
        }
    }

    /// An execution.
    pub(super) fn get(&self, index: usize) -> Attempt {
        match index.checked_sub(self.n_packed()) {
            Some(row) => self.newest.rows[row],
            None => self.with_chunk(index / CHUNK, |chunk| chunk.rows[index % CHUNK]),
        }
    }

    /// Calls `take` for each with its index and what it needed.
    pub(super) fn each(&self, take: impl FnMut(usize, &Attempt, &[TaskId])) {
        self.each_within(Window::new(Nanos::ZERO, Nanos::MAX), take);
    }

    /// The same for those that a stretch of time may hold a part of, and others near them.
    pub(super) fn each_within(
        &self,
        window: Window,
        mut take: impl FnMut(usize, &Attempt, &[TaskId]),
    ) {
        for (chunk, packed) in self.packed.iter().enumerate() {
            let rows = chunk * CHUNK..(chunk + 1) * CHUNK;
            let is_near = packed.start < window.to && packed.reach >= window.from;
            if is_near || self.amended.range(rows.clone()).next().is_some() {
                self.with_chunk(chunk, |unpacked| {
                    for (row, index) in rows.enumerate() {
                        take(index, &unpacked.rows[row], unpacked.deps(row));
                    }
                });
            }
        }
        for (row, attempt) in self.newest.rows.iter().enumerate() {
            take(self.n_packed() + row, attempt, self.newest.deps(row));
        }
    }

    /// From the newest to the oldest, as far as somebody takes them.
    pub(super) fn newest_first(&self) -> impl Iterator<Item = Attempt> + '_ {
        (0..self.len()).rev().map(|index| self.get(index))
    }

    fn with_chunk<T>(&self, chunk: usize, ask: impl FnOnce(&Unpacked) -> T) -> T {
        let mut last = self.last.borrow_mut();
        let (known, unpacked) = &mut *last;
        if *known != chunk || unpacked.rows.is_empty() {
            *known = chunk;
            *unpacked = self.packed[chunk].unpack();
        }
        // What was packed while it went on may have ended since.
        for (index, row) in self.amended.range(chunk * CHUNK..(chunk + 1) * CHUNK) {
            unpacked.rows[index % CHUNK] = *row;
        }
        ask(unpacked)
    }

    /// Packs all but the newest.
    fn pack(&mut self) {
        let n_rows = self.newest.rows.len() - N_KEPT;
        for first in (0..n_rows).step_by(CHUNK) {
            let rows = first..first + CHUNK;
            let n_before = self.n_packed();
            for row in rows.clone().filter(|row| self.newest.rows[*row].outcome.is_none()) {
                self.amended.insert(n_before + row - first, self.newest.rows[row]);
            }
            self.packed.push(Packed::new(&self.newest, rows, &self.attic));
        }
        let n_deps = self.newest.ends[n_rows - 1];
        self.newest.rows.drain(..n_rows);
        self.newest.deps.drain(..n_deps);
        self.newest.ends.drain(..n_rows);
        self.newest.ends.iter_mut().for_each(|end| *end -= n_deps);
    }
}

impl Packed {
    fn new(all: &Unpacked, rows: std::ops::Range<usize>, attic: &Attic) -> Self {
        let (mut start, mut reach, mut bytes) = (Nanos::MAX, Nanos::ZERO, Vec::new());
        let mut before: Option<&Attempt> = None;
        for row in rows {
            let attempt = &all.rows[row];
            put_step(&mut bytes, before.map_or(0, |b| b.task.0.into()), attempt.task.0.into());
            put_key(&mut bytes, before.map(|b| b.key), attempt.key);
            put_step(&mut bytes, before.map_or(0, |b| b.worker.0.into()), attempt.worker.0.into());
            put(&mut bytes, attempt.slot.into());
            put_step(&mut bytes, before.map_or(0, |b| b.start.0), attempt.start.0);
            put_outcome(&mut bytes, attempt.outcome);
            // What goes on has no end yet; how it ends is told beside.
            if attempt.outcome.is_some() {
                put(&mut bytes, attempt.stop.since(attempt.start).0);
                put(&mut bytes, attempt.bytes);
                reach = reach.max(attempt.stop);
            }
            put(&mut bytes, all.deps(row).len() as u64);
            for dep in all.deps(row) {
                put_step(&mut bytes, attempt.task.0.into(), dep.0.into());
            }
            start = start.min(attempt.start);
            before = Some(attempt);
        }
        Self { start, reach, bytes: attic.put(bytes) }
    }

    fn unpack(&self) -> Unpacked {
        let mut all = Unpacked::default();
        let bytes = self.bytes.bytes();
        let mut numbers = Unpacker::new(&bytes);
        let mut before: Option<Attempt> = None;
        for _ in 0..CHUNK {
            let task = TaskId(numbers.take_step(before.map_or(0, |b| b.task.0.into())) as u32);
            let key = numbers.take_key(before.map(|b| b.key));
            let worker = numbers.take_step(before.map_or(0, |b| b.worker.0.into())) as u32;
            let (worker, slot) = (WorkerId(worker), numbers.take() as u16);
            let start = Nanos(numbers.take_step(before.map_or(0, |b| b.start.0)));
            let (mut stop, mut bytes) = (Nanos::MAX, 0);
            let outcome = numbers.take_outcome();
            if outcome.is_some() {
                stop = start + Nanos(numbers.take());
                bytes = numbers.take();
            }
            let row = Attempt { task, key, worker, slot, start, stop, outcome, bytes };
            let n_deps = numbers.take();
            let deps = (0..n_deps).map(|_| TaskId(numbers.take_step(task.0.into()) as u32));
            all.push(row, deps);
            before = Some(row);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use taskreel_model::{Key, Outcome, PrefixId, StrId, Suffix};

    use super::*;

    fn row(i: u32) -> Attempt {
        let suffix = match i % 3 {
            0 => Suffix::None,
            1 => Suffix::Index(i),
            _ => Suffix::Name(StrId(i / 3)),
        };
        let start = Nanos(u64::from(i) * 1_000);
        Attempt {
            task: TaskId(i + i % 5),
            key: Key { prefix: PrefixId(i % 4), suffix },
            worker: WorkerId(i % 7),
            slot: (i % 2) as u16,
            start,
            stop: start + Nanos(u64::from(i % 900)),
            outcome: Some(if i.is_multiple_of(50) { Outcome::Failed } else { Outcome::Finished }),
            bytes: u64::from(i) << (i % 20),
        }
    }

    fn deps(i: u32) -> Vec<TaskId> {
        (0..i % 4).map(|n| TaskId(i.saturating_sub(n * 17))).collect()
    }

    #[test]
    fn rows_are_the_same_packed_or_not() {
        // Of some, in memory; of most, in a file.
        let mut rows = Rows { attic: Attic::with_budget(50_000), ..Rows::default() };
        for i in 0..30_000 {
            let mut row = row(i);
            if i % 10_000 == 0 {
                (row.stop, row.outcome) = (Nanos::MAX, None);
            }
            assert_eq!(rows.push(row, &deps(i)), i as usize);
        }
        assert!(rows.packed.len() > 15);
        assert!((1..=50_000).contains(&rows.attic.in_memory()));
        let bytes: usize = rows.packed.iter().map(|chunk| chunk.bytes.n_bytes()).sum();
        assert!(bytes < rows.n_packed() * 20, "{} bytes of {} rows", bytes, rows.n_packed());
        // One that was packed while it went on ends, and is found where it was.
        assert!(rows.get(10_000).outcome.is_none());
        for i in [0, 10_000, 20_000] {
            *rows.open_mut(i).expect("it goes on") = row(i as u32);
        }
        let mut next = 0;
        rows.each(|index, found, needed| {
            assert_eq!(index, next as usize);
            assert_eq!((found, needed), (&row(next), &deps(next)[..]));
            next += 1;
        });
        assert_eq!(next, 30_000);
        for i in [29_999, 10_000, 123, 1_023, 1_024] {
            assert_eq!(rows.get(i), row(i as u32));
        }
        assert!(rows.newest_first().zip((0..30_000).rev()).all(|(found, i)| found == row(i)));
    }

    #[test]
    fn a_stretch_of_time_unpacks_what_lies_in_it() {
        let mut rows = Rows::default();
        for i in 0..30_000 {
            rows.push(row(i), &[]);
        }
        let window = Window::new(Nanos(5_000_000), Nanos(5_100_000));
        let (mut n_asked, mut n_within) = (0, 0);
        rows.each_within(window, |_, row, _| {
            n_asked += 1;
            n_within += usize::from(row.start < window.to && row.stop > window.from);
        });
        assert!((100..=101).contains(&n_within), "{n_within}");
        assert!(n_asked <= 2 * CHUNK + 2 * N_KEPT + 1, "{n_asked}");
    }
}
