//! Tables indexed by dense ids.

use crate::{Task, TaskId};

const CHUNK: usize = 512;

/// The live tasks. Ids only grow, so a chunk whose tasks are all forgotten gives its memory back:
/// a cluster that ran a billion tasks holds what is alive and 16 bytes for every 512 gone.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskTable {
    chunks: Vec<Option<Chunk>>,
    n_live: usize,
    n_total: u32,
}

#[derive(Clone, Debug, PartialEq)]
struct Chunk {
    tasks: Box<[Option<Task>; CHUNK]>,
    n_live: usize,
}

impl Chunk {
    fn new() -> Self {
        let tasks: Box<[Option<Task>]> = (0..CHUNK).map(|_| None).collect();
        let Ok(tasks) = tasks.try_into() else { unreachable!("so many were collected") };
        Self { tasks, n_live: 0 }
    }
}

impl TaskTable {
    /// The id of the next task.
    pub fn next_id(&self) -> TaskId {
        TaskId(self.n_total)
    }

    /// Tasks that are not forgotten.
    pub fn len(&self) -> usize {
        self.n_live
    }

    /// Whether no task is alive.
    pub fn is_empty(&self) -> bool {
        self.n_live == 0
    }

    /// A live task.
    pub fn get(&self, id: TaskId) -> Option<&Task> {
        self.chunks.get(id.index() / CHUNK)?.as_ref()?.tasks[id.index() % CHUNK].as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.chunks.get_mut(id.index() / CHUNK)?.as_mut()?.tasks[id.index() % CHUNK].as_mut()
    }

    /// The live tasks in the order of their ids.
    pub fn iter(&self) -> impl Iterator<Item = (TaskId, &Task)> {
        self.chunks.iter().enumerate().flat_map(|(c, chunk)| {
            chunk.iter().flat_map(move |chunk| {
                chunk.tasks.iter().enumerate().filter_map(move |(i, task)| {
                    task.as_ref().map(|task| (TaskId((c * CHUNK + i) as u32), task))
                })
            })
        })
    }

    /// Takes in a live task of a stored table; those between the last one and it are gone. Ids
    /// ascend.
    pub(crate) fn restore(&mut self, id: TaskId, task: Task) {
        self.chunks.resize_with(id.index() / CHUNK + 1, || None);
        self.put(id, task);
    }

    /// Makes `n_total` the next id of a restored table; all tasks from the last one on are gone.
    pub(crate) fn end(&mut self, n_total: u32) {
        self.n_total = n_total;
        self.chunks.resize_with((n_total as usize).div_ceil(CHUNK), || None);
        // The last chunk is kept for the tasks that come.
        if !n_total.is_multiple_of(CHUNK as u32)
            && let Some(last) = self.chunks.last_mut()
        {
            last.get_or_insert_with(Chunk::new);
        }
    }

    fn put(&mut self, id: TaskId, task: Task) {
        let chunk = self.chunks[id.index() / CHUNK].get_or_insert_with(Chunk::new);
        chunk.tasks[id.index() % CHUNK] = Some(task);
        chunk.n_live += 1;
        self.n_live += 1;
    }

    /// Bytes of memory that a restored table takes for tasks with these ids, ascending.
    pub(crate) fn memory_of(n_total: u32, ids: impl Iterator<Item = u64>) -> u64 {
        let mut last = None;
        let mut n_chunks = 1;
        for chunk in ids.map(|id| id / CHUNK as u64) {
            n_chunks += u64::from(last.replace(chunk) != Some(chunk));
        }
        let table = u64::from(n_total) / CHUNK as u64 * size_of::<Option<Chunk>>() as u64;
        table + n_chunks * (CHUNK * size_of::<Option<Task>>()) as u64
    }

    pub(crate) fn push(&mut self, task: Task) -> TaskId {
        let id = self.next_id();
        if id.index().is_multiple_of(CHUNK) {
            self.chunks.push(None);
        }
        self.put(id, task);
        self.n_total += 1;
        id
    }

    /// Drops a task. `remove` of one that is gone does nothing.
    pub(crate) fn remove(&mut self, id: TaskId) {
        let Some(slot) = self.chunks.get_mut(id.index() / CHUNK) else { return };
        let Some(chunk) = slot else { return };
        let task = &mut chunk.tasks[id.index() % CHUNK];
        if task.is_none() {
            return;
        }
        *task = None;
        chunk.n_live -= 1;
        self.n_live -= 1;
        // One that is not full is kept for the tasks that come.
        let is_full = (id.index() / CHUNK + 1) * CHUNK <= self.n_total as usize;
        if chunk.n_live == 0 && is_full {
            *slot = None;
        }
    }
}
