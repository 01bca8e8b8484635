//! Tables indexed by dense ids.

use std::marker::PhantomData;

use crate::ids::DenseId;
use crate::{Graph, GraphId, Task, TaskId};

const CHUNK: usize = 512;

/// The live tasks.
pub type TaskTable = Table<TaskId, Task>;

/// The graphs that have tasks that are not forgotten.
pub type GraphTable = Table<GraphId, Graph>;

/// What is alive of a kind. Ids only grow, so a chunk of which all is gone gives its memory back:
/// a cluster that ran a billion tasks holds what is alive, and 16 bytes for every 512 that are gone since the oldest that
/// is alive.
#[derive(Clone, Debug)]
pub struct Table<I, T> {
    /// From number `n_dropped` on.
    chunks: Vec<Option<Chunk<T>>>,
    /// Chunks before the first of `chunks`: all of them is gone.
    n_dropped: usize,
    n_live: usize,
    n_total: u32,
    ids: PhantomData<I>,
}

#[derive(Clone, Debug, PartialEq)]
struct Chunk<T> {
    items: Box<[Option<T>; CHUNK]>,
    n_live: usize,
}

impl<T> Chunk<T> {
    fn new() -> Self {
        let items: Box<[Option<T>]> = (0..CHUNK).map(|_| None).collect();
        let Ok(items) = items.try_into() else { unreachable!("so many were collected") };
        Self { items, n_live: 0 }
    }
}

impl<I, T> Default for Table<I, T> {
    fn default() -> Self {
        Self { chunks: Vec::new(), n_dropped: 0, n_live: 0, n_total: 0, ids: PhantomData }
    }
}

/// Tables that hold the same are equal, whatever they keep of what is gone.
impl<I: DenseId, T: PartialEq> PartialEq for Table<I, T> {
    fn eq(&self, other: &Self) -> bool {
        let ours = self.iter().map(|(id, item)| (id.index(), item));
        self.n_total == other.n_total && ours.eq(other.iter().map(|(id, item)| (id.index(), item)))
    }
}

impl<I: DenseId, T> Table<I, T> {
    /// The id of the next one.
    pub fn next_id(&self) -> I {
        I::new(self.n_total)
    }

    /// How many are alive.
    pub fn len(&self) -> usize {
        self.n_live
    }

    /// Whether none is alive.
    pub fn is_empty(&self) -> bool {
        self.n_live == 0
    }

    /// One that is alive.
    pub fn get(&self, id: I) -> Option<&T> {
        self.chunks.get(self.place(id))?.as_ref()?.items[id.index() % CHUNK].as_ref()
    }

    /// One that is alive, to be changed.
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        let place = self.place(id);
        self.chunks.get_mut(place)?.as_mut()?.items[id.index() % CHUNK].as_mut()
    }

    /// Where its chunk lies; behind all there are if it was dropped.
    fn place(&self, id: I) -> usize {
        (id.index() / CHUNK).wrapping_sub(self.n_dropped)
    }

    /// The id of a place.
    fn id(&self, chunk: usize, item: usize) -> I {
        I::new(((self.n_dropped + chunk) * CHUNK + item) as u32)
    }

    /// Those that are alive, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.chunks.iter().enumerate().flat_map(move |(c, chunk)| {
            chunk.iter().flat_map(move |chunk| {
                chunk
                    .items
                    .iter()
                    .enumerate()
                    .filter_map(move |(i, item)| item.as_ref().map(|item| (self.id(c, i), item)))
            })
        })
    }

    /// The one with the highest id.
    pub fn last(&self) -> Option<(I, &T)> {
        let chunks = self.chunks.iter().enumerate().rev();
        let (c, chunk) = chunks
            .filter_map(|(c, chunk)| Some((c, chunk.as_ref()?)))
            .find(|(_, chunk)| chunk.n_live > 0)?;
        let (i, item) = chunk.items.iter().enumerate().rfind(|(_, item)| item.is_some())?;
        Some((self.id(c, i), item.as_ref()?))
    }

    /// Takes in one of a stored table; those between the last one and it are gone. Ids
    /// ascend.
    pub(crate) fn restore(&mut self, id: I, item: T) {
        if self.chunks.is_empty() {
            self.n_dropped = id.index() / CHUNK;
        }
        self.chunks.resize_with(self.place(id) + 1, || None);
        self.put(id, item);
    }

    /// Makes `n_total` the next id of a restored table; all from the last one on are gone.
    pub(crate) fn end(&mut self, n_total: u32) {
        self.n_total = n_total;
        if self.chunks.is_empty() {
            self.n_dropped = n_total as usize / CHUNK;
        }
        self.chunks.resize_with((n_total as usize).div_ceil(CHUNK) - self.n_dropped, || None);
        // The last chunk is kept for those that come.
        if !n_total.is_multiple_of(CHUNK as u32)
            && let Some(last) = self.chunks.last_mut()
        {
            last.get_or_insert_with(Chunk::new);
        }
    }

    fn put(&mut self, id: I, item: T) {
        let place = self.place(id);
        let chunk = self.chunks[place].get_or_insert_with(Chunk::new);
        chunk.items[id.index() % CHUNK] = Some(item);
        chunk.n_live += 1;
        self.n_live += 1;
    }

    /// Bytes of memory that a restored table takes for what has these ids, ascending.
    pub(crate) fn memory_of(n_total: u32, ids: impl Iterator<Item = u64>) -> u64 {
        let mut last = None;
        let mut n_chunks = 1;
        for chunk in ids.map(|id| id / CHUNK as u64) {
            n_chunks += u64::from(last.replace(chunk) != Some(chunk));
        }
        let table = u64::from(n_total) / CHUNK as u64 * size_of::<Option<Chunk<T>>>() as u64;
        table + n_chunks * (CHUNK * size_of::<Option<T>>()) as u64
    }

    /// Adds one; gives its id.
    pub fn push(&mut self, item: T) -> I {
        let id = self.next_id();
        if id.index().is_multiple_of(CHUNK) {
            self.chunks.push(None);
        }
        self.put(id, item);
        self.n_total += 1;
        id
    }

    /// Drops one. `remove` of one that is gone does nothing.
    pub fn remove(&mut self, id: I) {
        let place = self.place(id);
        let Some(slot) = self.chunks.get_mut(place) else { return };
        let Some(chunk) = slot else { return };
        let item = &mut chunk.items[id.index() % CHUNK];
        if item.is_none() {
            return;
        }
        *item = None;
        chunk.n_live -= 1;
        self.n_live -= 1;
        // One that is not full is kept for those that come.
        let is_full = (id.index() / CHUNK + 1) * CHUNK <= self.n_total as usize;
        if chunk.n_live == 0 && is_full {
            *slot = None;
            self.drop_gone();
        }
    }

    /// Drops the chunks before the first that has something, once they are half of all: so each is moved once.
    fn drop_gone(&mut self) {
        let n_gone = self.chunks.iter().take_while(|chunk| chunk.is_none()).count();
        if 2 * n_gone >= self.chunks.len() {
            self.chunks.drain(..n_gone);
            self.n_dropped += n_gone;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, PartialEq)]
    struct Id(u32);

    impl DenseId for Id {
        fn new(position: u32) -> Self {
            Self(position)
        }

        fn index(self) -> usize {
            self.0 as usize
        }
    }

    /// A table in which at most so many are alive at a time.
    fn after(n_total: u32, n_live: u32) -> Table<Id, u32> {
        let mut table = Table::default();
        for i in 0..n_total {
            assert_eq!(table.push(i), Id(i));
            if let Some(old) = i.checked_sub(n_live) {
                table.remove(Id(old));
            }
        }
        table
    }

    #[test]
    fn what_is_gone_leaves_nothing() {
        let table = after(1_000_000, 700);
        assert!(table.chunks.len() <= 8, "{} chunks", table.chunks.len());
        assert_eq!((table.len(), table.next_id()), (700, Id(1_000_000)));
        for i in [0, 5_000, 999_299, 1_000_000, u32::MAX] {
            assert_eq!(table.get(Id(i)), None, "{i}");
        }
        assert_eq!(
            (table.get(Id(999_300)), table.last()),
            (Some(&999_300), Some((Id(999_999), &999_999)))
        );
        assert!(
            table.iter().map(|(id, item)| (id.0, *item)).eq((999_300..1_000_000).map(|i| (i, i)))
        );
    }

    #[test]
    fn a_restored_table_is_the_same_and_goes_on() {
        for (n_total, n_live) in [(3_000, 10), (4_096, 0), (4_096, 600), (512, 512), (0, 0)] {
            let mut table = after(n_total, n_live);
            let mut restored = Table::default();
            table.iter().for_each(|(id, item)| restored.restore(id, *item));
            restored.end(n_total);
            for i in n_total..n_total + 3_000 {
                assert!(table == restored, "{n_total} {n_live} {i}");
                assert_eq!(table.push(i), restored.push(i));
                let old = Id(i.saturating_sub(100));
                table.remove(old);
                restored.remove(old);
            }
        }
    }

    #[test]
    fn tables_differ_by_what_they_hold() {
        let (a, mut b) = (after(2_000, 100), after(2_000, 100));
        assert!(a == b && a != after(2_000, 99) && a != after(2_001, 101));
        *b.get_mut(Id(1_950)).expect("it is alive") = 7;
        assert!(a != b);
    }
}
