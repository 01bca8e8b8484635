//! Tables indexed by dense ids.

use serde::{Deserialize, Serialize};

use crate::{Task, TaskId};

const CHUNK: usize = 512;

/// The live tasks. Ids only grow, so a chunk whose tasks are all forgotten gives its memory back:
/// a cluster that ran a billion tasks holds what is alive and 8 bytes for every 512 gone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskTable {
    chunks: Vec<Option<Chunk>>,
    n_live: usize,
    n_total: u32,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Chunk {
    tasks: Vec<Option<Task>>,
    n_live: usize,
}

impl Chunk {
    /// With room for so many tasks that are gone.
    fn empty(len: usize) -> Self {
        let mut tasks = Vec::with_capacity(CHUNK);
        tasks.resize_with(len, || None);
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
        self.chunks.get(id.index() / CHUNK)?.as_ref()?.tasks.get(id.index() % CHUNK)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        self.chunks
            .get_mut(id.index() / CHUNK)?
            .as_mut()?
            .tasks
            .get_mut(id.index() % CHUNK)?
            .as_mut()
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

    /// A table whose next id is `n_total`, with these tasks in the order of their ids, all below it.
    pub(crate) fn rebuilt(n_total: u32, live: Vec<(TaskId, Task)>) -> Self {
        let n_chunks = (n_total as usize).div_ceil(CHUNK);
        let mut table = Self { chunks: Vec::with_capacity(n_chunks), n_live: live.len(), n_total };
        let mut live = live.into_iter().peekable();
        for c in 0..n_chunks {
            let len = CHUNK.min(n_total as usize - c * CHUNK);
            let mut chunk: Option<Chunk> = None;
            while let Some((id, task)) = live.next_if(|(id, _)| id.index() / CHUNK == c) {
                let chunk = chunk.get_or_insert_with(|| Chunk::empty(len));
                chunk.tasks[id.index() % CHUNK] = Some(task);
                chunk.n_live += 1;
            }
            // The last chunk is kept for the tasks that come.
            table.chunks.push(chunk.or_else(|| (len < CHUNK).then(|| Chunk::empty(len))));
        }
        table
    }

    /// Bytes of memory that [`TaskTable::rebuilt`] takes for tasks with these ids, ascending.
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
            self.chunks.push(Some(Chunk { tasks: Vec::with_capacity(CHUNK), n_live: 0 }));
        }
        // A chunk that is not full has never been freed: `remove` frees only full ones.
        let chunk =
            self.chunks.last_mut().and_then(Option::as_mut).expect("the last chunk is open");
        chunk.tasks.push(Some(task));
        chunk.n_live += 1;
        self.n_live += 1;
        self.n_total += 1;
        id
    }

    pub(crate) fn remove(&mut self, id: TaskId) -> Option<Task> {
        let slot = self.chunks.get_mut(id.index() / CHUNK)?;
        let chunk = slot.as_mut()?;
        let task = chunk.tasks.get_mut(id.index() % CHUNK)?.take()?;
        chunk.n_live -= 1;
        self.n_live -= 1;
        if chunk.n_live == 0 && chunk.tasks.len() == CHUNK {
            *slot = None;
        }
        Some(task)
    }
}
