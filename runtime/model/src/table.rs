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
/// a cluster that ran a billion tasks holds what is alive and 16 bytes for every 512 gone.
#[derive(Clone, Debug, PartialEq)]
pub struct Table<I, T> {
    chunks: Vec<Option<Chunk<T>>>,
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
        Self { chunks: Vec::new(), n_live: 0, n_total: 0, ids: PhantomData }
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
        self.chunks.get(id.index() / CHUNK)?.as_ref()?.items[id.index() % CHUNK].as_ref()
    }

    /// One that is alive, to be changed.
    pub fn get_mut(&mut self, id: I) -> Option<&mut T> {
        self.chunks.get_mut(id.index() / CHUNK)?.as_mut()?.items[id.index() % CHUNK].as_mut()
    }

    /// Those that are alive, in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (I, &T)> {
        self.chunks.iter().enumerate().flat_map(|(c, chunk)| {
            chunk.iter().flat_map(move |chunk| {
                chunk.items.iter().enumerate().filter_map(move |(i, item)| {
                    item.as_ref().map(|item| (I::new((c * CHUNK + i) as u32), item))
                })
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
        Some((I::new((c * CHUNK + i) as u32), item.as_ref()?))
    }

    /// Takes in one of a stored table; those between the last one and it are gone. Ids
    /// ascend.
    pub(crate) fn restore(&mut self, id: I, item: T) {
        self.chunks.resize_with(id.index() / CHUNK + 1, || None);
        self.put(id, item);
    }

    /// Makes `n_total` the next id of a restored table; all from the last one on are gone.
    pub(crate) fn end(&mut self, n_total: u32) {
        self.n_total = n_total;
        self.chunks.resize_with((n_total as usize).div_ceil(CHUNK), || None);
        // The last chunk is kept for those that come.
        if !n_total.is_multiple_of(CHUNK as u32)
            && let Some(last) = self.chunks.last_mut()
        {
            last.get_or_insert_with(Chunk::new);
        }
    }

    fn put(&mut self, id: I, item: T) {
        let chunk = self.chunks[id.index() / CHUNK].get_or_insert_with(Chunk::new);
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
        let Some(slot) = self.chunks.get_mut(id.index() / CHUNK) else { return };
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
        }
    }
}
