//! Sums of as many spans each, one behind the other: the newest as columns, those of long ago packed and in an
//! attic.

use taskreel_model::Nanos;

use super::FAN;
use crate::attic::{Attic, Parcel};
use crate::packed::{Unpacker, put, put_step};

/// See the module. What lasts lies in two columns: as many small pieces of memory, made while blocks come and go,
/// would leave holes that none of them fits into.
#[derive(Debug, Default)]
pub(super) struct Level {
    /// The oldest, [`FAN`] of them each.
    packed: Vec<Parcel>,
    newest: Columns,
}

/// Sums that are not packed.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    entries: Vec<Entry>,
    /// Parts but the first of each, one behind the other.
    more: Vec<Part>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    start: Nanos,
    reach: Nanos,
    first: Part,
    /// Where its parts end in `more`.
    more_end: usize,
}

/// Some spans that follow one another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sum<'a> {
    /// The first begin.
    pub(crate) start: Nanos,
    /// The last end.
    pub(crate) reach: Nanos,
    first: &'a Part,
    more: &'a [Part],
}

/// Those of one class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    /// What they are drawn and filtered by.
    pub(crate) class: u32,
    /// How many there are.
    pub(crate) n: u32,
    /// The last one.
    pub(crate) last: u32,
    /// Time of all.
    pub(crate) busy: Nanos,
}

impl<'a> Sum<'a> {
    /// By class.
    pub(crate) fn parts(&self) -> impl Iterator<Item = &'a Part> + use<'a> {
        std::iter::once(self.first).chain(self.more)
    }
}

impl Level {
    pub(super) fn len(&self) -> usize {
        self.n_packed() + self.newest.entries.len()
    }

    /// How many are in memory as they are.
    #[cfg(test)]
    pub(super) fn n_newest(&self) -> usize {
        self.newest.entries.len()
    }

    fn n_packed(&self) -> usize {
        self.packed.len() * FAN
    }

    /// The sum of an index; `group` is room for those that it is packed with, and their number.
    pub(super) fn get<'a>(&'a self, index: usize, group: &'a mut Group) -> Option<Sum<'a>> {
        match index.checked_sub(self.n_packed()) {
            Some(row) => self.newest.get(row),
            None => {
                group.hold(index / FAN, &self.packed);
                group.sums.get(index % FAN)
            }
        }
    }

    /// The last `n` sums, none of which may be packed.
    pub(super) fn last(&self, n: usize) -> impl Iterator<Item = Sum<'_>> + Clone {
        let n_sums = self.newest.entries.len();
        (n_sums.saturating_sub(n)..n_sums).filter_map(|row| self.newest.get(row))
    }

    /// Adds a sum of at least one part.
    pub(super) fn push(&mut self, extent: (Nanos, Nanos), mut parts: Vec<Part>) {
        parts.sort_unstable_by_key(|part| (part.class, part.last));
        parts.dedup_by(|later, kept| {
            let is_same = later.class == kept.class;
            if is_same {
                kept.n = kept.n.saturating_add(later.n);
                kept.busy = kept.busy + later.busy;
                kept.last = later.last;
            }
            is_same
        });
        self.newest.push(extent, parts[0], &parts[1..]);
    }

    /// Keeps the first `n`.
    pub(super) fn truncate(&mut self, n: usize) {
        while n < self.n_packed()
            && let Some(group) = self.packed.pop()
        {
            self.newest.clear();
            self.newest.unpack(&group.bytes());
        }
        self.newest.truncate(n - self.n_packed());
    }

    /// Lets go of the first `n`, of which none may be packed.
    pub(super) fn drop_first(&mut self, n: usize) {
        self.newest.drop_first(n);
    }

    /// Packs those before an index, by sixteen.
    pub(super) fn pack(&mut self, n: usize, attic: &Attic) {
        let n_groups = (n / FAN).saturating_sub(self.packed.len());
        for group in 0..n_groups {
            let rows = group * FAN..(group + 1) * FAN;
            self.packed.push(attic.put(self.newest.pack(rows)));
        }
        self.newest.drop_first(n_groups * FAN);
    }

    /// Gives back what it has for more.
    pub(super) fn shrink(&mut self) {
        self.packed.shrink_to_fit();
        self.newest.entries.shrink_to_fit();
        self.newest.more.shrink_to_fit();
    }
}

/// Sums that were unpacked together: who asks for one asks for its neighbours, too.
#[derive(Debug, Default)]
pub(super) struct Group {
    /// Which they are; `None`: none yet.
    number: Option<usize>,
    sums: Columns,
}

impl Group {
    fn hold(&mut self, number: usize, packed: &[Parcel]) {
        if self.number != Some(number) {
            self.number = Some(number);
            self.sums.clear();
            self.sums.unpack(&packed[number].bytes());
        }
    }
}

impl Columns {
    fn get(&self, row: usize) -> Option<Sum<'_>> {
        let Entry { start, reach, first, more_end } = self.entries.get(row)?;
        let more = &self.more[self.more_begin(row)..*more_end];
        Some(Sum { start: *start, reach: *reach, first, more })
    }

    /// Where the further parts of a sum begin.
    fn more_begin(&self, row: usize) -> usize {
        row.checked_sub(1).map_or(0, |before| self.entries[before].more_end)
    }

    fn push(&mut self, (start, reach): (Nanos, Nanos), first: Part, more: &[Part]) {
        self.more.extend(more);
        self.entries.push(Entry { start, reach, first, more_end: self.more.len() });
    }

    fn truncate(&mut self, n: usize) {
        if n < self.entries.len() {
            self.more.truncate(self.more_begin(n));
            self.entries.truncate(n);
        }
    }

    fn clear(&mut self) {
        self.entries.clear();
        self.more.clear();
    }

    fn drop_first(&mut self, n: usize) {
        let n_more = self.more_begin(n);
        self.more.drain(..n_more);
        self.entries.drain(..n);
        self.entries.iter_mut().for_each(|entry| entry.more_end -= n_more);
    }

    fn pack(&self, rows: std::ops::Range<usize>) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut before = Part { class: 0, n: 0, last: 0, busy: Nanos::ZERO };
        let mut ended = Nanos::ZERO;
        for sum in rows.filter_map(|row| self.get(row)) {
            put_step(&mut bytes, ended.0, sum.start.0);
            put(&mut bytes, sum.reach.since(sum.start).0);
            put(&mut bytes, sum.more.len() as u64);
            ended = sum.reach;
            for part in sum.parts() {
                put_step(&mut bytes, before.class.into(), part.class.into());
                put(&mut bytes, part.n.into());
                put_step(&mut bytes, before.last.into(), part.last.into());
                put(&mut bytes, part.busy.0);
                before = *part;
            }
        }
        bytes
    }

    /// Adds what was packed.
    fn unpack(&mut self, bytes: &[u8]) {
        let mut numbers = Unpacker::new(bytes);
        let mut before = Part { class: 0, n: 0, last: 0, busy: Nanos::ZERO };
        let mut ended = 0;
        for _ in 0..FAN {
            let start = numbers.take_step(ended);
            let reach = start.saturating_add(numbers.take());
            let n_more = numbers.take();
            ended = reach;
            let mut part = || {
                let class = numbers.take_step(before.class.into()) as u32;
                let n = numbers.take() as u32;
                let last = numbers.take_step(before.last.into()) as u32;
                before = Part { class, n, last, busy: Nanos(numbers.take()) };
                before
            };
            let first = part();
            self.more.extend((0..n_more).map(|_| part()));
            let (start, reach) = (Nanos(start), Nanos(reach));
            self.entries.push(Entry { start, reach, first, more_end: self.more.len() });
        }
    }
}
